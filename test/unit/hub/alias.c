// SPDX-License-Identifier: MIT
// An event that stands in several topics is given once, wherever it comes from.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static struct hub_request start(const char *topics, enum hub_start_kind kind, uint64_t value) {
    struct hub_request request = client_request(topics);
    request.start = kind;
    request.seq = request.count = value;
    return request;
}

static void expect(struct bench *bench, const struct hub_request *request, const char *expected) {
    struct client client;
    client_open(bench, &client, request);
    bench_pump(bench);
    client_expect(&client, expected);
    client_close(&client);
}

// 1 a, 2 x (also b 3, c 4), 5 b, 6 y (also b 7), 8 z (also c 9), 10 a
static void fill(struct bench *bench, uint32_t ring_events) {
    bench_open(bench, (struct bench_config){.ring_events = ring_events});
    bench_put(bench, "a", "one");
    cr_assert_eq(bench_put_aliased(bench, "x", "two", "b,c"), 2);
    bench_put(bench, "b", "five");
    bench_turn(bench);
    cr_assert_eq(bench_put_aliased(bench, "y", "six", "b"), 6);
    cr_assert_eq(bench_put_aliased(bench, "z", "eight", "c"), 8);
    bench_put(bench, "a", "ten");
    bench_turn(bench);
}

#define TWO "id: %E-2\ndata: two\n\n"
#define FIVE "id: %E-5\ndata: five\n\n"
#define SIX "id: %E-6\ndata: six\n\n"
#define EIGHT "id: %E-8\ndata: eight\n\n"

// --- live ----------------------------------------------------------------------------------------

Test(alias, is_given_live_to_all_of_its_topics_once_and_in_one_write) {
    static const char *const asked[] = {"x", "b", "c", "b,c", "x,c", "*", "b,none"};
    enum { CLIENTS = sizeof asked / sizeof asked[0] };
    struct client clients[CLIENTS], other;
    struct bench bench;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request none = client_request("d");
    client_open(&bench, &other, &none);
    for (int i = 0; i < CLIENTS; i++) {
        struct hub_request request = client_request(asked[i]);
        client_open(&bench, &clients[i], &request);
    }
    size_t before = clients[0].writes;
    bench_put_aliased(&bench, "x", "one", "b,c");
    bench_put_aliased(&bench, "x", "four", "c,b");
    bench_turn(&bench);
    for (int i = 0; i < CLIENTS; i++) {
        client_expect(&clients[i], "id: %E-1\ndata: one\n\nid: %E-4\ndata: four\n\n");
        cr_assert_eq(clients[i].writes, before + 1);
        client_close(&clients[i]);
    }
    client_expect(&other, "");
    client_close(&other);
    bench_close(&bench);
}

Test(alias, has_the_topic_of_what_it_stands_for_in_every_document) {
    struct bench bench;
    struct client live, stored;
    fill(&bench, 1000);
    struct hub_request request = client_request("b");
    request.format = FRAME_META;
    client_open(&bench, &live, &request);
    bench_put_aliased(&bench, "x", "eleven", "b");
    bench_turn(&bench);
    cr_assert(strstr(client_events(&live), "topic: x\n"));
    client_close(&live);
    request = start("b", HUB_START_LAST, 100);
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    client_open(&bench, &stored, &request);
    bench_pump(&bench);
    const char *text = client_text(&stored);
    cr_assert(strncmp(text, "{\"id\":\"e1-2\",\"topic\":\"x\"", 24) == 0, "%s", text);
    cr_assert(strstr(text, "},{\"id\":\"e1-6\",\"topic\":\"y\""), "%s", text);
    client_close(&stored);
    bench_close(&bench);
}

Test(alias, is_filtered_by_the_data_that_it_stands_for) {
    struct bench bench;
    struct client live;
    fill(&bench, 3);
    struct hub_request request = start("b,x", HUB_START_LAST, UINT64_MAX);
    request.filter = STR("i");
    client_open(&bench, &live, &request);
    bench_pump(&bench);
    bench_put_aliased(&bench, "x", "no", "b");
    bench_put_aliased(&bench, "y", "yes, i", "b,c");
    bench_turn(&bench);
    client_expect(&live, FIVE SIX "id: %E-13\ndata: yes, i\n\n");
    client_close(&live);
    bench_close(&bench);
}

