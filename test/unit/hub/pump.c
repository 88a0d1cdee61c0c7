// SPDX-License-Identifier: MIT
// Subscribers that are behind: slow ones, paced ones, those whom retention overtakes; and the proof
// by chance that each gets everything once and in order.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static struct hub_request all_of(const char *topics) {
    struct hub_request request = client_request(topics);
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    return request;
}

static struct hub_request after(const char *topics, uint64_t seq) {
    struct hub_request request = client_request(topics);
    request.start = HUB_START_AFTER;
    request.seq = seq;
    return request;
}

static const struct journal_topic_rule short_rule[] = {
    {.pattern = "short", .retention = {.count_max = 10}},
    {.pattern = "shorter", .retention = {.count_max = 5}},
};
static struct bench_config with_retention(uint32_t ring_events) {
    return (struct bench_config){.ring_events = ring_events,
                                 .policy = {.rules = short_rule, .rules_count = 2}};
}

Test(pump, who_falls_out_of_the_ring_is_served_from_the_journal) {
    struct bench bench;
    struct client slow;
    struct buf expected;
    bench_open(&bench, (struct bench_config){.ring_events = 10});
    buf_init(&expected, 1 << 24);
    struct hub_request request = client_request("a");
    client_open(&bench, &slow, &request);
    slow.capacity = 20;
    for (uint64_t i = 0; i < 500; i++) {
        bench_put_many(&bench, "a", "x", 2);
        bench_turn(&bench);
        expect_plain(&bench, &expected, 2 * i + 1, "x-1");
        expect_plain(&bench, &expected, 2 * i + 2, "x-2");
    }
    while (slow.wants_writable) {
        client_take(&slow, 4096);
        bench_turn(&bench);
    }
    cr_assert_eq(slow.subscriber.state, SUB_LIVE);
    cr_assert_str_eq(client_events(&slow), buf_cstr(&expected));
    client_close(&slow);
    buf_fini(&expected);
    bench_close(&bench);
}

Test(pump, what_retention_took_from_a_slow_reader_is_told) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, with_retention(5));
    struct hub_request request = client_request("short");
    client_open(&bench, &slow, &request);
    slow.capacity = 0;
    bench_put(&bench, "short", "x");
    bench_turn(&bench);
    cr_assert(slow.wants_writable);
    for (int i = 0; i < 10; i++) {
        bench_put_many(&bench, "short", "x", 5);
        bench_turn(&bench);
    }
    bench_expect_trimmed(&bench, "short", 41);
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    struct buf expected;
    buf_init(&expected, 1 << 20);
    buf_append_str(&expected,
                   STR("id: %E-41\nevent: tailrace.gap\ndata: {\"from\":\"%E-0\",\"to\":\"%E-41\","
                       "\"reason\":\"retention\"}\n\n"));
    for (int seq = 42; seq <= 51; seq++)
        buf_printf(&expected, "id: %%E-%d\ndata: x-%d\n\n", seq, (seq - 2) % 5 + 1);
    client_expect(&slow, buf_cstr(&expected));
    buf_fini(&expected);
    client_close(&slow);
    bench_close(&bench);
}

Test(pump, half_an_event_that_retention_took_is_finished_before_the_gap) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, with_retention(5));
    struct hub_request request = client_request("short");
    client_open(&bench, &slow, &request);
    slow.capacity = 12;
    bench_put(&bench, "short", "x");
    bench_turn(&bench);
    cr_assert(slow.subscriber.parcel);
    for (int i = 0; i < 10; i++) {
        bench_put_many(&bench, "short", "x", 5);
        bench_turn(&bench);
    }
    bench_expect_trimmed(&bench, "short", 41);
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    struct buf expected;
    buf_init(&expected, 1 << 20);
    buf_append_str(&expected,
                   STR("id: %E-1\ndata: x\n\n"
                       "id: %E-41\nevent: tailrace.gap\ndata: {\"from\":\"%E-1\",\"to\":\"%E-41\","
                       "\"reason\":\"retention\"}\n\n"));
    for (int seq = 42; seq <= 51; seq++)
        buf_printf(&expected, "id: %%E-%d\ndata: x-%d\n\n", seq, (seq - 2) % 5 + 1);
    client_expect(&slow, buf_cstr(&expected));
    buf_fini(&expected);
    client_close(&slow);
    bench_close(&bench);
}

