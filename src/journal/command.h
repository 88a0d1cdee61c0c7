// SPDX-License-Identifier: MIT
// Commands: what is in the log, and all that ever changes a journal. What a command does depends on
// the command, its entry (position, seq, time) and the journal alone, never on a clock, the
// configuration or memory: what those have to say is decided before (door.h, retention.h).
//
// Also their bytes in a shared log. Numbers are little-endian. Decoding trusts nothing but that the
// bytes are readable.
#ifndef TAILRACE_JOURNAL_COMMAND_H
#define TAILRACE_JOURNAL_COMMAND_H

#include "journal/journal.h"
#include "journal/topic_rows.h"
#include "log/log.h"

// Goes up when an older tailrace would decode or apply a command differently. A journal stops at
// commands with rules that it does not know.
#define COMMAND_RULES 1
#define COMMAND_HUB_BYTES 63

enum command_kind {
    COMMAND_START = 1, // a hub begins a new incarnation; what is left of the old one is void
    COMMAND_COMMIT,    // publishes, each of them all or nothing
    COMMAND_TRIM,      // retention: topics' floors, and how far the head of all has got
    COMMAND_DROP,      // topics of which nothing is left go
};

// A topic's new floor. It counts only if the topic is what it was: its floor at `from`, and of a
// topic that is to be dropped the newest event at `seq`.
struct command_mark {
    struct topic_row *topic;
    uint64_t from; // ordinal of the floor of before
    uint64_t seq, ordinal;
    uint64_t bytes; // data bytes of the events between the two floors
};

struct command {
    struct log_record record;
    struct command *next; // of those that are on their way (sender.h)
    enum command_kind kind;
    // Who sent it, in a shared log: only the next n of a hub's incarnation is applied.
    const char *hub;
    uint64_t incarnation, n;
    // How far its hub had applied the log, and the hash of all up to there: so every hub finds out
    // whether it has applied the same as the others.
    uint64_t seen_position, seen_chain;
    uint64_t nonce;                  // start
    struct inbox_message *publishes; // commit
    struct command_mark *marks;      // trim, drop
    size_t marks_count, marks_cap;
    uint64_t head; // trim: all events below it have been looked at
    // Its bytes, where they were made ahead: topics that it names may be gone when they are wanted.
    struct buf encoded;
};

void command_init(struct command *command, enum command_kind kind);
// Frees the marks and the bytes, not the publishes.
void command_fini(struct command *command);
// Makes the bytes of a command with marks, and frees these. ERR_NOMEM.
int command_encode_marks(struct command *command) MUST_CHECK;
// ERR_NOMEM.
int command_add_mark(struct command *command, struct topic_row *topic) MUST_CHECK;

// What stands before a command's own bytes. All texts are borrowed.
struct command_head {
    uint8_t kind;
    struct str hub;
    uint64_t incarnation, n;
    uint64_t seen_position, seen_chain;
    struct str rest;
};

// ERR_CORRUPT: damaged, or not a command. ERR_VERSION: of rules that are not known.
int command_decode_head(struct str bytes, struct command_head *out) MUST_CHECK;
// The rest of the command; `out` is initialised, and finished by the caller also after an error.
// Marks of topics that are not in `topics` are left out. ERR_CORRUPT, ERR_NOMEM.
int command_decode(const struct command_head *head, const struct topic_rows *topics,
                   struct command *out) MUST_CHECK;
// Frees publishes that were decoded, and those of their events that are in no batch (seq 0).
void command_free_publishes(struct inbox_message *list);

#endif
