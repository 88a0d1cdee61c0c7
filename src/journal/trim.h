// SPDX-License-Identifier: MIT
// Retention, the doing: floors rise and what is below them is deleted. The rows of the topics are
// written in the same transaction, so floors and deletions are always exact on disk, and deleting
// goes on after any crash where it was.
#ifndef TAILRACE_JOURNAL_TRIM_H
#define TAILRACE_JOURNAL_TRIM_H

#include "journal/command.h"

struct journal;

// Applies a trim, within a transaction.
int trim_apply(struct journal *journal, const struct command *command) MUST_CHECK;
// Queues a topic that has events below its floor. ERR_NOMEM.
int trim_queue(struct journal *journal, struct topic_row *topic) MUST_CHECK;
// After a commit to the topic: finds out whether something of it is to be deleted.
void trim_look(struct journal *journal, struct topic_row *topic);
// The topic is dropped.
void trim_forget(struct journal *journal, struct topic_row *topic);
// Deletes all of the topic's records up to its floor, within a transaction.
int trim_wipe(struct journal *journal, struct topic_row *topic) MUST_CHECK;
// One step of retention if there is anything to do, in transactions of its own. *more: another
// should follow at once.
int trim_step(struct journal *journal, bool *more) MUST_CHECK;
// The map is full: deletes a part of the oldest events if the policy bounds bytes.
int trim_make_room(struct journal *journal, bool *freed) MUST_CHECK;

#endif
