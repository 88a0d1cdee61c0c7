// SPDX-License-Identifier: MIT
// Live delivery, slow connections, broken ones, and the end of streams.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

Test(fanout, gives_a_live_event_to_all_who_asked_for_it_and_to_nobody_else) {
    struct bench bench;
    struct client one, same, pattern, other;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request a = client_request("a/1"), all = client_request("a/*"),
                       b = client_request("b");
    client_open(&bench, &one, &a);
    client_open(&bench, &same, &a);
    client_open(&bench, &pattern, &all);
    client_open(&bench, &other, &b);
    cr_assert_eq(one.subscriber.selector, same.subscriber.selector, "selectors are interned");
    bench_put(&bench, "a/1", "hello");
    bench_turn(&bench);
    client_expect(&one, "id: %E-1\ndata: hello\n\n");
    client_expect(&same, "id: %E-1\ndata: hello\n\n");
    client_expect(&pattern, "id: %E-1\ndata: hello\n\n");
    client_expect(&other, "");
    client_close(&one), client_close(&same), client_close(&pattern), client_close(&other);
    bench_close(&bench);
}

Test(fanout, writes_once_to_each_subscriber_whatever_a_round_brings) {
    struct bench bench;
    struct client clients[3];
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a,b");
    for (int i = 0; i < 3; i++) client_open(&bench, &clients[i], &request);
    size_t before = clients[0].writes;
    for (int i = 0; i < 20; i++) {
        bench_put_many(&bench, "a", "x", 5);
        bench_put(&bench, "b", "y");
    }
    cr_assert(bench_apply(&bench) >= 20);
    bench_deliver(&bench);
    for (int i = 0; i < 3; i++) cr_assert_eq(clients[i].writes, before + 1);
    bench_pump(&bench);
    struct buf expected;
    buf_init(&expected, 1 << 20);
    for (uint64_t seq = 1; seq <= 120; seq++) {
        char data[32];
        snprintf(data, sizeof data, "x-%d", (int)((seq - 1) % 6) + 1);
        expect_plain(&bench, &expected, seq, seq % 6 ? data : "y");
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_str_eq(client_events(&clients[i]), buf_cstr(&expected));
        client_close(&clients[i]);
    }
    buf_fini(&expected);
    bench_close(&bench);
}

Test(fanout, is_not_chunked_for_http_1_0) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    request.wire.framing = WIRE_RAW;
    client_open(&bench, &client, &request);
    bench_put(&bench, "a", "one");
    bench_turn(&bench);
    bench_put(&bench, "a", "two");
    bench_put(&bench, "a", "three");
    bench_turn(&bench);
    bench_put_flags(&bench, "a", "", EVENT_CLOSE | EVENT_MARKER);
    bench_turn(&bench);
    cr_assert(client.finished);
    client_expect(&client, "id: %E-1\ndata: one\n\nid: %E-2\ndata: two\n\nid: %E-3\ndata: three\n\n"
                           "id: %E-4\nevent: tailrace.end\ndata: {\"topic\":\"a\"}\n\n");
    client_close(&client);
    bench_close(&bench);
}

Test(fanout, a_full_connection_gets_the_rest_when_it_can_be_written_to) {
    struct bench bench;
    struct client slow, fast;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    client_open(&bench, &slow, &request);
    client_open(&bench, &fast, &request);
    slow.capacity = 17; // in the middle of the first frame
    bench_put_many(&bench, "a", "x", 3);
    bench_turn(&bench);
    cr_assert(slow.wants_writable);
    cr_assert(slow.subscriber.parcel);
    bench_put(&bench, "a", "later");
    bench_turn(&bench);
    cr_assert_str_eq(client_events(&slow), "");
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    cr_assert(!slow.wants_writable);
    cr_assert_eq(slow.subscriber.state, SUB_LIVE);
    client_expect(&slow, "id: %E-1\ndata: x-1\n\nid: %E-2\ndata: x-2\n\nid: %E-3\ndata: x-3\n\n"
                         "id: %E-4\ndata: later\n\n");
    cr_assert_eq(fast.got.len, slow.got.len);
    client_close(&slow), client_close(&fast);
    bench_close(&bench);
}

Test(fanout, a_broken_connection_is_told_of_once_and_the_others_go_on) {
    struct bench bench;
    struct client clients[4];
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    for (int i = 0; i < 4; i++) client_open(&bench, &clients[i], &request);
    clients[0].broken_pipe = clients[2].broken_pipe = true;
    bench_put(&bench, "a", "x");
    bench_turn(&bench);
    bench_put(&bench, "a", "y");
    bench_turn(&bench);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(clients[i].broken, i % 2 == 0);
        if (i % 2) client_expect(&clients[i], "id: %E-1\ndata: x\n\nid: %E-2\ndata: y\n\n");
        client_close(&clients[i]);
    }
    bench_close(&bench);
}

