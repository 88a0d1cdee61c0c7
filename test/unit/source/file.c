// SPDX-License-Identifier: MIT
// Followed files: lines, starts, rotation while the hub runs and while it does not.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static struct bench bench;

static void open_bench(void) { bench_open(&bench); }
static void close_bench(void) { bench_close(&bench); }
TestSuite(file, .init = open_bench, .fini = close_bench, .timeout = 120);

static void start_with(uint64_t backfill) {
    struct source_config config = bench_file(&bench, "log");
    config.backfill_lines = backfill;
    bench_start(&bench, &config, 1);
}

static void start(void) { start_with(SOURCE_BACKFILL_ALL); }

// Waits until the line "1" was read.
static void start_at_one(void) {
    bench_write(&bench, "log", "1\n");
    start();
    bench_wait(&bench, 1);
}

static void restart(void (*while_down)(void)) {
    bench_stop(&bench);
    if (while_down) while_down();
    start();
}

// --- lines ---------------------------------------------------------------------------------------

Test(file, lines_arrive_in_order_and_a_rest_waits_for_its_newline) {
    bench_write(&bench, "log", "one\ntwo\nthr");
    start();
    bench_wait(&bench, 2);
    bench_append(&bench, "log", "ee\nfour\n");
    bench_expect(&bench, "log", "log", "one|two|three|four");
}

Test(file, crlf_empty_lines_nul_and_bad_utf8_do_no_harm) {
    start();
    const char bytes[] = "a\r\n\n\r\nx\0y\n\xFF\xC3\n caf\xC3\xA9\n";
    bench_append_bytes(bench_path(&bench, "log"), bytes, sizeof bytes - 1);
    bench_expect(&bench, "log", "log", "a|||x\xEF\xBF\xBDy|\xEF\xBF\xBD\xEF\xBF\xBD| caf\xC3\xA9");
}

Test(file, a_character_cut_across_writes_is_whole) {
    start();
    static const char emoji[] = "\xF0\x9F\x98\x80";
    bench_append(&bench, "log", "first\n<");
    bench_wait(&bench, 1);
    for (int i = 0; i < 4; i++) bench_append_bytes(bench_path(&bench, "log"), emoji + i, 1);
    bench_append(&bench, "log", ">\n");
    bench_expect(&bench, "log", "log", "first|<\xF0\x9F\x98\x80>");
}

Test(file, binary_becomes_text_within_bounds) {
    struct source_config config = bench_file(&bench, "log");
    config.line_bytes_max = 1000;
    char *bytes = malloc(100000);
    for (int i = 0; i < 100000; i++) bytes[i] = (char)(0x80 + i % 64);
    bench_append_bytes(bench_path(&bench, "log"), bytes, 100000);
    free(bytes);
    bench_append(&bench, "log", "\n");
    bench_start(&bench, &config, 1);
    bench_wait(&bench, 1);
    cr_assert_leq(bench.seen[0].len, 1064);
    cr_assert(strstr(bench.seen[0].data, "\xE2\x80\xA6[cut, 100000 bytes]"));
}

static void write_far(const char *name, uint64_t at, const char *text) {
    int fd = open(bench_path(&bench, name), O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, text, strlen(text), (off_t)at), (ssize_t)strlen(text));
    close(fd);
}

Test(file, the_first_line_behind_a_hole_is_whole) {
    start_at_one();
    bench_copy(&bench, "log", "log.1");
    cr_assert_eq(truncate(bench_path(&bench, "log"), 0), 0);
    write_far("log", 1ull << 36, "first after\n");
    bench_wait(&bench, 2);
    bench_expect(&bench, "log", "log", "1|first after");
}

Test(file, a_hole_within_a_line_is_one_sign) {
    start_at_one();
    bench_append(&bench, "log", "2 ab");
    write_far("log", 1 << 21, "cd\n3\n");
    bench_expect(&bench, "log", "log",
                 "1|2 ab\xEF\xBF\xBD"
                 "cd|3");
}

