// SPDX-License-Identifier: MIT
// A hub that was not given some batches.
#include "hub/missed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

TestSuite(missed, .timeout = 60);

static struct account account = {.most = SIZE_MAX};

// What was committed and not applied goes to `missed`, and to `model`, which misses nothing.
static void miss(struct bench *bench, struct missed *missed, struct directory *model) {
    for (size_t i = 0; i < bench->batches_count; i++) {
        missed_add(missed, bench->batches[i]);
        directory_apply(model, bench->batches[i]);
        batch_put(bench->batches[i]);
    }
    bench->batches_count = 0;
}

static void apply(struct bench *bench, struct directory *model) {
    for (size_t i = 0; i < bench->batches_count; i++) directory_apply(model, bench->batches[i]);
    bench_turn(bench);
}

static void compare(const struct bench *bench, const struct directory *model) {
    for (uint32_t no = 1; no < 20; no++) {
        const struct topic *is = directory_topic(&bench->hub->directory, no),
                           *should = directory_topic(model, no);
        cr_assert_eq(!is, !should, "topic %u", no);
        if (!is) continue;
        cr_expect(str_equal(topic_name(is), topic_name(should)));
        cr_expect_eq(is->last_seq, should->last_seq, "topic %u", no);
        cr_expect_eq(is->last_ordinal, should->last_ordinal, "topic %u", no);
        cr_expect_eq(is->last_time_ms, should->last_time_ms, "topic %u", no);
        cr_expect_eq(is->closed, should->closed, "topic %u", no);
        cr_expect_eq(is->marker, should->marker, "topic %u", no);
        cr_expect_eq(is->bytes, should->bytes, "topic %u", no);
        cr_expect_eq(is->trimmed_seq, should->trimmed_seq, "topic %u", no);
        cr_expect_eq(is->trimmed_ordinal, should->trimmed_ordinal, "topic %u", no);
    }
}

Test(missed, a_hub_that_was_not_given_batches_comes_back_and_nobody_misses_anything) {
    struct bench bench;
    struct client live, pattern, filtered, ended, behind;
    struct missed missed = {0};
    struct directory model;
    struct buf expected;
    buf_init(&expected, 1 << 20);
    directory_init(&model, &account);
    bench_open(&bench, (struct bench_config){.ring_events = 50});
    struct hub_request a = client_request("a"), all = client_request("*"),
                       end = client_request("done");
    client_open(&bench, &live, &a);
    client_open(&bench, &pattern, &all);
    client_open(&bench, &ended, &end);
    behind = (struct client){.capacity = 60};
    cr_assert_eq(client_start(&bench, &behind, &a), 0);
    a.filter = STR("7");
    client_open(&bench, &filtered, &a);
    for (int i = 1; i <= 10; i++) bench_put(&bench, "a", "before");
    bench_put(&bench, "old", "x");
    bench_put(&bench, "forgotten", "x");
    apply(&bench, &model);
    bench_put(&bench, "a", "delivered before it is missed");
    for (size_t i = 0; i < bench.batches_count; i++) directory_apply(&model, bench.batches[i]);
    bench_apply(&bench);
    for (int round = 0; round < 3; round++) {
        bench_put_many(&bench, "a", "m", 100);
        bench_put_aliased(&bench, "a", "in two", "b,new");
        bench_put(&bench, "old", "y");
        if (round == 0) bench_forget(&bench, "forgotten");
        if (round > 0) bench_put(&bench, "forgotten", "again");
        miss(&bench, &missed, &model);
    }
    bench_put_flags(&bench, "done", "last words", EVENT_CLOSE);
    miss(&bench, &missed, &model);
    missed_apply(&missed, bench.hub, bench.now_ms);
    compare(&bench, &model);
    cr_assert_eq(bench.hub->ring.events, 0);
    bench_put(&bench, "a", "after 7");
    apply(&bench, &model);
    compare(&bench, &model);
    client_take(&behind, UNLIMITED);
    bench_pump(&bench);

    uint64_t seq = 0;
    for (int i = 1; i <= 10; i++) expect_plain(&bench, &expected, ++seq, "before");
    seq += 2;
    expect_plain(&bench, &expected, ++seq, "delivered before it is missed");
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i <= 100; i++) {
            char data[16];
            snprintf(data, sizeof data, "m-%d", i);
            expect_plain(&bench, &expected, ++seq, data);
        }
        expect_plain(&bench, &expected, ++seq, "in two");
        seq += 3 + (round > 0); // the aliases, "old", "forgotten"
    }
    seq += 1; // "done"
    expect_plain(&bench, &expected, ++seq, "after 7");
    cr_assert_str_eq(client_events(&live), buf_cstr(&expected));
    cr_assert_str_eq(client_events(&behind), buf_cstr(&expected));
    cr_assert(strstr(client_events(&pattern), "data: again"));
    cr_assert(strstr(client_events(&pattern), "data: after 7"));
    cr_assert(strstr(client_events(&filtered), "data: m-97"));
    cr_assert(ended.finished && strstr(client_text(&ended), "data: last words"));
    cr_assert_eq(live.subscriber.state, SUB_LIVE);
    client_close(&live), client_close(&pattern), client_close(&filtered);
    client_close(&ended), client_close(&behind);
    directory_fini(&model);
    buf_fini(&expected);
    bench_close(&bench);
}

Test(missed, what_was_in_memory_only_is_told) {
    struct bench bench;
    struct client client;
    struct missed missed = {0};
    struct directory model;
    directory_init(&model, &account);
    bench_open(&bench, (struct bench_config){0});
    struct hub_request request = client_request("a");
    client_open(&bench, &client, &request);
    bench_put_flags(&bench, "a", "one", EVENT_MEMORY);
    apply(&bench, &model);
    bench_put_flags(&bench, "a", "two", EVENT_MEMORY);
    bench_put_flags(&bench, "a", "three", EVENT_MEMORY);
    miss(&bench, &missed, &model);
    missed_apply(&missed, bench.hub, bench.now_ms);
    bench_put_flags(&bench, "a", "four", EVENT_MEMORY);
    bench_turn(&bench);
    client_expect(&client, "id: %E-1\ndata: one\n\n"
                           "id: %E-3\nevent: tailrace.gap\n"
                           "data: {\"from\":\"%E-1\",\"to\":\"%E-3\",\"reason\":\"retention\"}\n\n"
                           "id: %E-4\ndata: four\n\n");
    client_close(&client);
    directory_fini(&model);
    bench_close(&bench);
}
