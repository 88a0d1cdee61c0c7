// SPDX-License-Identifier: MIT
// Which file is which: links, files that are replaced, moved, compressed, cut by a power cut, and
// the same files under other numbers.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "source/position.h"
#include "support.h"

static struct bench bench;

static void open_bench(void) {
    bench_open(&bench);
    cr_assert_eq(mkdir(bench_path(&bench, "real"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "links"), 0755), 0);
}
static void close_bench(void) { bench_close(&bench); }
TestSuite(identity, .init = open_bench, .fini = close_bench, .timeout = 120);

static void start(const char *name) {
    struct source_config config = bench_file(&bench, name);
    bench_start(&bench, &config, 1);
}

static void point(const char *link, const char *target) {
    char *name = strdup(bench_path(&bench, link));
    char new[256];
    snprintf(new, sizeof new, "%s.new", name);
    cr_assert_eq(symlink(target, new), 0);
    cr_assert_eq(rename(new, name), 0);
    free(name);
}

static void gzip(const char *from, const char *to) {
    char buffer[65536];
    int in = open(bench_path(&bench, from), O_RDONLY | O_CLOEXEC);
    gzFile out = gzopen(bench_path(&bench, to), "wb");
    ssize_t got;
    while ((got = read(in, buffer, sizeof buffer)) > 0)
        cr_assert_eq(gzwrite(out, buffer, (unsigned)got), got);
    struct stat st;
    cr_assert_eq(fstat(in, &st), 0);
    gzclose(out);
    close(in);
    // As gzip does.
    struct timespec times[2] = {st.st_atim, {st.st_mtim.tv_sec, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, bench_path(&bench, to), times, 0), 0);
    bench_remove(&bench, from);
}

// Lines "PREFIX NUMBER", from..to.
static void append_lines(const char *name, const char *prefix, int from, int to) {
    FILE *file = fopen(bench_path(&bench, name), "ae");
    cr_assert_not_null(file);
    for (int i = from; i <= to; i++) fprintf(file, "%s %d\n", prefix, i);
    fclose(file);
}

#define FIRST "1, a line that makes the content known"

// Appends a line END to the log and waits for it. Nothing comes after it.
static void wait_end(void) {
    bench_append(&bench, "log", "END\n");
    for (bool found = false; !found;) {
        pthread_mutex_lock(&bench.lock);
        size_t count = bench.count;
        found = count && strcmp(bench.seen[count - 1].data, "END") == 0;
        pthread_mutex_unlock(&bench.lock);
        if (!found) bench_wait(&bench, count + 1);
    }
}

static void start_log(void) {
    bench_write(&bench, "log", FIRST "\n");
    start("log");
    bench_wait(&bench, 1);
}

// --- links ---------------------------------------------------------------------------------------

static void start_behind_link(void) {
    bench_write(&bench, "real/0.log", FIRST "\n");
    point("links/web.log", "../real/0.log");
    start("links/web.log");
    bench_wait(&bench, 1);
}

Test(identity, behind_a_link_rotated_files_are_beside_the_target) {
    start_behind_link();
    bench_stop(&bench);
    bench_append(&bench, "real/0.log", "2\n");
    bench_rename(&bench, "real/0.log", "real/0.log.20261127-101010");
    bench_append(&bench, "real/0.log", "3\n");
    bench_rename(&bench, "real/0.log", "real/0.log.20261127-111111");
    bench_append(&bench, "real/0.log", "4\n");
    start("links/web.log");
    bench_expect(&bench, "real/0.log", "web.log", FIRST "|2|3|4");
}

Test(identity, behind_a_link_two_rotations_at_once_lose_nothing) {
    start_behind_link();
    bench_append(&bench, "real/0.log", "2\n");
    bench_rename(&bench, "real/0.log", "real/0.log.2");
    bench_append(&bench, "real/0.log", "3\n");
    bench_rename(&bench, "real/0.log", "real/0.log.1");
    bench_append(&bench, "real/0.log", "4\n");
    bench_expect(&bench, "real/0.log", "web.log", FIRST "|2|3|4");
}

Test(identity, behind_a_link_copytruncate_is_read_from_the_copy) {
    start_behind_link();
    bench_stop(&bench);
    bench_append(&bench, "real/0.log", "2\n");
    bench_copy(&bench, "real/0.log", "real/0.log.1");
    bench_write(&bench, "real/0.log", "3\n");
    start("links/web.log");
    bench_expect(&bench, "real/0.log", "web.log", FIRST "|2|3");
}

