// SPDX-License-Identifier: MIT
// Statuses are not forgotten because logs are written: a topic's newest event stays.
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/random.h"
#include "journal/audit.h"
#include "journal/journal.h"
#include "support.h"

#define MINUTE ((uint64_t)60 * 1000)
#define HOUR (60 * MINUTE)

static uint64_t wall_ms;

static uint64_t wall(void) { return wall_ms; }

static struct journal *shared;
static uint64_t bytes_wanted;

static bool is_within(const struct support_seen *seen) {
    struct journal_stats stats;
    (void)seen;
    journal_stats(shared, &stats);
    return stats.bytes <= bytes_wanted;
}

// Waits until retention has done its work.
static void settle(struct journal *journal, uint64_t bytes_max) {
    shared = journal;
    bytes_wanted = bytes_max;
    support_wait(is_within);
}

static void put_lines(struct journal *journal, const char *topic, size_t count) {
    static struct event *events[LIMIT_PUBLISH_EVENTS];
    while (count > 0) {
        size_t now = count < LIMIT_PUBLISH_EVENTS ? count : LIMIT_PUBLISH_EVENTS;
        for (size_t i = 0; i < now; i++)
            events[i] = event_new(str_from(topic), STR(""), STR(""),
                                  STR("a line of a log, as long as they are"), 0);
        struct support_publish to = {0};
        cr_assert_eq(support_publish(journal, &to, events, (uint32_t)now), 0);
        count -= now;
    }
}

// The data of the event with this seq, "" when it is not stored.
static const char *data_of(struct journal *journal, uint64_t seq) {
    static char text[256];
    struct store_reader *reader;
    struct record record;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    int err = store_reader_read(reader, seq, &record);
    cr_assert(err == 0 || err == ERR_NOT_FOUND, "%s", err_text(err));
    snprintf(text, sizeof text, "%.*s", err ? 0 : (int)record.data.len, err ? "" : record.data.ptr);
    store_reader_end(reader);
    store_reader_close(reader);
    return text;
}

static void expect_whole(const char *dir) {
    struct audit all = {0};
    struct report report = {0};
    cr_assert_eq(audit_check(&all, dir, &report), 0, "%s", report.text);
}

// The finding: one status and then two megabytes of a log, with retention of one.
Test(keep, a_status_survives_a_log) {
    struct journal_config config = support_config(support_dir());
    config.policy.topic_share = 1000;
    config.policy.retention.bytes_max = 1 << 20;
    struct journal *journal = support_open(&config);
    uint64_t first = support_put(journal, "status/db", "fine");
    for (int round = 0; round < 3; round++) {
        put_lines(journal, "log", 20000);
        settle(journal, 1 << 20);
        cr_assert_str_eq(data_of(journal, first), "fine");
        journal_close(journal);
        expect_whole(config.dir);
        journal = support_open(&config);
    }
    // Not for ever: only the newest.
    uint64_t second = support_put(journal, "status/db", "better");
    put_lines(journal, "log", 20000);
    settle(journal, 1 << 20);
    cr_assert_str_eq(data_of(journal, first), "");
    cr_assert_str_eq(data_of(journal, second), "better");
    uint64_t seqs[4];
    bool lost;
    cr_assert_eq(support_after(journal, second, 0, seqs, 4, &lost), 1);
    journal_close(journal);
    expect_whole(config.dir);
}

Test(keep, a_rule_keeps_more) {
    const struct journal_topic_rule rule = {.pattern = "status/**", .keep = 3};
    struct journal_config config = support_config(support_dir());
    config.policy = (struct journal_policy){
        .retention.bytes_max = 1 << 20, .topic_share = 1000, .rules = &rule, .rules_count = 1};
    struct journal *journal = support_open(&config);
    uint64_t seqs[5];
    for (int i = 0; i < 5; i++) seqs[i] = support_put(journal, "status/db", "x");
    put_lines(journal, "log", 30000);
    settle(journal, 1 << 20);
    for (int i = 0; i < 5; i++) cr_assert_str_eq(data_of(journal, seqs[i]), i < 2 ? "" : "x");
    journal_close(journal);
    expect_whole(config.dir);
}

static uint64_t events_wanted;

static bool has_events(const struct support_seen *seen) {
    struct journal_stats stats;
    (void)seen;
    journal_stats(shared, &stats);
    return stats.events == events_wanted;
}

