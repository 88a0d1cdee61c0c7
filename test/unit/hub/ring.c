// SPDX-License-Identifier: MIT
// The ring of recent batches.
#include "hub/ring.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct batch *batch(uint64_t first, uint32_t count, size_t bytes) {
    struct batch *made = calloc(1, sizeof *made);
    atomic_init(&made->refs, 1);
    made->events = calloc(count, sizeof(struct event *));
    made->count = count;
    made->bytes = bytes;
    // Every other number, as when some were given to what failed.
    for (uint32_t i = 0; i < count; i++) {
        made->events[i] = event_new(STR("t"), STR(""), STR(""), STR("d"), 0);
        made->events[i]->seq = first + 2 * i;
    }
    return made;
}

static uint64_t found(const struct ring *ring, uint64_t after) {
    struct ring_place place = ring_find(ring, after);
    const struct event *event = ring_next(ring, &place);
    return event ? event->seq : 0;
}

Test(ring, finds_what_follows_any_seq_over_batches_of_any_size) {
    struct ring ring;
    cr_assert_eq(ring_init(&ring, 100000, 1 << 20, 10), 0);
    cr_assert_eq(found(&ring, 10), 0);
    uint64_t next = 11;
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t count = i % 7 + 1;
        cr_assert_eq(ring_push(&ring, batch(next, count, 1)), 0);
        next += 2 * count;
    }
    for (uint64_t after = 10; after + 2 < next; after++)
        cr_assert_eq(found(&ring, after), after + 1 + (after & 1), "after %d", (int)after);
    cr_assert_eq(found(&ring, next - 2), 0);
    struct ring_place place = ring_find(&ring, 10);
    uint64_t seq = 11;
    for (struct event *event; (event = ring_next(&ring, &place)) != NULL; seq += 2)
        cr_assert_eq(event->seq, seq);
    cr_assert_eq(seq, next);
    cr_assert_null(ring_evict(&ring));
    ring_fini(&ring);
}

Test(ring, keeps_to_its_bounds_and_knows_where_it_begins) {
    struct ring ring;
    cr_assert_eq(ring_init(&ring, 10, 1000, 0), 0);
    for (uint64_t i = 0; i < 300; i++) {
        cr_assert_eq(ring_push(&ring, batch(2 + i * 8, 4, 10)), 0);
        for (struct batch *old; (old = ring_evict(&ring)) != NULL;) {
            cr_assert_eq(ring.floor, old->events[3]->seq);
            batch_put(old);
        }
        cr_assert(ring.events <= 10);
        cr_assert_eq(found(&ring, ring.floor), ring.floor + 2);
    }
    cr_assert_eq(ring_push(&ring, batch(100001, 1, 5000)), 0);
    for (struct batch *old; (old = ring_evict(&ring)) != NULL;) batch_put(old);
    cr_assert_eq(ring.count, 0, "one that is too large alone goes too");
    cr_assert_eq(ring.floor, 100001);
    cr_assert_eq(ring.bytes, 0);
    ring_fini(&ring);
}

Test(ring, counts_the_encodings_that_were_made_for_its_events) {
    struct ring ring;
    cr_assert_eq(ring_init(&ring, 10000, 1 << 20, 0), 0);
    struct batch *first = batch(1, 3, 100), *second = batch(100, 200, 1000);
    cr_assert_eq(ring_push(&ring, first), 0);
    cr_assert_eq(ring_push(&ring, second), 0);
    ring_add_encoded(&ring, first->events[1]->seq, 50);
    ring_add_encoded(&ring, second->events[199]->seq, 30);
    ring_add_encoded(&ring, first->events[0]->seq, 70);
    cr_assert_eq(ring.bytes, 1100 + 50 + 30 + 70);
    ring.events_max = 200;
    struct batch *old = ring_evict(&ring);
    cr_assert_eq(old, first);
    cr_assert_eq(ring.bytes, 1000 + 30);
    ring_add_encoded(&ring, old->events[2]->seq, 10);
    cr_assert_eq(ring.bytes, 1000 + 30, "it has left");
    batch_put(old);
    ring.events_max = 0;
    batch_put(ring_evict(&ring));
    cr_assert_eq(ring.bytes, 0);
    ring_fini(&ring);
}

Test(ring, encodings_count_against_the_bound) {
    struct ring ring;
    cr_assert_eq(ring_init(&ring, 10000, 1000, 0), 0);
    for (uint64_t i = 0; i < 9; i++) {
        struct batch *made = batch(1 + i * 2, 1, 10);
        cr_assert_eq(ring_push(&ring, made), 0);
        ring_add_encoded(&ring, made->events[0]->seq, 300);
        for (struct batch *old; (old = ring_evict(&ring)) != NULL;) batch_put(old);
        cr_assert_leq(ring.bytes, 1000);
    }
    cr_assert_eq(ring.count, 3);
    ring_fini(&ring);
}
