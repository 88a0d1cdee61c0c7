// SPDX-License-Identifier: MIT
// Events that slow subscribers are in the middle of.
#include "hub/parcel.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static struct hub_counts counts_of(const struct bench *bench) {
    struct hub_counts counts;
    hub_counts(bench->hub, &counts);
    return counts;
}

Test(parcel, slow_readers_of_one_round_share_what_they_stop_in) {
    enum { CLIENTS = 50 };
    static struct client clients[CLIENTS];
    struct bench bench;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    for (int i = 0; i < CLIENTS; i++) client_open(&bench, &clients[i], &request);
    // All stop in the second of three events, each at another place.
    size_t frame = strlen("19\r\nid: e1-1\ndata: x-1\n\n\r\n") - 1;
    for (int i = 0; i < CLIENTS; i++) clients[i].capacity = frame + 2 + (size_t)i % 20;
    bench_put_many(&bench, "a", "x", 3);
    bench_apply(&bench);
    bench_deliver(&bench);
    const struct parcel *shared = clients[0].subscriber.parcel;
    cr_assert(shared);
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(clients[i].subscriber.parcel, shared);
        cr_assert_eq(clients[i].subscriber.cursor, 2);
    }
    cr_assert_eq(counts_of(&bench).pinned_parcels, 1);
    cr_assert_eq(counts_of(&bench).pinned_bytes, sizeof(struct parcel) + shared->len);
    for (int i = 0; i < CLIENTS - 1; i++) client_take(&clients[i], UNLIMITED);
    bench_turn(&bench);
    cr_assert_eq(counts_of(&bench).pinned_parcels, 1);
    // The last one leaves without having taken its rest.
    for (int i = 0; i < CLIENTS; i++) {
        if (i < CLIENTS - 1)
            client_expect(&clients[i], "id: %E-1\ndata: x-1\n\nid: %E-2\ndata: x-2\n\n"
                                       "id: %E-3\ndata: x-3\n\n");
        client_close(&clients[i]);
    }
    cr_assert_eq(counts_of(&bench).pinned_parcels, 0);
    cr_assert_eq(counts_of(&bench).pinned_bytes, 0);
    cr_assert_eq(counts_of(&bench).deliveries_total, 3 * (CLIENTS - 1) + 1);
    bench_close(&bench);
}

Test(parcel, one_that_stops_between_two_events_pins_nothing) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    request.wire.framing = WIRE_RAW;
    client_open(&bench, &slow, &request);
    slow.capacity = strlen("id: e1-1\ndata: x-1\n\n");
    bench_put_many(&bench, "a", "x", 2);
    bench_turn(&bench);
    cr_assert_eq(slow.subscriber.state, SUB_BLOCKED);
    cr_assert_null(slow.subscriber.parcel);
    cr_assert_eq(counts_of(&bench).pinned_bytes, 0);
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    client_expect(&slow, "id: %E-1\ndata: x-1\n\nid: %E-2\ndata: x-2\n\n");
    client_close(&slow);
    bench_close(&bench);
}

Test(parcel, what_is_pinned_is_bounded_and_more_breaks_off) {
    enum { CLIENTS = 10 };
    struct bench bench;
    struct client clients[CLIENTS];
    static char data[1001];
    bench_open(&bench, (struct bench_config){0});
    memset(data, 'x', sizeof data - 1);
    bench.hub->pinned.bytes_max = 5000;
    for (int i = 0; i < CLIENTS; i++) {
        char topic[32];
        snprintf(topic, sizeof topic, "t/%d", i);
        struct hub_request request = client_request(topic);
        client_open(&bench, &clients[i], &request);
        clients[i].capacity = 100;
        bench_put(&bench, topic, data);
    }
    bench_turn(&bench);
    int broken = 0;
    for (int i = 0; i < CLIENTS; i++) broken += clients[i].broken;
    cr_assert_eq(broken, CLIENTS - 4);
    cr_assert_eq(counts_of(&bench).pinned_parcels, 4);
    cr_assert_leq(counts_of(&bench).pinned_bytes, 5000);
    for (int i = 0; i < CLIENTS; i++) {
        client_take(&clients[i], UNLIMITED);
        if (!clients[i].broken) cr_assert(strstr(client_events(&clients[i]), data));
        client_close(&clients[i]);
    }
    cr_assert_eq(counts_of(&bench).pinned_bytes, 0);
    bench_close(&bench);
}

Test(parcel, nothing_is_read_again_for_the_rest_of_an_event) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    bench_put_many(&bench, "a", "x", 3);
    bench_put(&bench, "b", "y");
    bench_turn(&bench);
    struct hub_request request = client_request("a");
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    slow = (struct client){.capacity = 12};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    cr_assert(slow.subscriber.parcel);
    memory_store_fail(bench.store, ERR_IO);
    client_take(&slow, 12);
    cr_assert(!slow.broken);
    cr_assert(slow.subscriber.parcel);
    // What follows it must be read.
    client_take(&slow, UNLIMITED);
    cr_assert(slow.broken);
    client_expect(&slow, "id: %E-1\ndata: x-1\n\n");
    client_close(&slow);
    bench_close(&bench);
}

Test(parcel, a_json_answer_that_stops_anywhere_is_whole_in_the_end) {
    struct bench bench;
    struct client whole, slow;
    bench_fill(&bench, 1);
    struct hub_request request = client_request("a");
    request.start = HUB_START_LAST;
    request.count = UINT64_MAX;
    request.mode = HUB_SNAPSHOT;
    request.format = FRAME_JSON;
    client_open(&bench, &whole, &request);
    bench_pump(&bench);
    cr_assert(whole.finished);
    for (size_t piece = 0; piece < 40; piece++) {
        slow = (struct client){.capacity = piece, .slow_opening = true};
        cr_assert_eq(client_start(&bench, &slow, &request), 0);
        for (size_t more = piece + 1; !slow.finished; more = more * 7 % 97 + 1)
            client_take(&slow, more);
        cr_assert_eq(slow.got.len, whole.got.len);
        cr_assert_str_eq(client_document(&slow), client_document(&whole));
        client_close(&slow);
    }
    client_close(&whole);
    bench_close(&bench);
}

Test(parcel, a_stream_that_is_ended_in_the_middle_of_an_event_ends_cleanly) {
    for (size_t taken = 0; taken < 60; taken++) {
        struct bench bench;
        struct client client;
        bench_open(&bench, (struct bench_config){0});
        struct hub_request request = client_request("a");
        client_open(&bench, &client, &request);
        client.capacity = taken;
        bench_put_many(&bench, "a", "x", 2);
        bench_turn(&bench);
        hub_end(bench.hub, &client.subscriber, "drain");
        while (!client.finished) client_take(&client, 7);
        const char *text = client_events(&client), *end = strstr(text, "event: tailrace.drain\n");
        cr_assert(end);
        // Before it: events that are whole, none after the one that was begun.
        cr_assert(end == text || (end[-1] == '\n' && end[-2] == '\n'), "%s", text);
        cr_assert_eq(hub_position(bench.hub), 2);
        client_close(&client);
        bench_close(&bench);
    }
}
