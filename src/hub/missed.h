// SPDX-License-Identifier: MIT
// What a hub has missed: batches that its worker was not given, because it has not taken earlier
// ones for so long that they fill the memory. Of each topic only the state is kept in which the
// batches leave it, so that the memory is bounded by the topics, however long it takes. The events
// are read from the store later; those of topics in memory are lost, which is told as a gap.
//
// Not for several threads at once.
#ifndef TAILRACE_HUB_MISSED_H
#define TAILRACE_HUB_MISSED_H

#include "journal/event.h"

struct hub;
struct missed_topic;

// Zeroed: nothing.
struct missed {
    struct missed_topic *topics;
    uint64_t last_seq, last_time_ms; // of the newest event, 0: there was none
    uint64_t trims;                  // of the last batch
};

// A batch more, in order. It is not kept. Without memory the program ends: events would be lost
// without a word, and a restart loses nothing.
void missed_add(struct missed *missed, const struct batch *batch);
// Brings a hub that has applied everything before up to date, and empties it: what the hub has not
// delivered goes out first, its ring is emptied, and the subscribers of these topics are pumped.
void missed_apply(struct missed *missed, struct hub *hub, uint64_t now_ms);
void missed_fini(struct missed *missed);

#endif
