// SPDX-License-Identifier: MIT
// Walking a topic along the links between its records, in one transaction.
#ifndef TAILRACE_JOURNAL_LINKS_H
#define TAILRACE_JOURNAL_LINKS_H

#include <lmdb.h>

#include "journal/record.h"
#include "journal/topic_rows.h"

struct links {
    MDB_txn *txn;
    MDB_dbi events;
    uint64_t seed;
    uint64_t floor; // links to seqs up to here are not followed
    uint64_t reads; // counts records looked at
};

// The record of this seq, its header checked; ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO.
int links_read(struct links *links, uint64_t seq, struct record_view *out) MUST_CHECK;
// From the topic's event `tail` (above the floor) back to the one with this ordinal. ERR_NOT_FOUND:
// it is at or below the floor.
int links_at(struct links *links, uint64_t tail, uint64_t ordinal,
             struct record_view *out) MUST_CHECK;
// The seq of the topic's last event below `before`, from its event `tail` back. ERR_NOT_FOUND:
// there is none above the floor.
int links_before(struct links *links, uint64_t tail, uint64_t before, uint64_t *seq) MUST_CHECK;
// As journal_topic_after.
int links_after(struct links *links, uint64_t tail, uint64_t after, uint64_t *seqs, size_t max,
                size_t *count, bool *lost) MUST_CHECK;
// Rebuilds the topic's jump stack.
int links_stack(struct links *links, struct topic_row *topic) MUST_CHECK;

#endif