Test(file, a_file_filled_in_place_is_read_as_it_is_filled) {
    bench_write(&bench, "log", "1\n");
    cr_assert_eq(truncate(bench_path(&bench, "log"), 1 << 20), 0);
    start();
    bench_wait(&bench, 1);
    write_far("log", 2, "2\nthr");
    bench_wait(&bench, 2);
    write_far("log", 7, "ee\n");
    bench_wait(&bench, 3);
    bench_wait_for(&bench, "log", "1|2|three");
    // A rotated file with NULs at its end is not waited for.
    bench_rename(&bench, "log", "log.1");
    bench_expect(&bench, "log", "log", "1|2|three");
}

Test(file, utf16_is_converted_also_over_restarts_and_rotations) {
    static const char one[] = "\xFF\xFE"
                              "1\0\n\0";
    static const char two[] = "2\0 \0\x3D\xD8\x00\xDE\n\0"
                              "3\0";
    static const char three[] = "\n\0";
    bench_append_bytes(bench_path(&bench, "log"), one, sizeof one - 1);
    start();
    bench_wait(&bench, 1);
    for (size_t i = 0; i < sizeof two - 1; i++)
        bench_append_bytes(bench_path(&bench, "log"), two + i, 1);
    bench_wait(&bench, 2);
    restart(NULL);
    bench_append_bytes(bench_path(&bench, "log"), three, sizeof three - 1);
    bench_wait(&bench, 3);
    bench_rename(&bench, "log", "log.1");
    static const char four[] = "\xFE\xFF\0"
                               "4\0\n";
    bench_append_bytes(bench_path(&bench, "log"), four, sizeof four - 1);
    bench_wait(&bench, 4);
    bench_wait_for(&bench, "log", "1|2 \xF0\x9F\x98\x80|3|4");
    bench_rename(&bench, "log", "log.2");
    static const char five[] = "\xEF\xBB\xBF"
                               "5\n";
    bench_append_bytes(bench_path(&bench, "log"), five, sizeof five - 1);
    bench_expect(&bench, "log", "log", "1|2 \xF0\x9F\x98\x80|3|4|5");
}

Test(file, a_few_bytes_without_a_newline_are_a_line_when_the_file_is_rotated_away) {
    bench_write(&bench, "log", "few");
    start();
    bench_rename(&bench, "log", "log.1");
    bench_write(&bench, "log", "2\n");
    bench_wait(&bench, 2);
    bench_expect(&bench, "log", "log", "few|2");
}

Test(file, a_mark_that_comes_byte_by_byte_is_no_text) {
    start();
    static const char bytes[] = "\xEF\xBB\xBF"
                                "1\n";
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        bench_append_bytes(bench_path(&bench, "log"), bytes + i, 1);
    bench_expect(&bench, "log", "log", "1");
}

#define SIXTEEN "0123456789abcdef"
#define SIXTY_FOUR SIXTEEN SIXTEEN SIXTEEN SIXTEEN

Test(file, long_lines_are_cut_and_marked) {
    struct source_config config = bench_file(&bench, "log");
    config.line_bytes_max = 64;
    bench_write(&bench, "log", SIXTY_FOUR "\n" SIXTY_FOUR "g\nok\n");
    bench_start(&bench, &config, 1);
    bench_expect(&bench, "log", "log", SIXTY_FOUR "|" SIXTY_FOUR " \xE2\x80\xA6[cut, 65 bytes]|ok");
}

Test(file, a_line_of_a_megabyte_is_one_event) {
    start();
    size_t len = 1 << 20;
    char *line = malloc(len + 2);
    memset(line, 'x', len);
    memcpy(line + len, "\n", 2);
    bench_append(&bench, "log", line);
    bench_wait(&bench, 1);
    cr_assert_eq(bench.seen[0].len, len);
    free(line);
}

// --- where to start ------------------------------------------------------------------------------

Test(file, starts_with_the_newest_lines) {
    bench_write(&bench, "log", "1\n2\n3\n4\n5\nre");
    start_with(2);
    bench_wait(&bench, 2);
    bench_append(&bench, "log", "st\n");
    bench_expect(&bench, "log", "log", "4|5|rest");
}

Test(file, starts_at_the_end_when_no_lines_are_asked_for) {
    bench_write(&bench, "log", "1\n2\nre");
    start_with(0);
    bench_append(&bench, "log", "st\n");
    bench_expect(&bench, "log", "log", "rest");
}

