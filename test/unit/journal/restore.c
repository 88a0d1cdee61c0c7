// SPDX-License-Identifier: MIT
// Copies of a data file: backups that are put in place of it, and a data file that is gone.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "journal/backup.h"
#include "journal/journal.h"
#include "support.h"

static const char *in(const char *dir, const char *name) {
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void copy(const char *from, const char *to) {
    char bytes[65536];
    int in_fd = open(from, O_RDONLY), out_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(in_fd >= 0 && out_fd >= 0);
    for (ssize_t got; (got = read(in_fd, bytes, sizeof bytes)) > 0;)
        cr_assert_eq(write(out_fd, bytes, (size_t)got), got);
    close(in_fd);
    close(out_fd);
}

// Opens, publishes, closes.
static void publish(const char *dir, int count, char epoch[32], bool restored) {
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    cr_assert_eq(journal_was_restored(journal), restored);
    snprintf(epoch, 32, "%s", journal_epoch(journal));
    for (int i = 0; i < count; i++) support_put(journal, "t", "x");
    journal_close(journal);
}

Test(restore, a_restart_keeps_the_epoch) {
    const char *dir = support_dir();
    char first[32], second[32];
    publish(dir, 3, first, false);
    publish(dir, 0, second, false);
    cr_assert_str_eq(first, second);
    publish(dir, 3, second, false);
    cr_assert_str_eq(first, second);
}

// 100 events, a backup after 50, restored over the same file: the same inode.
Test(restore, an_older_copy_in_place_gets_a_new_epoch) {
    const char *dir = support_dir();
    char first[32], second[32], third[32];
    publish(dir, 50, first, false);
    copy(in(dir, "data.mdb"), in(dir, "backup"));
    publish(dir, 50, second, false);
    cr_assert_str_eq(first, second);
    copy(in(dir, "backup"), in(dir, "data.mdb"));
    cr_assert_eq(unlink(in(dir, "backup")), 0);
    publish(dir, 60, second, true);
    cr_assert_str_neq(first, second);
    publish(dir, 0, third, false);
    cr_assert_str_eq(second, third);
}

// Within the same run: the lock file knows the last commit, not that at the start.
Test(restore, a_copy_from_the_last_run_gets_a_new_epoch) {
    const char *dir = support_dir();
    char first[32], second[32];
    publish(dir, 1, first, false);
    struct journal_config config = support_config(dir);
    struct journal *journal = support_open(&config);
    support_put(journal, "t", "before");
    copy(in(dir, "data.mdb"), in(dir, "backup"));
    support_put(journal, "t", "after");
    copy(in(dir, "lock"), in(dir, "lock at the kill"));
    journal_close(journal);
    // As if it had been killed: the lock file as it was then.
    copy(in(dir, "lock at the kill"), in(dir, "lock"));
    copy(in(dir, "backup"), in(dir, "data.mdb"));
    unlink(in(dir, "backup"));
    unlink(in(dir, "lock at the kill"));
    publish(dir, 0, second, true);
    cr_assert_str_neq(first, second);
}

Test(restore, a_data_file_alone_gets_a_new_epoch) {
    const char *dir = support_dir();
    char first[32], second[32];
    publish(dir, 5, first, false);
    cr_assert_eq(unlink(in(dir, "lock")), 0);
    publish(dir, 0, second, true);
    cr_assert_str_neq(first, second);
}

// False when the file system does not know.
static bool born(const char *path, struct statx_timestamp *out) {
    struct statx status;
    cr_assert_eq(statx(AT_FDCWD, path, 0, STATX_BTIME, &status), 0);
    *out = status.stx_btime;
    return status.stx_mask & STATX_BTIME;
}

// A whole directory that was copied: the data file is a younger one.
Test(restore, a_copied_directory_gets_a_new_epoch) {
    const char *dir = support_dir();
    char first[32], second[32], other[4096];
    struct statx_timestamp when, copied;
    strcpy(other, in(dir, "other"));
    publish(in(dir, "one"), 5, first, false);
    bool known = born(in(dir, "one/data.mdb"), &when);
    cr_assert_eq(mkdir(other, 0700), 0);
    // The kernel's clock for files is coarse.
    do {
        (void)unlink(in(other, "data.mdb"));
        copy(in(dir, "one/data.mdb"), in(other, "data.mdb"));
    } while (born(in(other, "data.mdb"), &copied) && copied.tv_sec == when.tv_sec &&
             copied.tv_nsec == when.tv_nsec);
    copy(in(dir, "one/lock"), in(other, "lock"));
    publish(other, 0, second, known);
    cr_assert_eq(strcmp(first, second) != 0, known);
}

Test(restore, another_journals_data_gets_a_new_epoch) {
    const char *dir = support_dir();
    char one[4096], two[4096], first[32], second[32];
    strcpy(one, in(dir, "one"));
    strcpy(two, in(dir, "two"));
    publish(one, 5, first, false);
    publish(two, 50, second, false);
    copy(in(two, "data.mdb"), in(one, "data.mdb"));
    publish(one, 0, first, true);
    cr_assert_str_neq(first, second);
}

Test(restore, a_data_file_that_is_gone_is_told) {
    const char *dir = support_dir();
    struct journal_config config = support_config(dir);
    struct journal *journal;
    struct report report = {0};
    char epoch[32];
    publish(dir, 5, epoch, false);
    cr_assert_eq(unlink(in(dir, "data.mdb")), 0);
    cr_assert_eq(journal_open(&journal, &config, &report), ERR_CORRUPT);
    cr_assert(strstr(report.text, "data.mdb is missing"), "%s", report.text);
    cr_assert_neq(access(in(dir, "data.mdb"), F_OK), 0);
    cr_assert_eq(unlink(in(dir, "lock")), 0);
    publish(dir, 1, epoch, false);
}

// A lock file of a tailrace that did not write these lines.
Test(restore, an_older_lock_file_is_fine) {
    const char *dir = support_dir();
    char first[32], second[32];
    publish(dir, 5, first, false);
    FILE *file = fopen(in(dir, "lock"), "w");
    fputs("tailrace data directory\npid 1\n", file);
    fclose(file);
    publish(dir, 0, second, false);
    cr_assert_str_eq(first, second);
}

// Of a journal in use: what was committed at that moment, and nothing of the original is disturbed.
Test(restore, a_backup_of_a_journal_in_use) {
    char one[4096], two[4096], epoch[32];
    struct report report = {0};
    uint64_t bytes;
    const char *dir = support_dir();
    strcpy(one, in(dir, "one"));
    strcpy(two, in(dir, "two"));
    cr_assert_eq(mkdir(two, 0700), 0);
    struct journal_config config = support_config(one);
    struct journal *journal = support_open(&config);
    snprintf(epoch, sizeof epoch, "%s", journal_epoch(journal));
    for (int i = 0; i < 300; i++) support_put(journal, "t", "x");
    pid_t child = fork();
    if (child == 0) _exit(backup_write(one, in(two, "data.mdb"), &bytes, &report) != 0);
    for (int i = 0; i < 300; i++) support_put(journal, "t", "later");
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(support_count(journal), 600);
    journal_close(journal);
    cr_assert_eq(backup_write(one, in(two, "data.mdb"), &bytes, &report), ERR_EXISTS);
    cr_assert_eq(backup_write(dir, in(two, "other"), &bytes, &report), ERR_NOT_FOUND);

    config = support_config(two);
    journal = support_open(&config);
    cr_assert(journal_was_restored(journal));
    cr_assert_str_neq(journal_epoch(journal), epoch);
    size_t count = support_count(journal);
    cr_assert(count >= 300 && count <= 600, "%zu", count);
    cr_assert_eq(journal_last_seq(journal), count);
    journal_close(journal);
}

static void write_lock_file(const char *dir, const char *text) {
    FILE *file = fopen(in(dir, "lock"), "w");
    fputs(text, file);
    fclose(file);
}

// The disk was full at the first start, then a backup was put there: it is not what was left of the
// first start.
Test(restore, a_backup_in_a_directory_that_was_never_finished_is_kept) {
    const char *dir = support_dir();
    char first[32], second[32], one[4096], two[4096];
    strcpy(one, in(dir, "one"));
    strcpy(two, in(dir, "two"));
    publish(one, 5, first, false);
    cr_assert_eq(mkdir(two, 0700), 0);
    write_lock_file(two, "tailrace data directory\npid 1\ncreating\n");
    copy(in(one, "data.mdb"), in(two, "data.mdb"));
    publish(two, 0, second, true);
    cr_assert_str_neq(first, second);
    struct journal_config config = support_config(two);
    struct journal *journal = support_open(&config);
    cr_assert_eq(support_count(journal), 5);
    journal_close(journal);
}

// With nothing in it, it is.
Test(restore, what_an_unfinished_creation_left_is_made_anew) {
    const char *dir = support_dir();
    char first[32], second[32];
    publish(dir, 0, first, false);
    write_lock_file(dir, "tailrace data directory\npid 1\ncreating\n");
    publish(dir, 1, second, false);
    cr_assert_str_neq(first, second);
}

// The hub had no space: pages of the copy may have been written to meanwhile.
Test(restore, a_backup_that_was_given_up_is_an_error, .timeout = 120) {
    const char *dir = support_dir();
    char one[4096], out[4096];
    static char large[100001];
    struct journal_stats stats;
    memset(large, 'x', sizeof large - 1);
    strcpy(one, in(dir, "one"));
    strcpy(out, in(dir, "copy"));
    struct journal_config config = support_config(one);
    config.reader_age_max_ms = 1;
    struct journal *journal = support_open(&config);
    for (int i = 0; i < 500; i++) support_put(journal, "t", large);
    bool caught = false;
    while (!caught) {
        pid_t child = fork();
        if (child == 0) {
            struct report report = {0};
            uint64_t bytes;
            _exit(backup_write(one, out, &bytes, &report) == ERR_CLOSED ? 0 : 1);
        }
        // Stopped in the middle of it, unless it was too quick.
        while (access(out, F_OK) && waitpid(child, NULL, WNOHANG) == 0) continue;
        kill(child, SIGSTOP);
        journal_stats(journal, &stats);
        uint64_t before = stats.readers_cleared_total;
        // Two checkpoints: a snapshot must be seen twice to have an age.
        for (int i = 0; i < 4; i++) {
            static struct event *events[LIMIT_PUBLISH_EVENTS];
            for (size_t done = 0; done < 65536; done += LIMIT_PUBLISH_EVENTS) {
                for (size_t k = 0; k < LIMIT_PUBLISH_EVENTS; k++)
                    events[k] = event_new(STR("log"), STR(""), STR(""), STR("x"), 0);
                struct support_publish to = {0};
                cr_assert_eq(support_publish(journal, &to, events, LIMIT_PUBLISH_EVENTS), 0);
            }
        }
        journal_stats(journal, &stats);
        caught = stats.readers_cleared_total > before;
        int status;
        kill(child, SIGCONT);
        cr_assert_eq(waitpid(child, &status, 0), child);
        if (caught) cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
        if (caught) cr_assert_neq(access(out, F_OK), 0);
        (void)unlink(out);
    }
    journal_close(journal);
}
