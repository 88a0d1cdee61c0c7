// SPDX-License-Identifier: MIT
// Applying the log: the only way in which what a journal shows changes. Entries are applied in
// their order, several in one transaction, which also says how far it has got. For the thread that
// holds the writer lock.
#ifndef TAILRACE_JOURNAL_APPLY_H
#define TAILRACE_JOURNAL_APPLY_H

#include "journal/command.h"

struct journal;

// Reads what the log has now and applies it; *more: there may be more at once. Hands on what became
// visible, and answers the publishers of commands that were this journal's own. An error leaves the
// journal as it was: of its own log the command is over, and its publishes are the caller's; of a
// shared one it will be read again.
// `in_memory`: without the store, for commands that do not need it (door.h).
int apply_log(struct journal *journal, bool in_memory, bool *more) MUST_CHECK;

// Of a shared log: whether it still is the one that was applied: reaches as far, with the same last
// entry. If not the journal has diverged (writer_diverged).
void apply_verify(struct journal *journal);

#endif