Test(identity, a_link_of_days_that_was_pointed_on_twice_while_down_loses_no_day) {
    bench_write(&bench, "real/2026-11-26.log", FIRST "\n");
    point("links/today", "../real/2026-11-26.log");
    start("links/today");
    bench_wait(&bench, 1);
    bench_stop(&bench);
    bench_append(&bench, "real/2026-11-26.log", "2\n");
    bench_write(&bench, "real/2026-11-27.log", "3\n");
    bench_write(&bench, "real/2026-11-28.log", "4\n");
    point("links/today", "../real/2026-11-28.log");
    start("links/today");
    bench_expect(&bench, "real/2026-11-28.log", "today", FIRST "|2|3|4");
}

Test(identity, a_directory_link_of_releases_is_followed_to_the_next_one) {
    cr_assert_eq(mkdir(bench_path(&bench, "v1"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "v2"), 0755), 0);
    bench_write(&bench, "v1/app.log", FIRST "\n");
    point("current", "v1");
    start("current/app.log");
    bench_wait(&bench, 1);
    bench_stop(&bench);
    bench_append(&bench, "v1/app.log", "2\n");
    bench_rename(&bench, "v1/app.log", "v1/app.log.1");
    bench_append(&bench, "v1/app.log", "3\n");
    bench_write(&bench, "v2/app.log", "4\n");
    point("current", "v2");
    start("current/app.log");
    bench_expect(&bench, "v2/app.log", "app.log", FIRST "|2|3|4");
}

// --- replaced ------------------------------------------------------------------------------------

static void save_anew(const char *name, const char *more) {
    bench_copy(&bench, name, "links/temporary");
    bench_append(&bench, "links/temporary", more);
    bench_rename(&bench, "links/temporary", name);
}

Test(identity, a_longer_copy_in_the_place_of_the_file_goes_on) {
    start_log();
    save_anew("log", "2\n");
    bench_wait(&bench, 2);
    save_anew("log", "3\n");
    bench_wait(&bench, 3);
    bench_stop(&bench);
    save_anew("log", "4\n");
    save_anew("log", "5\n");
    start("log");
    bench_expect(&bench, "log", "log", FIRST "|2|3|4|5");
}

Test(identity, a_copy_kept_by_an_editor_is_not_a_rotated_file) {
    start_log();
    bench_copy(&bench, "log", "temporary");
    bench_append(&bench, "temporary", "2\n");
    bench_rename(&bench, "log", "log~");
    bench_rename(&bench, "temporary", "log");
    bench_wait(&bench, 2);
    bench_stop(&bench);
    bench_copy(&bench, "log", "temporary");
    bench_append(&bench, "temporary", "3\n");
    bench_rename(&bench, "log", "log.bak");
    bench_rename(&bench, "temporary", "log");
    start("log");
    bench_expect(&bench, "log", "log", FIRST "|2|3");
}

Test(identity, saved_in_place_it_goes_on) {
    start_log();
    cr_assert_eq(truncate(bench_path(&bench, "log"), 0), 0);
    bench_append(&bench, "log", FIRST "\n2\n");
    bench_expect(&bench, "log", "log", FIRST "|2");
}

// --- moved ---------------------------------------------------------------------------------------

static void run_moved(const char *log, const char *topic, const char *to) {
    bench_write(&bench, log, FIRST "\n");
    start(log);
    bench_wait(&bench, 1);
    bench_stop(&bench);
    bench_append(&bench, log, "2\n");
    bench_rename(&bench, log, to);
    bench_append(&bench, log, "3\n");
    start(log);
    bench_expect(&bench, log, topic, FIRST "|2|3");
}

Test(identity, the_rest_is_found_under_a_time_label) {
    run_moved("real/current", "current", "real/@4000000065643c1a2b3c4d5e.s");
}
Test(identity, the_rest_is_found_under_a_date_before_the_name) {
    run_moved("log", "log", "20261127-log");
}
Test(identity, the_rest_is_found_under_any_name) { run_moved("log", "log", "elsewhere"); }
Test(identity, the_rest_is_found_in_a_directory_of_old_files) {
    run_moved("log", "log", "real/log.1");
}