Test(file, starts_at_the_beginning_when_fewer_lines_are_there) {
    bench_write(&bench, "log", "1\n2\n");
    start_with(2);
    bench_expect(&bench, "log", "log", "1|2");
}

Test(file, the_newest_lines_of_a_big_file) {
    FILE *out = fopen(bench_path(&bench, "log"), "w");
    for (int i = 1; i <= 200000; i++) fprintf(out, "line %d\n", i);
    fclose(out);
    start_with(50000);
    bench_wait(&bench, 50000);
    bench_append(&bench, "log", "END\n");
    bench_wait(&bench, 50001);
    cr_assert_str_eq(bench.seen[0].data, "line 150001");
    cr_assert_str_eq(bench.seen[49999].data, "line 200000");
    cr_assert_str_eq(bench.seen[50000].data, "END");
}

Test(file, that_does_not_exist_yet_is_read_whole_when_it_comes) {
    start_with(1);
    bench_append(&bench, "log", "1\n2\n3\n");
    bench_expect(&bench, "log", "log", "1|2|3");
}

Test(file, in_a_directory_that_does_not_exist_yet) {
    struct source_config config = bench_file(&bench, "a/b/log");
    bench_start(&bench, &config, 1);
    cr_assert_eq(mkdir(bench_path(&bench, "a"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "a/b"), 0755), 0);
    bench_append(&bench, "a/b/log", "1\n");
    bench_expect(&bench, "a/b/log", "log", "1");
}

Test(file, position_survives_a_restart_even_without_lines) {
    bench_write(&bench, "log", "old\n");
    start_with(0);
    bench_stop(&bench);
    bench_append(&bench, "log", "new\n");
    start_with(0);
    bench_expect(&bench, "log", "log", "new");
}

// --- rotation while the hub runs -----------------------------------------------------------------

Test(file, rename_rotation) {
    start_at_one();
    bench_append(&bench, "log", "2\n");
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "3\n");
    bench_expect(&bench, "log", "log", "1|2|3");
}

Test(file, lines_written_to_the_renamed_file_come_before_the_new_one) {
    start_at_one();
    bench_rename(&bench, "log", "log.1");
    bench_write(&bench, "log", "");
    bench_append(&bench, "log.1", "2\n");
    bench_wait_for(&bench, "log", "1|2");
    bench_append(&bench, "log.1", "3\n");
    bench_append(&bench, "log", "4\n");
    bench_expect(&bench, "log", "log", "1|2|3|4");
}

Test(file, lines_written_to_the_renamed_file_late_are_not_lost) {
    start_at_one();
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "3\n");
    bench_wait(&bench, 2);
    bench_append(&bench, "log.1", "2\n");
    bench_wait_for(&bench, "log", "1|3|2");
}

Test(file, a_rest_without_newline_in_a_rotated_file_is_a_line) {
    bench_write(&bench, "log", "1\nrest");
    start();
    bench_wait(&bench, 1);
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "2\n");
    bench_expect(&bench, "log", "log", "1|rest|2");
}

Test(file, several_rotations_at_once) {
    start_at_one();
    bench_append(&bench, "log", "2\n");
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "3\n");
    bench_rename(&bench, "log.1", "log.2");
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "4\n");
    bench_rename(&bench, "log.2", "log.3");
    bench_rename(&bench, "log.1", "log.2");
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "5\n");
    bench_expect(&bench, "log", "log", "1|2|3|4|5");
}

Test(file, copytruncate) {
    bench_write(&bench, "log", "1 a line that makes the content known\n");
    start();
    bench_wait(&bench, 1);
    bench_append(&bench, "log", "2\n");
    bench_copy(&bench, "log", "log.1");
    cr_assert_eq(truncate(bench_path(&bench, "log"), 0), 0);
    bench_append(&bench, "log", "3\n");
    bench_expect(&bench, "log", "log", "1 a line that makes the content known|2|3");
}

Test(file, truncated_and_grown_beyond_the_offset) {
    start_at_one();
    bench_write(&bench, "log", "much longer than what was there before\n");
    bench_expect(&bench, "log", "log", "1|much longer than what was there before");
}

