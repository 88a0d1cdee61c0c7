// SPDX-License-Identifier: MIT
// The newest N of topics, and replays over several topics: what they cost, and that the places in
// the topics are right whatever happens to the topics meanwhile.
#include "hub/merge.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static struct hub_request newest(const char *topics, uint64_t count) {
    struct hub_request request = client_request(topics);
    request.start = HUB_START_LAST;
    request.count = count;
    request.format = FRAME_TEXT;
    request.wire.framing = WIRE_RAW;
    return request;
}

static struct hub_request after(const char *topics, uint64_t seq) {
    struct hub_request request = newest(topics, 0);
    request.start = HUB_START_AFTER;
    request.seq = seq;
    return request;
}

static uint64_t merge_bytes(const struct bench *bench) {
    struct hub_counts counts;
    hub_counts(bench->hub, &counts);
    return counts.merge_bytes;
}

static void put_long(struct bench *bench, const char *topic, unsigned thousands) {
    for (unsigned i = 0; i < thousands; i++) {
        bench_put_many(bench, topic, "x", 1000);
        bench_apply(bench);
    }
    bench_deliver(bench);
}

static size_t lines_of(const struct client *client) {
    size_t lines = 0;
    for (const char *at = client_events(client); (at = strchr(at, '\n')) != NULL; at++) lines++;
    return lines;
}

// --- one topic -----------------------------------------------------------------------------------

Test(merge, the_newest_of_a_long_topic_begin_at_their_ordinal_and_are_not_listed, .timeout = 60) {
    struct bench bench;
    struct client slow;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    put_long(&bench, "a", 100);
    struct hub_request request = newest("a", 99999);
    slow = (struct client){.capacity = 100};
    uint64_t reads = memory_store_reads(bench.store);
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    reads = memory_store_reads(bench.store) - reads;
    cr_assert_lt(reads, 4000, "%d records for one turn", (int)reads);
    cr_assert(slow.wants_writable);
    cr_assert_eq(merge_bytes(&bench), 0, "a slow reader costs a cursor");
    client_take(&slow, UNLIMITED);
    bench_pump(&bench);
    cr_assert_eq(lines_of(&slow), 99999);
    cr_assert_eq(slow.subscriber.state, SUB_LIVE);
    client_close(&slow);
    bench_close(&bench);
}

// What is in the ring and not asked for is not looked through.
Test(merge, the_newest_of_one_topic_do_not_cost_what_others_have_in_the_ring) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 100000});
    bench_put(&bench, "a", "status");
    put_long(&bench, "log", 50);
    struct hub_request request = newest("a", 1);
    uint64_t looked = bench.hub->looked_total;
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    client_expect(&client, "status\n");
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    cr_assert_lt(bench.hub->looked_total - looked, 200);
    client_close(&client);
    bench_close(&bench);
}

Test(merge, what_retention_left_of_the_newest_is_given_and_is_no_loss) {
    static const struct journal_topic_rule rule = {.pattern = "a", .retention = {.count_max = 5}};
    for (int late = 0; late < 2; late++) {
        struct bench bench;
        struct client client;
        bench_open(&bench, (struct bench_config){.ring_events = 1,
                                                 .policy = {.rules = &rule, .rules_count = 1}});
        memory_store_announce_late(bench.store, late);
        bench_put_many(&bench, "a", "x", 5);
        bench_turn(&bench);
        bench_put(&bench, "b", "z");
        bench_put_many(&bench, "a", "y", 3); // x-1 to x-3 go
        bench_apply(&bench);
        bench_deliver(&bench);
        struct hub_request request = newest("a", 7);
        client_open(&bench, &client, &request);
        bench_pump(&bench);
        client_expect(&client, "x-4\nx-5\ny-1\ny-2\ny-3\n");
        bench_put(&bench, "b", "z"); // says it, if it was not said
        bench_turn(&bench);
        struct hub_counts counts;
        hub_counts(bench.hub, &counts);
        cr_assert_eq(counts.gaps_total, 0);
        client_close(&client);
        bench_close(&bench);
    }
}

