// SPDX-License-Identifier: MIT
// Logs that are named like rotated parts of another one: several writers under one pattern.
#include "source/live.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/place.h"
#include "support.h"

static struct bench bench;

static void open_bench(void) {
    bench_open(&bench);
    cr_assert_eq(mkdir(bench_path(&bench, "d"), 0755), 0);
}
static void close_bench(void) { bench_close(&bench); }
TestSuite(live, .init = open_bench, .fini = close_bench, .timeout = 120);

static struct source_config config(const char *pattern) { return bench_file(&bench, pattern); }

static void start(const char *pattern) {
    struct source_config all = config(pattern);
    bench_start(&bench, &all, 1);
}

Test(live, names_with_ports_and_addresses_are_logs_from_the_start) {
    bench_write(&bench, "d/app.log", "0\n");
    bench_write(&bench, "d/app.8080.log", "1\n");
    bench_write(&bench, "d/app-10.0.0.12.log", "2\n");
    bench_write(&bench, "d/app-1.2.3.log", "3\n");
    bench_write(&bench, "d/app-123456.log", "4\n");
    start("d/*");
    bench_wait(&bench, 5);
    bench_expect(&bench, "d/app.8080.log", "app.8080.log", "1");
    bench_expect(&bench, "d/app-10.0.0.12.log", "app-10.0.0.12.log", "2");
}

Test(live, a_numbered_file_that_is_written_to_is_a_log) {
    bench_write(&bench, "d/worker.log", "base\n");
    bench_write(&bench, "d/worker.1.log", "one\n");
    bench_write(&bench, "d/worker.log.2", "rotated\n");
    start("d/*");
    bench_wait(&bench, 1);
    bench_append(&bench, "d/worker.1.log", "two\n");
    bench_wait_for(&bench, "worker.1.log", "one|two");
    // Followed once, it is followed from the start.
    bench_stop(&bench);
    bench_append(&bench, "d/worker.1.log", "three\n");
    start("d/*");
    bench_expect(&bench, "d/worker.1.log", "worker.1.log", "one|two|three");
    bench_expect(&bench, "d/worker.log", "worker.log", "base");
    cr_assert_eq(bench.count, 6, "nothing of worker.log.2");
}

Test(live, a_log_of_another_writer_is_never_read_as_a_part_at_a_rotation) {
    bench_write(&bench, "d/worker.log", "base\n");
    bench_write(&bench, "d/worker.1.log", "one\n");
    start("d/*");
    bench_wait(&bench, 1);
    bench_stop(&bench);
    bench_rename(&bench, "d/worker.log", "d/worker.log.1");
    bench_append(&bench, "d/worker.1.log", "two\n");
    bench_append(&bench, "d/worker.log", "new\n");
    start("d/*");
    bench_expect(&bench, "d/worker.log", "worker.log", "base|new");
}

Test(live, late_lines_of_a_rotated_file_stay_where_they_belong) {
    bench_write(&bench, "d/app.log", "1, a line that makes the content known\n");
    start("d/*");
    bench_wait(&bench, 1);
    bench_rename(&bench, "d/app.log", "d/app.log.1");
    bench_append(&bench, "d/app.log", "3\n");
    bench_wait(&bench, 2);
    bench_append(&bench, "d/app.log.1", "2\n");
    bench_wait(&bench, 3);
    bench_expect(&bench, "d/app.log", "app.log", "1, a line that makes the content known|3|2");
    cr_assert_eq(bench.count, 4);
}

Test(live, with_separate_each_file_is_a_log) {
    struct source_config all = config("d/*");
    all.separate = true;
    bench_write(&bench, "d/app.log", "0\n");
    bench_write(&bench, "d/app.log.1", "1\n");
    bench_write(&bench, "d/app.2.log", "2\n");
    bench_start(&bench, &all, 1);
    bench_wait(&bench, 3);
    bench_wait_for(&bench, "app.log.1", "1");
    bench_wait_for(&bench, "app.2.log", "2");
}

// A tail that follows the file with this content.
static void ask(const char *content, const char *copy, enum live_answer expected) {
    char *log = strdup(bench_path(&bench, "log")), *part = strdup(bench_path(&bench, "log.1"));
    struct living live = {0};
    struct stat st;
    bench_write(&bench, "log", content);
    bench_write(&bench, "log.1", "");
    struct followed_file now = {.fd = open(log, O_RDONLY | O_CLOEXEC)};
    struct tail base = {.path = log, .now = &now};
    cr_assert_eq(stat(part, &st), 0);
    struct live_question question = {part, PLACE_ALL, &st, &base, true};
    cr_assert_eq(live_ask(&live, &question), LIVE_PART, "nothing is known yet");
    bench_write(&bench, "log.1", copy);
    cr_assert_eq(stat(part, &st), 0);
    cr_assert_eq(live_ask(&live, &question), expected);
    live_end(&live);
    live_fini(&live);
    close(now.fd);
    free(log);
    free(part);
}

Test(live, a_copy_that_grows_is_a_part) {
    ask("the log, of which a copy is being made\n", "the log, of wh", LIVE_PART);
    ask("the log, of which a copy is being made\n", "another log", LIVE_NEW);
}
