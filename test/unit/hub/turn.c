// SPDX-License-Identifier: MIT
// The time of a turn: whatever some ask for, the others are served, and nobody misses anything.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

TestSuite(turn, .timeout = 60);

#define TURN_US 10000

// A clock by which everything takes long.
static uint64_t now_us, step_us;

static uint64_t slow_clock_us(void) { return now_us += step_us; }

static void open_slow(struct bench *bench, uint64_t step) {
    bench_open(bench, (struct bench_config){.ring_events = 2000});
    bench->hub->budget.clock_us = slow_clock_us;
    bench->hub->budget.turn_us = TURN_US;
    now_us = 0;
    step_us = step;
}

// True: there is more to do.
static bool turn(struct bench *bench) {
    hub_turn(bench->hub, now_us);
    bench_apply(bench);
    bench_deliver(bench);
    return hub_continue(bench->hub, bench->now_ms);
}

static void put_some(struct bench *bench, struct buf *expected, int from, int to) {
    for (int i = from; i < to; i++) {
        char data[32];
        snprintf(data, sizeof data, "%s %d", i % 3 ? "ok" : "error", i);
        uint64_t seq = bench_put(bench, "a", data);
        if (i % 3 == 0) expect_plain(bench, expected, seq, data);
    }
}

Test(turn, what_filters_have_no_time_for_comes_later_in_order) {
    struct bench bench;
    struct client plain, filtered, slow;
    struct buf expected;
    buf_init(&expected, 1 << 20);
    open_slow(&bench, 1000);
    struct hub_request request = client_request("a");
    client_open(&bench, &plain, &request);
    request.filter = STR("/^error/");
    client_open(&bench, &filtered, &request);
    slow = (struct client){.capacity = 200};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    put_some(&bench, &expected, 0, 60);
    hub_turn(bench.hub, now_us);
    bench_apply(&bench);
    bench_deliver(&bench);
    cr_assert(strstr(client_events(&plain), "ok 59"), "others do not wait");
    cr_assert(strstr(client_events(&filtered), "error 6"), "there was some time");
    cr_assert(!strstr(client_events(&filtered), "error 57"));
    cr_assert_eq(filtered.subscriber.state, SUB_PUMPED);
    // More comes meanwhile.
    put_some(&bench, &expected, 60, 90);
    uint64_t looked = bench.hub->looked_total;
    while (turn(&bench)) {
        cr_assert_leq(bench.hub->looked_total - looked, 2 * TURN_US / 1000);
        looked = bench.hub->looked_total;
    }
    cr_assert_eq(filtered.subscriber.state, SUB_LIVE);
    client_take(&slow, UNLIMITED);
    while (turn(&bench)) continue;
    put_some(&bench, &expected, 90, 93);
    while (turn(&bench)) continue;
    cr_assert_str_eq(client_events(&filtered), buf_cstr(&expected));
    cr_assert_str_eq(client_events(&slow), buf_cstr(&expected));
    client_close(&plain), client_close(&filtered), client_close(&slow);
    buf_fini(&expected);
    bench_close(&bench);
}

// The selector has the alias's topic only: behind the event the alias would be passed over.
Test(turn, an_alias_without_time_for_its_filter_is_not_lost) {
    struct bench bench;
    struct client client;
    open_slow(&bench, TURN_US);
    struct hub_request request = client_request("b");
    request.filter = STR("e");
    client_open(&bench, &client, &request);
    bench_put_aliased(&bench, "a", "one", "b");
    hub_turn(bench.hub, now_us);
    bench_apply(&bench);
    bench_deliver(&bench);
    client_expect(&client, "");
    while (turn(&bench)) continue;
    client_expect(&client, "id: %E-1\ndata: one\n\n");
    client_close(&client);
    bench_close(&bench);
}

Test(turn, a_long_poll_whose_filter_had_no_time_is_answered) {
    struct bench bench;
    struct client client;
    open_slow(&bench, TURN_US);
    struct hub_request request = client_request("a");
    request.filter = STR("hit");
    request.mode = HUB_WAIT;
    request.format = FRAME_JSON;
    client_open(&bench, &client, &request);
    cr_assert(client.waits);
    bench_put(&bench, "a", "a hit");
    while (turn(&bench)) continue;
    cr_assert(client.finished);
    cr_assert(strstr(client_text(&client), "\"data\":\"a hit\"}],\"next\":\"e1-1\""), "%s",
              client_text(&client));
    client_close(&client);
    bench_close(&bench);
}