Test(identity, several_labels_of_time_while_down_come_in_their_order) {
    bench_write(&bench, "real/current", FIRST "\n");
    start("real/current");
    bench_wait(&bench, 1);
    bench_stop(&bench);
    bench_rename(&bench, "real/current", "real/@4000000065643c1a2b3c4d5e.s");
    bench_append(&bench, "real/current", "2\n");
    bench_rename(&bench, "real/current", "real/@4000000065643c1b2b3c4d5e.s");
    bench_append(&bench, "real/current", "3\n");
    start("real/current");
    bench_expect(&bench, "real/current", "current", FIRST "|2|3");
}

// --- renamed within a pattern --------------------------------------------------------------------

static bool has_rotated(const struct source_status *s) { return s->rotations_total == 1; }
static bool is_at_three(const struct source_status *s) {
    return s->attached && s->position_bytes == 3;
}
static bool is_at_six(const struct source_status *s) {
    return s->attached && s->position_bytes == 6;
}

static void wait_status(const char *path, bool (*good)(const struct source_status *status)) {
    char name[128];
    snprintf(name, sizeof name, "file:%s", bench_path(&bench, path));
    bench_wait_status(&bench, name, good);
}

Test(identity, renamed_in_a_ring_each_line_is_in_one_topic) {
    bench_write(&bench, "real/out.lo1", "a1\n");
    bench_write(&bench, "real/out.log", "c1\n");
    start("real/out.lo*");
    bench_wait(&bench, 2);
    bench_rename(&bench, "real/out.log", "real/out.lo3");
    bench_rename(&bench, "real/out.lo1", "real/out.log");
    wait_status("real/out.log", has_rotated);
    wait_status("real/out.lo3", is_at_three);
    bench_append(&bench, "real/out.log", "n1\n");
    bench_wait_for(&bench, "out.log", "c1|n1");
    bench_append(&bench, "real/out.lo3", "c2\n");
    bench_wait_for(&bench, "out.lo3", "c2");
    bench_append(&bench, "real/out.lo1", "b1\n");
    bench_expect(&bench, "real/out.lo1", "out.lo1", "a1|b1");
    bench_stop(&bench);
    bench_append(&bench, "real/out.log", "n2\n");
    start("real/out.lo*");
    bench_expect(&bench, "real/out.log", "out.log", "c1|n1|n2");
    cr_assert_eq(bench.count, 8);
}

Test(identity, two_files_that_change_their_names_go_on_under_the_new_ones) {
    bench_write(&bench, "real/a.log", "a1\n");
    bench_write(&bench, "real/b.log", "b1 b1\n");
    start("real/*.log");
    bench_wait(&bench, 2);
    bench_rename(&bench, "real/a.log", "real/temporary");
    bench_rename(&bench, "real/b.log", "real/a.log");
    bench_rename(&bench, "real/temporary", "real/b.log");
    wait_status("real/a.log", is_at_six);
    wait_status("real/b.log", is_at_three);
    bench_expect(&bench, "real/a.log", "a.log", "a1");
    bench_expect(&bench, "real/b.log", "b.log", "b1 b1");
    cr_assert_eq(bench.count, 4);
}

// --- one log of many files -----------------------------------------------------------------------

static void start_series(const char *pattern, uint64_t backfill) {
    struct source_config config = bench_file(&bench, pattern);
    config.topic = "days";
    config.backfill_lines = backfill;
    bench_start(&bench, &config, 1);
}

Test(identity, files_of_days_are_one_log_in_their_order) {
    bench_write(&bench, "log-20261126_001.txt", "2\n");
    bench_write(&bench, "log-20261126.txt", "1\n");
    start_series("log-*.txt", SOURCE_BACKFILL_ALL);
    bench_wait_for(&bench, "days", "1|2");
    bench_append(&bench, "log-20261126_001.txt", "3\n");
    bench_write(&bench, "log-20261127.txt", "4\n");
    bench_wait_for(&bench, "days", "1|2|3|4");
    bench_stop(&bench);
    bench_append(&bench, "log-20261127.txt", "5\n");
    bench_write(&bench, "log-20261128.txt", "6\n");
    bench_write(&bench, "log-20261129.txt", "7\n");
    start_series("log-*.txt", SOURCE_BACKFILL_ALL);
    bench_expect(&bench, "log-20261129.txt", "days", "1|2|3|4|5|6|7");
}

Test(identity, of_a_series_the_newest_lines_are_those_of_its_newest_file) {
    bench_write(&bench, "log-20261126.txt", "1\n");
    bench_write(&bench, "log-20261127.txt", "2\n3\n");
    start_series("log-*.txt", 1);
    bench_expect(&bench, "log-20261127.txt", "days", "3");
}

