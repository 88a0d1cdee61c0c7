// SPDX-License-Identifier: MIT
// The door: what is decided about a publish before it becomes part of a command, with the journal
// as it is now: whether there is room for its new topics, and which of them are memory topics. What
// a command does is decided when it is applied (stage.c).
//
// In a shared log others' commands may come between. Bounds may then be exceeded a little.
#ifndef TAILRACE_JOURNAL_DOOR_H
#define TAILRACE_JOURNAL_DOOR_H

#include "journal/slots.h"
#include "journal/topic_rows.h"

struct journal;
struct publish;

// The new topics of the command that is being made.
struct door {
    struct slots names; // events with the names
    struct topic_owners owners;
};

void door_fini(struct door *door);
// Another command begins.
void door_clear(struct door *door);
// Whether the publish may go on. Marks events of memory topics, and known topics' numbers.
// *needs_store: it cannot be applied without the store; false only for further events of memory
// topics. ERR_LIMIT: too many topics. ERR_NOMEM.
int door_admit(struct journal *journal, struct publish *publish, bool *needs_store) MUST_CHECK;

#endif
