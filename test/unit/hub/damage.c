// SPDX-License-Identifier: MIT
// Damaged events of the store: a gap is told in their place, and everything else is given, whatever
// way it is read: by the links of topics, out of all events, newest N, backwards.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static struct hub_request from(const char *topics, enum hub_start_kind start) {
    struct hub_request request = client_request(topics);
    request.start = start;
    return request;
}

static struct hub_request after(const char *topics, uint64_t seq) {
    struct hub_request request = from(topics, HUB_START_AFTER);
    request.seq = seq;
    return request;
}

static struct hub_request newest(const char *topics, uint64_t count) {
    struct hub_request request = from(topics, HUB_START_LAST);
    request.count = count;
    return request;
}

static struct hub_request page(const char *topics, uint64_t seq, uint64_t count, bool backwards) {
    struct hub_request request = from(topics, HUB_START_BEFORE);
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    request.seq = seq;
    request.count = count;
    request.newest = backwards;
    return request;
}

static uint64_t damaged_total(const struct bench *bench) {
    struct hub_counts counts;
    hub_counts(bench->hub, &counts);
    return counts.damaged_total;
}

// What a stream is given is this.
static void expect(struct bench *bench, const struct hub_request *request, const char *text) {
    struct client client;
    client_open(bench, &client, request);
    bench_pump(bench);
    cr_assert(!client.broken);
    client_expect(&client, text);
    client_close(&client);
}

#define EVENT(seq, data) "id: %E-" seq "\ndata: " data "\n\n"
#define GAP(from, to)                                                                              \
    "event: tailrace.gap\ndata: {\"from\":\"%E-" from "\",\"to\":\"%E-" to                         \
    "\",\"reason\":\"damage\"}\n\n"
#define GAP_ID(from, to) "id: %E-" to "\n" GAP(from, to)

// a: 1..5, 11..15; b: 6..10; nothing of it in the ring but the last one.
static void fill(struct bench *bench) { bench_fill(bench, 1); }

Test(damage, of_the_texts_is_a_gap_and_the_stream_goes_on_live) {
    struct bench bench;
    struct client client;
    fill(&bench);
    memory_store_damage(bench.store, 3, DAMAGE_TEXTS);
    struct hub_request request = after("a", 1);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    bench_put(&bench, "a", "live");
    bench_turn(&bench);
    client_expect(&client, EVENT("2", "x-2") GAP_ID("2", "3") EVENT("4", "x-4") EVENT("5", "x-5")
                               EVENT("11", "z-1") EVENT("12", "z-2") EVENT("13", "z-3")
                                   EVENT("14", "z-4") EVENT("15", "z-5") EVENT("16", "live"));
    client_close(&client);
    cr_assert_eq(damaged_total(&bench), 1);
    request = after("a", 12);
    expect(&bench, &request,
           EVENT("13", "z-3") EVENT("14", "z-4") EVENT("15", "z-5") EVENT("16", "live"));
    cr_assert_eq(damaged_total(&bench), 1);
    bench_close(&bench);
}

Test(damage, that_cuts_the_links_of_a_topic_loses_nothing_else) {
    struct bench bench;
    fill(&bench);
    memory_store_damage(bench.store, 4, DAMAGE_ALL);
    memory_store_damage(bench.store, 12, DAMAGE_ALL);
    struct hub_request request = after("a", 2);
    expect(&bench, &request,
           EVENT("3", "x-3") GAP_ID("3", "4") EVENT("5", "x-5") EVENT("11", "z-1")
               GAP_ID("11", "12") EVENT("13", "z-3") EVENT("14", "z-4") EVENT("15", "z-5"));
    // A link of the topic leads past the damage: it is another's.
    request = after("b", 2);
    memory_store_damage(bench.store, 9, DAMAGE_ALL);
    expect(&bench, &request,
           EVENT("6", "y-1") EVENT("7", "y-2") EVENT("8", "y-3") GAP_ID("8", "9")
               EVENT("10", "y-5"));
    bench_close(&bench);
}

Test(damage, of_the_first_and_of_the_last_events) {
    struct bench bench;
    fill(&bench);
    bench_put(&bench, "b", "the ring");
    bench_turn(&bench);
    for (uint64_t seq = 1; seq <= 2; seq++) memory_store_damage(bench.store, seq, DAMAGE_ALL);
    for (uint64_t seq = 14; seq <= 15; seq++) memory_store_damage(bench.store, seq, DAMAGE_ALL);
    struct hub_request request = after("a", 0);
    expect(&bench, &request,
           GAP_ID("0", "2") EVENT("3", "x-3") EVENT("4", "x-4") EVENT("5", "x-5") EVENT("11", "z-1")
               EVENT("12", "z-2") EVENT("13", "z-3") GAP_ID("13", "15"));
    request = newest("a", 1);
    memory_store_damage(bench.store, 15, DAMAGE_TEXTS);
    expect(&bench, &request, GAP_ID("14", "15"));
    bench_close(&bench);
}

