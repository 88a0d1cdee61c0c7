// SPDX-License-Identifier: MIT
// Walking forwards over what is kept of some topics, oldest first: what follows a cursor, or the
// newest N of each topic.
//
// The topics are in a heap, each with the seq of its next event. The links between a topic's
// records lead backwards only. So its next seqs are read some at a time, in O(log n) reads and one
// for each seq; whenever they are used up they are read again, of that topic alone. Where a damaged
// record cuts the links they are looked for among all events, and damaged ones that may be the
// topic's are listed too. Topics that are kept in memory only are followed from event to event in
// the ring.
//
// A merge keeps its place from turn to turn. Nothing is lost when it is freed: another one can be
// made from the subscriber's cursor, which takes finding all the places again. The memory of all
// merges of a hub is bounded by that (LIMIT_MERGE_BYTES, replay_rest).
#ifndef TAILRACE_HUB_MERGE_H
#define TAILRACE_HUB_MERGE_H

#include "hub/directory.h"

struct hub;
struct merge;

#define MERGE_ALL UINT64_MAX

struct merge_from {
    uint64_t after;      // events up to here are passed over
    uint64_t limit;      // it ends here; the hub must have applied everything up to it
    uint64_t newest;     // of each topic only the newest so many, as it was at `limit`; MERGE_ALL
    uint32_t topics_max; // with MERGE_ALL: topics that are worth merging
};

// With MERGE_ALL topics that are kept in memory only are left out: the ring is read for them. Reads
// nothing yet. NULL: out of memory.
struct merge *merge_new(struct hub *hub, const struct merge_from *from);
void merge_free(struct hub *hub, struct merge *merge); // NULL is fine

// What a turn may still do; 1 is about what looking at one event costs.
typedef int64_t merge_budget;

enum merge_step {
    MERGE_MORE,   // there may be more
    MERGE_END,    // what is listed is the last
    MERGE_BEGINS, // newest N: all places are found, nothing is listed yet. Once
    MERGE_AGAIN,  // events are gone that the directory thought were there; it knows better now
    MERGE_WIDE,   // more topics than are worth merging
    MERGE_FAILED  // out of memory, or the store cannot be read
};

struct merge_item {
    uint64_t seq;
    uint32_t topic_no;
};

// Lists the next events, at most `max`; the list before must be used up. Begins the turn's reading
// when the store is needed.
enum merge_step merge_list(struct hub *hub, struct merge *merge, const struct selector *selector,
                           size_t max, merge_budget *budget) MUST_CHECK;
// Those in the list with a seq above `after`, which never falls. Good until the next call of
// merge_list.
const struct merge_item *merge_listed(struct merge *merge, uint64_t after, size_t *count);

uint64_t merge_limit(const struct merge *merge);
// Whether its topics are so many that it is not quickly made again.
bool merge_is_large(const struct merge *merge);
// Whether MERGE_BEGINS has been given; merge_next and merge_lost need that.
bool merge_has_begun(const struct merge *merge);
// Nothing below this seq is still to come; UINT64_MAX: nothing is. Called with a subscriber's
// cursor.
uint64_t merge_next(struct merge *merge, uint64_t after);
// Up to which seq events have gone that were still to come, out of what topics have lost since the
// directory counted `told` losses. 0: none.
uint64_t merge_lost(const struct hub *hub, struct merge *merge, uint64_t after, uint64_t told);

#endif