// A connection stops anywhere in what it is given, and gets the rest by the pump.
static void slow(uint32_t ring_events) {
    struct bench bench;
    struct buf expected;
    static struct client clients[4];
    static const char *const asked[] = {"b", "x,c", "b,c", "*"};
    bench_open(&bench, (struct bench_config){.ring_events = ring_events});
    buf_init(&expected, 1 << 16);
    for (int i = 0; i < 4; i++) {
        struct hub_request request = client_request(asked[i]);
        clients[i] = (struct client){.capacity = 7};
        cr_assert_eq(client_start(&bench, &clients[i], &request), 0);
    }
    for (uint64_t i = 0; i < 100; i++) {
        expect_plain(&bench, &expected, i * 3 + 1, "data");
        cr_assert_eq(bench_put_aliased(&bench, "x", "data", "b,c"), i * 3 + 1);
        bench_turn(&bench);
        for (int k = 0; k < 4; k++) client_take(&clients[k], (size_t)(i * 7 + (uint64_t)k) % 41);
    }
    for (int i = 0; i < 4; i++) {
        client_take(&clients[i], UNLIMITED);
        bench_turn(&bench);
        cr_assert_eq(clients[i].subscriber.state, SUB_LIVE);
        cr_assert_str_eq(client_events(&clients[i]), buf_cstr(&expected), "%s: %s", asked[i],
                         client_events(&clients[i]));
        client_close(&clients[i]);
    }
    buf_fini(&expected);
    bench_close(&bench);
}
Test(alias, reaches_a_slow_reader_once_from_the_ring) { slow(1000); }
Test(alias, reaches_a_slow_reader_once_from_the_store) { slow(1); }

Test(alias, wakes_a_long_poll) {
    struct bench bench;
    struct client client;
    fill(&bench, 3);
    struct hub_request request = start("c", HUB_START_AFTER, 8);
    request.mode = HUB_WAIT;
    request.format = FRAME_JSON;
    client_open(&bench, &client, &request);
    cr_assert(client.waits, "it has the event with that id");
    bench_put_aliased(&bench, "x", "eleven", "b,c");
    bench_turn(&bench);
    cr_assert(client.finished);
    cr_assert(strncmp(client_text(&client), "{\"id\":\"e1-11\",\"topic\":\"x\"", 25) == 0);
    cr_assert(strstr(client_text(&client), "],\"next\":\"e1-13\"}"));
    client_close(&client);
    bench_close(&bench);
}

// --- replays -------------------------------------------------------------------------------------

static void replays(uint32_t ring_events) {
    struct bench bench;
    fill(&bench, ring_events);
    struct hub_request request = start("b", HUB_START_LAST, UINT64_MAX);
    expect(&bench, &request, TWO FIVE SIX);
    request = start("b,x", HUB_START_LAST, UINT64_MAX);
    expect(&bench, &request, TWO FIVE SIX);
    request = start("c,b", HUB_START_AFTER, 0);
    expect(&bench, &request, TWO FIVE SIX EIGHT);
    request = start("*", HUB_START_AFTER, 1);
    expect(&bench, &request, TWO FIVE SIX EIGHT "id: %E-10\ndata: ten\n\n");
    // What the id names is not given again, by whatever topic.
    request = start("b", HUB_START_AFTER, 2);
    expect(&bench, &request, FIVE SIX);
    request = start("c", HUB_START_AFTER, 2);
    expect(&bench, &request, EIGHT);
    request = start("b,c", HUB_START_AFTER, 6);
    expect(&bench, &request, EIGHT);
    request = start("b", HUB_START_AFTER, 6);
    expect(&bench, &request, "");
    bench_close(&bench);
}
Test(alias, is_replayed_from_the_ring) { replays(1000); }
Test(alias, is_replayed_from_the_store) { replays(1); }
Test(alias, is_replayed_from_both) { replays(6); }