Test(file, deleted_and_made_again) {
    start_at_one();
    bench_remove(&bench, "log");
    bench_append(&bench, "log", "2\n");
    bench_wait_for(&bench, "log", "1|2");
    bench_remove(&bench, "log");
    bench_append(&bench, "log", "2\n");
    bench_wait_for(&bench, "log", "1|2|2");
}

Test(file, symlink_that_is_pointed_elsewhere) {
    bench_write(&bench, "app-1", "1\n");
    cr_assert_eq(symlink("app-1", bench_path(&bench, "log")), 0);
    start();
    bench_wait(&bench, 1);
    bench_append(&bench, "app-1", "2\n");
    bench_write(&bench, "app-2", "3\n");
    cr_assert_eq(symlink("app-2", bench_path(&bench, "new")), 0);
    bench_rename(&bench, "new", "log");
    bench_expect(&bench, "app-2", "log", "1|2|3");
}

// --- rotation while the hub is down --------------------------------------------------------------

static void append_two(void) { bench_append(&bench, "log", "2\n"); }

static void rotate_once(void) {
    append_two();
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "3\n");
}

static void rotate_twice(void) {
    rotate_once();
    bench_rename(&bench, "log.1", "log.2");
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "4\n");
}

static void rotate_by_date(void) {
    append_two();
    bench_rename(&bench, "log", "log-20261120");
    bench_append(&bench, "log", "3\n");
    bench_rename(&bench, "log", "log-20261121");
    bench_append(&bench, "log", "4\n");
}

static void rotate_away(void) {
    append_two();
    bench_rename(&bench, "log", "log.1");
}

static void copy_and_truncate(void) {
    append_two();
    bench_copy(&bench, "log", "log.1");
    bench_write(&bench, "log", "3\n");
}

static void remake(void) {
    bench_remove(&bench, "log");
    // On many file systems this gets the same inode number.
    bench_append(&bench, "log", "quite another content, longer\n3\n");
}

#define FIRST "1, a line that makes the content known"

static void run_down(void (*while_down)(void), const char *expected) {
    // An older sibling that must never be read.
    bench_write(&bench, "log.9", "stale\n");
    bench_write(&bench, "log", FIRST "\n");
    start();
    bench_wait(&bench, 1);
    restart(while_down);
    bench_expect(&bench, "log", "log", expected);
}

Test(file, grown_while_down) { run_down(append_two, FIRST "|2"); }
Test(file, unchanged_while_down) { run_down(NULL, FIRST); }
Test(file, rotated_while_down) { run_down(rotate_once, FIRST "|2|3"); }
Test(file, rotated_twice_while_down) { run_down(rotate_twice, FIRST "|2|3|4"); }
Test(file, rotated_by_date_while_down) { run_down(rotate_by_date, FIRST "|2|3|4"); }
Test(file, rotated_away_while_down) { run_down(rotate_away, FIRST "|2"); }
Test(file, copied_and_truncated_while_down) { run_down(copy_and_truncate, FIRST "|2|3"); }
Test(file, made_again_while_down) { run_down(remake, FIRST "|quite another content, longer|3"); }

Test(file, compressed_siblings_are_not_read) {
    start_at_one();
    bench_stop(&bench);
    bench_append(&bench, "log", "2\n");
    bench_rename(&bench, "log", "log.2");
    bench_write(&bench, "log.1.gz", "compressed\n");
    bench_write(&bench, "log", "3\n");
    start();
    bench_expect(&bench, "log", "log", "1|2|3");
}

// --- errors and status ---------------------------------------------------------------------------

static bool is_missing(const struct source_status *s) {
    return !s->attached && strstr(s->error, "does not exist") != NULL;
}
static bool is_directory(const struct source_status *s) {
    return strstr(s->error, "is a directory") != NULL;
}
static bool is_fine(const struct source_status *s) {
    return s->attached && !s->error[0] && s->position_bytes == 4 && s->lines_total == 2 &&
           s->lag_bytes == 0;
}
static bool lags(const struct source_status *s) { return s->attached && s->lag_bytes == 4; }
static bool is_finished(const struct source_status *s) {
    return strstr(s->error, "is finished") != NULL;
}
static bool is_rotated(const struct source_status *s) { return s->rotations_total == 1; }

