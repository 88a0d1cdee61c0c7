// SPDX-License-Identifier: MIT
// Walking backwards over what is kept of some topics, newest first, in bounded slices: for pages of
// history and for searches.
//
// Each topic's own chain is followed, and the chains are merged: the cost is that of what is
// returned, however much else the journal holds. Over more than LIMIT_LOOKBACK_TOPICS, and from
// where a damaged record cuts a chain, the journal is read backwards and what does not match is
// passed over. Topics that are kept in memory only are in the ring.
//
// Events never change, and what comes while a walk lasts is newer than where it began: so it needs
// to know nothing but where it is. What retention or a DELETE takes meanwhile is not met any more.
#ifndef TAILRACE_HUB_LOOKBACK_H
#define TAILRACE_HUB_LOOKBACK_H

#include "hub/directory.h"

struct hub;
struct lookback;

// From before this seq on; the hub must have applied everything below it. Reads nothing yet.
// NULL: out of memory.
struct lookback *lookback_new(struct hub *hub, const struct selector *selector, uint64_t before);
void lookback_free(struct lookback *lookback); // NULL is fine

// Where a walk is.
struct lookback_place {
    uint64_t seq;     // every event from here on was returned
    uint64_t time_ms; // of the one that was returned last, 0: none was
};
struct lookback_place lookback_place(const struct lookback *lookback);

struct lookback_event {
    uint64_t seq;
    struct str data; // borrowed until the next step, or the end of the turn
};
// What a slice may still do; 1 is about what looking at one short event costs.
typedef int64_t lookback_budget;

enum lookback_step {
    LOOKBACK_EVENT,
    LOOKBACK_DAMAGED,
    LOOKBACK_PAUSE,
    LOOKBACK_END,
    LOOKBACK_FAILED
};
// The next older event with data; for an alias that is the event it stands for, given once for all
// of them, unless it is gone. LOOKBACK_DAMAGED: out->seq is damaged, and may be one of them; go on.
// LOOKBACK_PAUSE: the budget is used up, go on in another turn. LOOKBACK_END: nothing older is
// kept. LOOKBACK_FAILED: the journal cannot be read. Between reading_begin and _end.
enum lookback_step lookback_next(struct hub *hub, struct lookback *lookback,
                                 const struct selector *selector, lookback_budget *budget,
                                 struct lookback_event *out) MUST_CHECK;

#endif
