// SPDX-License-Identifier: MIT
// Retention, memory topics, a full map, a full queue.
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/journal.h"
#include "journal/record.h"
#include "support.h"

static struct journal *shared;
static uint64_t wanted;

static bool has_events(const struct support_seen *seen) {
    (void)seen;
    struct journal_stats stats;
    journal_stats(shared, &stats);
    return stats.events == wanted;
}

// Until retention has left so many: what it removes is told to the listener, the counters before
// that.
static void wait_for_events(struct journal *journal, uint64_t count) {
    shared = journal;
    wanted = count;
    support_wait(has_events);
}

Test(retention, keeps_the_newest_of_all) {
    struct journal_config config = support_config(support_dir());
    config.policy.retention.count_max = 100;
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 1000; i++) support_put(journal, i % 10 ? "a" : "b", "x");
    wait_for_events(journal, 100);
    cr_assert_eq(support_count(journal), 100);
    uint64_t seqs[200];
    bool lost;
    cr_assert_eq(support_after(journal, 1000, 0, seqs, 200, &lost), 90);
    cr_assert(lost);
    cr_assert_eq(seqs[0], 902);
    cr_assert_eq(support_after(journal, 1000, 901, seqs, 200, &lost), 90);
    cr_assert(!lost);
    cr_assert(support_seen.changes > 0);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    cr_assert_eq(stats.first_seq, 901);
    cr_assert_eq(stats.trimmed_total, 900);
    journal_close(journal);
    journal = support_open(&config);
    cr_assert_eq(support_after(journal, 1000, 901, seqs, 200, &lost), 90);
    support_put(journal, "a", "x");
    wait_for_events(journal, 100);
    journal_close(journal);
}

static void count_left(void *context, const struct topic_state *topic) {
    uint64_t *left = context;
    left[0] += topic->last_ordinal - topic->trimmed_ordinal;
    left[1] += topic->bytes;
}

Test(retention, counters_are_exact_after_kill) {
    const char *dir = support_dir();
    struct journal_config config = support_config(dir);
    config.policy.retention.count_max = 300;
    pid_t child = fork();
    if (child == 0) {
        struct journal *journal = support_open(&config);
        for (int i = 0; i < 2000; i++) support_put(journal, i % 3 ? "a" : "b", "12345");
        wait_for_events(journal, 300);
        raise(SIGKILL);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    struct journal *journal;
    struct report report = {0};
    cr_assert_eq(journal_open(&journal, &config, &report), 0, "%s", report.text);
    uint64_t left[2] = {0};
    journal_topics(journal, count_left, left);
    cr_assert_eq(left[0], 300);
    cr_assert_eq(left[1], 1500);
    journal_close(journal);
}

Test(retention, bytes_are_bounded) {
    struct journal_config config = support_config(support_dir());
    config.policy.retention.bytes_max = 1 << 20;
    struct journal *journal = support_open(&config);
    char *large = malloc(5001);
    memset(large, 'x', 5000);
    large[5000] = '\0';
    for (int i = 0; i < 1000; i++) support_put(journal, "a", large);
    free(large);
    uint64_t each = record_cost(sizeof(struct record_header) + 5000);
    cr_assert_eq(each, 8192 + 26);
    wait_for_events(journal, (1 << 20) / each);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    cr_assert(stats.bytes <= 1 << 20);
    cr_assert(stats.map_used_bytes < 4u << 20);
    journal_close(journal);
}

Test(retention, old_ones_go_without_new_ones) {
    struct journal_config config = support_config(support_dir());
    config.policy.retention.age_max_ms = 50;
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 10; i++) support_put(journal, "a", "x");
    wait_for_events(journal, 0);
    cr_assert_eq(support_count(journal), 0);
    journal_close(journal);
}

