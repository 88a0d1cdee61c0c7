// SPDX-License-Identifier: MIT
// A round: what is written together to one subscriber, or to all the live ones of a selector.
// Bytes, and the pieces that they consist of: a piece is sent wholly or not at all (the rest of a
// begun one is kept as a parcel), and ends with an event.
//
// One is filled, written and cleared over and over; it keeps its memory.
#ifndef TAILRACE_HUB_ROUND_H
#define TAILRACE_HUB_ROUND_H

#include "base/buf.h"
#include "hub/parcel.h"

struct piece {
    uint64_t seq; // of its event
    size_t end;   // where it ends
    struct parcel *parcel;
};

struct round {
    struct buf bytes;
    struct str shared; // in place of `bytes` when ptr is not NULL
    struct piece *pieces;
    size_t count, cap;
    bool parcelled; // some pieces have parcels
};

void round_init(struct round *round, size_t bytes_max);
// It must have been released.
void round_fini(struct round *round);
// Empties it. It must have been released.
void round_clear(struct round *round);

// What was appended to `bytes` since the last piece is one that ends with this event. False: out of
// memory, or `bytes` has failed.
bool round_add(struct round *round, uint64_t seq) MUST_CHECK;
// The cleared round becomes one piece of borrowed bytes, without a copy. False: out of memory.
bool round_share(struct round *round, struct str bytes, uint64_t seq) MUST_CHECK;

static inline struct str round_bytes(const struct round *round) {
    return round->shared.ptr ? round->shared : buf_str(&round->bytes);
}

// How far a connection came that took the first bytes of a round.
struct round_cut {
    size_t whole;  // pieces that it has
    size_t begun;  // 1 when it has a part of the next
    size_t offset; // how much of that
};
struct round_cut round_cut(const struct round *round, size_t taken);

// The parcel of a piece, with a reference for the caller: made at the first call, the same at every
// further one until the round is released. Errors as of parcel_new.
int round_parcel(struct round *round, size_t piece, struct parcel_account *account,
                 struct parcel **out) MUST_CHECK;
// Drops the round's own references of its parcels: it has been written to everybody.
void round_release(struct round *round, struct parcel_account *account);

#endif