// By age the newest event goes too, unless a rule keeps it.
Test(keep, age_spares_only_what_a_rule_keeps) {
    const struct journal_topic_rule rules[] = {
        {.pattern = "status/**", .keep = 1, .retention.age_max_ms = HOUR},
        {.pattern = "short/**", .retention.age_max_ms = HOUR}};
    struct journal_config config = support_config(support_dir());
    config.policy = (struct journal_policy){
        .retention = {.age_max_ms = 3 * HOUR}, .rules = rules, .rules_count = 2};
    config.unix_ms = wall;
    wall_ms = 1800000000000;
    struct journal *journal = support_open(&config);
    (void)support_put(journal, "status/db", "older");
    uint64_t status = support_put(journal, "status/db", "kept");
    uint64_t brief = support_put(journal, "short/x", "gone after an hour");
    uint64_t other = support_put(journal, "other", "gone after three hours");
    for (int i = 0; i < 2; i++, wall_ms += 50 * MINUTE) support_put(journal, "tick", "x");
    // Ages of single topics are looked at now and then, and when the journal is opened.
    journal_close(journal);
    journal = support_open(&config);
    while (*data_of(journal, brief)) support_put(journal, "tick", "x");
    cr_assert_str_eq(data_of(journal, status), "kept");
    cr_assert_str_eq(data_of(journal, other), "gone after three hours");
    for (int i = 0; i < 8; i++, wall_ms += 50 * MINUTE) support_put(journal, "tick", "x");
    while (*data_of(journal, other)) support_put(journal, "tick", "x");
    cr_assert_str_eq(data_of(journal, status), "kept");
    journal_close(journal);
    expect_whole(config.dir);
}

// What the head has passed is looked at for its age by its topic.
Test(keep, a_kept_event_goes_by_its_age) {
    struct journal_config config = support_config(support_dir());
    config.policy.topic_share = 1000;
    config.policy.retention =
        (struct journal_retention){.bytes_max = 1 << 20, .age_max_ms = 3 * HOUR};
    config.unix_ms = wall;
    wall_ms = 1800000000000;
    struct journal *journal = support_open(&config);
    uint64_t first = support_put(journal, "status/db", "fine");
    put_lines(journal, "log", 20000);
    settle(journal, 1 << 20);
    cr_assert_str_eq(data_of(journal, first), "fine");
    for (int i = 0; i < 4; i++, wall_ms += 50 * MINUTE) {
        support_put(journal, "tick", "x");
        put_lines(journal, "log", 20000);
        settle(journal, 1 << 20);
    }
    journal_close(journal);
    journal = support_open(&config);
    while (*data_of(journal, first)) support_put(journal, "tick", "x");
    journal_close(journal);
    expect_whole(config.dir);
}

Test(keep, a_finished_topic_is_not_kept) {
    struct journal_config config = support_config(support_dir());
    config.policy.topic_share = 1000;
    config.policy.retention.bytes_max = 1 << 20;
    struct journal *journal = support_open(&config);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "job", "", "done", EVENT_CLOSE, &to), 0);
    uint64_t job = to.publish.first, later = support_put(journal, "late", "x");
    put_lines(journal, "log", 20000);
    settle(journal, 1 << 20);
    cr_assert_str_eq(data_of(journal, job), "");
    cr_assert_str_eq(data_of(journal, later), "x");
    // Finished after the head has passed it.
    cr_assert_eq(support_put_full(journal, "late", "", "done", EVENT_CLOSE, &to), 0);
    put_lines(journal, "log", 20000);
    settle(journal, 1 << 20);
    cr_assert_str_eq(data_of(journal, later), "");
    cr_assert_str_eq(data_of(journal, to.publish.first), "");
    journal_close(journal);
    expect_whole(config.dir);
}

// Only kept events: nothing to delete, nothing to look for again and again.
Test(keep, kept_events_alone_may_exceed_the_bound) {
    struct journal_config config = support_config(support_dir());
    config.policy.retention.count_max = 10;
    struct journal *journal = support_open(&config);
    char name[32];
    uint64_t seqs[100];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "status/%d", i);
        seqs[i] = support_put(journal, name, "x");
    }
    for (int i = 0; i < 100; i++) cr_assert_str_eq(data_of(journal, seqs[i]), "x");
    struct journal_stats before, after;
    support_put(journal, "status/0", "y");
    shared = journal;
    events_wanted = 100;
    support_wait(has_events);
    journal_stats(journal, &before);
    cr_assert_str_eq(data_of(journal, seqs[0]), "");
    journal_close(journal);
    journal = support_open(&config);
    journal_stats(journal, &after);
    cr_assert_eq(after.events, 100);
    journal_close(journal);
    expect_whole(config.dir);
}

// Too many topics: the kept ones whose event is the oldest go.
Test(keep, the_oldest_kept_topics_make_room, .timeout = 120) {
    struct journal_config config = support_config(support_dir());
    config.policy.retention.count_max = 10;
    config.topics_max = 64;
    struct journal *journal = support_open(&config);
    struct support_publish to;
    char name[32];
    uint64_t first = 0;
    for (int i = 0; i < 80; i++) {
        snprintf(name, sizeof name, "status/%d", i);
        while (support_put_full(journal, name, "", "x", 0, &to) == ERR_LIMIT) sched_yield();
        if (!first) first = to.publish.first;
    }
    cr_assert_str_eq(data_of(journal, first), "");
    cr_assert_str_eq(data_of(journal, to.publish.first), "x");
    journal_close(journal);
    expect_whole(config.dir);
}