Test(retention, rules_are_for_their_topics) {
    const struct journal_topic_rule rules[] = {
        {.pattern = "status/*", .retention = {.count_max = 1}},
        {.pattern = "short/**", .retention = {.bytes_max = 100}},
        {.pattern = "old/*", .retention = {.age_max_ms = 50}},
    };
    struct journal_config config = support_config(support_dir());
    config.policy.rules = rules;
    config.policy.rules_count = 3;
    struct journal *journal = support_open(&config);
    uint64_t last = 0;
    for (int i = 0; i < 500; i++) {
        support_put(journal, "log", "x");
        support_put(journal, "short/a", "1234567890");
        support_put(journal, "old/a", "x");
        last = support_put(journal, "status/a", "x");
    }
    wait_for_events(journal, 500 + 10 + 1);
    uint64_t seqs[600];
    bool lost;
    cr_assert_eq(support_after(journal, last, 0, seqs, 600, &lost), 1);
    cr_assert_eq(support_after(journal, last - 2, 0, seqs, 600, &lost), 10);
    cr_assert_eq(support_after(journal, last - 3, 0, seqs, 600, &lost), 500);

    // A reload that allows less.
    const struct journal_topic_rule fewer = {.pattern = "log", .retention = {.count_max = 20}};
    const struct journal_policy policy = {.rules = &fewer, .rules_count = 1};
    cr_assert_eq(journal_set_policy(journal, &policy), 0);
    wait_for_events(journal, 20 + 10 + 1);
    journal_close(journal);
}

Test(retention, forgetting_much_is_resumed_after_kill, .timeout = 120) {
    enum { EVENTS = 100000, EACH = 4000 };
    struct journal_config config = support_config(support_dir());
    pid_t child = fork();
    if (child == 0) {
        struct journal *journal = support_open(&config);
        static struct event *events[EACH];
        for (int i = 0; i < EVENTS; i += EACH) {
            for (int k = 0; k < EACH; k++)
                events[k] = event_new(STR("t"), STR(""), STR(""), STR("x"), 0);
            struct support_publish to = {0};
            cr_assert_eq(support_publish(journal, &to, events, EACH), 0);
        }
        support_put(journal, "stays", "x");
        cr_assert_eq(support_forget(journal, "t"), 0);
        raise(SIGKILL);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    struct journal *journal = support_open(&config);
    cr_assert_eq(support_count(journal), 1);
    // Deleting what nobody sees any more is not told to anybody.
    struct journal_stats stats;
    do {
        sched_yield();
        journal_stats(journal, &stats);
    } while (stats.events > 1);
    cr_assert_eq(support_count(journal), 1);
    uint64_t next = support_put(journal, "t", "new"), seqs[4];
    bool lost;
    cr_assert_eq(support_after(journal, next, 0, seqs, 4, &lost), 1);
    journal_close(journal);
}

Test(retention, memory_topics_are_not_stored) {
    const struct journal_topic_rule rule = {.pattern = "live/**", .memory = true};
    struct journal_config config = support_config(support_dir());
    config.policy.rules = &rule;
    config.policy.rules_count = 1;
    struct journal *journal = support_open(&config);
    uint64_t stored = support_put(journal, "log", "x"), last = 0;
    for (int i = 0; i < 10; i++) last = support_put(journal, "live/a", "x");
    cr_assert_eq(last, stored + 10);
    cr_assert(support_seen.last->events[0]->flags & EVENT_MEMORY);
    cr_assert_eq(support_seen.last->events[0]->ordinal, 10);
    cr_assert_eq(support_count(journal), 1);
    uint64_t next = support_put(journal, "log", "x");
    cr_assert_eq(next, last + 1);
    last = support_put(journal, "live/a", "x");
    journal_close(journal);
    journal = support_open(&config);
    cr_assert_eq(support_put(journal, "log", "x"), last + 1);
    journal_close(journal);
}

Test(retention, numbers_of_memory_topics_are_not_used_again_after_kill) {
    const struct journal_topic_rule rule = {.pattern = "live/**", .memory = true};
    struct journal_config config = support_config(support_dir());
    config.policy.rules = &rule;
    config.policy.rules_count = 1;
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal *journal = support_open(&config);
        uint64_t last = 0;
        for (int i = 0; i < 10; i++) last = support_put(journal, "live/a", "x");
        cr_assert_eq(write(pipes[1], &last, sizeof last), (ssize_t)sizeof last);
        raise(SIGKILL);
    }
    uint64_t last;
    cr_assert_eq(read(pipes[0], &last, sizeof last), (ssize_t)sizeof last);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    struct journal *journal = support_open(&config);
    cr_assert(support_put(journal, "log", "x") > last);
    journal_close(journal);
}

