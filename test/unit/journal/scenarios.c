// SPDX-License-Identifier: MIT
// What journals go through while their disk is recorded.
#include "scenarios.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "ledger.h"

// --- publishing ----------------------------------------------------------------------------------

struct order {
    struct publish publish;
    sem_t over;
};

static void done(struct publish *publish) {
    struct order *order = (struct order *)publish;
    ledger_note_done(publish);
    sem_post(&order->over);
}

// Publishes and waits.
static int send(struct journal *journal, struct order *order, struct event **events,
                uint32_t count) {
    order->publish.events = events;
    order->publish.count = count;
    order->publish.done = done;
    sem_init(&order->over, 0, 0);
    int err = journal_publish(journal, &order->publish);
    if (err)
        for (uint32_t i = 0; i < count; i++) event_free(events[i]);
    else
        sem_wait(&order->over);
    sem_destroy(&order->over);
    return err ? err : order->publish.result;
}

int scenario_publish(struct journal *journal, struct publish *publish, struct str topic,
                     struct str key, uint8_t flags) {
    struct order order = {0};
    struct event *event = event_new(topic, STR(""), key, STR("after the cut"), flags);
    int err = send(journal, &order, &event, 1);
    *publish = order.publish;
    return err;
}

static int try_put(struct journal *journal, const char *topic, const char *key, size_t bytes,
                   uint8_t flags) {
    static unsigned number;
    struct order order = {0};
    char *data = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) data[i] = (char)('a' + (number + i / 7) % 26);
    number++;
    struct event *event =
        event_new(str_from(topic), STR("type"), str_from(key), (struct str){data, bytes}, flags);
    free(data);
    return send(journal, &order, &event, 1);
}

static void put(struct journal *journal, const char *topic, size_t bytes) {
    cr_assert_eq(try_put(journal, topic, "", bytes, 0), 0);
}

static void put_keyed(struct journal *journal, const char *topic, const char *key, uint8_t flags) {
    cr_assert_eq(try_put(journal, topic, key, 20, flags), 0);
}

static void forget(struct journal *journal, const char *topic) {
    struct order order = {.publish = {.op = PUBLISH_FORGET}};
    struct event *event = event_new(str_from(topic), STR(""), STR(""), STR(""), 0);
    // It may have been dropped already.
    int err = send(journal, &order, &event, 1);
    cr_assert(err == 0 || err == ERR_NOT_FOUND);
}

// `count` events in topics PREFIX0 to PREFIXn-1, with keys that begin with `key`, in one publish.
static void put_many(struct journal *journal, const char *prefix, unsigned topics, const char *key,
                     uint32_t count) {
    struct event **events = calloc(count, sizeof *events);
    struct order order = {0};
    for (uint32_t i = 0; i < count; i++) {
        char topic[64], data[32], own_key[64] = "";
        snprintf(topic, sizeof topic, "%s%u", prefix, i % topics);
        snprintf(data, sizeof data, "%u", i);
        if (key[0] && i % 8 == 0) snprintf(own_key, sizeof own_key, "%s %u", key, i);
        events[i] = event_new(str_from(topic), STR(""), str_from(own_key), str_from(data), 0);
    }
    cr_assert_eq(send(journal, &order, events, count), 0);
    free(events);
}

// Lines of a followed file, with the position behind them.
static void put_lines(struct journal *journal, unsigned position, uint32_t count) {
    struct event *events[16];
    char text[32];
    snprintf(text, sizeof text, "%u", position);
    struct order order = {
        .publish = {.source_name = STR("file"), .source_position = str_from(text)}};
    for (uint32_t i = 0; i < count; i++) {
        char line[64];
        snprintf(line, sizeof line, "line before %u, %u", position, i);
        events[i] = event_new(STR("logs/file"), STR(""), STR(""), str_from(line),
                              i == 0 ? EVENT_ROTATED : 0);
    }
    cr_assert_eq(send(journal, &order, events, count), 0);
}