// One key's flood does not evict everybody's history.
Test(keep, a_flood_in_one_topic_evicts_its_own) {
    struct journal_config config = support_config(support_dir());
    config.policy.retention.bytes_max = 1 << 20;
    struct journal *journal = support_open(&config);
    struct journal_stats stats;
    put_lines(journal, "audit", 2000);
    uint64_t first = 1;
    put_lines(journal, "flood", 60000);
    settle(journal, 1 << 20);
    cr_assert_str_neq(data_of(journal, first), "");
    journal_stats(journal, &stats);
    cr_assert_gt(stats.bytes, (1 << 20) / 2);
    journal_close(journal);
    expect_whole(config.dir);
}

// Random traffic beside a model: each open topic's newest event is there, each topic's rest is a
// row without a hole, and the totals are right.
Test(keep, random_traffic, .timeout = 120) {
    enum { TOPICS = 40 };
    struct journal_config config = support_config(support_dir());
    const struct journal_topic_rule rules[] = {{.pattern = "t/1*", .keep = 3},
                                               {.pattern = "t/2*", .retention.count_max = 5}};
    config.policy = (struct journal_policy){
        .retention = {.bytes_max = 60000}, .rules = rules, .rules_count = 2};
    struct journal *journal = support_open(&config);
    struct random random;
    struct support_publish to;
    struct {
        uint64_t last;
        bool open;
    } model[TOPICS] = {0};
    random_seed(&random, 11);
    for (int i = 0; i < 6000; i++) {
        char name[16];
        // A few topics have most of the traffic.
        size_t t =
            random_below(&random, 4) ? random_below(&random, 3) : random_below(&random, TOPICS);
        snprintf(name, sizeof name, "t/%zu", t);
        if (random_below(&random, 100) == 0) {
            (void)support_forget(journal, name);
            model[t].open = false;
            continue;
        }
        uint8_t flags = random_below(&random, 60) == 0 ? EVENT_CLOSE : 0;
        int err = support_put_full(journal, name, "", "some data of an event", flags, &to);
        cr_assert(err == 0 || err == ERR_CLOSED);
        if (!err) {
            model[t].open = flags == 0;
            model[t].last = to.publish.first;
        }
        if (random_below(&random, 1500) == 0) {
            journal_close(journal);
            expect_whole(config.dir);
            journal = support_open(&config);
        }
    }
    for (size_t t = 0; t < TOPICS; t++) {
        uint64_t seqs[6000];
        bool lost;
        if (!model[t].open) continue;
        cr_assert_str_neq(data_of(journal, model[t].last), "", "topic %zu", t);
        size_t count = support_after(journal, model[t].last, 0, seqs, 6000, &lost);
        cr_assert_gt(count, 0);
        cr_assert_eq(seqs[count - 1], model[t].last);
    }
    journal_close(journal);
    expect_whole(config.dir);
}

// --- all topics of a rule together ---------------------------------------------------------------

static bool has_left_few(const struct support_seen *seen) {
    (void)seen;
    struct journal_stats stats;
    journal_stats(shared, &stats);
    return stats.trimmed_total >= bytes_wanted;
}

// A flood of many small topics takes what its rule may have, and nothing of anybody else.
Test(keep, topics_of_a_rule_have_a_bound_together) {
    const struct journal_topic_rule rule = {.pattern = "flood/**", .total_bytes_max = 1000};
    struct journal_config config = support_config(support_dir());
    config.policy = (struct journal_policy){.rules = &rule, .rules_count = 1};
    struct journal *journal = support_open(&config);
    uint64_t other = support_put(journal, "quiet", "stays"), seqs[200];
    for (int i = 0; i < 200; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "flood/%d", i % 4);
        // 10 bytes each.
        seqs[i] = support_put(journal, topic, "0123456789");
    }
    shared = journal;
    bytes_wanted = 100;
    support_wait(has_left_few);
    cr_assert_str_eq(data_of(journal, other), "stays");
    cr_assert_str_eq(data_of(journal, seqs[199]), "0123456789");
    cr_assert_str_eq(data_of(journal, seqs[0]), "", "the oldest goes first");
    size_t left = 0;
    for (int i = 0; i < 200; i++) left += data_of(journal, seqs[i])[0] != 0;
    cr_assert_leq(left, 100u);
    cr_assert_geq(left, 40u, "%zu", left);
    journal_close(journal);
    expect_whole(config.dir);
}
