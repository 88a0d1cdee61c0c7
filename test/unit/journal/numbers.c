// SPDX-License-Identifier: MIT
// Topics that end, and their numbers.
#include "journal/numbers.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>

#include "journal/journal.h"
#include "support.h"

#define TOPICS 64

static const struct journal_topic_rule memory_rule = {.pattern = "cursor/*", .memory = true};

static struct journal_config config_with(const struct journal_topic_rule *rule) {
    struct journal_config config = support_config(support_dir());
    config.topics_max = TOPICS;
    config.policy = (struct journal_policy){.rules = rule, .rules_count = 1};
    return config;
}

// Publishes to a topic, as often as it takes until there is room for it.
static uint64_t put_patiently(struct journal *journal, const char *kind, int number) {
    struct support_publish to;
    char name[32];
    snprintf(name, sizeof name, "%s/%d", kind, number);
    while (support_put_full(journal, name, "", "x", 0, &to) == ERR_LIMIT) sched_yield();
    cr_assert_eq(to.publish.result, 0);
    return to.publish.first;
}

static uint32_t highest_number(void) {
    pthread_mutex_lock(&support_seen.lock);
    uint32_t no = support_seen.last->count ? support_seen.last->events[0]->topic_no : 0;
    pthread_mutex_unlock(&support_seen.lock);
    return no;
}

// The finding: memory topics whose events nobody has filled limits.topics for good. And numbers
// grew for ever.
Test(numbers, memory_topics_end_and_give_their_numbers_back, .timeout = 120) {
    struct journal_config config = config_with(&memory_rule);
    struct journal *journal = support_open(&config);
    uint32_t highest = 0;
    for (int i = 0; i < 2 * TOPICS; i++) {
        (void)put_patiently(journal, "cursor", i);
        uint32_t no = highest_number();
        if (no > highest) highest = no;
    }
    cr_assert_leq(highest, TOPICS + TOPICS / 4);
    (void)put_patiently(journal, "log", 1);
    journal_close(journal);
}

// A number of a stored topic is used again too, after a restart as well.
Test(numbers, stored_topics_give_their_numbers_back, .timeout = 120) {
    const struct journal_topic_rule rule = {.pattern = "job/*", .retention = {.age_max_ms = 1}};
    struct journal_config config = config_with(&rule);
    uint32_t highest = 0;
    for (int round = 0; round < 2; round++) {
        struct journal *journal = support_open(&config);
        for (int i = 0; i < TOPICS + 8; i++) {
            (void)put_patiently(journal, "job", round * 1000 + i);
            uint32_t no = highest_number();
            if (no > highest) highest = no;
        }
        journal_close(journal);
    }
    cr_assert_leq(highest, TOPICS + TOPICS / 4);
}

static struct batch *kept;

static void keep_first(void *context, struct batch *batch) {
    (void)context;
    if (!kept)
        kept = batch;
    else
        batch_put(batch);
}

// While a batch is in use its topics keep their numbers, and memory topics stay.
Test(numbers, a_topic_in_use_stays, .timeout = 120) {
    struct journal_config config = config_with(&memory_rule);
    struct journal *journal;
    struct report report = {0};
    cr_assert_eq(journal_open(&journal, &config, &report), 0);
    cr_assert_eq(
        journal_start(journal, (struct journal_listener){.committed = keep_first}, &report), 0);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "cursor/first", "", "x", 0, &to), 0);
    // More than fit: all others could go, but no batch after the first is known to be free.
    for (int i = 0; i < TOPICS - 1; i++) (void)put_patiently(journal, "log", i);
    cr_assert_eq(support_put_full(journal, "log/one too many", "", "x", 0, &to), ERR_LIMIT);
    batch_put(kept);
    (void)put_patiently(journal, "log", TOPICS);
    journal_close(journal);
}

// The journal may be closed before the last batch is freed.
Test(numbers, a_batch_outlives_the_journal) {
    struct journal_config config = config_with(&memory_rule);
    struct journal *journal;
    struct report report = {0};
    kept = NULL;
    cr_assert_eq(journal_open(&journal, &config, &report), 0);
    cr_assert_eq(
        journal_start(journal, (struct journal_listener){.committed = keep_first}, &report), 0);
    support_put(journal, "log", "x");
    journal_close(journal);
    batch_put(kept);
}

Test(numbers, are_given_in_order_and_taken_back) {
    struct numbers numbers = {0};
    uint32_t no;
    cr_assert_not(numbers_take(&numbers, 100, &no));
    for (uint32_t i = 1; i <= 100; i++) cr_assert_eq(numbers_give(&numbers, i, i * 10), 0);
    cr_assert_not(numbers_take(&numbers, 9, &no));
    for (uint32_t i = 1; i <= 50; i++) {
        cr_assert(numbers_take(&numbers, 500, &no));
        cr_assert_eq(no, i);
    }
    cr_assert_not(numbers_take(&numbers, 500, &no));
    numbers_untake(&numbers);
    cr_assert(numbers_take(&numbers, 500, &no));
    cr_assert_eq(no, 50);
    for (uint32_t i = 101; i <= 1000; i++) {
        cr_assert_eq(numbers_give(&numbers, i, i * 10), 0);
        cr_assert(numbers_take(&numbers, i * 10, &no));
        cr_assert_eq(no, i - 50);
    }
    numbers_fini(&numbers);
}
