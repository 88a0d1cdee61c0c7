// SPDX-License-Identifier: MIT
// Gathering what follows a cursor into the hub's round: out of a window (the newest N of each
// topic), from the store, from the ring. One mechanism for the newcomer's history, for a resume,
// and for the slow reader.
//
// Windows and narrow selectors merge their topics' own chains (hub/merge.h), so that the cost is
// that of what is returned; wide selectors read the store in order and pass over what does not
// match.
//
// An alias is given as the event that it stands for, with that event's seq. It is not given again
// to a subscriber that has that event: by its own topic, by another alias, or because its cursor is
// there. So a cursor rests between an event and its aliases only when the subscriber has the event.
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
// Behind the ring up to this many topics are merged; a wider selector reads the store in order.
#define GATHER_MERGE_TOPICS 64

enum gathered {
    GATHER_MORE,    // there may be more
    GATHER_ALL,     // there is no more
    GATHER_LATER,   // its pace says when
    GATHER_BEGINS,  // it is known where the window begins; nothing is gathered. Once for each merge
    GATHER_AGAIN,   // events are gone that the directory thought were there; it knows better now
    GATHER_GAVE_UP, // the filter has run into its limits again and again; nothing more is looked at
    GATHER_LOST,    // some events cannot be given, up to `lost`; nothing is gathered
    GATHER_FAILED   // out of memory, or the store cannot be read
};
struct gathering {
    struct subscriber *subscriber;
    size_t events_max;
    uint32_t looked; // events looked at
    uint64_t asked;  // whether the subscriber takes the event with this seq: `takes`
    bool takes;
    enum gathered got;
    uint64_t reached; // the subscriber then has everything up to here
    uint64_t lost;    // GATHER_LOST: the seq of the last of them
    bool damaged;     // they are damaged; else aliases stand for them, and they are gone
    uint64_t gone;    // what was looked at last and cannot be given
};
// Fills the round with what follows the cursor, up to the bounds.
struct gathering gather_next(struct hub *hub, struct subscriber *subscriber);
// Fills the round with the events of a list, in its order; those that are gone are left out.
// *gathered: how many of the list the round stands for. False: as GATHER_FAILED.
bool gather_seqs(struct hub *hub, struct subscriber *subscriber, const uint64_t *seqs, size_t count,
                 size_t *gathered) MUST_CHECK;

#endif