// What follows a half event must not be gathered while its loss has not been looked for: the cursor
// would pass what is gone.
Test(pump, a_loss_while_an_event_is_half_sent_is_told) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, with_retention(1));
    bench_put(&bench, "kept", "first");        // 1
    bench_put_many(&bench, "short", "old", 9); // 2..10
    bench_put(&bench, "kept", "second");       // 11
    bench_turn(&bench);
    struct hub_request request = all_of("kept,short");
    slow = (struct client){.capacity = 12};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    cr_assert(slow.subscriber.parcel);
    bench_put_many(&bench, "short", "new", 8); // 12..19: 2..8 go
    bench_turn(&bench);
    bench_expect_trimmed(&bench, "short", 8);
    // A little at a time, so that it is half through an event again and again.
    while (slow.wants_writable) client_take(&slow, 12);
    const char *text = client_events(&slow);
    const char *first = strstr(text, "data: first\n"), *gap = strstr(text, "tailrace.gap"),
               *next = strstr(text, "data: old-8\n");
    cr_assert(first && gap && next, "%s", text);
    cr_assert(first < gap && gap < next, "%s", text);
    cr_assert_null(strstr(text, "old-7"));
    cr_assert(strstr(text, "data: new-8\n"));
    client_close(&slow);
    bench_close(&bench);
}

// The gap's id must not stand behind events of other topics that are still to come.
Test(pump, a_gap_in_one_topic_does_not_lose_the_others_at_a_reconnect) {
    struct bench bench;
    struct client client;
    bench_open(&bench, with_retention(1));
    bench_put(&bench, "kept", "mine");
    bench_put_many(&bench, "short", "x", 30);
    bench_turn(&bench);
    bench_expect_trimmed(&bench, "short", 21);
    struct hub_request request = after("kept,short", 0);
    request.seq = 0;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    const char *text = client_events(&client);
    cr_assert(strstr(text, "event: tailrace.gap\ndata: {"));
    cr_assert_eq(strncmp(text, "event: tailrace.gap", 19), 0,
                 "no id: it stands at the beginning\n%s", text);
    cr_assert(strstr(text, "-1\ndata: mine\n"));
    client_close(&client);
    bench_close(&bench);
}

// Trimming elsewhere, further on, must not hide what is lost here.
Test(pump, a_loss_is_told_though_another_topic_was_trimmed_further_before) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, with_retention(1));
    bench_put_many(&bench, "shorter", "old", 5); // 1..5
    bench_put_many(&bench, "short", "x", 30);    // 6..35, trimmed to 25
    bench_turn(&bench);
    bench_expect_trimmed(&bench, "short", 25);
    struct hub_request request = all_of("shorter,short");
    slow = (struct client){.capacity = 0};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    bench_put_many(&bench, "shorter", "new", 5); // 36..40: 1..5 go
    bench_turn(&bench);
    bench_expect_trimmed(&bench, "shorter", 5);
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    const char *text = client_events(&slow);
    cr_assert(strstr(text, "tailrace.gap"), "%s", text);
    cr_assert_null(strstr(text, "old-"));
    cr_assert(strstr(text, "new-5"));
    client_close(&slow);
    bench_close(&bench);
}

Test(pump, trimming_of_what_a_newest_few_did_not_ask_for_is_no_loss) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, with_retention(1));
    bench_put_many(&bench, "short", "x", 9); // 1..9
    bench_put(&bench, "b", "y");
    bench_turn(&bench);
    struct hub_request request = client_request("short,b");
    request.start = HUB_START_LAST;
    request.count = 3;
    slow = (struct client){.capacity = 0};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    bench_put_many(&bench, "short", "new", 4); // 11..14: 1..3 go
    bench_turn(&bench);
    bench_expect_trimmed(&bench, "short", 3);
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    client_expect(&slow,
                  "id: %E-7\ndata: x-7\n\nid: %E-8\ndata: x-8\n\nid: %E-9\ndata: x-9\n\n"
                  "id: %E-10\ndata: y\n\n"
                  "id: %E-11\ndata: new-1\n\nid: %E-12\ndata: new-2\n\nid: %E-13\ndata: new-3\n\n"
                  "id: %E-14\ndata: new-4\n\n");
    client_close(&slow);
    bench_close(&bench);
}

Test(pump, a_topic_that_was_forgotten_is_told_to_who_is_behind_and_comes_back) {
    struct bench bench;
    struct client slow, exact, pattern;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    struct hub_request request = client_request("a"), all = client_request("*");
    client_open(&bench, &exact, &request);
    client_open(&bench, &pattern, &all);
    slow = (struct client){.capacity = 0};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    bench_put_many(&bench, "a", "x", 3);
    bench_turn(&bench);
    bench_forget(&bench, "a");
    bench_turn(&bench);
    bench_put(&bench, "a", "again");
    bench_turn(&bench);
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    const char *three = "id: %E-1\ndata: x-1\n\nid: %E-2\ndata: x-2\n\nid: %E-3\ndata: x-3\n\n"
                        "id: %E-4\ndata: again\n\n";
    client_expect(&exact, three);
    client_expect(&pattern, three);
    cr_assert(strstr(client_events(&slow), "tailrace.gap"));
    cr_assert(strstr(client_events(&slow), "again"));
    client_close(&slow), client_close(&exact), client_close(&pattern);
    bench_close(&bench);
}