static struct journal *open_noted(const struct journal_config *config) {
    struct journal *journal;
    struct report report = {0};
    cr_assert_eq(journal_open(&journal, config, &report), 0, "%s", report.text);
    ledger_note_opened(journal);
    cr_assert_eq(journal_start(journal, ledger_listener(), &report), 0, "%s", report.text);
    return journal;
}

#define BOUNDS .queue_events_max = 100000, .queue_bytes_max = 64u << 20, .sync = true
#define CONFIG BOUNDS, .map_bytes = (uint64_t)1 << 30, .topics_max = 100000

// --- creation ------------------------------------------------------------------------------------

static void run_creation(const struct journal_config *config) {
    for (int i = 0; i < 2; i++) {
        struct journal *journal = open_noted(config);
        put(journal, "a", 10);
        put_keyed(journal, "b", i ? "second" : "first", 0);
        journal_close(journal);
    }
}

const struct scenario scenario_creation = {
    .name = "creation", .config = {CONFIG}, .run = run_creation};

// --- commits of all kinds ------------------------------------------------------------------------

static const struct journal_topic_rule memory_rules[] = {{.pattern = "memory/**", .memory = true}};

static void commit_one(struct journal *journal, unsigned i) {
    char topic[32], key[32];
    snprintf(topic, sizeof topic, "job/%u", i);
    snprintf(key, sizeof key, "key %u", i);
    switch (i % 8) {
        case 0: put_many(journal, "many/", 7, key, 20); break;
        case 1:
        case 4: put_lines(journal, i * 10, 1 + i % 3); break;
        case 2: put(journal, "large", 3000 + i * 400); break;
        case 3: put_keyed(journal, "ids", key, EVENT_WIRE_ID); break;
        case 5: put(journal, "memory/x", 30); break;
        case 6: put_keyed(journal, topic, key, EVENT_CLOSE); break;
        default: put(journal, "a", 300);
    }
    if (i % 40 == 39) forget(journal, "many/3");
    if (i % 40 == 20) forget(journal, "large");
}

static void run_commits(const struct journal_config *config) {
    for (unsigned run = 0; run < 2; run++) {
        struct journal *journal = open_noted(config);
        for (unsigned i = 0; i < 60; i++) commit_one(journal, run * 60 + i);
        journal_close(journal);
    }
}

const struct scenario scenario_commits = {
    .name = "commits",
    .config = {CONFIG, .policy = {.rules = memory_rules, .rules_count = 1}},
    .run = run_commits};

// --- several publishers at once ------------------------------------------------------------------

struct publisher {
    struct journal *journal;
    unsigned number;
    pthread_t thread;
};

static void *publish_many(void *context) {
    const struct publisher *publisher = context;
    char topic[32], key[32];
    snprintf(topic, sizeof topic, "from/%u", publisher->number);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "%u", i);
        if (publisher->number == 0)
            put_lines(publisher->journal, i, 2);
        else
            put_keyed(publisher->journal, topic, key, 0);
    }
    return NULL;
}

static void run_crowd(const struct journal_config *config) {
    struct journal *journal = open_noted(config);
    struct publisher publishers[4];
    for (unsigned i = 0; i < 4; i++) {
        publishers[i] = (struct publisher){journal, i, 0};
        pthread_create(&publishers[i].thread, NULL, publish_many, &publishers[i]);
    }
    for (unsigned i = 0; i < 4; i++) pthread_join(publishers[i].thread, NULL);
    journal_close(journal);
}

const struct scenario scenario_crowd = {.name = "crowd", .config = {CONFIG}, .run = run_crowd};

// After a power cut, until the next.
const struct scenario scenario_again = {.name = "again",
                                        .start = START_SAME,
                                        .config = {CONFIG},
                                        .before = &scenario_commits,
                                        .run = run_crowd};

// --- a checkpoint --------------------------------------------------------------------------------

