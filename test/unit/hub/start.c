// SPDX-License-Identifier: MIT
// Where a subscriber begins.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support.h"

static struct hub_request start(const char *topics, enum hub_start_kind kind, uint64_t count) {
    struct hub_request request = client_request(topics);
    request.start = kind;
    request.count = count;
    return request;
}

static struct hub_request after(const char *topics, uint64_t seq) {
    struct hub_request request = start(topics, HUB_START_AFTER, 0);
    request.seq = seq;
    request.committed = UINT64_MAX / 2;
    request.foreign_id = STR("old-5");
    return request;
}

// What a subscription gives at once: the seqs, as text.
static void expect_seqs(struct bench *bench, const struct hub_request *request, const char *seqs) {
    struct client client;
    struct buf got;
    buf_init(&got, 1 << 20);
    client_open(bench, &client, request);
    bench_pump(bench);
    for (const char *at = client_events(&client); (at = strstr(at, "id: ")) != NULL; at++) {
        if (got.len) buf_append_char(&got, ' ');
        at = strchr(at, '-') + 1;
        buf_append(&got, at, strcspn(at, "\n"));
    }
    cr_assert_str_eq(buf_cstr(&got), seqs);
    client_close(&client);
    buf_fini(&got);
}

static void starts_from(uint32_t ring_events) {
    struct bench bench;
    bench_fill(&bench, ring_events);
    struct hub_request request = start("a", HUB_START_LAST, 3);
    expect_seqs(&bench, &request, "13 14 15");
    request = start("a", HUB_START_LAST, 7);
    expect_seqs(&bench, &request, "4 5 11 12 13 14 15");
    request = start("a,b", HUB_START_LAST, 2);
    expect_seqs(&bench, &request, "9 10 14 15");
    request = start("**", HUB_START_LAST, 6);
    expect_seqs(&bench, &request, "5 6 7 8 9 10 11 12 13 14 15");
    request = start("a", HUB_START_LAST, 0);
    expect_seqs(&bench, &request, "");
    request = start("b", HUB_START_LAST, 100);
    expect_seqs(&bench, &request, "6 7 8 9 10");
    request = start("a", HUB_START_LAST, UINT64_MAX);
    expect_seqs(&bench, &request, "1 2 3 4 5 11 12 13 14 15");
    request = start("none", HUB_START_LAST, 1);
    expect_seqs(&bench, &request, "");
    request = start("a,b", HUB_START_LIVE, 0);
    expect_seqs(&bench, &request, "");
    request = after("a", 4);
    expect_seqs(&bench, &request, "5 11 12 13 14 15");
    request = after("a,b", 8);
    expect_seqs(&bench, &request, "9 10 11 12 13 14 15");
    request = after("a", 15);
    expect_seqs(&bench, &request, "");
    request = after("b", 0);
    expect_seqs(&bench, &request, "6 7 8 9 10");
    bench_close(&bench);
}

Test(start, from_the_ring) { starts_from(1000); }
Test(start, from_the_journal) { starts_from(1); }
Test(start, from_both) { starts_from(6); }

Test(start, goes_on_live_after_a_list) {
    struct bench bench;
    struct client client;
    bench_fill(&bench, 6);
    struct hub_request request = start("a,b", HUB_START_LAST, 1);
    client_open(&bench, &client, &request);
    bench_put(&bench, "b", "live");
    bench_turn(&bench);
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    cr_assert_null(client.subscriber.replay, "nothing is kept for it");
    client_expect(&client,
                  "id: %E-10\ndata: y-5\n\nid: %E-15\ndata: z-5\n\nid: %E-16\ndata: live\n\n");
    client_close(&client);
    bench_close(&bench);
}

Test(start, since_a_time) {
    struct bench bench;
    bench_open(&bench, (struct bench_config){.ring_events = 4});
    uint64_t times[12];
    for (int i = 1; i <= 10; i++) {
        uint64_t seq = bench_put(&bench, i % 2 ? "a" : "b", "x");
        cr_assert_eq(seq, (uint64_t)i);
        bench_turn(&bench);
        times[i] = bench.hub->last_time_ms;
        bench.time_ms += 7;
    }
    struct hub_request request = start("a,b", HUB_START_TIME, 0);
    request.time_ms = times[3];
    expect_seqs(&bench, &request, "3 4 5 6 7 8 9 10");
    request.time_ms = times[8] + 1;
    expect_seqs(&bench, &request, "9 10");
    request.time_ms = times[10] + 1;
    expect_seqs(&bench, &request, "");
    request.time_ms = 0;
    expect_seqs(&bench, &request, "1 2 3 4 5 6 7 8 9 10");
    bench_close(&bench);
}