Test(file, status_says_what_is_the_matter) {
    char name[128];
    snprintf(name, sizeof name, "file:%s", bench_path(&bench, "log"));
    start();
    bench_wait_status(&bench, name, is_missing);
    cr_assert_eq(mkdir(bench_path(&bench, "log"), 0755), 0);
    bench_wait_status(&bench, name, is_directory);
    cr_assert_eq(rmdir(bench_path(&bench, "log")), 0);
    bench_append(&bench, "log", "1\n2\n");
    bench_wait_status(&bench, name, is_fine);
    bench_append(&bench, "log", "rest");
    bench_wait_status(&bench, name, lags);
    bench_rename(&bench, "log", "log.1");
    bench_append(&bench, "log", "3\n");
    bench_wait_status(&bench, name, is_rotated);
}

static void refused(struct source_config config, const char *why) {
    struct report report = {0};
    struct sources *sources;
    cr_assert_eq(sources_start(&sources, &config, 1, bench.journal, &report), ERR_INVALID);
    cr_assert(strstr(report.text, why), "%s", report.text);
}

Test(file, bad_configurations_are_refused) {
    struct source_config config = bench_file(&bench, "");
    refused(config, "is a directory");
    config.path = bench.dir;
    refused(config, "is a directory");
    config = bench_file(&bench, "*");
    config.topic = "logs";
    refused(config, "needs {name}");
    config.topic = "{nam}";
    refused(config, "unknown placeholder");
    config.topic = "$sys/{name}";
    refused(config, "$sys/");
    config = bench_file(&bench, "log");
    config.topic = "a/*";
    refused(config, "topic: a topic's segment may not be *");
    config = bench_file(&bench, "log");
    config.type = "tailrace.x";
    refused(config, "type: event types that begin with tailrace.");
    config = bench_file(&bench, "log");
    config.line_bytes_max = 0;
    refused(config, "line_bytes: 0 is out of bounds; allowed is from 64 to");
}

Test(file, a_damaged_position_is_an_error_not_a_crash) {
    bench_write(&bench, "log", "1\n");
    char name[128];
    snprintf(name, sizeof name, "file:%s > log", bench_path(&bench, "log"));
    static const char *const bad[] = {"x", "1", "1 2 3", "1 0 0 0 0 zz", "9 9 9 9 9 9 9 9 9 9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bench *b = &bench;
        struct publish *publish = calloc(1, sizeof *publish);
        publish->source_name = str_from(name);
        publish->source_position = str_from(bad[i]);
        publish->done = (void (*)(struct publish *))free;
        cr_assert_eq(journal_publish(b->journal, publish), 0);
        bench_stop(b);
        start();
        bench_wait(b, i + 1);
    }
}

Test(file, a_finished_topic_makes_its_lines_wait) {
    bench_write(&bench, "log", "1\n");
    struct event *close_event = event_new(STR("log"), STR(""), STR(""), STR("bye"), EVENT_CLOSE);
    struct event *events[] = {close_event};
    struct publish *publish = calloc(1, sizeof *publish);
    *publish =
        (struct publish){.count = 1, .events = events, .done = (void (*)(struct publish *))free};
    cr_assert_eq(journal_publish(bench.journal, publish), 0);
    bench_wait(&bench, 1);
    start();
    char name[128];
    snprintf(name, sizeof name, "file:%s", bench_path(&bench, "log"));
    bench_append(&bench, "log", "2\n");
    bench_wait_status(&bench, name, is_finished);
    struct event *forget[] = {event_new(STR("log"), STR(""), STR(""), STR(""), 0)};
    publish = calloc(1, sizeof *publish);
    *publish = (struct publish){.op = PUBLISH_FORGET,
                                .count = 1,
                                .events = forget,
                                .done = (void (*)(struct publish *))free};
    cr_assert_eq(journal_publish(bench.journal, publish), 0);
    bench_expect(&bench, "log", "log", "bye|1|2");
}
