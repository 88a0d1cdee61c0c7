// SPDX-License-Identifier: MIT
// A journal of format 1, written by the last tailrace that had it and killed: topics that are
// whole, finished and forgotten, keys, a large event, a followed file, no checkpoint.
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "journal/journal.h"
#include "support.h"

#define EPOCH "hok08k2w3o"
#define LAST_SEQ 346

static const char *sample_dir(void) {
    static char command[512];
    const char *dir = support_dir();
    snprintf(command, sizeof command,
             "gzip -dc test/unit/journal/format-1.mdb.gz >%s/data.mdb && "
             "printf 'tailrace data directory\\npid 1\\n' >%s/lock",
             dir, dir);
    cr_assert_eq(system(command), 0);
    return dir;
}

static void count_topic(void *context, const struct topic_state *topic) {
    uint64_t *topics = context;
    ++*topics;
    if (str_equal(topic->name, STR("job/1"))) cr_assert(topic->closed);
    if (str_equal(topic->name, STR("gone"))) cr_assert_eq(topic->trimmed_seq, topic->last_seq);
    if (str_equal(topic->name, STR("status/db"))) cr_assert_eq(topic->last_ordinal, 40);
}

static void expect_everything(struct journal *journal) {
    struct store_reader *reader;
    struct record record;
    char position[512];
    size_t len;
    cr_assert_str_eq(journal_epoch(journal), EPOCH);
    cr_assert_not(journal_was_restored(journal));
    cr_assert_eq(support_count(journal), LAST_SEQ - 1);
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    cr_assert_eq(store_reader_read(reader, 2, &record), 0);
    cr_assert(str_equal(record.data, STR("l2")));
    cr_assert_eq(store_reader_read(reader, 43, &record), 0);
    cr_assert(str_equal(record.data, STR("ok 40")));
    cr_assert(str_equal(record.key, STR("k40")));
    cr_assert_eq(record.ordinal, 40);
    cr_assert_eq(record.prev, 42);
    cr_assert_eq(record.time_ms, 1795793704507);
    uint64_t seqs[400];
    bool lost;
    cr_assert_eq(store_reader_read(reader, 344, &record), 0);
    cr_assert_eq(record.data.len, 9000);
    cr_assert(str_equal(record.type, STR("big")));
    cr_assert_eq(store_reader_read(reader, 346, &record), ERR_NOT_FOUND);
    store_reader_end(reader);
    store_reader_close(reader);
    cr_assert_eq(support_after(journal, 343, 0, seqs, 400, &lost), 300);
    cr_assert_eq(journal_source_position(journal, STR("file:/tmp/sample/app.log > logs/app.log"),
                                         position, &len),
                 0);
    cr_assert_gt(len, 0);
}

Test(migrate, a_journal_of_format_1_keeps_everything) {
    struct journal_config config = support_config(sample_dir());
    struct journal *journal;
    struct report report = {0};
    uint64_t topics = 0;
    cr_assert_eq(journal_open(&journal, &config, &report), 0, "%s", report.text);
    journal_topics(journal, count_topic, &topics);
    cr_assert_eq(topics, 6);
    expect_everything(journal);
    journal_close(journal);
    journal = support_open(&config);
    expect_everything(journal);
    struct support_publish to;
    cr_assert_eq(support_put_full(journal, "status/db", "k7", "again", 0, &to), 0);
    cr_assert_eq(to.publish.duplicates, 1);
    cr_assert_eq(to.publish.first, 10);
    cr_assert_eq(support_put_full(journal, "job/1", "", "x", 0, &to), ERR_CLOSED);
    cr_assert_eq(support_put(journal, "status/db", "new"), LAST_SEQ + 1);
    journal_close(journal);
}

// Killed at any moment it is a journal of one format or the other.
Test(migrate, survives_kill, .timeout = 120) {
    for (long i = 0; i < 30; i++) {
        struct journal_config config = support_config(sample_dir());
        config.sync = true;
        pid_t child = fork();
        if (child == 0) {
            struct journal *journal;
            struct report report;
            (void)!journal_open(&journal, &config, &report);
            for (;;) pause();
        }
        nanosleep(&(struct timespec){0, i * 200 * 1000}, NULL);
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        struct journal *journal = support_open(&config);
        expect_everything(journal);
        journal_close(journal);
    }
}
