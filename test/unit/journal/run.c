// SPDX-License-Identifier: MIT
// journal_run: what needs no store is committed by the publisher itself, in one order with
// everything else.
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

TestSuite(run, .timeout = 120);

static const struct journal_topic_rule memory_rules[] = {{.pattern = "memory/**", .memory = true}};

struct item {
    struct publish publish;
    struct event *event;
    pthread_t done_on;
    atomic_bool over;
};

static void done(struct publish *publish) {
    struct item *item = (struct item *)publish;
    item->done_on = pthread_self();
    atomic_store(&item->over, true);
}

static void enqueue(struct journal *journal, struct item *item, const char *topic) {
    item->event = event_new(str_from(topic), STR(""), STR(""), STR("data"), 0);
    item->publish.count = 1;
    item->publish.events = &item->event;
    item->publish.done = done;
    cr_assert_eq(journal_enqueue(journal, &item->publish), 0);
}

static bool over(const struct item *item) { return atomic_load(&item->over); }

static void wait_over(const struct item *item) {
    while (!over(item)) sched_yield();
}

static struct journal *open_memory(void) {
    struct journal_config config = support_config(support_dir());
    config.policy.rules = memory_rules;
    config.policy.rules_count = 1;
    return support_open(&config);
}

Test(run, a_memory_event_is_committed_by_its_publisher) {
    struct journal *journal = open_memory();
    uint64_t first = support_put(journal, "memory/a", "makes the topic");
    // The journal thread may have the turn for a moment still; then the event is its.
    struct item item;
    bool mine = false;
    uint64_t events = 1;
    for (int i = 0; i < 10000 && !mine; i++, events++) {
        item = (struct item){0};
        enqueue(journal, &item, "memory/a");
        journal_run(journal);
        mine = over(&item);
        wait_over(&item);
        cr_assert_eq(item.publish.result, 0);
        cr_assert_eq(item.publish.first, first + events);
    }
    cr_assert(mine);
    cr_assert(pthread_equal(item.done_on, pthread_self()));
    cr_assert_eq(support_seen.count, events, "the listener was told before the publisher");
    cr_assert_eq(journal_last_seq(journal), first + events - 1);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    cr_assert_eq(stats.events_total, events);
    cr_assert_eq(stats.queue_events, 0);
    cr_assert_gt(stats.map_bytes, 0);
    journal_close(journal);
}

Test(run, what_needs_the_store_keeps_its_place_in_the_order) {
    struct journal *journal = open_memory();
    uint64_t before = support_put(journal, "memory/a", "makes the topic");
    static struct item items[6];
    static const char *const topics[] = {"memory/a", "memory/a",   "durable",
                                         "memory/a", "memory/new", "memory/a"};
    for (int i = 0; i < 6; i++) enqueue(journal, &items[i], topics[i]);
    journal_run(journal);
    for (int i = 0; i < 6; i++) {
        wait_over(&items[i]);
        cr_assert_eq(items[i].publish.result, 0);
        cr_assert_eq(items[i].publish.first, before + 1 + (uint64_t)i);
    }
    for (size_t i = 0; i < support_seen.count; i++) cr_assert_eq(support_seen.seqs[i], before + i);
    journal_close(journal);
}

Test(run, a_finished_topic_and_a_key_are_left_to_the_journal_thread) {
    struct journal *journal = open_memory();
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "memory/a", "", "last", EVENT_CLOSE, &to), 0);
    support_put(journal, "memory/b", "makes the topic");
    static struct item closed, keyed[2];
    enqueue(journal, &closed, "memory/a");
    journal_run(journal);
    wait_over(&closed);
    cr_assert_eq(closed.publish.result, ERR_CLOSED);
    for (int i = 0; i < 2; i++) {
        keyed[i].event = event_new(STR("memory/b"), STR(""), STR("key"), STR("data"), 0);
        keyed[i].publish = (struct publish){.count = 1, .events = &keyed[i].event, .done = done};
        cr_assert_eq(journal_enqueue(journal, &keyed[i].publish), 0);
        journal_run(journal);
        wait_over(&keyed[i]);
    }
    cr_assert_eq(keyed[0].publish.duplicates, 0);
    cr_assert_eq(keyed[1].publish.duplicates, 1);
    cr_assert_eq(keyed[1].publish.first, keyed[0].publish.first);
    journal_close(journal);
}

#define PUBLISHERS 4
#define EACH 2000

static struct journal *shared;

static void *publish_many(void *context) {
    unsigned number = *(unsigned *)context;
    struct item *items = calloc(EACH, sizeof *items);
    char topic[32];
    snprintf(topic, sizeof topic, "memory/%u", number);
    for (unsigned i = 0; i < EACH; i++) {
        enqueue(shared, &items[i], i % 50 == number ? "durable" : topic);
        if (i % 3 == 0) journal_run(shared);
    }
    journal_run(shared);
    uint64_t last = 0;
    for (unsigned i = 0; i < EACH; i++) {
        wait_over(&items[i]);
        cr_assert_eq(items[i].publish.result, 0);
        cr_assert_gt(items[i].publish.first, last, "each publisher's events keep their order");
        last = items[i].publish.first;
    }
    free(items);
    return NULL;
}

Test(run, many_publishers_share_one_order, .timeout = 120) {
    shared = open_memory();
    pthread_t threads[PUBLISHERS];
    unsigned numbers[PUBLISHERS];
    for (unsigned i = 0; i < PUBLISHERS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, publish_many, &numbers[i]);
    }
    for (unsigned i = 0; i < PUBLISHERS; i++) pthread_join(threads[i], NULL);
    cr_assert_eq(support_seen.count, PUBLISHERS * EACH);
    for (size_t i = 1; i < support_seen.count; i++)
        cr_assert_eq(support_seen.seqs[i], support_seen.seqs[i - 1] + 1);
    journal_close(shared);
}