Test(identity, of_a_series_a_day_that_was_compressed_while_down_is_read_to_its_end) {
    bench_write(&bench, "log-20261126.txt", FIRST "\n");
    start_series("log-*.txt", SOURCE_BACKFILL_ALL);
    bench_wait(&bench, 1);
    bench_stop(&bench);
    bench_append(&bench, "log-20261126.txt", "2\n");
    gzip("log-20261126.txt", "log-20261126.txt.gz");
    // It begins as the day before.
    bench_write(&bench, "log-20261127.txt", FIRST "\n3\n");
    start_series("log-*.txt", SOURCE_BACKFILL_ALL);
    bench_expect(&bench, "log-20261127.txt", "days", FIRST "|2|" FIRST "|3");
}

Test(identity, more_files_of_a_series_than_are_held_open_come_in_their_order) {
    char name[32], text[16], expected[512] = "";
    for (int i = 1; i <= 40; i++) {
        snprintf(name, sizeof name, "log-%d.txt", i);
        snprintf(text, sizeof text, "%d\n", i);
        bench_write(&bench, name, text);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%d",
                 i > 1 ? "|" : "", i);
    }
    start_series("log-*.txt", SOURCE_BACKFILL_ALL);
    bench_expect(&bench, "log-40.txt", "days", expected);
}

// --- after a power cut ---------------------------------------------------------------------------

static void read_lines(int count) {
    append_lines("log", "a line of some length, with its number", 1, count);
    start("log");
    bench_wait(&bench, (size_t)count);
    bench_stop(&bench);
}

static off_t size_of(const char *name) {
    struct stat st;
    cr_assert_eq(stat(bench_path(&bench, name), &st), 0);
    return st.st_size;
}

Test(identity, a_file_that_has_lost_its_end_is_not_read_from_its_start) {
    read_lines(1000);
    cr_assert_eq(truncate(bench_path(&bench, "log"), size_of("log") - 2000), 0);
    bench_append(&bench, "log", "\nafter the cut\n");
    start("log");
    wait_end();
    cr_assert_lt(bench.count, 1000 + 8000 / 40 + 30, "%zu", bench.count);
    cr_assert_str_eq(bench.seen[bench.count - 2].data, "after the cut");
}

Test(identity, a_file_that_ends_in_nuls_is_not_read_from_its_start) {
    read_lines(1000);
    off_t size = size_of("log");
    cr_assert_eq(truncate(bench_path(&bench, "log"), size - 2000), 0);
    cr_assert_eq(truncate(bench_path(&bench, "log"), size), 0);
    bench_append(&bench, "log", "\nafter the cut\n");
    start("log");
    wait_end();
    cr_assert_lt(bench.count, 1000 + 8000 / 40 + 30, "%zu", bench.count);
    cr_assert_str_eq(bench.seen[bench.count - 2].data, "after the cut");
}

// --- other numbers -------------------------------------------------------------------------------

// Rewrites the stored position of `log`.
static void change_position(const char *log, void (*change)(struct position *position)) {
    char name[256], text[LIMIT_SOURCE_POSITION_BYTES], changed[LIMIT_SOURCE_POSITION_BYTES];
    struct position position;
    size_t len;
    snprintf(name, sizeof name, "file:%s > log", bench_path(&bench, log));
    bench_journal(&bench);
    cr_assert_eq(journal_source_position(bench.journal, str_from(name), text, &len), 0);
    cr_assert_eq(position_decode(&position, (struct str){text, len}), 0);
    change(&position);
    struct publish *publish = calloc(1, sizeof *publish);
    publish->source_name = str_from(name);
    publish->source_position = (struct str){changed, position_encode(&position, changed)};
    publish->done = (void (*)(struct publish *))free;
    cr_assert_eq(journal_publish(bench.journal, publish), 0);
    bench_stop(&bench);
}

static void renumber(struct position *position) {
    position->now.id.dev += 7;
    position->before.id.dev += 7;
}

Test(identity, after_a_boot_with_other_device_numbers_the_file_is_the_same) {
    start_log();
    bench_stop(&bench);
    change_position("log", renumber);
    bench_append(&bench, "log", "2\n");
    start("log");
    bench_expect(&bench, "log", "log", FIRST "|2");
}

