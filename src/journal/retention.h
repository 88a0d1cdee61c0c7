// SPDX-License-Identifier: MIT
// Retention, the deciding: which events must go, by the policy, the clock and what the journal has.
// What was decided becomes a command; trim.h has the doing.
//
// A topic's newest event (or its newest `keep`) stays where it is. The head of all, where deciding
// goes on, passes it: events below the head are kept ones. When the topic has newer events they are
// no longer kept and go by the topic. Within a topic the oldest events always go first.
#ifndef TAILRACE_JOURNAL_RETENTION_H
#define TAILRACE_JOURNAL_RETENTION_H

#include "journal/command.h"

struct journal;

// What one command deletes at most, so that publishers wait little.
#define RETENTION_EVENTS_MAX 16384

// At opening and after a change of policy: finds each topic's rule, queues topics over their
// bounds. ERR_NOMEM: some will be found later.
int retention_policy_changed(struct journal *journal) MUST_CHECK;
// After a commit to the topic: queues it if it is over its bounds.
void retention_look(struct journal *journal, struct topic_row *topic);
// The topic is dropped.
void retention_forget(struct journal *journal, struct topic_row *topic);

// Whether something may have to go. *at_once: otherwise it may wait until retention_next_ms.
bool retention_is_due(struct journal *journal, bool *at_once);
// Decides what goes next, reading a snapshot of its own. Without marks and with the head of before
// there is nothing. `bytes_max` instead of the policy's, 0: the policy's. ERR_NOMEM and errors of
// the store.
int retention_plan(struct journal *journal, uint64_t bytes_max, struct command *plan) MUST_CHECK;
// What was decided is done, or on its way.
void retention_rest(struct journal *journal);
// When there may be something to do again, UINT64_MAX: only after another commit.
uint64_t retention_next_ms(struct journal *journal);

// All that is left of the topic is below the head: events that are kept.
bool retention_is_behind(const struct journal *journal, const struct topic_row *topic);

#endif