// The row of an empty topic goes when there are nearly too many; its name comes back under another
// number.
static void drop_by_hand(struct bench *bench, const char *name, uint64_t seq) {
    struct topic *topic = directory_find(&bench->hub->directory, str_from(name));
    struct batch *batch = calloc(1, sizeof *batch);
    atomic_init(&batch->refs, 1);
    batch->changes_count = 1;
    batch->changes = calloc(1, sizeof *batch->changes);
    batch->changes[0] = (struct topic_change){.topic_no = topic->no, .gone = true};
    (void)seq;
    hub_apply(bench->hub, batch);
    hub_deliver(bench->hub, bench->now_ms);
}

Test(pump, a_topic_that_is_gone_is_told_to_who_is_behind) {
    struct bench bench;
    struct client slow, half;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    struct hub_request request = client_request("a");
    slow = (struct client){.capacity = 0};
    half = (struct client){.capacity = 12};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    cr_assert_eq(client_start(&bench, &half, &request), 0);
    bench_put_many(&bench, "a", "x", 3);
    bench_turn(&bench);
    drop_by_hand(&bench, "a", 3);
    client_take(&slow, UNLIMITED);
    client_take(&half, UNLIMITED);
    bench_turn(&bench);
    cr_assert(strstr(client_events(&slow), "tailrace.gap"), "%s", client_events(&slow));
    client_expect(&half, "id: %E-1\ndata: x-1\n\n"
                         "id: %E-3\nevent: tailrace.gap\ndata: {\"from\":\"%E-1\",\"to\":\"%E-3\","
                         "\"reason\":\"retention\"}\n\n");
    client_close(&slow), client_close(&half);
    bench_close(&bench);
}

// The store is ahead of what the hub has been told: events are gone that it still counts on.
Test(pump, retention_that_was_faster_than_its_announcement_is_told) {
    struct bench bench;
    struct client client;
    bench_open(&bench, with_retention(1));
    memory_store_announce_late(bench.store, true);
    bench_put_many(&bench, "short", "x", 10); // 1..10
    bench_put(&bench, "kept", "y");           // 11
    bench_turn(&bench);
    bench_put_many(&bench, "short", "z", 4); // 12..15: 1..4 go
    bench_apply(&bench);
    bench_deliver(&bench);
    cr_assert_eq(directory_find(&bench.hub->directory, STR("short"))->trimmed_seq, 0);
    struct hub_request request = after("kept,short", 0);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    const char *text = client_events(&client), *gap = strstr(text, "tailrace.gap");
    cr_assert(gap, "%s", text);
    cr_assert(strstr(gap, "\"to\":\"e1-4\""), "%s", text);
    const char *next = strstr(gap, "data: x-5\n");
    cr_assert(next && strstr(next, "data: y\n") && strstr(next, "data: z-4\n"), "%s", text);
    client_close(&client);
    bench_close(&bench);
}

Test(pump, a_store_that_cannot_be_read_breaks_off_only_who_needs_it) {
    struct bench bench;
    struct client behind, live;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    bench_put_many(&bench, "a", "x", 5);
    bench_turn(&bench);
    struct hub_request request = client_request("a");
    client_open(&bench, &live, &request);
    memory_store_fail(bench.store, ERR_IO);
    request = all_of("a");
    client_open(&bench, &behind, &request);
    cr_assert(behind.broken);
    bench_put(&bench, "a", "y");
    bench_turn(&bench);
    client_expect(&live, "id: %E-6\ndata: y\n\n");
    client_close(&behind), client_close(&live);
    bench_close(&bench);
}

Test(pump, merges_many_topics_in_order) {
    struct bench bench;
    struct client client;
    struct buf expected, names;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    buf_init(&expected, 1 << 24);
    buf_init(&names, 4096);
    srandom(2);
    for (uint64_t seq = 1; seq <= 3000; seq++) {
        char name[32];
        snprintf(name, sizeof name, "t/%ld",
                 seq <= GATHER_MERGE_TOPICS ? (long)seq - 1 : random() % GATHER_MERGE_TOPICS);
        bench_put(&bench, name, name);
        expect_plain(&bench, &expected, seq, name);
    }
    bench_turn(&bench);
    struct hub_request request = all_of("t/*");
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    cr_assert_str_eq(client_events(&client), buf_cstr(&expected));
    client_close(&client);
    buf_fini(&expected), buf_fini(&names);
    bench_close(&bench);
}