Test(start, since_a_time_counts_for_topics_in_memory_too) {
    struct bench bench;
    static const struct journal_topic_rule rule = {.pattern = "m/**", .memory = true};
    bench_open(&bench, (struct bench_config){.policy = {.rules = &rule, .rules_count = 1}});
    for (int i = 1; i <= 3; i++) {
        bench_put(&bench, "m/1", "x");
        bench_turn(&bench);
        bench.time_ms++;
    }
    struct hub_request request = start("m/1", HUB_START_TIME, 0);
    request.time_ms = bench.hub->last_time_ms;
    expect_seqs(&bench, &request, "3");
    bench_close(&bench);
}

Test(start, topics_in_memory_are_served_from_the_ring_and_their_loss_is_told) {
    struct bench bench;
    struct client client;
    static const struct journal_topic_rule rule = {.pattern = "m/**", .memory = true};
    bench_open(&bench, (struct bench_config){.policy = {.rules = &rule, .rules_count = 1},
                                             .ring_events = 6});
    bench_put_many(&bench, "m/1", "x", 3);
    bench_turn(&bench);
    bench_put_many(&bench, "s", "y", 3);
    bench_turn(&bench);
    struct hub_request request = start("m/1,s", HUB_START_LAST, 2);
    expect_seqs(&bench, &request, "2 3 5 6");
    request = start("m/1", HUB_START_LAST, UINT64_MAX);
    expect_seqs(&bench, &request, "1 2 3");
    bench_put_many(&bench, "m/1", "z", 3);
    bench_turn(&bench); // 1..3 leave the ring
    expect_seqs(&bench, &request, "7 8 9");
    request = start("m/1", HUB_START_LAST, 2);
    expect_seqs(&bench, &request, "8 9");
    request = after("m/1", 1);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    client_expect(
        &client,
        "id: %E-3\nevent: tailrace.gap\ndata: {\"from\":\"%E-1\",\"to\":\"%E-3\",\"reason\":"
        "\"retention\"}\n\n"
        "id: %E-7\ndata: z-1\n\nid: %E-8\ndata: z-2\n\nid: %E-9\ndata: z-3\n\n");
    client_close(&client);
    bench_close(&bench);
}

Test(start, an_id_of_another_journal_is_told_and_the_fallback_applies) {
    struct bench bench;
    struct client client;
    bench_fill(&bench, 1000);
    struct hub_request request = after("b", 3);
    request.foreign = true;
    request.fallback = HUB_START_AFTER;
    client_open(&bench, &client, &request);
    cr_assert(strstr(client_events(&client), "event: tailrace.gap\ndata: {\"from\":\"old-5\""));
    cr_assert(strstr(client_events(&client), "unknown epoch"));
    cr_assert(strstr(client_events(&client), "data: y-1\n") &&
              strstr(client_events(&client), "data: y-5\n"));
    client_close(&client);
    request.fallback = HUB_START_LAST;
    request.count = 1;
    client_open(&bench, &client, &request);
    cr_assert(strstr(client_events(&client), "unknown epoch"));
    cr_assert(!strstr(client_events(&client), "data: y-4\n") &&
              strstr(client_events(&client), "data: y-5\n"));
    client_close(&client);
    bench_close(&bench);
}

Test(start, an_id_that_was_never_given_is_told) {
    struct bench bench;
    struct client client;
    bench_fill(&bench, 1000);
    struct hub_request request = after("b", 16);
    request.committed = 15;
    request.fallback = HUB_START_AFTER;
    client_open(&bench, &client, &request);
    cr_assert(strstr(client_events(&client), "unknown id"));
    cr_assert(strstr(client_events(&client), "data: y-1\n"));
    client_close(&client);
    bench_close(&bench);
}