static int put_large(struct journal *journal, size_t bytes) {
    char *data = malloc(bytes);
    memset(data, 'x', bytes);
    struct event *event = event_new(STR("large"), STR(""), STR(""), (struct str){data, bytes}, 0);
    free(data);
    struct support_publish to = {0};
    return support_publish(journal, &to, &event, 1);
}

static void fill_map(size_t bytes) {
    struct journal_config config = support_config(support_dir());
    config.map_bytes = 4 << 20;
    struct journal *journal = support_open(&config);
    int err, stored = 0;
    while (!(err = put_large(journal, bytes))) stored++;
    cr_assert_eq(err, ERR_FULL);
    cr_assert(stored > 20);
    cr_assert_eq(support_count(journal), (size_t)stored);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    cr_assert_eq(stats.failed, ERR_FULL);
    const struct journal_policy policy = {.retention = {.count_max = 5}};
    cr_assert_eq(journal_set_policy(journal, &policy), 0);
    while ((err = put_large(journal, bytes)) == ERR_FULL) sched_yield();
    cr_assert_eq(err, 0);
    journal_close(journal);
}

Test(retention, full_map_refuses_and_recovers, .timeout = 120) { fill_map(100000); }
// To the last page, so that deleting has no room either.
Test(retention, map_without_a_page_recovers, .timeout = 120) { fill_map(3000); }

Test(retention, full_map_makes_room_where_it_may, .timeout = 120) {
    struct journal_config config = support_config(support_dir());
    config.map_bytes = 4 << 20;
    config.policy.retention.bytes_max = 100 << 20;
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 200; i++) cr_assert_eq(put_large(journal, 100000), 0);
    cr_assert(support_count(journal) > 20);
    journal_close(journal);
}

static void nothing(struct publish *publish) { publish->op = PUBLISH_FORGET; }

Test(retention, full_queue_is_busy) {
    struct journal_config config = support_config(support_dir());
    config.queue_events_max = 2;
    struct journal *journal;
    struct report report = {0};
    cr_assert_eq(journal_open(&journal, &config, &report), 0);
    struct publish publishes[3];
    struct event *events[3];
    for (int i = 0; i < 3; i++) {
        events[i] = event_new(STR("t"), STR(""), STR(""), STR("x"), 0);
        publishes[i] = (struct publish){.count = 1, .events = &events[i], .done = nothing};
        cr_assert_eq(journal_publish(journal, &publishes[i]), i < 2 ? 0 : ERR_BUSY);
    }
    event_free(events[2]);
    journal_stop(journal); // never started: what waits is refused
    for (int i = 0; i < 2; i++) cr_assert_eq(publishes[i].result, ERR_CLOSED);
    cr_assert_eq(publishes[0].op, PUBLISH_FORGET); // it was told
    struct event *late = event_new(STR("t"), STR(""), STR(""), STR("x"), 0);
    publishes[2] = (struct publish){.count = 1, .events = &late, .done = nothing};
    cr_assert_eq(journal_publish(journal, &publishes[2]), ERR_CLOSED);
    event_free(late);
    journal_close(journal);
}

struct publisher {
    struct journal *journal;
    int number;
    pthread_t thread;
};

static void *publish_many(void *context) {
    struct publisher *publisher = context;
    char topic[16], data[16];
    snprintf(topic, sizeof topic, "p%d", publisher->number);
    for (int i = 0; i < 500; i++) {
        snprintf(data, sizeof data, "%d", i);
        support_put(publisher->journal, topic, data);
    }
    return NULL;
}

Test(retention, many_publishers_while_reading) {
    struct journal_config config = support_config(support_dir());
    config.policy.retention.count_max = 700;
    struct journal *journal = support_open(&config);
    struct publisher publishers[4];
    for (int i = 0; i < 4; i++) {
        publishers[i] = (struct publisher){.journal = journal, .number = i};
        pthread_create(&publishers[i].thread, NULL, publish_many, &publishers[i]);
    }
    while (journal_last_seq(journal) < 2000) (void)support_count(journal);
    for (int i = 0; i < 4; i++) pthread_join(publishers[i].thread, NULL);
    pthread_mutex_lock(&support_seen.lock);
    cr_assert_eq(support_seen.count, 2000);
    for (size_t i = 0; i < 2000; i++) cr_assert_eq(support_seen.seqs[i], i + 1);
    pthread_mutex_unlock(&support_seen.lock);
    journal_close(journal);
}