Test(identity, with_other_device_numbers_a_rotated_file_is_found_too) {
    start_log();
    bench_stop(&bench);
    change_position("log", renumber);
    bench_append(&bench, "log", "2\n");
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "3\n");
    start("log");
    bench_expect(&bench, "log", "log", FIRST "|2|3");
}

// --- compressed ----------------------------------------------------------------------------------

Test(identity, what_was_compressed_while_down_is_read_to_its_end) {
    start_log();
    bench_stop(&bench);
    bench_append(&bench, "log", "2\n");
    gzip("log", "log.2.gz");
    bench_append(&bench, "log", "3\nunfinished");
    gzip("log", "log.1.gz");
    bench_append(&bench, "log", "4\n");
    start("log");
    bench_expect(&bench, "log", "log", FIRST "|2|3|unfinished|4");
}

Test(identity, a_log_of_which_only_the_compressed_file_is_left) {
    start_log();
    bench_stop(&bench);
    bench_append(&bench, "log", "2\n");
    gzip("log", "log-20261127.gz");
    start("log");
    bench_wait_for(&bench, "log", FIRST "|2");
    bench_append(&bench, "log", "3\n");
    bench_expect(&bench, "log", "log", FIRST "|2|3");
}

Test(identity, a_big_compressed_file_goes_on_where_reading_was) {
    append_lines("log", "a line of some length, with its number", 1, 100000);
    start("log");
    bench_wait(&bench, 100000);
    bench_stop(&bench);
    append_lines("log", "more", 1, 100000);
    gzip("log", "log.1.gz");
    bench_append(&bench, "log", "END\n");
    start("log");
    bench_wait(&bench, 200001);
    cr_assert_eq(bench.count, 200001);
    cr_assert_str_eq(bench.seen[100000].data, "more 1");
    cr_assert_str_eq(bench.seen[199999].data, "more 100000");
    cr_assert_str_eq(bench.seen[200000].data, "END");
}

static bool is_damaged(const struct source_status *s) {
    return strstr(s->error, "damaged") != NULL;
}

Test(identity, a_damaged_compressed_file_gives_what_is_whole_and_an_error) {
    start_log();
    bench_stop(&bench);
    append_lines("log", "more", 1, 50000);
    gzip("log", "log.1.gz");
    cr_assert_eq(truncate(bench_path(&bench, "log.1.gz"), size_of("log.1.gz") / 2), 0);
    start("log");
    char name[128];
    snprintf(name, sizeof name, "file:%s", bench_path(&bench, "log"));
    bench_wait_status(&bench, name, is_damaged);
    wait_end();
    cr_assert_gt(bench.count, 10000);
    cr_assert_str_eq(bench.seen[1].data, "more 1");
}

// --- no inotify ----------------------------------------------------------------------------------

Test(identity, a_rewrite_of_the_same_size_is_noticed_without_inotify) {
    bench_write(&bench, "log", "state: starting up\n");
    start("log");
    bench_wait(&bench, 1);
    int fd = open(bench_path(&bench, "log"), O_RDWR | O_CLOEXEC);
    // inotify does not tell of what is written to a mapped file.
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(text, MAP_FAILED);
    memcpy(text, "state: working now\n", 19);
    munmap(text, 4096);
    close(fd);
    bench_wait_for(&bench, "log", "state: starting up|state: working now");
}

// --- counted -------------------------------------------------------------------------------------

static bool has_rotated_thrice(const struct source_status *s) { return s->rotations_total == 3; }

Test(identity, a_rotation_is_counted_once) {
    char name[128];
    snprintf(name, sizeof name, "file:%s", bench_path(&bench, "log"));
    start_log();
    for (int i = 1; i <= 3; i++) {
        char copy[16], again[64];
        snprintf(copy, sizeof copy, "log.%d", 9 - i);
        snprintf(again, sizeof again, "begun again for the time %d\n", i);
        // A line that the hub may have to read from the copy.
        bench_append(&bench, "log", "more, of which only the copy tells\n");
        bench_copy(&bench, "log", copy);
        cr_assert_eq(truncate(bench_path(&bench, "log"), 0), 0);
        bench_append(&bench, "log", again);
        bench_wait(&bench, (size_t)(1 + 2 * i));
    }
    bench_wait_status(&bench, name, has_rotated_thrice);
    save_anew("log", "saved anew, which is no rotation\n");
    bench_wait(&bench, 8);
    bench_wait_status(&bench, name, has_rotated_thrice);
}
