// SPDX-License-Identifier: MIT
// The oldest events that a topic has in the store: by its links, or where a record is damaged by
// looking at all events, a part with each call. For the thread that holds the writer lock.
#ifndef TAILRACE_JOURNAL_OLDEST_H
#define TAILRACE_JOURNAL_OLDEST_H

#include "journal/links.h"

struct journal;

// The seqs of the topic's events above `after`, ascending, the lowest `max`. With *count 0 there
// are none that can be read, unless *more: then it is not known yet, and the next call goes on.
// ERR_IO, ERR_NOMEM.
int oldest_seqs(struct journal *journal, MDB_txn *txn, struct topic_row *topic, uint64_t after,
                uint64_t *seqs, size_t max, size_t *count, bool *more) MUST_CHECK;

#endif