Test(merge, an_end_without_data_does_not_count_as_one_of_the_newest) {
    struct bench bench;
    struct client client;
    static const struct journal_topic_rule rule = {.pattern = "m", .memory = true};
    bench_open(&bench, (struct bench_config){.policy = {.rules = &rule, .rules_count = 1}});
    bench_put_many(&bench, "a", "x", 3);
    bench_put_many(&bench, "m", "y", 3);
    bench_put_flags(&bench, "a", "", EVENT_CLOSE | EVENT_MARKER);
    bench_put_flags(&bench, "m", "", EVENT_CLOSE | EVENT_MARKER);
    bench_turn(&bench);
    for (uint64_t count = 1; count < 4; count++) {
        struct hub_request request = newest("a,m,none", count);
        client_open(&bench, &client, &request);
        bench_pump(&bench);
        cr_assert_eq(lines_of(&client), 2 * count);
        client_close(&client);
    }
    bench_close(&bench);
}

// --- topics in memory ----------------------------------------------------------------------------

static const struct journal_topic_rule memory_rule[] = {{.pattern = "m/**", .memory = true}};

Test(merge, the_newest_of_many_topics_in_memory_cost_what_is_given, .timeout = 60) {
    enum { TOPICS = 2000, EACH = 10 };
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 100000,
                                             .policy = {.rules = memory_rule, .rules_count = 1}});
    for (int i = 0; i < TOPICS * EACH; i++) {
        char name[32];
        snprintf(name, sizeof name, "m/%d", i % TOPICS);
        bench_put(&bench, name, name);
        if (i % 100 == 0) bench_apply(&bench);
    }
    bench_turn(&bench);
    for (uint64_t count = 1; count <= 3; count++) {
        struct hub_request request = newest("m/*", count);
        uint64_t looked = bench.hub->looked_total;
        client_open(&bench, &client, &request);
        bench_pump(&bench);
        cr_assert_eq(lines_of(&client), TOPICS * count);
        looked = bench.hub->looked_total - looked;
        cr_assert_lt(looked, TOPICS * (2 + 3 * count), "looked at %d", (int)looked);
        client_close(&client);
    }
    bench_close(&bench);
}

Test(merge, a_long_topic_in_memory_is_walked_in_slices) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 100000,
                                             .policy = {.rules = memory_rule, .rules_count = 1}});
    put_long(&bench, "m/1", 60);
    struct hub_request request = newest("m/1", 59000);
    uint64_t looked = bench.hub->looked_total;
    client_open(&bench, &client, &request);
    for (bool more = true; more; looked = bench.hub->looked_total) {
        cr_assert_leq(bench.hub->looked_total - looked, 2 * GATHER_SKIPS + GATHER_EVENTS);
        looked = bench.hub->looked_total;
        more = hub_continue(bench.hub, bench.now_ms);
        cr_assert_leq(bench.hub->looked_total - looked, 2 * GATHER_SKIPS + GATHER_EVENTS);
    }
    cr_assert_eq(lines_of(&client), 59000);
    cr_assert_eq(merge_bytes(&bench), 0);
    client_close(&client);
    bench_close(&bench);
}

// --- many topics ---------------------------------------------------------------------------------

static void put_topics(struct bench *bench, unsigned topics, uint32_t each) {
    for (unsigned i = 0; i < topics; i++) {
        char name[32];
        snprintf(name, sizeof name, "t/%u", i);
        bench_put_many(bench, name, name, each);
        if (i % 100 == 0) bench_apply(bench);
    }
    bench_turn(bench);
}

Test(merge, a_start_over_many_topics_goes_on_in_slices, .timeout = 60) {
    enum { TOPICS = GATHER_SKIPS + 300 };
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    put_topics(&bench, TOPICS, 1);
    struct hub_request request = newest("t/*", 1);
    uint64_t reads = memory_store_reads(bench.store), looked = bench.hub->looked_total;
    client_open(&bench, &client, &request);
    cr_assert_leq(bench.hub->looked_total - looked, GATHER_SKIPS + 1);
    for (bool more = true; more;) {
        cr_assert_leq(memory_store_reads(bench.store) - reads, 2 * GATHER_EVENTS);
        cr_assert_leq(bench.hub->looked_total - looked, 2 * GATHER_SKIPS + GATHER_EVENTS);
        reads = memory_store_reads(bench.store), looked = bench.hub->looked_total;
        more = hub_continue(bench.hub, bench.now_ms);
    }
    cr_assert_eq(lines_of(&client), TOPICS);
    cr_assert_eq(client.subscriber.state, SUB_LIVE);
    cr_assert_eq(merge_bytes(&bench), 0);
    client_close(&client);
    bench_close(&bench);
}

