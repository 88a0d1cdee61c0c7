// SPDX-License-Identifier: MIT
// Retention beside slow readers, in a random order: whatever is taken from a subscriber, a gap says
// so before anything newer is given; and nothing else is ever missing, or given twice. Some events
// stand in several topics, some readers begin with the newest few.
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
static uint64_t meant_by_seq[EVENTS_MAX + 1]; // itself, or what it stands for
static uint64_t newest;

struct reader {
    struct client client;
    const char *asks;
    uint64_t after;
    uint64_t then; // up to here only what is in the window is asked for
    enum { OUTSIDE, INSIDE, GONE } window[EVENTS_MAX + 1];
    bool open;
};

// Asked for by its own topic. Gone: it may be given out of the ring, and is not missed.
static bool is_in(const struct reader *reader, uint64_t seq, bool gone_too) {
    if (seq <= reader->then && reader->window[seq] == OUTSIDE) return false;
    if (seq <= reader->then && reader->window[seq] == GONE && !gone_too) return false;
    struct str rest = str_from(reader->asks);
    while (rest.ptr) {
        struct str name = str_cut(&rest, ',');
        if (str_equal(name, STR("**"))) return true;
        if (str_equal(name, str_from(topics[topic_by_seq[seq]]))) return true;
    }
    return false;
}

// By itself or by an alias.
static bool asks_for(const struct reader *reader, uint64_t seq, bool gone_too) {
    for (uint64_t at = seq; at <= newest && meant_by_seq[at] == seq; at++)
        if (is_in(reader, at, gone_too)) return true;
    return false;
}

static void publish_aliased(struct bench *bench) {
    int topic = (int)random() % TOPICS, alias = (topic + 1 + (int)random() % 2) % TOPICS;
    if (newest + 2 > EVENTS_MAX) return;
    uint64_t seq = bench_put_aliased(bench, topics[topic], "data", topics[alias]);
    topic_by_seq[seq] = (uint8_t)topic;
    topic_by_seq[seq + 1] = (uint8_t)alias;
    meant_by_seq[seq] = meant_by_seq[seq + 1] = seq;
    newest = seq + 1;
}

static void publish_some(struct bench *bench) {
    int topic = (int)random() % TOPICS;
    uint32_t count = 1 + (uint32_t)random() % (random() % 5 ? 3 : 20);
    if (newest + count > EVENTS_MAX) return;
    uint64_t first = bench_put_many(bench, topics[topic], "data", count);
    for (newest = first; newest < first + count; newest++) {
        topic_by_seq[newest] = (uint8_t)topic;
        meant_by_seq[newest] = newest;
    }
    newest--;
}

// What is gone before it is known where a window begins is not missed.
static void leave_out_what_is_gone(struct bench *bench, struct reader *reader) {
    struct store_reader *store = memory_store_reader(bench->store);
    struct record record;
    cr_assert_eq(store_reader_begin(store), 0);
    for (uint64_t seq = 1; seq <= reader->then; seq++)
        if (reader->window[seq] && store_reader_read(store, seq, &record))
            reader->window[seq] = GONE;
    store_reader_end(store);
}

static void ask_for_newest(struct bench *bench, struct reader *reader,
                           struct hub_request *request) {
    uint64_t counts[TOPICS] = {0};
    request->start = HUB_START_LAST;
    request->count = 1 + (uint64_t)random() % 15;
    reader->after = 0;
    reader->then = hub_position(bench->hub);
    memset(reader->window, 0, sizeof reader->window);
    for (uint64_t seq = reader->then; seq; seq--)
        if (counts[topic_by_seq[seq]]++ < request->count) reader->window[seq] = INSIDE;
    leave_out_what_is_gone(bench, reader);
}

