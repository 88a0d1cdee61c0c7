// SPDX-License-Identifier: MIT
// The ring: a worker's recent batches in memory, so that a subscriber that is only a little behind
// does not touch the disk. Bounded by events and bytes; the oldest batch leaves first.
//
// The encodings that this worker has made for its events (hub/frame.h) are in the worker's account,
// and are the first to go when that is full: oldest events first. Those of other workers are in the
// accounts of those, so nobody writes to an account that is shared. An encoding goes at the latest
// when the worker that made it lets the event go: the event lives until the last worker does, which
// may be much later, and would keep encodings alive that nobody counts.
//
// Others may be looking at an encoding that goes. It is retired (ring_take_retired).
#ifndef TAILRACE_HUB_RING_H
#define TAILRACE_HUB_RING_H

#include "base/account.h"
#include "journal/event.h"

struct ring_slot {
    struct batch *batch;
    size_t encoded; // bytes of the encodings that this worker has made for it
};

struct ring {
    struct ring_slot *slots; // a power of two of them
    size_t mask;
    size_t head, count; // slots[(head + i) & mask], i < count, oldest first
    uint64_t floor;     // every event above this seq is in the ring
    size_t events, bytes;
    size_t events_max, bytes_max;
    struct account *account; // of the encodings; borrowed
    size_t encoded;          // bytes of them
    size_t stripped;         // so many of the oldest batches have none
    struct encoding *retired;
    size_t retired_bytes;
};

int ring_init(struct ring *ring, size_t events_max, size_t bytes_max, uint64_t floor,
              struct account *account) MUST_CHECK;
void ring_fini(struct ring *ring);
// Takes over one reference of a batch that has events. ERR_NOMEM: nothing was taken.
int ring_push(struct ring *ring, struct batch *batch) MUST_CHECK;
// An encoding of so many bytes, which are in the account, was made for the event with this seq.
// They are given back when it has left.
void ring_add_encoded(struct ring *ring, uint64_t seq, size_t bytes);
// Retires the encodings of the oldest batch that has some, and gives them back to the account.
// False: there are none.
bool ring_strip(struct ring *ring);
// What was retired since the last call, for encodings_free: when no worker is in a turn any more
// that had begun before this call.
struct encoding *ring_take_retired(struct ring *ring);
// While over a bound: removes the oldest batch and returns it (the caller puts it), NULL when
// within bounds.
struct batch *ring_evict(struct ring *ring);

// The same whatever the bounds; NULL when the ring is empty.
struct batch *ring_take_oldest(struct ring *ring);

// Walking: a position in the ring, valid until the next push or evict.
struct ring_place {
    size_t batch;
    uint32_t event;
};
// The first event with a seq above `after`, which must be >= floor.
struct ring_place ring_find(const struct ring *ring, uint64_t after);
// The event there, NULL at the end; steps on.
struct event *ring_next(const struct ring *ring, struct ring_place *place);
// The event with exactly this seq, NULL when the ring does not have it.
struct event *ring_at(const struct ring *ring, uint64_t seq);
// The newest event with a seq below `before`, NULL when the ring has none.
struct event *ring_before(const struct ring *ring, uint64_t before);

#endif