Test(turn, a_replay_looks_at_one_event_more_when_the_time_is_over) {
    enum { CLIENTS = 5 };
    struct bench bench;
    static struct client clients[CLIENTS];
    open_slow(&bench, 0);
    for (int i = 0; i < 5; i++) bench_put_many(&bench, "a", "x", 200);
    bench_turn(&bench);
    struct hub_request request = client_request("a");
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    request.filter = STR("/x-7$/");
    // Their requests come in a turn that has no time left.
    hub_turn(bench.hub, now_us);
    step_us = TURN_US;
    uint64_t looked = bench.hub->looked_total;
    for (int i = 0; i < CLIENTS; i++) client_open(&bench, &clients[i], &request);
    cr_assert_eq(bench.hub->looked_total, looked, "they have begun, and look at events later");
    step_us = 1000;
    for (bool more = true; more; looked = bench.hub->looked_total) {
        more = turn(&bench);
        cr_assert_leq(bench.hub->looked_total - looked, 2 * TURN_US / 1000);
        cr_assert(!more || bench.hub->looked_total > looked, "each turn gets on");
    }
    for (int i = 0; i < CLIENTS; i++) {
        client_expect(&clients[i], "id: %E-7\ndata: x-7\n\nid: %E-207\ndata: x-7\n\n"
                                   "id: %E-407\ndata: x-7\n\nid: %E-607\ndata: x-7\n\n"
                                   "id: %E-807\ndata: x-7\n\n");
        client_close(&clients[i]);
    }
    bench_close(&bench);
}

// --- filters that give up ------------------------------------------------------------------------

#define COSTLY STR("/(a+)+[bc]|hit/")

// "hit" first, then many that the filter runs into its budget with.
static void put_costly(struct bench *bench, uint32_t count) {
    char data[101];
    memset(data, 'a', 100);
    data[100] = '\0';
    bench_put(bench, "a", "hit");
    for (uint32_t i = 0; i < count; i++) bench_put(bench, "a", data);
}

Test(turn, a_filter_that_gives_up_ends_its_streams_and_no_others) {
    struct bench bench;
    struct client live, old, other;
    bench_open(&bench, (struct bench_config){.ring_events = 100});
    struct hub_request request = client_request("a"), plain = request;
    request.filter = COSTLY;
    client_open(&bench, &live, &request);
    client_open(&bench, &other, &plain);
    put_costly(&bench, 20);
    bench_turn(&bench);
    // Of the events 2 to 11 nobody knows whether they match.
    client_expect(&live, "id: %E-1\ndata: hit\n\n"
                         "id: %E-11\nevent: tailrace.gap\n"
                         "data: {\"from\":\"%E-1\",\"to\":\"%E-11\",\"reason\":\"filter\"}\n\n");
    cr_assert(live.finished && !live.broken, "a clean end");
    cr_assert_eq(other.subscriber.state, SUB_LIVE);
    client_close(&live);
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    client_open(&bench, &old, &request);
    bench_pump(&bench);
    cr_assert(old.finished && !old.broken);
    cr_assert(strstr(client_events(&old), "data: hit"));
    cr_assert(strstr(client_events(&old), "\"reason\":\"filter\"}"), "a replay is the same");
    client_close(&old), client_close(&other);
    bench_close(&bench);
}

Test(turn, a_filter_that_gives_up_is_told_in_answers_that_end) {
    struct bench bench;
    struct client snapshot, wait, search;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    put_costly(&bench, 20);
    bench_turn(&bench);
    struct hub_request request = client_request("a");
    request.filter = COSTLY;
    request.format = FRAME_JSON;
    request.mode = HUB_SNAPSHOT;
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    client_open(&bench, &snapshot, &request);
    bench_pump(&bench);
    cr_assert(snapshot.finished);
    const char *text = client_text(&snapshot);
    cr_assert(strstr(text, "\"data\":\"hit\""), "%s", text);
    cr_assert(strstr(text, "\\\"reason\\\":\\\"filter\\\""), "%s", text);
    cr_assert(strstr(text, "],\"next\":\"e1-11\",\"more\":true}"), "%s", text);
    client_close(&snapshot);

    request.mode = HUB_WAIT;
    request.start = HUB_START_LIVE;
    client_open(&bench, &wait, &request);
    cr_assert(wait.waits);
    put_costly(&bench, 0);
    bench_turn(&bench);
    cr_assert(wait.finished);
    cr_assert(!strstr(client_text(&wait), "tailrace.gap"));
    client_close(&wait);

    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_NDJSON;
    request.start = HUB_START_BEFORE;
    request.seq = UINT64_MAX;
    request.newest = request.control = true;
    client_open(&bench, &search, &request);
    bench_pump(&bench);
    cr_assert(search.finished);
    text = client_text(&search);
    cr_assert(strstr(text, "\"data\":\"hit\""), "%s", text);
    cr_assert(strstr(text, "\"type\":\"tailrace.gap\""), "%s", text);
    cr_assert(strstr(text, "\\\"to\\\":\\\"e1-11\\\",\\\"reason\\\":\\\"filter\\\""), "%s", text);
    cr_assert(strstr(text, "\\\"complete\\\":false"), "%s", text);
    client_close(&search);
    bench_close(&bench);
}