static void newest(uint32_t ring_events) {
    struct bench bench;
    fill(&bench, ring_events);
    struct hub_request request = start("c", HUB_START_LAST, 1);
    expect(&bench, &request, EIGHT);
    request = start("b", HUB_START_LAST, 1);
    expect(&bench, &request, SIX);
    request = start("b", HUB_START_LAST, 2);
    expect(&bench, &request, FIVE SIX);
    request = start("b", HUB_START_LAST, 3);
    expect(&bench, &request, TWO FIVE SIX);
    // It is among the newest of c, though not of x, and stands in both.
    bench_put(&bench, "x", "eleven");
    bench_put(&bench, "x", "twelve");
    bench_turn(&bench);
    request = start("c,x,b", HUB_START_LAST, 2);
    expect(&bench, &request,
           TWO FIVE SIX EIGHT "id: %E-11\ndata: eleven\n\nid: %E-12\ndata: twelve\n\n");
    request = start("c,y,b,z", HUB_START_LAST, 1);
    expect(&bench, &request, SIX EIGHT);
    bench_close(&bench);
}
Test(alias, is_one_of_the_newest_of_its_topic_in_the_ring) { newest(1000); }
Test(alias, is_one_of_the_newest_of_its_topic_in_the_store) { newest(1); }

// A turn must not end between an event and its aliases: an alias would be taken for one whose event
// the subscriber has.
static void end_of_a_turn(uint32_t ring_events) {
    enum { WIDE = GATHER_MERGE_TOPICS + 10, MET = GATHER_SKIPS - 1 };
    _Static_assert((MET - WIDE - 1) % 4 == 0, "the turn would end before the second alias of this");
    struct bench bench;
    struct client client;
    struct buf expected;
    bench_open(&bench, (struct bench_config){.ring_events = ring_events});
    buf_init(&expected, 1 << 20);
    for (int i = 0; i < WIDE; i++) {
        char name[32];
        snprintf(name, sizeof name, "b/%d", i);
        expect_plain(&bench, &expected, bench_put(&bench, name, name), name);
    }
    for (uint64_t seq = WIDE + 1; seq < MET + 2000; seq += 4)
        cr_assert_eq(bench_put_aliased(&bench, "x", "data", seq == MET ? "a,b/1,c" : "a,e,c"), seq);
    expect_plain(&bench, &expected, MET, "data");
    bench_turn(&bench);
    struct hub_request request = start("b/*", HUB_START_LAST, UINT64_MAX);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert_str_eq(client_events(&client), buf_cstr(&expected));
    client_close(&client);
    buf_fini(&expected);
    bench_close(&bench);
}
Test(alias, does_not_fall_between_two_turns_in_the_ring) { end_of_a_turn(100000); }
Test(alias, does_not_fall_between_two_turns_in_a_scan) { end_of_a_turn(1); }

static void long_replay(uint32_t ring_events, bool wide) {
    struct bench bench;
    struct client client;
    struct buf expected;
    bench_open(&bench, (struct bench_config){.ring_events = ring_events});
    buf_init(&expected, 1 << 22);
    for (int i = 0; wide && i < GATHER_MERGE_TOPICS + 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "b/%d", i);
        expect_plain(&bench, &expected, bench_put(&bench, name, name), name);
    }
    for (uint64_t i = 0; i < 9000; i++) {
        uint64_t seq = bench_put_aliased(&bench, "x", "data", "a,b/1,c");
        expect_plain(&bench, &expected, seq, "data");
        if (i % 100 == 0) bench_apply(&bench);
    }
    bench_turn(&bench);
    struct hub_request request = start("b/*", HUB_START_LAST, UINT64_MAX);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert_str_eq(client_events(&client), buf_cstr(&expected));
    client_close(&client);
    // One at a time.
    request.mode = HUB_SNAPSHOT;
    request.limit = 1;
    request.start = HUB_START_AFTER;
    request.seq = 0;
    request.format = FRAME_JSON;
    uint64_t want = wide ? GATHER_MERGE_TOPICS + 11 : 1;
    if (wide) request.seq = want - 1;
    for (int i = 0; i < 5; i++, want += 4) {
        char id[64];
        client_open(&bench, &client, &request);
        bench_pump(&bench);
        cr_assert(client.finished);
        snprintf(id, sizeof id, "{\"id\":\"e1-%llu\",\"topic\":\"x\"", (unsigned long long)want);
        cr_assert(strncmp(client_text(&client), id, strlen(id)) == 0, "%s", client_text(&client));
        const char *next = strstr(client_text(&client), "\"next\":\"e1-");
        cr_assert(next && strstr(next, "\"more\":true"));
        request.seq = strtoull(next + 11, NULL, 10);
        client_close(&client);
    }
    buf_fini(&expected);
    bench_close(&bench);
}
Test(alias, is_given_in_many_turns_from_the_ring, .timeout = 60) { long_replay(100000, true); }
Test(alias, is_given_in_many_turns_by_a_scan, .timeout = 60) { long_replay(1, true); }
Test(alias, is_given_in_many_turns_by_a_merge, .timeout = 60) { long_replay(1, false); }

