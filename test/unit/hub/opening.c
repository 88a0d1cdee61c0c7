// SPDX-License-Identifier: MIT
// How a response begins.
#include "hub/opening.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "support.h"

static void expect_document(const struct client *client, const char *expected) {
    cr_assert_str_eq(client_document(client), expected, "%s", client_document(client));
}

Test(opening, an_event_stream_says_when_to_come_back_and_greets) {
    struct bench bench;
    struct client plain, control;
    bench_fill(&bench, 1000);
    struct hub_request request = client_request("a");
    request.retry_ms = 1234;
    client_open(&bench, &plain, &request);
    request.control = true;
    request.retry_ms = UINT64_MAX;
    client_open(&bench, &control, &request);
    expect_document(&plain, ": tailrace\nretry: 1234\n\n");
    expect_document(&control,
                    ": tailrace\nretry: 4294967295\n\nevent: tailrace.hello\ndata: "
                    "{\"epoch\":\"e1\",\"position\":\"e1-15\",\"heartbeat\":\"1600ms\"}\n\n");
    client_close(&plain), client_close(&control);
    bench_close(&bench);
}

Test(opening, comes_before_what_has_been_told_at_the_start) {
    struct bench bench;
    struct client client;
    bench_fill(&bench, 1000);
    struct hub_request request = client_request("b");
    request.start = HUB_START_AFTER;
    request.foreign = true;
    request.foreign_id = STR("old-1");
    request.fallback = HUB_START_LAST;
    request.count = 0;
    client_open(&bench, &client, &request);
    expect_document(&client, ": tailrace\nretry: 0\n\n"
                             "id: e1-15\nevent: tailrace.gap\ndata: {\"from\":\"old-1\",\"to\":"
                             "\"e1-15\",\"reason\":\"unknown epoch\"}\n\n");
    cr_assert_eq(client.writes, 1, "all in one write");
    client_close(&client);
    bench_close(&bench);
}

Test(opening, a_quiet_stream_is_told_in_comments) {
    struct bench bench;
    struct client client;
    bench_fill(&bench, 1000);
    struct hub_request request = client_request("b");
    request.start = HUB_START_AFTER;
    request.foreign = request.quiet = true;
    request.foreign_id = STR("old\n1");
    request.fallback = HUB_START_LAST;
    request.count = 1;
    client_open(&bench, &client, &request);
    cr_assert_str_eq(hub_missing(bench.hub, &client.subscriber), "unknown epoch");
    bench_put_flags(&bench, "b", "", EVENT_CLOSE | EVENT_MARKER);
    bench_turn(&bench);
    expect_document(&client, ": tailrace\nretry: 0\n\n"
                             ": tailrace.gap {\"from\":\"old\\n1\",\"to\":\"e1-0\",\"reason\":"
                             "\"unknown epoch\"}\n\n"
                             "id: e1-10\ndata: y-5\n\n"
                             ": tailrace.end {\"topic\":\"b\"}\nid: e1-16\n\n");
    cr_assert(client.finished);
    client_close(&client);
    bench_close(&bench);
}

Test(opening, a_snapshot_lists_its_topics_within_the_grants) {
    struct bench bench;
    struct client client;
    const struct pattern grants[] = {pattern_of("a/**")};
    bench_open(&bench, (struct bench_config){0});
    bench_put(&bench, "a/1", "xy");
    bench_put(&bench, "a/2", "x");
    bench_put_flags(&bench, "a/2", "", EVENT_CLOSE | EVENT_MARKER);
    bench_put(&bench, "b", "x");
    bench_put(&bench, "a/forgotten", "x");
    bench_forget(&bench, "a/forgotten");
    bench_turn(&bench);
    struct hub_request request = client_request("**");
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    request.start = HUB_START_LAST;
    request.grants = grants;
    request.grants_count = 1;
    client_open(&bench, &client, &request);
    expect_document(&client,
                    "{\"topics\":["
                    "{\"topic\":\"a/1\",\"last_id\":\"e1-1\",\"last_time\":"
                    "\"2023-11-14T22:13:20.000Z\",\"events\":1,\"bytes\":2,\"closed\":false},"
                    "{\"topic\":\"a/2\",\"last_id\":\"e1-3\",\"last_time\":"
                    "\"2023-11-14T22:13:20.000Z\",\"events\":1,\"bytes\":1,\"closed\":true}],"
                    "\"events\":[],\"next\":\"e1-5\"}\n");
    client_close(&client);
    bench_close(&bench);
}

