// SPDX-License-Identifier: MIT
// Gathering what follows a cursor into the hub's round: from a list of events (newest N of many
// topics), from the store, from the ring. One mechanism for the newcomer's history, for a resume,
// and for the slow reader.
//
// Nothing is kept between turns but the cursor. Narrow selectors merge their topics' own chains, so
// that the cost is that of what is returned; wide ones read the store in order and pass over what
// does not match.
#ifndef TAILRACE_HUB_GATHER_H
#define TAILRACE_HUB_GATHER_H

#include "hub/hub.h"

// How much one subscriber is given by one turn of the pump: a long replay must not make the live
// ones wait.
#define GATHER_BYTES ((size_t)256 * 1024)
#define GATHER_EVENTS 1024
// Events that are looked at (and skipped) in one turn of one subscriber, and of all together.
#define GATHER_SKIPS 8192
#define GATHER_TURN_SKIPS 65536
// Up to this many topics are merged; a wider selector reads the store in order.
#define GATHER_MERGE_TOPICS 64

enum gathered {
    GATHER_MORE,  // there may be more
    GATHER_ALL,   // there is no more
    GATHER_LATER, // its pace says when
    GATHER_AGAIN, // events are gone that the directory thought were there; it knows better now
    GATHER_FAILED // out of memory, or the store cannot be read
};
// Fills the round with what follows the cursor, up to the bounds. *reached is the seq up to which
// the subscriber then has everything.
enum gathered gather_next(struct hub *hub, struct subscriber *subscriber, uint64_t *reached);
// Fills the round with the events of a list, in its order; those that are gone are left out.
// *gathered: how many of the list the round stands for. False: as GATHER_FAILED.
bool gather_seqs(struct hub *hub, struct subscriber *subscriber, const uint64_t *seqs, size_t count,
                 size_t *gathered) MUST_CHECK;

#endif