Test(alias, keeps_the_pace) {
    struct bench bench;
    struct client client;
    fill(&bench, 3);
    struct hub_request request = start("b,c,x", HUB_START_LAST, UINT64_MAX);
    request.pace_ms = 1000;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    client_expect(&client, TWO);
    bench.now_ms += 1000;
    bench_pump(&bench);
    client_expect(&client, TWO FIVE);
    for (int i = 0; i < 4; i++) {
        bench.now_ms += 1000;
        bench_pump(&bench);
    }
    client_expect(&client, TWO FIVE SIX EIGHT);
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    client_close(&client);
    bench_close(&bench);
}

// --- pages and searches --------------------------------------------------------------------------

static struct hub_request page(const char *topics, uint64_t before, uint64_t count, bool newest) {
    struct hub_request request = start(topics, HUB_START_BEFORE, before);
    request.count = count;
    request.mode = HUB_SNAPSHOT;
    request.newest = newest;
    request.format = FRAME_TEXT;
    request.wire.framing = WIRE_RAW;
    return request;
}

static void past(uint32_t ring_events) {
    struct bench bench;
    fill(&bench, ring_events);
    struct hub_request request = page("b", UINT64_MAX, 10, false);
    expect(&bench, &request, "two\nfive\nsix\n");
    request = page("x,b,c", UINT64_MAX, 10, true);
    expect(&bench, &request, "eight\nsix\nfive\ntwo\n");
    request = page("x,b,c", 6, 10, true);
    expect(&bench, &request, "five\ntwo\n");
    request = page("b,c", 2, 10, true);
    expect(&bench, &request, "");
    request = page("x,b,c", UINT64_MAX, 10, true);
    request.filter = STR("t");
    expect(&bench, &request, "eight\ntwo\n");
    // Page by page: each once.
    struct client client;
    struct buf got;
    buf_init(&got, 1000);
    uint64_t before = UINT64_MAX;
    for (int pages = 0; before; pages++) {
        request = page("*", before, 1, false);
        request.format = FRAME_JSON;
        client_open(&bench, &client, &request);
        bench_pump(&bench);
        const char *data = strstr(client_text(&client), "\"data\":\""),
                   *previous = strstr(client_text(&client), "\"previous\":\"e1-");
        if (data) buf_printf(&got, "%.*s ", (int)strcspn(data + 8, "\""), data + 8);
        before = previous ? strtoull(previous + 15, NULL, 10) : 0;
        client_close(&client);
        cr_assert_lt(pages, 10);
    }
    cr_assert_str_eq(buf_cstr(&got), "ten eight six five two one ");
    buf_fini(&got);
    bench_close(&bench);
}
Test(alias, is_found_in_the_past_once_in_the_ring) { past(1000); }
Test(alias, is_found_in_the_past_once_in_the_store) { past(1); }

// --- what it stands for is gone ------------------------------------------------------------------

static const struct journal_topic_rule short_rule[] = {
    {.pattern = "short", .retention = {.count_max = 2}}};

