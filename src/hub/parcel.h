// SPDX-License-Identifier: MIT
// Parcels: bytes that some connections have taken the beginning of and must get the rest of,
// whatever becomes of the events meanwhile. Immutable, counted by reference, shared by all the
// subscribers of one round that stopped within the same bytes.
//
// A parcel is one piece of a round (hub/round.h): what can be sent wholly or not at all. That is
// one event today. The pieces behind it are not kept: their events are in the log, and the pump
// gets them from there by the cursor. So a slow reader pins no more than the rest of the event that
// it is in, and nothing when it stopped between two.
//
// A coding whose unit is the round (compressed as a whole) needs nothing else here: its round has
// one piece, which ends with the round's last event, and the parcel is that.
//
// What is pinned is counted, each parcel once, and bounded.
#ifndef TAILRACE_HUB_PARCEL_H
#define TAILRACE_HUB_PARCEL_H

#include "base/err.h"
#include "base/str.h"

struct parcel {
    uint32_t refs; // of one thread
    uint32_t len;
    char bytes[];
};

// What the parcels of one hub take.
struct parcel_account {
    uint64_t parcels, bytes;
    uint64_t bytes_max;
};

// A copy, with one reference for the caller. ERR_LIMIT: the account is full. ERR_NOMEM.
int parcel_new(struct parcel **out, struct parcel_account *account, struct str bytes) MUST_CHECK;
static inline struct parcel *parcel_get(struct parcel *parcel) {
    parcel->refs++;
    return parcel;
}
// NULL is fine.
void parcel_put(struct parcel_account *account, struct parcel *parcel);

#endif