// Between two slices topics come, get events, lose events and go. What is given is what was there
// when the subscriber came, and all that followed.
Test(merge, topics_that_change_between_the_slices_of_a_start_are_given_once, .timeout = 60) {
    enum { TOPICS = GATHER_SKIPS + 300 };
    for (uint64_t count = 1; count < 3; count++) {
        struct bench bench;
        struct client client;
        bench_open(&bench, (struct bench_config){.ring_events = 1});
        put_topics(&bench, TOPICS, 2);
        struct hub_request request = newest("t/*", count);
        client_open(&bench, &client, &request);
        cr_assert_str_eq(client_events(&client), "", "it takes more than one turn");
        bench_put(&bench, "t/0", "followed");
        bench_put(&bench, "t/8491", "followed");
        bench_put(&bench, "t/new", "new");
        bench_forget(&bench, "t/8490");
        bench_turn(&bench);
        const char *text = client_events(&client);
        cr_assert_eq(lines_of(&client), (TOPICS - 1) * count + 3, "%d lines",
                     (int)lines_of(&client));
        cr_assert(strstr(text, "\nt/8491-2\nfollowed\nfollowed\nnew\n"), "%s",
                  text + strlen(text) - 100);
        cr_assert(strncmp(text, count == 1 ? "t/0-2\nt/1-2\n" : "t/0-1\nt/0-2\n", 12) == 0);
        cr_assert_null(strstr(text, "t/8490-"));
        client_close(&client);
        bench_close(&bench);
    }
}

// It keeps its places while its connection is full, unless that takes too much.
Test(merge, a_slow_start_over_many_topics_gets_everything, .timeout = 60) {
    enum { TOPICS = 300, EACH = 60 };
    for (int full = 0; full < 2; full++) {
        struct bench bench;
        struct client slow;
        struct buf expected;
        bench_open(&bench, (struct bench_config){.ring_events = 1});
        buf_init(&expected, 1 << 20);
        for (int k = 0; k < EACH; k++) {
            for (int i = 0; i < TOPICS; i++) {
                char name[32], data[32];
                snprintf(name, sizeof name, "t/%d", i);
                snprintf(data, sizeof data, "%d/%d", i, k);
                bench_put(&bench, name, data);
                if (k >= EACH - 50) buf_printf(&expected, "%s\n", data);
            }
            bench_apply(&bench);
        }
        bench_deliver(&bench);
        if (full) bench.hub->counts.merge_bytes = LIMIT_MERGE_BYTES / 2;
        struct hub_request request = newest("t/*", 50);
        slow = (struct client){.capacity = 0};
        cr_assert_eq(client_start(&bench, &slow, &request), 0);
        bench_pump(&bench);
        cr_assert(slow.wants_writable);
        uint64_t held = merge_bytes(&bench) - (full ? LIMIT_MERGE_BYTES / 2 : 0);
        cr_assert_eq(held == 0, full, "%d bytes", (int)held);
        for (size_t piece = 1; slow.wants_writable; piece = piece * 7 % 5003 + 1) {
            cr_assert(!slow.broken);
            client_take(&slow, piece);
            bench_pump(&bench);
        }
        cr_assert_eq(slow.subscriber.state, SUB_LIVE);
        cr_assert_str_eq(client_events(&slow), buf_cstr(&expected));
        if (full) bench.hub->counts.merge_bytes -= LIMIT_MERGE_BYTES / 2;
        cr_assert_eq(merge_bytes(&bench), 0);
        client_close(&slow);
        buf_fini(&expected);
        bench_close(&bench);
    }
}

