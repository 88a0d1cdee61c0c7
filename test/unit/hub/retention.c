// SPDX-License-Identifier: MIT
// Retention beside slow readers, in a random order: whatever is taken from a subscriber, a gap says
// so before anything newer is given; and nothing else is ever missing, or given twice.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

enum { CLIENTS = 8, STEPS = 2000, EVENTS_MAX = 20000, TOPICS = 3 };

static const char *const topics[TOPICS] = {"kept", "short", "shorter"};
static const struct journal_topic_rule rules[] = {
    {.pattern = "short", .retention = {.count_max = 12}},
    {.pattern = "shorter", .retention = {.count_max = 4}},
};
static const char *const asked[] = {"kept,short", "short", "**", "short,shorter"};

static uint8_t topic_by_seq[EVENTS_MAX + 1];
static uint64_t newest;

struct reader {
    struct client client;
    const char *asks;
    uint64_t after;
    bool open;
};

static bool asks_for(const struct reader *reader, uint64_t seq) {
    struct str rest = str_from(reader->asks);
    while (rest.ptr) {
        struct str name = str_cut(&rest, ',');
        if (str_equal(name, STR("**"))) return true;
        if (str_equal(name, str_from(topics[topic_by_seq[seq]]))) return true;
    }
    return false;
}

static void publish_some(struct bench *bench) {
    int topic = (int)random() % TOPICS;
    uint32_t count = 1 + (uint32_t)random() % (random() % 5 ? 3 : 20);
    if (newest + count > EVENTS_MAX) return;
    uint64_t first = bench_put_many(bench, topics[topic], "data", count);
    for (newest = first; newest < first + count; newest++) topic_by_seq[newest] = (uint8_t)topic;
    newest--;
}

static void connect_one(struct bench *bench, struct reader *reader) {
    uint64_t position = hub_position(bench->hub);
    reader->asks = asked[random() % 4];
    reader->after = position ? (uint64_t)random() % (position + 1) : 0;
    struct hub_request request = client_request(reader->asks);
    request.start = HUB_START_AFTER;
    request.seq = reader->after;
    request.wire.framing = random() % 2 ? WIRE_CHUNKED : WIRE_RAW;
    reader->client = (struct client){.capacity = (size_t)random() % 200};
    cr_assert_eq(client_start(bench, &reader->client, &request), 0);
    reader->open = true;
}

// All events after `passed` and before `seq` that it asked for were lost: up to `told`, or not at
// all.
static void expect_told(const struct reader *reader, uint64_t passed, uint64_t seq, uint64_t told) {
    for (uint64_t lost = passed + 1; lost < seq; lost++) {
        if (!asks_for(reader, lost)) continue;
        cr_assert_neq(topic_by_seq[lost], 0, "%d is missing, and stored", (int)lost);
        cr_assert_leq(lost, told, "`%s`: %d is missing before %d; gaps go up to %d", reader->asks,
                      (int)lost, (int)seq, (int)told);
    }
}

// Goes through what it got: `id: e1-SEQ` of events, and the ends of gaps.
static void check(const struct reader *reader, bool all) {
    uint64_t passed = reader->after, told = 0;
    cr_assert(!reader->client.broken && !reader->client.finished);
    for (const char *at = client_events(&reader->client); *at;) {
        const char *end = strstr(at, "\n\n");
        if (!end) return; // half an event
        const char *to = strstr(at, "\"to\":\"e1-");
        if (to && to < end) {
            uint64_t seq = strtoull(to + 9, NULL, 10);
            if (seq > told) told = seq;
        } else {
            uint64_t seq = strtoull(at + strlen("id: e1-"), NULL, 10);
            cr_assert_gt(seq, passed, "%d comes after %d", (int)seq, (int)passed);
            cr_assert(asks_for(reader, seq));
            expect_told(reader, passed, seq, told);
            passed = seq;
        }
        at = end + 2;
    }
    if (all) expect_told(reader, passed, newest + 1, told);
}

static void disconnect(struct reader *reader) {
    client_close(&reader->client);
    reader->open = false;
}

static void step(struct bench *bench, struct reader *reader) {
    switch (random() % 9) {
        case 0:
        case 1: publish_some(bench); break;
        case 2: bench_apply(bench); break;
        case 3: bench_deliver(bench); break;
        case 4: hub_continue(bench->hub, bench->now_ms); break;
        case 5:
            if (!reader->open) {
                connect_one(bench, reader);
            } else if (random() % 10 == 0) {
                check(reader, false);
                disconnect(reader);
            }
            break;
        case 6: memory_store_announce_late(bench->store, random() % 2); break;
        default: // mostly not even one event
            if (reader->open) client_take(&reader->client, (size_t)random() % 60);
    }
}

static void live(unsigned seed, uint32_t ring_events) {
    static struct reader readers[CLIENTS];
    struct bench bench;
    bench_open(&bench, (struct bench_config){.ring_events = ring_events,
                                             .policy = {.rules = rules, .rules_count = 2}});
    srandom(seed);
    newest = 0;
    for (int i = 0; i < STEPS; i++) step(&bench, &readers[random() % CLIENTS]);
    memory_store_announce_late(bench.store, false);
    bench_put(&bench, topics[0], "last");
    topic_by_seq[++newest] = 0;
    bench_turn(&bench);
    for (int i = 0; i < CLIENTS; i++) {
        if (!readers[i].open) continue;
        client_take(&readers[i].client, UNLIMITED);
        bench_turn(&bench);
        check(&readers[i], true);
        cr_assert_eq(readers[i].client.subscriber.state, SUB_LIVE);
        disconnect(&readers[i]);
    }
    struct hub_counts counts;
    hub_counts(bench.hub, &counts);
    cr_assert_eq(counts.pinned_parcels, 0);
    cr_assert_gt(counts.gaps_total, 0);
    bench_close(&bench);
}

Test(retention, takes_nothing_without_a_word_out_of_a_small_ring, .timeout = 60) {
    for (unsigned seed = 1; seed <= 20; seed++) live(seed, 1);
}
Test(retention, takes_nothing_without_a_word_out_of_a_middling_ring, .timeout = 60) {
    for (unsigned seed = 21; seed <= 40; seed++) live(seed, 20);
}
Test(retention, takes_nothing_without_a_word_out_of_a_large_ring, .timeout = 60) {
    for (unsigned seed = 41; seed <= 60; seed++) live(seed, 100000);
}