static void run_checkpoint(const struct journal_config *config) {
    char key[32];
    struct journal *journal = open_noted(config);
    for (int i = 0; i < 17; i++) {
        snprintf(key, sizeof key, "key %d", i);
        put_many(journal, "topic/", 150, key, LIMIT_PUBLISH_EVENTS);
        put_lines(journal, (unsigned)i, 1);
    }
    journal_close(journal);
}

const struct scenario scenario_checkpoint = {
    .name = "checkpoint", .percent = 20, .config = {CONFIG}, .run = run_checkpoint};

// --- retention -----------------------------------------------------------------------------------

static const struct journal_topic_rule trimming_rules[] = {
    {.pattern = "logs/**", .retention = {.count_max = 40}},
    {.pattern = "status/**", .keep = 2},
    {.pattern = "bytes/**", .retention = {.bytes_max = 4000}},
};

static void run_trimming(const struct journal_config *config) {
    size_t trimmed, dropped;
    char name[32];
    for (unsigned run = 0; run < 2; run++) {
        struct journal *journal = open_noted(config);
        for (unsigned i = 0; i < 60; i++) {
            snprintf(name, sizeof name, "status/%u", i % 5);
            put_keyed(journal, name, "", 0);
            snprintf(name, sizeof name, "run %u, %u", run, i);
            put_many(journal, "topic/", 9, name, 12);
            put_many(journal, "bytes/", 2, "", 5);
            put_lines(journal, run * 1000 + i, 4);
            if (i % 20 == 15) forget(journal, "topic/3");
        }
        // Nearly as many topics as there may be, of which some are empty: those are dropped.
        put_many(journal, "short/", 20, "", 20);
        for (unsigned i = 0; i < 20; i++) {
            snprintf(name, sizeof name, "short/%u", i);
            forget(journal, name);
        }
        put_many(journal, "next/", 24, "", 48);
        put(journal, "topic/1", 20);
        journal_close(journal);
    }
    ledger_count_changes(&trimmed, &dropped);
    cr_assert(trimmed > 100 && dropped >= 20, "%zu, %zu", trimmed, dropped);
}

const struct scenario scenario_trimming = {
    .name = "trimming",
    .config = {BOUNDS, .map_bytes = (uint64_t)1 << 30, .topics_max = 64,
               .policy = {.retention = {.count_max = 250, .bytes_max = 100000},
                          .rules = trimming_rules,
                          .rules_count = sizeof trimming_rules / sizeof trimming_rules[0]}},
    .run = run_trimming};

// --- a full map ----------------------------------------------------------------------------------

// To the last page, so that deleting needs a larger one.
static void run_growth(const struct journal_config *config) {
    struct journal_stats stats;
    struct journal *journal = open_noted(config);
    int err;
    while (!(err = try_put(journal, "large", "", 3000, 0))) {
    }
    cr_assert_eq(err, ERR_FULL);
    const struct journal_policy policy = {.retention = {.count_max = 20}};
    cr_assert_eq(journal_set_policy(journal, &policy), 0);
    while ((err = try_put(journal, "large", "", 3000, 0)) == ERR_FULL) sched_yield();
    cr_assert_eq(err, 0);
    for (int i = 0; i < 30; i++) put(journal, "small", 500);
    journal_stats(journal, &stats);
    cr_assert_gt(stats.map_bytes, config->map_bytes);
    journal_close(journal);
}

const struct scenario scenario_growth = {
    .name = "growth",
    .config = {BOUNDS, .map_bytes = 1 << 20, .topics_max = 100},
    .run = run_growth};

// The oldest events make room.
static void run_room(const struct journal_config *config) {
    struct journal *journal = open_noted(config);
    for (int i = 0; i < 60; i++) put(journal, "large", 50000);
    journal_close(journal);
}

const struct scenario scenario_room = {
    .name = "room",
    .config = {BOUNDS, .map_bytes = 2 << 20, .topics_max = 100,
               .policy = {.retention = {.bytes_max = 100u << 20}}},
    .run = run_room};

// --- journals that were there --------------------------------------------------------------------