Test(merge, while_the_memory_for_places_is_used_up_a_start_waits) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    put_topics(&bench, 100, 2);
    bench.hub->counts.merge_bytes = LIMIT_MERGE_BYTES;
    struct hub_request request = newest("t/*", 1);
    client_open(&bench, &client, &request);
    for (int i = 0; i < 3; i++) cr_assert(hub_continue(bench.hub, bench.now_ms));
    cr_assert_str_eq(client_events(&client), "");
    bench.hub->counts.merge_bytes = 0;
    bench_pump(&bench);
    cr_assert_eq(lines_of(&client), 100);
    client_close(&client);
    bench_close(&bench);
}

// The oldest status is far behind everything: what a log loses meanwhile is not what is to come.
Test(merge, a_loss_that_a_start_did_not_ask_for_is_not_told) {
    static const struct journal_topic_rule rule = {.pattern = "t/log",
                                                   .retention = {.count_max = 10}};
    struct bench bench;
    struct client slow;
    bench_open(&bench, (struct bench_config){.ring_events = 1,
                                             .policy = {.rules = &rule, .rules_count = 1}});
    put_topics(&bench, 70, 1);
    bench_put_many(&bench, "t/log", "log", 10);
    bench_turn(&bench);
    struct hub_request request = newest("t/*", 1);
    request.format = FRAME_PLAIN;
    slow = (struct client){.capacity = 5};
    cr_assert_eq(client_start(&bench, &slow, &request), 0);
    bench_put_many(&bench, "t/log", "more", 5);
    bench_turn(&bench);
    bench_expect_trimmed(&bench, "t/log", 75);
    client_take(&slow, 500);
    cr_assert_null(strstr(client_events(&slow), "tailrace.gap"));
    cr_assert(slow.wants_writable);
    bench_put_many(&bench, "t/log", "last", 8);
    bench_turn(&bench);
    client_take(&slow, UNLIMITED);
    bench_turn(&bench);
    const char *text = client_events(&slow), *gap = strstr(text, "tailrace.gap");
    cr_assert(gap && strstr(gap, "\"to\":\"e1-83\"") && !strstr(gap + 1, "tailrace.gap"), "%s",
              text);
    cr_assert(strstr(gap, "data: more-4\n") && strstr(gap, "data: last-8\n"));
    client_close(&slow);
    bench_close(&bench);
}

// --- replays over several topics -----------------------------------------------------------------

Test(merge, a_replay_over_one_dense_topic_and_many_others_costs_what_is_given, .timeout = 60) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    for (int i = 0; i < 20; i++) {
        put_topics(&bench, GATHER_MERGE_TOPICS - 1, 1);
        put_long(&bench, "t/dense", 1);
        put_long(&bench, "other", 1);
    }
    size_t events = 20 * (GATHER_MERGE_TOPICS - 1 + 1000), turns = 0;
    struct hub_request request = after("t/*", 0);
    uint64_t reads = memory_store_reads(bench.store), looked = bench.hub->looked_total;
    client_open(&bench, &client, &request);
    while (hub_continue(bench.hub, bench.now_ms)) turns++;
    reads = memory_store_reads(bench.store) - reads;
    cr_assert_eq(lines_of(&client), events);
    cr_assert_lt(reads, 2 * events + events / 8, "%d records for %d events", (int)reads,
                 (int)events);
    cr_assert_geq(bench.hub->looked_total - looked, reads, "what is read counts");
    cr_assert_lt(turns, 2 * events / GATHER_EVENTS + 10, "%d turns", (int)turns);
    client_close(&client);
    bench_close(&bench);
}

Test(merge, a_wide_selector_that_missed_little_is_merged) {
    struct bench bench;
    struct client client;
    bench_open(&bench, (struct bench_config){.ring_events = 1});
    put_topics(&bench, 500, 1);
    put_long(&bench, "log", 20);
    uint64_t seq = bench_put(&bench, "t/7", "seven");
    put_long(&bench, "log", 20);
    bench_put(&bench, "t/8", "eight");
    put_long(&bench, "log", 1);
    struct hub_request request = after("t/*", 500);
    uint64_t reads = memory_store_reads(bench.store);
    client_open(&bench, &client, &request);
    bench_pump(&bench);
    client_expect(&client, "seven\neight\n");
    cr_assert_lt(memory_store_reads(bench.store) - reads, 100);
    cr_assert_gt(seq, 500);
    client_close(&client);
    bench_close(&bench);
}