Test(fanout, a_filter_keeps_what_matches_live_and_stored) {
    struct bench bench;
    struct client live, stored;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    request.filter = STR("/^error|warn$/i");
    client_open(&bench, &live, &request);
    bench_put(&bench, "a", "ERROR 1");
    bench_put(&bench, "a", "an error");
    bench_put(&bench, "a", "a warn");
    bench_turn(&bench);
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    client_open(&bench, &stored, &request);
    bench_turn(&bench);
    client_expect(&live, "id: %E-1\ndata: ERROR 1\n\nid: %E-3\ndata: a warn\n\n");
    client_expect(&stored, "id: %E-1\ndata: ERROR 1\n\nid: %E-3\ndata: a warn\n\n");
    client_close(&live), client_close(&stored);
    bench_close(&bench);
}

Test(fanout, grants_narrow_patterns) {
    struct bench bench;
    struct client client;
    const struct pattern grants[] = {pattern_of("public/**"), pattern_of("mine")};
    bench_open(&bench, (struct bench_config){0});
    bench_put(&bench, "public/1", "stored");
    bench_put(&bench, "secret/1", "stored");
    bench_turn(&bench);
    struct hub_request request = client_request("**");
    request.grants = grants;
    request.grants_count = 2;
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    client_open(&bench, &client, &request);
    bench_put(&bench, "secret/2", "live");
    bench_put(&bench, "mine", "live");
    bench_put(&bench, "public/2", "live");
    bench_turn(&bench);
    client_expect(&client,
                  "id: %E-1\ndata: stored\n\nid: %E-4\ndata: live\n\nid: %E-5\ndata: live\n\n");
    client_close(&client);
    bench_close(&bench);
}

Test(fanout, ends_when_all_of_its_topics_are_closed_and_answers_a_return_with_not_found) {
    struct bench bench;
    struct client both, one, pattern, again;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request two = client_request("a,b"), a = client_request("a"),
                       all = client_request("*");
    client_open(&bench, &both, &two);
    client_open(&bench, &one, &a);
    client_open(&bench, &pattern, &all);
    bench_put_flags(&bench, "a", "last", EVENT_CLOSE);
    bench_turn(&bench);
    client_expect(&one, "id: %E-1\ndata: last\n\n"
                        "id: %E-1\nevent: tailrace.end\ndata: {\"topic\":\"a\"}\n\n");
    cr_assert(one.finished);
    cr_assert(!both.finished && !pattern.finished);
    bench_put(&bench, "b", "x");
    bench_put_flags(&bench, "b", "", EVENT_CLOSE | EVENT_MARKER);
    bench_turn(&bench);
    cr_assert(both.finished);
    client_expect(&both, "id: %E-1\ndata: last\n\nid: %E-2\ndata: x\n\n"
                         "id: %E-3\nevent: tailrace.end\ndata: {\"topic\":\"b\"}\n\n");
    cr_assert(!pattern.finished, "another topic may come");
    again = (struct client){.capacity = UNLIMITED};
    two.start = HUB_START_AFTER;
    two.seq = 3;
    cr_assert_eq(client_start(&bench, &again, &two), ERR_NOT_FOUND);
    two.seq = 2;
    cr_assert_eq(client_start(&bench, &again, &two), 0, "it has not seen all");
    bench_turn(&bench);
    cr_assert(again.finished);
    client_expect(&again, "id: %E-3\nevent: tailrace.end\ndata: {\"topic\":\"b\"}\n\n");
    client_close(&both), client_close(&one), client_close(&pattern), client_close(&again);
    bench_close(&bench);
}

Test(fanout, an_end_that_the_connection_does_not_take_is_finished_later) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    client_open(&bench, &client, &request);
    client.capacity = 3;
    hub_end(bench.hub, &client.subscriber, "drain");
    cr_assert(!client.finished && client.wants_writable);
    client_take(&client, 10);
    cr_assert(!client.finished);
    client_take(&client, UNLIMITED);
    cr_assert(client.finished);
    client_expect(&client, "event: tailrace.drain\ndata: {}\n\n");
    // The connection may hear that it is writable once more in the turn in which all this happens.
    hub_writable(bench.hub, &client.subscriber, bench.now_ms);
    hub_wake(bench.hub, &client.subscriber, bench.now_ms);
    client_close(&client);
    bench_close(&bench);
}