Test(damage, in_the_newest_few_and_at_their_beginning) {
    struct bench bench;
    fill(&bench);
    memory_store_damage(bench.store, 12, DAMAGE_ALL);
    struct hub_request request = newest("a", 6);
    expect(&bench, &request,
           EVENT("5", "x-5") EVENT("11", "z-1") GAP_ID("11", "12") EVENT("13", "z-3")
               EVENT("14", "z-4") EVENT("15", "z-5"));
    request = newest("a", 4);
    expect(&bench, &request,
           GAP_ID("11", "12") EVENT("13", "z-3") EVENT("14", "z-4") EVENT("15", "z-5"));
    request = newest("a,b", 4);
    expect(&bench, &request,
           EVENT("7", "y-2") EVENT("8", "y-3") EVENT("9", "y-4") EVENT("10", "y-5") GAP("10", "12")
               EVENT("13", "z-3") EVENT("14", "z-4") EVENT("15", "z-5"));
    bench_close(&bench);
}

Test(damage, of_what_stands_in_several_topics) {
    struct bench bench;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    bench_put(&bench, "a", "first");
    bench_put_aliased(&bench, "a", "second", "b,c"); // 2, 3, 4
    bench_put_aliased(&bench, "a", "third", "b,c");  // 5, 6, 7
    bench_put(&bench, "b", "last");
    bench_turn(&bench);
    memory_store_damage(bench.store, 2, DAMAGE_TEXTS);
    memory_store_damage(bench.store, 6, DAMAGE_TEXTS);
    struct hub_request request = after("**", 0);
    expect(&bench, &request,
           EVENT("1", "first") GAP_ID("1", "2") EVENT("5", "third") GAP_ID("5", "6")
               EVENT("8", "last"));
    request = after("b", 0);
    expect(&bench, &request, GAP_ID("0", "6") EVENT("8", "last"));
    request = after("c", 0);
    expect(&bench, &request, GAP_ID("0", "2") EVENT("5", "third"));
    // An event before its damaged alias is lost with that: no client looks for it behind the gap.
    uint64_t before = damaged_total(&bench);
    request = after("b,c", 0);
    expect(&bench, &request, GAP_ID("0", "6") EVENT("8", "last"));
    cr_assert_eq(damaged_total(&bench), before + 2, "each is counted once");
    bench_close(&bench);
}

// More than one turn looks at, between the events of the topic.
Test(damage, of_a_rare_topic_in_a_long_journal_is_passed_in_slices, .timeout = 60) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    for (unsigned i = 0; i < 6; i++) {
        char data[2] = {(char)('1' + i), '\0'};
        bench_put(&bench, "rare", data); // 1, 20002, 40003, …
        bench_put_many(&bench, "other", "x", 20000);
        bench_turn(&bench);
    }
    memory_store_damage(bench.store, 40003, DAMAGE_ALL);
    memory_store_damage(bench.store, 80005, DAMAGE_ALL);
#define BEHIND                                                                                     \
    GAP_ID("20002", "40003")                                                                       \
    EVENT("60004", "4") GAP_ID("60004", "80005") EVENT("100006", "6")
    struct hub_request request = after("rare", 1);
    expect(&bench, &request, EVENT("20002", "2") BEHIND);
    request = newest("rare", 5);
    expect(&bench, &request, EVENT("20002", "2") BEHIND);
    request = newest("rare", 3);
    expect(&bench, &request, EVENT("60004", "4") GAP_ID("60004", "80005") EVENT("100006", "6"));
    request = page("rare", 100006, 9, true);
    request.format = FRAME_TEXT;
    client_open(&bench, &client, &request);
    uint64_t looked = bench.hub->looked_total;
    (void)hub_continue(bench.hub, bench.now_ms);
    cr_assert_lt(bench.hub->looked_total - looked, 200000);
    bench_pump(&bench);
    cr_assert(client.finished);
    cr_assert_str_eq(client_text(&client), "4\n2\n1\n");
    client_close(&client);
    bench_close(&bench);
}

// --- documents -----------------------------------------------------------------------------------

static void expect_document(struct bench *bench, const struct hub_request *request,
                            const char *text) {
    struct client client;
    client_open(bench, &client, request);
    bench_pump(bench);
    cr_assert(client.finished);
    cr_assert_str_eq(client_text(&client), text);
    client_close(&client);
}

#define MEMBER(seq, topic, type, data)                                                             \
    "{\"id\":\"e1-" seq "\",\"topic\":\"" topic "\",\"type\":\"" type                              \
    "\",\"time\":\"2023-11-14T22:13:20.000Z\",\"data\":\"" data "\"}"