// Another worker was faster and its client came to us.
Test(start, an_id_that_this_hub_has_not_seen_yet_is_waited_for) {
    struct bench bench;
    struct client stream, snapshot;
    bench_fill(&bench, 1000);
    bench_put_many(&bench, "b", "new", 2); // 16, 17: committed, not applied
    struct hub_request request = after("b", 16), json = request;
    request.committed = json.committed = 17;
    json.mode = HUB_SNAPSHOT;
    json.format = FRAME_JSON;
    client_open(&bench, &stream, &request);
    client_open(&bench, &snapshot, &json);
    hub_continue(bench.hub, bench.now_ms);
    cr_assert_str_eq(client_events(&stream), "");
    cr_assert_neq(stream.subscriber.state, SUB_LIVE);
    cr_assert(snapshot.finished);
    client_expect(&snapshot, "],\"next\":\"%E-16\"}\n");
    bench_turn(&bench);
    client_expect(&stream, "id: %E-17\ndata: new-2\n\n");
    cr_assert_eq(stream.subscriber.state, SUB_LIVE);
    client_close(&stream), client_close(&snapshot);
    bench_close(&bench);
}

// Its `next` is where the client goes on: never before what it has already.
Test(start, a_long_poll_with_an_id_that_this_hub_has_not_seen_yet_keeps_it) {
    struct bench bench;
    struct client timed;
    bench_fill(&bench, 1000);
    bench_put(&bench, "b", "new"); // 16: committed, not applied
    struct hub_request request = after("b", 16);
    request.committed = 16;
    request.mode = HUB_WAIT;
    request.format = FRAME_JSON;
    client_open(&bench, &timed, &request);
    cr_assert(timed.waits);
    hub_wake(bench.hub, &timed.subscriber, bench.now_ms);
    bench_pump(&bench);
    cr_assert(timed.finished);
    client_expect(&timed, "],\"next\":\"%E-16\"}\n");
    client_close(&timed);
    bench_close(&bench);
}

Test(start, a_list_that_is_long_enough_for_all_tells_of_no_gap) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){0});
    for (int i = 0; i < 2 * GATHER_MERGE_TOPICS; i++) {
        char name[32];
        snprintf(name, sizeof name, "t/%d", i);
        bench_put(&bench, name, "x");
    }
    bench_turn(&bench);
    struct hub_request request = start("t/*", HUB_START_LAST, 1000000);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert_null(strstr(client_events(&client), "gap"));
    cr_assert(strstr(client_events(&client), "-128\n"));
    client_close(&client);
    bench_close(&bench);
}

Test(start, a_snapshot_ends_where_it_began_in_every_format) {
    struct bench bench;
    struct client client;
    bench_fill(&bench, 6);
    struct hub_request request = start("b", HUB_START_LAST, 2);
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert(client.finished);
    const char *text = client_events(&client);
    const char *one = strstr(text, "{\"id\":"), *two = strstr(text, "},{\"id\":");
    cr_assert(one == text && two, "%s", text);
    cr_assert(strstr(two, "\"data\":\"y-5\"}],\"next\":\""), "%s", text);
    client_close(&client);
    request.format = FRAME_NDJSON;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert(client.finished);
    text = client_events(&client);
    cr_assert(strstr(text, "\"data\":\"y-4\"}\n{\"id\":\"") && strstr(text, "\"data\":\"y-5\"}\n"),
              "%s", text);
    client_close(&client);
    request.format = FRAME_TEXT;
    request.wire.framing = WIRE_RAW;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    client_expect(&client, "y-4\ny-5\n");
    client_close(&client);
    // What comes while it is being sent is not in it.
    request = start("a", HUB_START_LAST, UINT64_MAX);
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    client = (struct client){.capacity = 100};
    cr_assert_eq(client_start(&bench, &client, &request), 0);
    bench_put_many(&bench, "a", "new", 20);
    bench_turn(&bench);
    for (int i = 0; i < 1000 && !client.finished; i++) {
        client_take(&client, 37);
        bench_turn(&bench);
    }
    cr_assert(client.finished);
    text = client_events(&client);
    cr_assert_null(strstr(text, "new"), "%s", text);
    cr_assert(strstr(text, "z-5\"}],\"next\":\""), "%s", text);
    int elements = 0;
    for (const char *at = text; (at = strstr(at, "\"data\":")) != NULL; at++) elements++;
    cr_assert_eq(elements, 10);
    for (const char *at = text + 1; (at = strstr(at, "{\"id\"")) != NULL; at++)
        cr_assert_eq(at[-1], ',');
    client_close(&client);
    bench_close(&bench);
}