Test(fanout, draining_ends_some_at_a_time_and_half_an_event_is_finished_first) {
    struct bench bench;
    struct client clients[10];
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    for (int i = 0; i < 10; i++) client_open(&bench, &clients[i], &request);
    clients[4].capacity = 12;
    bench_put(&bench, "a", "x");
    bench_turn(&bench);
    cr_assert(clients[4].subscriber.parcel);
    cr_assert_eq(hub_end_some(bench.hub, 3, "drain"), 7);
    cr_assert_eq(hub_end_some(bench.hub, SIZE_MAX, "drain"), 0);
    cr_assert(!clients[4].finished && clients[4].wants_writable);
    cr_assert_eq(clients[4].subscriber.state, SUB_ENDING);
    // In pieces, so that it stops in the event and in what follows it.
    while (!clients[4].finished) client_take(&clients[4], 5);
    for (int i = 0; i < 10; i++) {
        cr_assert(clients[i].finished);
        client_expect(&clients[i], "id: %E-1\ndata: x\n\nevent: tailrace.drain\ndata: {}\n\n");
        client_close(&clients[i]);
    }
    cr_assert_eq(hub_end_some(bench.hub, 1, "drain"), 0);
    bench_close(&bench);
}

Test(fanout, idle_streams_get_heartbeats_and_busy_ones_none) {
    struct bench bench;
    struct client comment, event, busy;
    bench_open(&bench, (struct bench_config){.heartbeat_ms = 1600});
    cr_assert_eq(hub_tick_ms(bench.hub), 100);
    struct hub_request request = client_request("idle"), control = request,
                       other = client_request("busy");
    control.control = true;
    client_open(&bench, &comment, &request);
    client_open(&bench, &event, &control);
    client_open(&bench, &busy, &other);
    for (int i = 0; i < 3 * HUB_WHEEL_SLOTS; i++) {
        bench_put(&bench, "busy", "x");
        bench_turn(&bench);
        hub_tick(bench.hub, bench.now_ms += 100);
    }
    cr_assert_str_eq(client_text(&comment), ":\n\n:\n\n:\n\n");
    client_expect(&event, "event: tailrace.ping\ndata: {}\n\nevent: tailrace.ping\ndata: {}\n\n"
                          "event: tailrace.ping\ndata: {}\n\n");
    cr_assert_null(strstr(client_text(&busy), ":\n\n"));
    // A heartbeat that is not taken does not lose its place.
    comment.capacity = 1;
    for (int i = 0; i < HUB_WHEEL_SLOTS; i++) hub_tick(bench.hub, bench.now_ms += 100);
    cr_assert(comment.wants_writable);
    bench_put(&bench, "idle", "y");
    bench_turn(&bench);
    client_take(&comment, UNLIMITED);
    cr_assert_str_eq(client_text(&comment) + 9 + 3, client_events(&comment));
    cr_assert(strstr(client_events(&comment), "data: y\n\n"));
    client_close(&comment), client_close(&event), client_close(&busy);
    bench_close(&bench);
}

Test(fanout, can_be_left_in_every_state) {
    struct bench bench;
    struct client clients[8];
    bool waits;
    struct report report = {0};
    bench_open(&bench, (struct bench_config){0});
    bench_put_many(&bench, "a", "x", 100);
    bench_turn(&bench);
    struct hub_request live = client_request("a"), all = live, paced = live, wait = live;
    all.start = paced.start = HUB_START_LAST;
    all.count = paced.count = UINT64_MAX;
    paced.pace_ms = 1000;
    wait.mode = HUB_WAIT;
    wait.format = FRAME_JSON;
    struct client *fresh = &clients[0];
    *fresh = (struct client){.bench = &bench};
    cr_assert_eq(hub_subscribe(bench.hub, &fresh->subscriber, &all, 1, &waits, &report), 0);
    client_open(&bench, &clients[1], &live);
    clients[2] = (struct client){.capacity = 5};
    cr_assert_eq(client_start(&bench, &clients[2], &all), 0); // blocked
    clients[3] = (struct client){.capacity = 700};
    cr_assert_eq(client_start(&bench, &clients[3], &all), 0); // blocked in an event
    client_open(&bench, &clients[4], &paced);
    bench_pump(&bench);
    client_open(&bench, &clients[5], &wait);
    cr_assert(clients[5].waits);
    client_open(&bench, &clients[6], &live);
    clients[6].capacity = 1;
    hub_end(bench.hub, &clients[6].subscriber, NULL);
    client_open(&bench, &clients[7], &live);
    clients[7].broken_pipe = true;
    hub_end(bench.hub, &clients[7].subscriber, "drain");
    const uint8_t states[] = {SUB_NEW,    SUB_LIVE,    SUB_BLOCKED, SUB_BLOCKED,
                              SUB_PUMPED, SUB_WAITING, SUB_ENDING,  SUB_DEAD};
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(clients[i].subscriber.state, states[i], "client %d is in state %d", i,
                     clients[i].subscriber.state);
        client_close(&clients[i]);
    }
    struct hub_counts counts;
    hub_counts(bench.hub, &counts);
    cr_assert_eq(counts.subscribers, 0);
    cr_assert_eq(counts.selectors, 0);
    cr_assert_eq(hub_next_due(bench.hub), UINT64_MAX);
    bench_turn(&bench);
    bench_close(&bench);
}

