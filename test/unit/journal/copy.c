// SPDX-License-Identifier: MIT
// Copies of a journal that is in use, made by its own process.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "journal/copy.h"
#include "journal/journal.h"
#include "support.h"

#define ROUND_EVENTS 65536 // a checkpoint follows

// Reads the copy to its end, into a file unless `path` is NULL. Its result.
static int drain(struct copy *copy, const char *path, char why[256]) {
    static char bytes[65536];
    int fd = copy_fd(copy), out = path ? open(path, O_WRONLY | O_CREAT | O_EXCL, 0600) : -1;
    for (;;) {
        struct pollfd io = {.fd = fd, .events = POLLIN};
        cr_assert_eq(poll(&io, 1, -1), 1);
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EAGAIN) continue;
        cr_assert_geq(got, 0);
        if (got == 0) break;
        if (path) cr_assert_eq(write(out, bytes, (size_t)got), got);
    }
    if (path) close(out);
    return copy_result(copy, why, 256);
}

static void publish_round(struct journal *journal) {
    static struct event *events[LIMIT_PUBLISH_EVENTS];
    for (size_t done = 0; done < ROUND_EVENTS; done += LIMIT_PUBLISH_EVENTS) {
        for (size_t i = 0; i < LIMIT_PUBLISH_EVENTS; i++)
            events[i] = event_new(STR("log"), STR(""), STR(""), STR("a line of a log"), 0);
        struct support_publish to = {0};
        cr_assert_eq(support_publish(journal, &to, events, LIMIT_PUBLISH_EVENTS), 0);
    }
}

// A journal whose copy is larger than what the pipes hold.
static struct journal *open_large(struct journal_config *config) {
    struct journal *journal = support_open(config);
    publish_round(journal);
    return journal;
}

static struct copy *start(struct journal *journal) {
    struct copy *copy;
    // The one before may need a moment to end.
    int err;
    while ((err = copy_start(journal, &copy)) == ERR_BUSY) usleep(1000);
    cr_assert_eq(err, 0);
    return copy;
}

Test(copy, holds_what_was_committed_and_gets_a_new_epoch) {
    const char *dir = support_dir();
    char one[4096], two[4096], file[4200], why[256], epoch[32];
    snprintf(one, sizeof one, "%s/one", dir);
    snprintf(two, sizeof two, "%s/two", dir);
    snprintf(file, sizeof file, "%s/data.mdb", two);
    cr_assert_eq(mkdir(two, 0700), 0);
    struct journal_config config = support_config(one);
    struct journal *journal = support_open(&config);
    snprintf(epoch, sizeof epoch, "%s", journal_epoch(journal));
    for (int i = 0; i < 300; i++) support_put(journal, "t", "x");
    struct copy *copy = start(journal), *second;
    cr_assert_eq(copy_start(journal, &second), ERR_BUSY);
    for (int i = 0; i < 300; i++) support_put(journal, "t", "later");
    cr_assert_eq(drain(copy, file, why), 0, "%s", why);
    copy_close(copy);
    copy = start(journal);
    cr_assert_eq(drain(copy, NULL, why), 0, "%s", why);
    copy_close(copy);
    journal_close(journal);

    config = support_config(two);
    journal = support_open(&config);
    cr_assert(journal_was_restored(journal));
    cr_assert_str_neq(journal_epoch(journal), epoch);
    size_t count = support_count(journal);
    cr_assert(count >= 300 && count <= 600, "%zu", count);
    cr_assert_eq(journal_last_seq(journal), count);
    journal_close(journal);
}

// Nobody reads it: publishing goes on, and the file does not grow without end.
Test(copy, that_is_not_read_is_given_up_when_it_is_old, .timeout = 120) {
    struct journal_config config = support_config(support_dir());
    struct journal_stats stats;
    char why[256];
    config.policy.retention.bytes_max = 1 << 20;
    config.reader_age_max_ms = 1;
    struct journal *journal = open_large(&config);
    struct copy *copy = start(journal);
    for (int i = 0; i < 3; i++) publish_round(journal);
    cr_assert_eq(drain(copy, NULL, why), ERR_CLOSED);
    cr_assert(strstr(why, "given up"), "%s", why);
    journal_stats(journal, &stats);
    cr_assert_eq(stats.readers_cleared_total, 1);
    copy_close(copy);
    journal_close(journal);
}

Test(copy, that_is_not_read_gives_way_to_publishing_in_a_full_map, .timeout = 120) {
    struct journal_config config = support_config(support_dir());
    struct journal_stats stats;
    char why[256];
    config.policy.retention.bytes_max = 1 << 20;
    config.map_bytes = 24u << 20;
    struct journal *journal = open_large(&config);
    struct copy *copy = start(journal);
    for (int i = 0; i < 10; i++) publish_round(journal);
    journal_stats(journal, &stats);
    cr_assert_eq(stats.failures_total, 0);
    cr_assert_eq(drain(copy, NULL, why), ERR_CLOSED);
    copy_close(copy);
    journal_close(journal);
}

// What was read of it is not all, and is not said to be.
Test(copy, does_not_hold_up_the_end_of_the_journal) {
    struct journal_config config = support_config(support_dir());
    char why[256];
    struct journal *journal = open_large(&config);
    struct copy *copy = start(journal);
    struct pollfd io = {.fd = copy_fd(copy), .events = POLLIN};
    cr_assert_eq(poll(&io, 1, -1), 1);
    journal_close(journal);
    cr_assert_eq(drain(copy, NULL, why), ERR_CLOSED);
    copy_close(copy);
}

Test(copy, can_be_closed_at_any_time) {
    struct journal_config config = support_config(support_dir());
    struct journal *journal = open_large(&config);
    for (int i = 0; i < 20; i++) {
        struct copy *copy = start(journal);
        struct pollfd io = {.fd = copy_fd(copy), .events = POLLIN};
        if (i % 2) cr_assert_eq(poll(&io, 1, -1), 1);
        copy_close(copy);
    }
    support_put(journal, "log", "still");
    journal_close(journal);
}

// LMDB would trust it. A page in the middle of the events: nothing writes to it any more.
Test(copy, of_a_damaged_journal_is_refused) {
    const char *dir = support_dir();
    struct journal_config config = support_config(dir);
    char path[4096], why[256], page[4096];
    struct journal *journal = open_large(&config);
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_RDWR), err = 0;
    for (off_t at = 256 * 4096; !err; at += 4096) {
        cr_assert_eq(pread(fd, page, sizeof page, at), sizeof page);
        if (!memmem(page, sizeof page, "a line of a log", 15)) continue;
        page[10] ^= 4;
        cr_assert_eq(pwrite(fd, page, sizeof page, at), sizeof page);
        struct copy *copy = start(journal);
        err = drain(copy, NULL, why);
        copy_close(copy);
        // It may have been a free one.
        page[10] ^= 4;
        cr_assert_eq(pwrite(fd, page, sizeof page, at), sizeof page);
    }
    cr_assert_eq(err, ERR_CORRUPT);
    cr_assert(strstr(why, "is not what its tree says"), "%s", why);
    close(fd);
    journal_close(journal);
}