#define ITEM(seq, data) MEMBER(seq, "a", "message", data)
#define GAP_ITEM(from, to)                                                                         \
    MEMBER(to, "a", "tailrace.gap",                                                                \
           "{\\\"from\\\":\\\"e1-" from "\\\",\\\"to\\\":\\\"e1-" to                               \
           "\\\",\\\"reason\\\":\\\"damage\\\"}")

Test(damage, is_an_element_of_a_page_and_of_a_search) {
    for (enum damage damage = DAMAGE_TEXTS; damage <= DAMAGE_ALL; damage++) {
        struct bench bench;
        fill(&bench);
        memory_store_damage(bench.store, 4, damage);
        struct hub_request request = page("a", 12, 4, false);
        expect_document(&bench, &request,
                        ITEM("3", "x-3") "," GAP_ITEM("3", "4") "," ITEM("5", "x-5") "," ITEM(
                            "11", "z-1") "],\"next\":\"e1-15\",\"previous\":\"e1-3\"}\n");
        // It counts as one; the next page goes on behind it.
        request = page("a", 12, 3, false);
        expect_document(&bench, &request,
                        GAP_ITEM("3", "4") "," ITEM("5", "x-5") "," ITEM(
                            "11", "z-1") "],\"next\":\"e1-15\",\"previous\":\"e1-4\"}\n");
        request = page("a", 12, 2, false);
        expect_document(
            &bench, &request,
            ITEM("5", "x-5") "," ITEM("11", "z-1") "],\"next\":\"e1-15\",\"previous\":\"e1-5\"}\n");
        request = page("a", 5, 9, false);
        expect_document(&bench, &request,
                        ITEM("1", "x-1") "," ITEM("2", "x-2") "," ITEM("3", "x-3") "," GAP_ITEM(
                            "3", "4") "],\"next\":\"e1-15\",\"previous\":null}\n");
        request = page("a", 6, 9, true);
        expect_document(
            &bench, &request,
            ITEM("5", "x-5") "," GAP_ITEM("3", "4") "," ITEM("3", "x-3") "," ITEM(
                "2", "x-2") "," ITEM("1", "x-1") "],\"next\":\"e1-15\",\"previous\":null}\n");
        request.format = FRAME_TEXT;
        expect_document(&bench, &request, "x-5\nx-3\nx-2\nx-1\n");
        // Neighbours are told together; a search goes on before the lowest of them.
        memory_store_damage(bench.store, 3, damage);
        request = page("a", 6, 9, true);
        expect_document(
            &bench, &request,
            ITEM("5", "x-5") "," MEMBER(
                "3", "a", "tailrace.gap",
                "{\\\"from\\\":\\\"e1-2\\\",\\\"to\\\":\\\"e1-4\\\","
                "\\\"reason\\\":\\\"damage\\\"}") "," ITEM("2",
                                                           "x-2") "," ITEM("1",
                                                                           "x-1") "],"
                                                                                  "\"next\":\"e1-"
                                                                                  "15\","
                                                                                  "\"previous\":"
                                                                                  "null}\n");
        bench_close(&bench);
    }
}

Test(damage, of_all_that_is_asked_for_is_a_document_too) {
    struct bench bench;
    fill(&bench);
    for (uint64_t seq = 1; seq <= 5; seq++) memory_store_damage(bench.store, seq, DAMAGE_ALL);
    struct hub_request request = page("a", 6, 9, false);
    expect_document(&bench, &request,
                    GAP_ITEM("0", "5") "],\"next\":\"e1-15\",\"previous\":null}\n");
    request = after("a", 0);
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    request.limit = 6;
    expect_document(
        &bench, &request,
        GAP_ITEM("0", "5") "," ITEM("11", "z-1") "," ITEM("12", "z-2") "," ITEM(
            "13", "z-3") "," ITEM("14", "z-4") "," ITEM("15", "z-5") "],\"next\":\"e1-15\"}\n");
    request = newest("a", 7);
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_TEXT;
    expect_document(&bench, &request, "z-1\nz-2\nz-3\nz-4\nz-5\n");
    bench_close(&bench);
}

// --- a model -------------------------------------------------------------------------------------

enum { EVENTS = 400, TOPICS = 80, ROUNDS = 60 };

static struct {
    unsigned topic;
    enum damage damage;
    bool asked;
} model[EVENTS + 1];