// --- memory --------------------------------------------------------------------------------------

Test(fanout, delivers_when_there_is_no_room_to_keep_what_it_encodes) {
    struct bench bench;
    struct client one, same;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    client_open(&bench, &one, &request);
    client_open(&bench, &same, &request);
    bench.hub->account->most = 0;
    bench_put(&bench, "a", "one");
    bench_turn(&bench);
    bench_put(&bench, "a", "two");
    bench_put(&bench, "a", "three");
    bench_turn(&bench);
    client_expect(&one, "id: %E-1\ndata: one\n\nid: %E-2\ndata: two\n\nid: %E-3\ndata: three\n\n");
    cr_assert_eq(one.got.len, same.got.len);
    cr_assert_eq(bench.hub->account->held, 0);
    client_close(&one), client_close(&same);
    bench_close(&bench);
}

Test(fanout, encodings_of_the_oldest_events_give_way) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    client_open(&bench, &client, &request);
    for (int i = 0; i < 20; i++) {
        bench_put(&bench, "a", "some text");
        bench_turn(&bench);
    }
    struct account *account = bench.hub->account;
    size_t all = account->held;
    cr_assert_eq(all, bench.hub->ring.encoded);
    account->most = all;
    cr_assert(account_take(account, all / 2), "others may have it");
    cr_assert_leq(bench.hub->ring.encoded, all / 2);
    cr_assert_gt(bench.hub->ring.encoded, all / 4);
    cr_assert_null(atomic_load(&ring_at(&bench.hub->ring, 1)->encodings));
    cr_assert(atomic_load(&ring_at(&bench.hub->ring, 20)->encodings));
    account_give(account, all / 2);
    encodings_free(hub_take_retired(bench.hub));
    client_close(&client);
    bench_close(&bench);
}

Test(fanout, an_event_that_there_is_no_memory_for_ends_its_streams_and_says_so) {
    struct bench bench;
    struct client client, other;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a"), b = client_request("b");
    client_open(&bench, &client, &request);
    client_open(&bench, &other, &b);
    bench_put(&bench, "a", "one");
    bench_turn(&bench);
    bench.hub->account->most = 0;
    size_t most = bench.hub->round.bytes.max;
    buf_fini(&bench.hub->round.bytes);
    bench.hub->round.bytes.max = 60;
    bench_put(&bench, "a", "two");
    bench_put(&bench, "a", "a text that is longer than there is memory for");
    bench_put(&bench, "b", "x");
    bench_turn(&bench);
    cr_assert(client.finished);
    client_expect(&client, "id: %E-1\ndata: one\n\nevent: tailrace.memory\ndata: {}\n\n");
    client_expect(&other, "id: %E-4\ndata: x\n\n");
    bench.hub->round.bytes.max = most;
    client_close(&client), client_close(&other);
    bench_close(&bench);
}

Test(fanout, what_a_connection_does_not_take_is_counted_unless_it_is_an_event) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("**");
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    request.start = HUB_START_LAST;
    request.count = 1;
    for (int i = 0; i < 100; i++) {
        char topic[32];
        snprintf(topic, sizeof topic, "topic/%d", i);
        bench_put(&bench, topic, "x");
    }
    bench_turn(&bench);
    client = (struct client){.slow_opening = true};
    cr_assert_eq(client_start(&bench, &client, &request), 0);
    cr_assert_gt(bench.hub->account->held, 4000);
    client_take(&client, UNLIMITED);
    bench_turn(&bench);
    cr_assert(client.finished);
    cr_assert_eq(bench.hub->account->held, bench.hub->ring.encoded);
    client_close(&client);
    bench_close(&bench);
}