Test(opening, one_that_the_connection_takes_slowly_is_whole_in_the_end) {
    struct bench bench;
    struct client slow;
    bench_fill(&bench, 1000);
    struct hub_request request = client_request("b");
    request.start = HUB_START_LAST;
    request.count = 1;
    slow = (struct client){.capacity = 0, .slow_opening = true};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    cr_assert_eq(slow.subscriber.state, SUB_BLOCKED);
    while (slow.subscriber.state != SUB_LIVE) {
        client_take(&slow, 3);
        bench_pump(&bench);
    }
    expect_document(&slow, ": tailrace\nretry: 0\n\nid: e1-10\ndata: y-5\n\n");
    client_close(&slow);
    bench_close(&bench);
}

// Topics whose names take six bytes for one in JSON: 12 MB of them, which the subscriber once held
// until they were read.
Test(opening, topics_come_in_pieces_as_the_connection_takes_them) {
    enum { TOPICS = 2000 };
    struct bench bench;
    struct client client = {.capacity = 0, .slow_opening = true};
    char name[LIMIT_TOPIC_BYTES];
    memset(name, '<', sizeof name);
    bench_open(&bench, (struct bench_config){0});
    for (unsigned i = 0; i < TOPICS; i++) {
        snprintf(name + sizeof name - 10, 10, "%09u", i);
        bench_put(&bench, name, "x");
    }
    bench_put(&bench, "end", "x");
    bench_turn(&bench);
    struct hub_request request = client_request("**");
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    request.start = HUB_START_LAST;
    request.foreign = true;
    request.foreign_id = STR("old-1");
    cr_assert_eq(client_start(&bench, &client, &request), 0);
    bench_pump(&bench);
    cr_assert_lt(client.subscriber.tail->len, 128 * 1024, "holds %zu", client.subscriber.tail->len);
    while (!client.finished) {
        client_take(&client, 1000000);
        bench_pump(&bench);
        cr_assert(client.finished || client.subscriber.tail->len < 128 * 1024);
    }
    const char *document = client_document(&client);
    unsigned topics = 0;
    for (const char *at = document; (at = strstr(at, "\"topic\":")) != NULL; at++) topics++;
    cr_assert_eq(topics, TOPICS + 1, "%u", topics);
    cr_assert(strstr(document, "\"closed\":false}],\"events\":[],\"next\":"));
    client_close(&client);
    bench_close(&bench);
}

static void fill_topics(struct bench *bench, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct topic_state topic = {.topic_no = 1000 + i, .last_seq = 1, .last_ordinal = 1};
        char name[32];
        snprintf(name, sizeof name, "t/%u", i);
        topic.name = str_from(name);
        int err = hub_load_topic(bench->hub, &topic);
        cr_assert_eq(err, 0);
    }
}

// How many topics a document lists.
static unsigned count_topics(const struct client *client) {
    unsigned topics = 0;
    const char *at = client_document(client);
    for (; (at = strstr(at, "{\"topic\":\"t/")) != NULL; at++) topics++;
    return topics;
}

