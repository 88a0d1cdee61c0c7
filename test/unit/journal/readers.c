// SPDX-License-Identifier: MIT
// Other processes that read the store and do not end.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "journal/journal.h"
#include "support.h"

#define EVENTS 65536 // of a round: a checkpoint follows each

// A process that reads the store and holds its snapshot; it says so through the pipe.
static pid_t start_reader(const char *dir) {
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        MDB_env *env;
        MDB_txn *txn;
        bool fine = mdb_env_create(&env) == 0 && mdb_env_open(env, dir, MDB_RDONLY, 0600) == 0 &&
                    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0;
        (void)!write(pipes[1], fine ? "y" : "n", 1);
        for (;;) pause();
    }
    char said = 0;
    cr_assert_eq(read(pipes[0], &said, 1), 1);
    cr_assert_eq(said, 'y');
    close(pipes[0]);
    close(pipes[1]);
    return pid;
}

static void kill_reader(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void publish_round(struct journal *journal) {
    static struct event *events[LIMIT_PUBLISH_EVENTS];
    for (size_t done = 0; done < EVENTS; done += LIMIT_PUBLISH_EVENTS) {
        for (size_t i = 0; i < LIMIT_PUBLISH_EVENTS; i++)
            events[i] = event_new(STR("log"), STR(""), STR(""), STR("a line of a log"), 0);
        struct support_publish to = {0};
        cr_assert_eq(support_publish(journal, &to, events, LIMIT_PUBLISH_EVENTS), 0);
    }
}

static struct journal_config small_config(const char *dir) {
    struct journal_config config = support_config(dir);
    config.policy.retention.bytes_max = 1 << 20;
    return config;
}

static uint64_t used_after_rounds(struct journal *journal, int rounds) {
    struct journal_stats stats;
    for (int i = 0; i < rounds; i++) publish_round(journal);
    journal_stats(journal, &stats);
    return stats.map_used_bytes;
}

// The file does not grow any more.
static void expect_bounded(struct journal *journal) {
    uint64_t early = used_after_rounds(journal, 4), late = used_after_rounds(journal, 8);
    cr_assert_lt(late, early + early / 4, "%llu, then %llu", (unsigned long long)early,
                 (unsigned long long)late);
}

Test(readers, a_killed_backup_does_not_make_the_file_grow, .timeout = 120) {
    struct journal_config config = small_config(support_dir());
    struct journal *journal = support_open(&config);
    struct journal_stats stats;
    publish_round(journal);
    pid_t pid = start_reader(config.dir);
    kill_reader(pid);
    expect_bounded(journal);
    journal_stats(journal, &stats);
    cr_assert_eq(stats.readers_cleared_total, 1);
    cr_assert_eq(stats.reader_lag, 0);
    journal_close(journal);
}

Test(readers, a_backup_that_hangs_is_given_up, .timeout = 120) {
    struct journal_config config = small_config(support_dir());
    struct journal_stats stats;
    config.reader_age_max_ms = 1;
    struct journal *journal = support_open(&config);
    publish_round(journal);
    pid_t pid = start_reader(config.dir);
    expect_bounded(journal);
    journal_stats(journal, &stats);
    cr_assert_eq(stats.readers_cleared_total, 1);
    cr_assert_eq(stats.reader_lag, 0);
    journal_close(journal);
    kill_reader(pid);
}

// Whether the parent holds LMDB's record lock on this byte of its table of readers.
static bool is_locked_by_parent(const char *dir, off_t at) {
    char path[4096];
    snprintf(path, sizeof path, "%s/lock.mdb", dir);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
        int fd = open(path, O_RDWR);
        bool held = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK &&
                    lock.l_pid == parent;
        _exit(held ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Without them the next process that opens the environment takes the table for abandoned, and
// makes it anew under the readers and the writer of this one.
Test(readers, giving_up_a_backup_keeps_the_locks, .timeout = 120) {
    struct journal_config config = small_config(support_dir());
    struct journal_stats stats;
    config.reader_age_max_ms = 1;
    struct journal *journal = support_open(&config);
    cr_assert_gt(support_put(journal, "log", "x"), 0);
    cr_assert_eq(support_count(journal), 1);
    cr_assert(is_locked_by_parent(config.dir, 0));
    cr_assert(is_locked_by_parent(config.dir, getpid()));
    pid_t pid = start_reader(config.dir);
    do {
        publish_round(journal);
        journal_stats(journal, &stats);
    } while (stats.readers_cleared_total == 0);
    cr_assert(is_locked_by_parent(config.dir, 0));
    cr_assert(is_locked_by_parent(config.dir, getpid()));
    journal_close(journal);
    kill_reader(pid);
}

Test(readers, a_backup_under_way_is_left_alone_and_counted, .timeout = 120) {
    struct journal_config config = small_config(support_dir());
    struct journal_stats stats;
    struct journal *journal = support_open(&config);
    publish_round(journal);
    pid_t pid = start_reader(config.dir);
    (void)used_after_rounds(journal, 2);
    journal_stats(journal, &stats);
    cr_assert_eq(stats.readers_cleared_total, 0);
    cr_assert_gt(stats.reader_lag, 10);
    kill_reader(pid);
    journal_close(journal);
}

Test(readers, a_full_map_gives_up_a_backup, .timeout = 120) {
    struct journal_config config = small_config(support_dir());
    struct journal_stats stats;
    config.map_bytes = 24u << 20;
    struct journal *journal = support_open(&config);
    publish_round(journal);
    pid_t pid = start_reader(config.dir);
    (void)used_after_rounds(journal, 10);
    journal_stats(journal, &stats);
    cr_assert_eq(stats.readers_cleared_total, 1);
    cr_assert_eq(stats.failures_total, 0);
    kill_reader(pid);
    journal_close(journal);
}
