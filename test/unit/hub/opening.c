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

// Topics whose names take six bytes for one in JSON: 64 MB of them.
Test(opening, one_that_is_too_long_is_refused_and_leaves_nothing) {
    struct bench bench;
    struct client client = {.capacity = UNLIMITED};
    struct hub_counts counts;
    char name[LIMIT_TOPIC_BYTES];
    memset(name, '<', sizeof name);
    bench_open(&bench, (struct bench_config){0});
    for (unsigned i = 0; i < LIMIT_TAIL_BYTES / (LIMIT_TOPIC_BYTES - 10) / 6 + 1; i++) {
        snprintf(name + sizeof name - 10, 10, "%09u", i);
        bench_put(&bench, name, "x");
    }
    bench_turn(&bench);
    struct hub_request request = client_request("**");
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    request.start = HUB_START_LAST;
    cr_assert_eq(client_start(&bench, &client, &request), ERR_TOO_LONG);
    cr_assert(!client.begun && !client.writes && !client.broken);
    hub_remove(bench.hub, &client.subscriber);
    hub_counts(bench.hub, &counts);
    cr_assert_eq(counts.subscribers, 0);
    buf_fini(&client.got);
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