// 50,000 topics are found in slices: a stream begins at once, a snapshot when they are known.
Test(opening, one_of_many_topics_waits_for_them_and_nobody_else_does) {
    enum { TOPICS = 50000 };
    struct bench bench;
    struct client stream, snapshot, live;
    bench_open(&bench, (struct bench_config){0});
    bench_put(&bench, "a", "x");
    bench_turn(&bench);
    fill_topics(&bench, TOPICS);
    struct hub_request request = client_request("a");
    client_open(&bench, &live, &request);
    request = client_request("**");
    client_open(&bench, &stream, &request);
    cr_assert(stream.begun && !stream.subscriber.selector->selection->resolved);
    request = client_request("t/*");
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    client_open(&bench, &snapshot, &request);
    cr_assert(!snapshot.begun);
    bench_put(&bench, "a", "y");
    bench_apply(&bench);
    bench_deliver(&bench);
    client_expect(&live, "id: %E-2\ndata: y\n\n");
    uint64_t walked = bench.hub->walked_total;
    hub_continue(bench.hub, bench.now_ms);
    cr_assert_lt(bench.hub->walked_total - walked, TOPICS, "in slices");
    bench_pump(&bench);
    client_expect(&stream, "id: %E-2\ndata: y\n\n");
    cr_assert_eq(stream.subscriber.state, SUB_LIVE);
    cr_assert_eq(count_topics(&snapshot), TOPICS);
    bench_put(&bench, "b", "z");
    bench_turn(&bench);
    client_expect(&stream, "id: %E-2\ndata: y\n\nid: %E-3\ndata: z\n\n");
    client_close(&stream), client_close(&snapshot), client_close(&live);
    bench_close(&bench);
}

static struct hub_request poll_of(const char *topics) {
    struct hub_request request = client_request(topics);
    request.mode = HUB_WAIT;
    request.format = FRAME_TEXT;
    return request;
}

Test(opening, a_poll_of_many_topics_misses_nothing_while_they_are_found) {
    struct bench bench;
    struct client told, late, woken;
    bench_open(&bench, (struct bench_config){0});
    fill_topics(&bench, 50000);
    struct hub_request one = poll_of("t/*,b"), other = poll_of("t/*,c"), third = poll_of("t/*,d");
    client_open(&bench, &told, &one);
    client_open(&bench, &late, &other);
    client_open(&bench, &woken, &third);
    cr_assert(told.waits && late.waits && woken.waits);
    hub_wake(bench.hub, &woken.subscriber, bench.now_ms);
    bench_put(&bench, "b", "x");
    bench_turn(&bench);
    client_expect(&told, "x\n");
    cr_assert(told.finished && !late.begun);
    cr_assert(woken.finished, "its time was up before");
    cr_assert_eq(late.subscriber.state, SUB_WAITING);
    bench_put(&bench, "c", "y");
    bench_turn(&bench);
    client_expect(&late, "y\n");
    client_close(&told), client_close(&late), client_close(&woken);
    bench_close(&bench);
}

Test(opening, wires_and_sinks_have_selectors_of_their_own) {
    struct bench bench;
    struct client chunked, raw, other;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    client_open(&bench, &chunked, &request);
    request.wire.framing = WIRE_RAW;
    client_open(&bench, &raw, &request);
    const struct hub_sink copy = *request.sink;
    request.sink = &copy;
    client_open(&bench, &other, &request);
    cr_assert_neq(chunked.subscriber.selector, raw.subscriber.selector);
    cr_assert_neq(raw.subscriber.selector, other.subscriber.selector);
    uint64_t newest, sums[3];
    hub_fingerprint(bench.hub, &chunked.subscriber, &newest, &sums[0]);
    hub_fingerprint(bench.hub, &raw.subscriber, &newest, &sums[1]);
    hub_fingerprint(bench.hub, &other.subscriber, &newest, &sums[2]);
    cr_assert(sums[0] == sums[1] && sums[1] == sums[2], "the way out is no part of the answer");
    bench_put(&bench, "a", "x");
    bench_turn(&bench);
    client_expect(&chunked, "id: %E-1\ndata: x\n\n");
    client_expect(&raw, "id: %E-1\ndata: x\n\n");
    client_expect(&other, "id: %E-1\ndata: x\n\n");
    client_close(&chunked), client_close(&raw), client_close(&other);
    bench_close(&bench);
}