static void publish_all(struct bench *bench) {
    for (unsigned seq = 1; seq <= EVENTS; seq++) {
        char name[16];
        // A few that have most of the events.
        model[seq].topic = (unsigned)random() % (random() % 4 ? 3 : TOPICS);
        snprintf(name, sizeof name, "t%u", model[seq].topic);
        cr_assert_eq(bench_put(bench, name, "data"), seq);
    }
    bench_turn(bench);
    for (unsigned seq = 1; seq < EVENTS - 10; seq++) {
        model[seq].damage = random() % 12 ? DAMAGE_NONE : 1 + (enum damage)random() % 2;
        if (model[seq].damage) memory_store_damage(bench->store, seq, model[seq].damage);
    }
}

// Selectors: one topic, those that have most of the events (merged), all (scanned).
static const char *const selectors[] = {"t0", "t1", "t2", "t3", "t0,t1,t2", "**"};
enum { SELECTORS = sizeof selectors / sizeof *selectors, SINGLE = 4 };

static bool selects(unsigned selector, unsigned topic) {
    if (selector < SINGLE) return topic == selector;
    return selector > SINGLE || topic < 3;
}

// What is asked for, with up to so many of each topic.
static void ask(unsigned selector, uint64_t after_seq, uint64_t count) {
    uint64_t counts[TOPICS] = {0};
    for (unsigned seq = EVENTS; seq; seq--) {
        bool matches = selects(selector, model[seq].topic) && seq > after_seq;
        model[seq].asked = matches && counts[model[seq].topic]++ < count;
    }
}

// Every event that is whole is given in its order, every damaged one is in a gap in its place.
static void check(const struct client *client, uint64_t last) {
    uint64_t passed = 0, gap = 0, gap_from = 0;
    for (const char *at = client_events(client); *at;) {
        const char *end = strstr(at, "\n\n"), *to = strstr(at, "\"to\":\"e1-");
        cr_assert(end);
        if (to && to < end) {
            gap_from = strtoull(strstr(at, "\"from\":\"e1-") + 11, NULL, 10);
            gap = strtoull(to + 9, NULL, 10);
            cr_assert(model[gap].damage, "a gap up to %d, which is whole", (int)gap);
            cr_assert_geq(gap_from, passed);
            cr_assert_gt(gap, gap_from);
        } else {
            uint64_t seq = strtoull(at + strlen("id: e1-"), NULL, 10);
            cr_assert(model[seq].asked && !model[seq].damage, "%d was given", (int)seq);
            for (uint64_t lost = passed + 1; lost < seq; lost++) {
                if (!model[lost].asked) continue;
                cr_assert(model[lost].damage, "%d is missing before %d", (int)lost, (int)seq);
                cr_assert(gap_from < lost && lost <= gap, "no gap for %d before %d", (int)lost,
                          (int)seq);
            }
            passed = seq;
        }
        at = end + 2;
    }
    for (uint64_t seq = passed + 1; seq <= last; seq++)
        cr_assert(!model[seq].asked || model[seq].damage, "%d is missing", (int)seq);
}

Test(damage, anywhere_and_read_in_any_way_loses_nothing_else, .timeout = 60) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct bench bench;
        srandom(round);
        bench_open(&bench, (struct bench_config){.ring_events = 5});
        publish_all(&bench);
        for (unsigned selector = 0; selector < SELECTORS; selector++) {
            const char *name = selectors[selector];
            struct client client;
            uint64_t seq = (uint64_t)random() % EVENTS, count = 1 + (uint64_t)random() % 50;
            struct hub_request request = after(name, seq);
            ask(selector, seq, UINT64_MAX);
            client_open(&bench, &client, &request);
            bench_pump(&bench);
            cr_assert(!client.broken);
            check(&client, EVENTS);
            client_close(&client);
            request = newest(name, count);
            ask(selector, 0, count);
            client_open(&bench, &client, &request);
            bench_pump(&bench);
            cr_assert(!client.broken);
            check(&client, EVENTS);
            client_close(&client);
        }
        bench_close(&bench);
    }
}

// Backwards: all that is whole, as bare data.
Test(damage, anywhere_loses_nothing_else_backwards, .timeout = 60) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct bench bench;
        srandom(round);
        bench_open(&bench, (struct bench_config){.ring_events = 5});
        publish_all(&bench);
        for (unsigned selector = 0; selector < SELECTORS; selector++) {
            struct client client;
            size_t whole = 0, got = 0;
            ask(selector, 0, UINT64_MAX);
            for (unsigned seq = 1; seq <= EVENTS; seq++)
                whole += model[seq].asked && !model[seq].damage;
            struct hub_request request = page(selectors[selector], UINT64_MAX, UINT64_MAX, true);
            request.format = FRAME_TEXT;
            client_open(&bench, &client, &request);
            bench_pump(&bench);
            cr_assert(client.finished);
            for (const char *at = client_text(&client); *at; at += strlen("data\n")) got++;
            cr_assert_eq(got, whole);
            client_close(&client);
        }
        bench_close(&bench);
    }
}