static void connect_one(struct bench *bench, struct reader *reader) {
    uint64_t position = hub_position(bench->hub);
    reader->asks = asked[random() % 4];
    reader->after = position ? (uint64_t)random() % (position + 1) : 0;
    struct hub_request request = client_request(reader->asks);
    request.start = HUB_START_AFTER;
    request.seq = reader->after;
    reader->then = 0;
    if (random() % 3 == 0) ask_for_newest(bench, reader, &request);
    request.wire.framing = random() % 2 ? WIRE_CHUNKED : WIRE_RAW;
    reader->client = (struct client){.capacity = (size_t)random() % 200};
    cr_assert_eq(client_start(bench, &reader->client, &request), 0);
    reader->open = true;
}

// All events after `passed` and before `seq` that it asked for were lost: up to `told`, or not at
// all.
static void expect_told(const struct reader *reader, uint64_t passed, uint64_t seq, uint64_t told) {
    for (uint64_t lost = passed + 1; lost < seq; lost++) {
        if (meant_by_seq[lost] != lost || !asks_for(reader, lost, false)) continue;
        cr_assert(topic_by_seq[lost] || !is_in(reader, lost, false), "%d is missing, and stored",
                  (int)lost);
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
            cr_assert(asks_for(reader, seq, true));
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
        case 0: publish_some(bench); break;
        case 1: random() % 2 ? publish_some(bench) : publish_aliased(bench); break;
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

static void look_at_windows(struct bench *bench, struct reader *readers) {
    for (int i = 0; i < CLIENTS; i++) {
        if (!readers[i].open) continue;
        const struct replay_window *window = replay_window_of(&readers[i].client.subscriber);
        if (window && !window->begun) leave_out_what_is_gone(bench, &readers[i]);
    }
}

static void live(unsigned seed, uint32_t ring_events) {
    static struct reader readers[CLIENTS];
    struct bench bench;
    bench_open(&bench, (struct bench_config){.ring_events = ring_events,
                                             .policy = {.rules = rules, .rules_count = 2}});
    srandom(seed);
    newest = 0;
    for (int i = 0; i < STEPS; i++) {
        look_at_windows(&bench, readers);
        step(&bench, &readers[random() % CLIENTS]);
    }
    memory_store_announce_late(bench.store, false);
    bench_put(&bench, topics[0], "last");
    topic_by_seq[++newest] = 0;
    meant_by_seq[newest] = newest;
    look_at_windows(&bench, readers);
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

// 200 topics are read by looking at all events, which does not show what is missing.
Test(retention, takes_nothing_unannounced_from_one_that_reads_all_events) {
    enum { MANY = 200 };
    static const struct journal_topic_rule one_each = {.pattern = "t/*", .retention.count_max = 1};
    struct bench bench;
    struct client client;
    struct hub_counts counts;
    bench_open(&bench, (struct bench_config){.ring_events = 1,
                                             .policy = {.rules = &one_each, .rules_count = 1}});
    memory_store_announce_late(bench.store, true);
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "t/%d", i);
        bench_put(&bench, name, name);
    }
    bench_turn(&bench);
    bench_put(&bench, "t/60", "again"); // takes event 61 from the store, and says so later
    bench_apply(&bench);
    bench_deliver(&bench);
    struct hub_request request = client_request("t/*,other");
    request.start = HUB_START_AFTER;
    request.seq = 50;
    client_open(&bench, &client, &request);
    for (int turns = 0; turns < 5; turns++) hub_continue(bench.hub, bench.now_ms);
    cr_assert_str_eq(client_events(&client), "", "nothing yet: %s", client_events(&client));
    bench_put(&bench, "other", "x");
    bench_turn(&bench);
    hub_counts(bench.hub, &counts);
    cr_assert_eq(counts.gaps_total, 1);
    cr_assert(strstr(client_events(&client), "\"to\":\"e1-61\""), "%s", client_events(&client));
    cr_assert(strstr(client_events(&client), "data: t/99\n"));
    cr_assert(strstr(client_events(&client), "data: again\n"));
    cr_assert(strstr(client_events(&client), "data: x\n"));
    client_close(&client);
    bench_close(&bench);
}
