// SPDX-License-Identifier: MIT
// The ring of recent batches.
#include "hub/ring.h"

#include <stdlib.h>

int ring_init(struct ring *ring, size_t events_max, size_t bytes_max, uint64_t floor,
              struct account *account) {
    *ring = (struct ring){
        .floor = floor, .events_max = events_max, .bytes_max = bytes_max, .account = account};
    ring->slots = malloc(64 * sizeof *ring->slots);
    if (!ring->slots) return ERR_NOMEM;
    ring->mask = 63;
    return 0;
}

void ring_fini(struct ring *ring) {
    for (size_t i = 0; i < ring->count; i++)
        batch_put(ring->slots[(ring->head + i) & ring->mask].batch);
    if (ring->encoded) account_give(ring->account, ring->encoded);
    encodings_free(ring->retired);
    free(ring->slots);
    *ring = (struct ring){0};
}

static struct ring_slot *slot_at(const struct ring *ring, size_t i) {
    return &ring->slots[(ring->head + i) & ring->mask];
}

static struct batch *batch_at(const struct ring *ring, size_t i) { return slot_at(ring, i)->batch; }

static int grow(struct ring *ring) {
    size_t cap = ring->mask + 1;
    struct ring_slot *slots = malloc(cap * 2 * sizeof *slots);
    if (!slots) return ERR_NOMEM;
    for (size_t i = 0; i < ring->count; i++) slots[i] = *slot_at(ring, i);
    free(ring->slots);
    ring->slots = slots;
    ring->mask = cap * 2 - 1;
    ring->head = 0;
    return 0;
}

int ring_push(struct ring *ring, struct batch *batch) {
    ASSERT(batch->count);
    if (ring->count > ring->mask && grow(ring)) return ERR_NOMEM;
    *slot_at(ring, ring->count++) = (struct ring_slot){.batch = batch};
    ring->events += batch->count;
    ring->bytes += batch->bytes;
    return 0;
}

// --- encodings -----------------------------------------------------------------------------------

void ring_add_encoded(struct ring *ring, uint64_t seq, size_t bytes) {
    if (seq <= ring->floor) {
        account_give(ring->account, bytes);
        return;
    }
    struct ring_place place = ring_find(ring, seq - 1);
    ASSERT(place.batch < ring->count);
    slot_at(ring, place.batch)->encoded += bytes;
    ring->encoded += bytes;
    if (place.batch < ring->stripped) ring->stripped = place.batch;
}

// They are not counted any more, and become unreachable.
static void retire(struct ring *ring, struct ring_slot *slot) {
    for (uint32_t i = 0; i < slot->batch->count; i++) {
        struct encoding *list = event_take_encodings(slot->batch->events[i]);
        if (!list) continue;
        list->next_retired = ring->retired;
        ring->retired = list;
    }
    ring->retired_bytes += slot->encoded;
}

static void uncount(struct ring *ring, struct ring_slot *slot) {
    account_give(ring->account, slot->encoded);
    ring->encoded -= slot->encoded;
    slot->encoded = 0;
}

bool ring_strip(struct ring *ring) {
    while (ring->stripped < ring->count && !slot_at(ring, ring->stripped)->encoded)
        ring->stripped++;
    if (ring->stripped == ring->count) return false;
    struct ring_slot *slot = slot_at(ring, ring->stripped);
    retire(ring, slot);
    uncount(ring, slot);
    return true;
}

struct encoding *ring_take_retired(struct ring *ring) {
    struct encoding *retired = ring->retired;
    ring->retired = NULL;
    ring->retired_bytes = 0;
    return retired;
}

// --- the oldest leaves ---------------------------------------------------------------------------

struct batch *ring_evict(struct ring *ring) {
    if (ring->events <= ring->events_max && ring->bytes <= ring->bytes_max) return NULL;
    return ring_take_oldest(ring);
}

struct batch *ring_take_oldest(struct ring *ring) {
    if (!ring->count) return NULL;
    struct ring_slot *slot = slot_at(ring, 0);
    struct batch *oldest = slot->batch;
    if (slot->encoded) {
        // With the last reference they go anyway.
        if (atomic_load_explicit(&oldest->refs, memory_order_relaxed) > 1) retire(ring, slot);
        uncount(ring, slot);
    }
    if (ring->stripped) ring->stripped--;
    ring->bytes -= oldest->bytes;
    ring->events -= oldest->count;
    ring->head = (ring->head + 1) & ring->mask;
    ring->count--;
    ring->floor = oldest->events[oldest->count - 1]->seq;
    return oldest;
}

// --- walking -------------------------------------------------------------------------------------

struct ring_place ring_find(const struct ring *ring, uint64_t after) {
    ASSERT(after >= ring->floor);
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct batch *batch = batch_at(ring, middle);
        if (batch->events[batch->count - 1]->seq <= after) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    struct ring_place place = {low, 0};
    if (low == ring->count) return place;
    const struct batch *batch = batch_at(ring, low);
    uint32_t first = 0, last = batch->count;
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (batch->events[middle]->seq <= after) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    place.event = first;
    return place;
}

struct event *ring_next(const struct ring *ring, struct ring_place *place) {
    if (place->batch >= ring->count) return NULL;
    struct batch *batch = batch_at(ring, place->batch);
    struct event *event = batch->events[place->event];
    if (++place->event == batch->count) *place = (struct ring_place){place->batch + 1, 0};
    return event;
}

struct event *ring_at(const struct ring *ring, uint64_t seq) {
    if (seq <= ring->floor) return NULL;
    struct ring_place place = ring_find(ring, seq - 1);
    struct event *event = ring_next(ring, &place);
    return event && event->seq == seq ? event : NULL;
}

struct event *ring_before(const struct ring *ring, uint64_t before) {
    if (before <= ring->floor + 1) return NULL;
    struct ring_place place = ring_find(ring, before - 1);
    if (place.event) return batch_at(ring, place.batch)->events[place.event - 1];
    if (!place.batch) return NULL;
    const struct batch *batch = batch_at(ring, place.batch - 1);
    return batch->events[batch->count - 1];
}