Test(start, a_long_poll_waits_for_something_that_it_wants) {
    struct bench bench;
    struct client woken, timed, ready;
    bench_fill(&bench, 1000);
    struct hub_request request = after("b", 10);
    request.mode = HUB_WAIT;
    request.format = FRAME_JSON;
    client_open(&bench, &woken, &request);
    client_open(&bench, &timed, &request);
    cr_assert(woken.waits && timed.waits);
    bench_put(&bench, "a", "no");
    bench_turn(&bench);
    cr_assert(!woken.begun);
    hub_wake(bench.hub, &timed.subscriber, bench.now_ms);
    bench_pump(&bench);
    cr_assert(timed.finished);
    client_expect(&timed, "],\"next\":\"%E-16\"}\n");
    bench_put(&bench, "b", "yes");
    bench_turn(&bench);
    cr_assert(woken.finished);
    cr_assert(strstr(client_events(&woken), "\"data\":\"yes\"}],\"next\":\""));
    request.seq = 9;
    client_open(&bench, &ready, &request);
    cr_assert(!ready.waits);
    client_close(&woken), client_close(&timed), client_close(&ready);
    bench_close(&bench);
}

Test(start, a_long_poll_is_answered_when_its_topic_is_closed) {
    struct bench bench;
    struct client client;
    bench_fill(&bench, 1000);
    struct hub_request request = after("b", 10);
    request.mode = HUB_WAIT;
    request.format = FRAME_JSON;
    client_open(&bench, &client, &request);
    cr_assert(client.waits);
    bench_put_flags(&bench, "b", "", EVENT_CLOSE | EVENT_MARKER);
    bench_turn(&bench);
    cr_assert(client.finished);
    client_close(&client);
    bench_close(&bench);
}

// The history to be looked through is bounded by nothing but retention: a turn must not be.
Test(start, a_long_poll_with_a_filter_does_not_read_everything_in_one_turn) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    for (int i = 0; i < 25; i++) {
        bench_put_many(&bench, "a", "x", 4000);
        bench_turn(&bench);
    }
    struct hub_request request = start("a", HUB_START_LAST, UINT64_MAX);
    request.mode = HUB_WAIT;
    request.format = FRAME_JSON;
    request.filter = STR("nothing");
    client_open(&bench, &client, &request);
    cr_assert_lt(bench.hub->looked_total, 50000, "%d", (int)bench.hub->looked_total);
    cr_assert(!client.waits);
    bench_pump(&bench);
    cr_assert(client.finished);
    client_expect(&client, "],\"next\":\"%E-100000\"}\n");
    client_close(&client);
    bench_close(&bench);
}

// The ring was walked from its beginning for each of them.
Test(start, a_time_among_recent_events_is_found_without_a_walk) {
    enum { EVENTS = 50000, STARTS = 10000 };
    struct bench bench;
    static const struct journal_topic_rule memory = {.pattern = "a", .memory = true};
    bench_open(&bench, (struct bench_config){.ring_events = 2 * EVENTS,
                                             .policy = {.rules = &memory, .rules_count = 1}});
    for (int i = 0; i < 50; i++) {
        bench.time_ms += 1000;
        bench_put_many(&bench, "a", "x", EVENTS / 50);
        bench_turn(&bench);
    }
    struct hub_request request = client_request("a");
    request.start = HUB_START_TIME;
    clock_t began = clock();
    for (int i = 0; i < STARTS; i++) {
        struct client client = {.capacity = UNLIMITED};
        uint64_t back = (uint64_t)i % 5;
        request.time_ms = bench.time_ms - back * 1000;
        bool waits;
        client.bench = &bench;
        cr_assert_eq(hub_subscribe(bench.hub, &client.subscriber, &request, 0, &waits, NULL), 0);
        cr_assert_eq(client.subscriber.cursor, (49 - back) * (EVENTS / 50));
        hub_remove(bench.hub, &client.subscriber);
    }
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    cr_assert_lt(seconds, 0.3, "%.2f s", seconds);
    bench_close(&bench);
}