Test(pump, reads_a_wide_selector_by_scanning) {
    struct bench bench;
    struct client client;
    struct buf expected;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    buf_init(&expected, 1 << 24);
    for (uint64_t seq = 1; seq <= 6000; seq++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%d", seq % 2 ? "t" : "other", (int)(seq % 400));
        bench_put(&bench, name, name);
        if (seq % 2) expect_plain(&bench, &expected, seq, name);
    }
    bench_turn(&bench);
    struct hub_request request = all_of("t/*");
    client_open(&bench, &client, &request);
    cr_assert(client.subscriber.selector->selection->topics.count > GATHER_MERGE_TOPICS);
    bench_pump(&bench);
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    cr_assert_str_eq(client_events(&client), buf_cstr(&expected));
    client_close(&client);
    buf_fini(&expected);
    bench_close(&bench);
}

Test(pump, a_turn_is_bounded_however_many_look_for_what_is_not_there) {
    struct bench bench;
    enum { CLIENTS = 100 };
    static struct client clients[CLIENTS];
    bench_open(&bench, (struct bench_config){.ring_events = 100000});
    for (int i = 0; i < 10; i++) bench_put_many(&bench, "a", "x", 4000);
    bench_turn(&bench);
    struct hub_request request = all_of("a");
    request.filter = STR("nothing");
    for (int i = 0; i < CLIENTS; i++) {
        uint64_t before = bench.hub->looked_total;
        client_open(&bench, &clients[i], &request);
        cr_assert_lt(bench.hub->looked_total - before, 20000);
    }
    uint64_t before = bench.hub->looked_total;
    cr_assert(hub_continue(bench.hub, bench.now_ms));
    cr_assert_lt(bench.hub->looked_total - before, 200000, "%d",
                 (int)(bench.hub->looked_total - before));
    bench_pump(&bench);
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(clients[i].subscriber.state, SUB_LIVE);
        client_close(&clients[i]);
    }
    bench_close(&bench);
}

Test(pump, a_fixed_pace_gives_one_event_at_a_time) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){0});
    bench_put_many(&bench, "a", "x", 3);
    bench_turn(&bench);
    struct hub_request request = all_of("a");
    request.pace_ms = 2000;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x-1\n\n");
    cr_assert_eq(hub_next_due(bench.hub), bench.now_ms + 2000);
    bench.now_ms += 1999;
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x-1\n\n");
    bench.now_ms += 1;
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x-1\n\nid: %E-2\ndata: x-2\n\n");
    bench.now_ms += 2000;
    bench_pump(&bench);
    bench.now_ms += 2000;
    bench_pump(&bench);
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    cr_assert_eq(hub_next_due(bench.hub), UINT64_MAX);
    bench_put_many(&bench, "a", "live", 2);
    bench_turn(&bench);
    client_expect(&client, "id: %E-1\ndata: x-1\n\nid: %E-2\ndata: x-2\n\nid: %E-3\ndata: x-3\n\n"
                           "id: %E-4\ndata: live-1\n\nid: %E-5\ndata: live-2\n\n");
    client_close(&client);
    bench_close(&bench);
}

Test(pump, the_rest_of_an_event_does_not_wait_for_the_pace) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){0});
    bench_put_many(&bench, "a", "x", 2);
    bench_turn(&bench);
    struct hub_request request = all_of("a");
    request.pace_ms = 2000;
    client = (struct client){.capacity = 12};
    cr_assert_eq(client_start(&bench, &client, &request), 0);
    cr_assert(client.subscriber.parcel);
    client_take(&client, UNLIMITED);
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x-1\n\n");
    bench.now_ms += 2000;
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x-1\n\nid: %E-2\ndata: x-2\n\n");
    client_close(&client);
    bench_close(&bench);
}

Test(pump, the_original_pace_keeps_the_distances) {
    struct bench bench;
    struct client client;
    uint64_t times[4];
    bench_open(&bench, (struct bench_config){.ring_events = 2});
    for (int i = 1; i <= 3; i++) {
        bench_put(&bench, "a", "x");
        bench_turn(&bench);
        times[i] = bench.hub->last_time_ms;
        bench.time_ms += 20 * (uint64_t)i;
    }
    struct hub_request request = all_of("a");
    request.pace_ms = HUB_PACE_ORIGINAL;
    request.pace_speed = 2;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x\n\n");
    uint64_t start = bench.now_ms;
    cr_assert_eq(hub_next_due(bench.hub), start + (times[2] - times[1]) / 2);
    bench.now_ms = hub_next_due(bench.hub) - 1;
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x\n\n");
    bench.now_ms++;
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x\n\nid: %E-2\ndata: x\n\n");
    cr_assert_eq(hub_next_due(bench.hub), bench.now_ms + (times[3] - times[2]) / 2);
    bench.now_ms = hub_next_due(bench.hub);
    bench_pump(&bench);
    client_expect(&client, "id: %E-1\ndata: x\n\nid: %E-2\ndata: x\n\nid: %E-3\ndata: x\n\n");
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    client_close(&client);
    bench_close(&bench);
}
