// SPDX-License-Identifier: MIT
// The ring of recent batches.
#include "hub/ring.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct account account;

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
    cr_assert_eq(ring_init(&ring, 100000, 1 << 20, 10, &account), 0);
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
    cr_assert_eq(ring_init(&ring, 10, 1000, 0, &account), 0);
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

// An encoding, counted, as hub/frame.c makes one.
static void encode(struct ring *ring, struct event *event, size_t bytes) {
    struct encoding *made = calloc(1, sizeof *made);
    cr_assert(account_take(ring->account, bytes));
    cr_assert_eq(event_add_encoding(event, made), made);
    ring_add_encoded(ring, event->seq, bytes);
}

static bool has_encoding(struct event *event) { return event_encoding(event, 0); }

Test(ring, counts_the_encodings_that_were_made_for_its_events) {
    struct ring ring;
    account.most = 1000;
    cr_assert_eq(ring_init(&ring, 10000, 1 << 20, 0, &account), 0);
    struct batch *first = batch(1, 3, 100), *second = batch(100, 200, 1000);
    cr_assert_eq(ring_push(&ring, first), 0);
    cr_assert_eq(ring_push(&ring, second), 0);
    encode(&ring, first->events[1], 50);
    encode(&ring, second->events[199], 30);
    encode(&ring, first->events[0], 70);
    cr_assert_eq(ring.bytes, 1100, "the events alone");
    cr_assert_eq(account.held, 150);
    ring.events_max = 200;
    struct batch *old = ring_evict(&ring);
    cr_assert_eq(old, first);
    cr_assert_eq(account.held, 30);
    cr_assert(account_take(&account, 10));
    ring_add_encoded(&ring, old->events[2]->seq, 10);
    cr_assert_eq(account.held, 30, "it has left");
    batch_put(old);
    ring_fini(&ring);
    cr_assert_eq(account.held, 0);
}

Test(ring, gives_up_encodings_of_the_oldest_events_first) {
    struct ring ring;
    struct event *events[4];
    account.most = SIZE_MAX;
    cr_assert_eq(ring_init(&ring, 10000, 1 << 20, 0, &account), 0);
    for (uint64_t i = 0; i < 4; i++) {
        struct batch *made = batch(1 + i * 2, 1, 10);
        cr_assert_eq(ring_push(&ring, made), 0);
        events[i] = made->events[0];
        if (i != 1) encode(&ring, events[i], 100);
    }
    cr_assert(ring_strip(&ring));
    cr_assert(!has_encoding(events[0]) && has_encoding(events[2]));
    cr_assert(ring_strip(&ring));
    cr_assert(!has_encoding(events[2]) && has_encoding(events[3]));
    // One that is made anew for an old event is the oldest again.
    encode(&ring, events[1], 100);
    cr_assert(ring_strip(&ring));
    cr_assert(!has_encoding(events[1]) && has_encoding(events[3]));
    cr_assert(ring_strip(&ring));
    cr_assert(!ring_strip(&ring));
    cr_assert_eq(account.held, 0);
    cr_assert_eq(ring.count, 4, "the events stay");
    cr_assert_eq(ring.retired_bytes, 400);
    encodings_free(ring_take_retired(&ring));
    cr_assert_eq(ring.retired_bytes, 0);
    ring_fini(&ring);
}

// Two workers: one has made encodings and is done with the batch, the other is not.
Test(ring, takes_its_encodings_with_it_when_others_keep_the_event) {
    struct ring ring, other;
    account.most = SIZE_MAX;
    cr_assert_eq(ring_init(&ring, 10, 1 << 20, 0, &account), 0);
    cr_assert_eq(ring_init(&other, 1000, 1 << 20, 0, &account), 0);
    for (uint64_t i = 0; i < 20; i++) {
        struct batch *made = batch(1 + i * 2, 1, 10);
        cr_assert_eq(ring_push(&ring, made), 0);
        cr_assert_eq(ring_push(&other, batch_get(made)), 0);
        encode(&ring, made->events[0], 100);
        for (struct batch *old; (old = ring_evict(&ring)) != NULL;) {
            cr_assert(!has_encoding(old->events[0]));
            batch_put(old);
        }
    }
    cr_assert_eq(account.held, 1000);
    cr_assert_eq(ring.retired_bytes, 1000);
    ring_fini(&ring);
    ring_fini(&other);
}