static void prepare_migration(const char *dir) {
    char command[5000];
    cr_assert_eq(mkdir(dir, 0700), 0);
    snprintf(command, sizeof command,
             "gzip -dc test/unit/journal/format-1.mdb.gz >%s/data.mdb && "
             "printf 'tailrace data directory\\npid 1\\n' >%s/lock",
             dir, dir);
    cr_assert_eq(system(command), 0);
}

static void run_short(const struct journal_config *config) {
    struct journal *journal = open_noted(config);
    put(journal, "status/db", 30);
    put_lines(journal, 5, 2);
    journal_close(journal);
}

const struct scenario scenario_migration = {.name = "migration",
                                            .start = START_SAME,
                                            .config = {CONFIG},
                                            .prepare = prepare_migration,
                                            .run = run_short};

static void prepare_copy(const char *dir) {
    char command[9000];
    struct journal_config config = scenario_copy.config;
    config.dir = dir;
    for (int i = 0; i < 2; i++) {
        struct journal *journal;
        struct report report = {0};
        cr_assert_eq(journal_open(&journal, &config, &report), 0, "%s", report.text);
        cr_assert_eq(journal_start(journal, (struct journal_listener){0}, &report), 0);
        for (int j = 0; j < 20; j++) put(journal, "a", 100);
        journal_close(journal);
        snprintf(command, sizeof command,
                 i == 0 ? "cp %s/data.mdb %s.backup" : "cat %2$s.backup >%1$s/data.mdb", dir, dir);
        cr_assert_eq(system(command), 0);
    }
    snprintf(command, sizeof command, "rm %s.backup %s/lock.mdb", dir, dir);
    cr_assert_eq(system(command), 0);
}

const struct scenario scenario_copy = {.name = "copy",
                                       .start = START_COPY,
                                       .config = {CONFIG},
                                       .prepare = prepare_copy,
                                       .run = run_short};

// --- killed before the power is cut --------------------------------------------------------------

static void find_orders(void *context, const struct topic_state *topic) {
    if (str_equal(topic->name, STR("orders"))) *(uint64_t *)context = topic->last_ordinal;
}

// Goes on where it was, and tries the last ones again with their keys.
static void run_kills(const struct journal_config *config) {
    struct journal *journal;
    struct report report = {0};
    uint64_t next = 0;
    cr_assert_eq(journal_open(&journal, config, &report), 0, "%s", report.text);
    ledger_note_opened(journal);
    journal_topics(journal, find_orders, &next);
    cr_assert_eq(journal_start(journal, ledger_listener(), &report), 0, "%s", report.text);
    next = next > 2 ? next - 2 : 0;
    for (uint64_t end = next + 12; next < end; next++) {
        char key[32], position[32];
        snprintf(key, sizeof key, "order %llu", (unsigned long long)next);
        snprintf(position, sizeof position, "%llu", (unsigned long long)next + 1);
        struct order order = {
            .publish = {.source_name = STR("file"), .source_position = str_from(position)}};
        struct event *event = event_new(STR("orders"), STR(""), str_from(key), str_from(key), 0);
        cr_assert_eq(send(journal, &order, &event, 1), 0);
    }
    journal_close(journal);
}

const struct scenario scenario_kills = {
    .name = "kills", .kills = 20, .config = {CONFIG}, .run = run_kills};

// --- a disk that fails before the power is cut ---------------------------------------------------

// What is answered with an error must not come back.
static void run_failure(const struct journal_config *config) {
    struct journal *journal = open_noted(config);
    unsigned refused = 0;
    for (int i = 0; i < 8; i++) {
        int err = try_put(journal, "a", "", 500, 0);
        cr_assert(err == 0 || err == ERR_IO);
        refused += err != 0;
        while (err) {
            sched_yield();
            err = try_put(journal, "a", "", 700, 0);
        }
    }
    cr_assert_gt(refused, 0);
    journal_close(journal);
}

const struct scenario scenario_failure = {
    .name = "failure", .percent = 300, .failing_page = 6, .config = {CONFIG}, .run = run_failure};