// 1 short (also b 2, c 3), 4 short (also b 5, c 6), 7 b, 8 short (also b 9), 10 short (also b 11, c
// 12), 13 short (also b 14): all but the last two of `short` are gone.
static void lose(struct bench *bench, uint32_t ring_events) {
    bench_open(bench, (struct bench_config){.ring_events = ring_events,
                                            .policy = {.rules = short_rule, .rules_count = 1}});
    for (int i = 1; i <= 2; i++) bench_put_aliased(bench, "short", "gone", "b,c");
    bench_put(bench, "b", "seven");
    bench_put_aliased(bench, "short", "gone", "b");
    bench_put_aliased(bench, "short", "ten", "b,c");
    bench_put_aliased(bench, "short", "thirteen", "b");
    bench_turn(bench);
    bench_expect_trimmed(bench, "short", 8);
}

static void lost(uint32_t ring_events) {
    struct bench bench;
    lose(&bench, ring_events);
    struct hub_request request = start("b", HUB_START_AFTER, 0);
    expect(&bench, &request,
           "id: %E-4\nevent: tailrace.gap\ndata: {\"from\":\"%E-0\",\"to\":\"%E-4\",\"reason\":"
           "\"retention\"}\n\n"
           "id: %E-7\ndata: seven\n\n"
           "id: %E-8\nevent: tailrace.gap\ndata: {\"from\":\"%E-7\",\"to\":\"%E-8\",\"reason\":"
           "\"retention\"}\n\n"
           "id: %E-10\ndata: ten\n\nid: %E-13\ndata: thirteen\n\n");
    // A gap is not told again to a subscriber that comes back after it.
    request = start("b", HUB_START_AFTER, 4);
    struct client client;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert(strncmp(client_events(&client), "id: e1-7\n", 9) == 0, "%s", client_events(&client));
    client_close(&client);
    // A newest few that are whole know nothing of it.
    request = start("b", HUB_START_LAST, 2);
    expect(&bench, &request, "id: %E-10\ndata: ten\n\nid: %E-13\ndata: thirteen\n\n");
    request = start("c", HUB_START_LAST, 2);
    expect(&bench, &request,
           "id: %E-4\nevent: tailrace.gap\ndata: {\"from\":\"%E-3\",\"to\":\"%E-4\",\"reason\":"
           "\"retention\"}\n\n"
           "id: %E-10\ndata: ten\n\n");
    // Pages leave out what is gone.
    request = page("b", UINT64_MAX, 10, true);
    expect(&bench, &request, "thirteen\nten\nseven\n");
    bench_close(&bench);
}
Test(alias, of_an_event_that_is_gone_is_told_as_a_gap_from_the_ring) { lost(1000); }
Test(alias, of_an_event_that_is_gone_is_told_as_a_gap_from_the_store) { lost(1); }

Test(alias, of_an_event_that_goes_while_a_reader_is_slow_is_told_as_a_gap) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, (struct bench_config){.ring_events = 1,
                                             .policy = {.rules = short_rule, .rules_count = 1}});
    struct hub_request request = client_request("b");
    slow = (struct client){.capacity = 5};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    for (int i = 0; i < 4; i++) { // 1, 3, 5, 7
        bench_put_aliased(&bench, "short", "x", "b");
        bench_turn(&bench);
    }
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    client_expect(&slow, "id: %E-1\ndata: x\n\n"
                         "id: %E-3\nevent: tailrace.gap\ndata: {\"from\":\"%E-1\",\"to\":\"%E-3\","
                         "\"reason\":\"retention\"}\n\n"
                         "id: %E-5\ndata: x\n\nid: %E-7\ndata: x\n\n");
    cr_assert_eq(slow.subscriber.state, SUB_LIVE);
    client_close(&slow);
    bench_close(&bench);
}

Test(alias, of_a_forgotten_event_is_not_given_out_of_memory) {
    struct bench bench;
    fill(&bench, 1000);
    bench_forget(&bench, "y");
    bench_turn(&bench);
    struct hub_request request = start("b", HUB_START_AFTER, 5);
    expect(&bench, &request,
           "id: %E-6\nevent: tailrace.gap\ndata: {\"from\":\"%E-5\",\"to\":\"%E-6\",\"reason\":"
           "\"retention\"}\n\n");
    // The event goes on standing in its own topic when the alias's is forgotten.
    bench_forget(&bench, "c");
    bench_turn(&bench);
    request = start("z", HUB_START_AFTER, 5);
    expect(&bench, &request, EIGHT);
    bench_close(&bench);
}
