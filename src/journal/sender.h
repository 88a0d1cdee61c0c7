// SPDX-License-Identifier: MIT
// Sending to a shared log: numbers this hub's commands, keeps those that are on their way, and
// sends them again from the first that has not come back when nothing has come back for a while.
// Since only the next number is applied (hubs.h), each is applied once and in order, whatever the
// log's engine loses, doubles or overtakes.
//
// Before its first command a hub starts an incarnation. Whatever an earlier process of its name has
// still on its way is void from then on. A hub that sees another process start under its name gives
// up publishing. For the journal thread.
#ifndef TAILRACE_JOURNAL_SENDER_H
#define TAILRACE_JOURNAL_SENDER_H

#include "journal/command.h"

struct journal;

enum sender_state {
    SENDER_STARTING,
    SENDER_ACTIVE,
    SENDER_SUPERSEDED, // another process has this hub's name
};

struct sender {
    enum sender_state state;
    uint64_t incarnation, nonce;
    uint64_t n;                   // the last that was given
    struct command *first, **end; // on their way, by rising n; owned
    size_t count;
    uint64_t progress_at_ms; // when one came back, or all were sent again

    // Of the transaction under way: how many of the commands on their way it applies, and the start
    // of this hub's name that it applies, 0: none.
    size_t applied;
    uint64_t seen_incarnation, seen_nonce;
};

void sender_init(struct sender *sender);
// Frees what is on its way; publishers' shares are theirs.
void sender_drop(struct sender *sender);
// Whether a command may be sent now.
bool sender_has_room(const struct sender *sender);
// Whether it may, and nothing is on its way.
bool sender_is_idle(const struct sender *sender);
// Takes over what is in the command, which is then empty. ERR_NOMEM: nothing was taken. When the
// log does not take it now it is sent again later.
int sender_send(struct journal *journal, const struct command *command) MUST_CHECK;
// The next start or repetition that is due.
void sender_tick(struct journal *journal);

// A command of this hub's name is applied: which of those on their way it is, NULL: of an earlier
// process.
const struct command *sender_match(struct journal *journal, const struct command_head *head);
// A start of this hub's name is applied.
void sender_saw_start(struct sender *sender, uint64_t incarnation, uint64_t nonce);
// The transaction was undone; was committed: the commands that it applied are no longer on their
// way and the caller's.
void sender_undo(struct sender *sender);
struct command *sender_settle(struct journal *journal);

#endif
