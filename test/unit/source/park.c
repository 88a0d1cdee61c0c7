// SPDX-License-Identifier: MIT
// More followed files than descriptors.
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "source/source.h"
#include "support.h"
#include "sys/descriptors.h"

enum { FILES = 200 };

static struct bench bench;

static void open_bench(void) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max = 64;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    descriptors_init(1);
    bench_open(&bench);
    cr_assert_eq(mkdir(bench_path(&bench, "d"), 0755), 0);
}
static void close_bench(void) { bench_close(&bench); }
TestSuite(park, .init = open_bench, .fini = close_bench, .timeout = 120);

static const char *name_of(int file) {
    static char names[8][32];
    static int next;
    char *name = names[next++ % 8];
    snprintf(name, 32, "d/f%03d", file);
    return name;
}

static void append_to_all(const char *text) {
    for (int i = 0; i < FILES; i++) bench_append(&bench, name_of(i), text);
}

static void start(void) {
    struct source_config config = bench_file(&bench, "d/*");
    bench_start(&bench, &config, 1);
}

static size_t open_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    cr_assert_not_null(dir);
    size_t count = 0;
    while (readdir(dir)) count++;
    closedir(dir);
    return count - 3;
}

static size_t parked;
static void count_parked(void *context, const struct source_status *status) {
    (void)context;
    parked += status->parked;
}

static void expect_all(const char *expected) {
    for (int i = 0; i < FILES; i++) bench_wait_for(&bench, name_of(i) + 2, expected);
}

Test(park, all_files_are_read_with_fewer_descriptors) {
    append_to_all("1\n");
    start();
    bench_wait(&bench, FILES);
    cr_assert_leq(open_descriptors(), 64 - 8);
    sources_status(bench.sources, count_parked, NULL);
    cr_assert_geq(parked, FILES - descriptors_for_files());
    // Each of them goes on when it changes, those that are closed too.
    append_to_all("2\n");
    bench_wait(&bench, 2 * FILES);
    append_to_all("3\nun");
    bench_wait(&bench, 3 * FILES);
    append_to_all("finished\n");
    bench_wait(&bench, 4 * FILES);
    expect_all("1|2|3|unfinished");
}

Test(park, rotation_of_closed_files_loses_and_doubles_nothing) {
    append_to_all("1\n");
    start();
    bench_wait(&bench, FILES);
    append_to_all("2\n");
    for (int i = 0; i < FILES; i++) {
        char rotated[40];
        snprintf(rotated, sizeof rotated, "%s.1", name_of(i));
        bench_rename(&bench, name_of(i), rotated);
    }
    append_to_all("3\n");
    bench_wait(&bench, 3 * FILES);
    expect_all("1|2|3");
}

Test(park, a_closed_file_that_is_renamed_goes_on_under_its_new_name) {
    append_to_all("1\n");
    start();
    bench_wait(&bench, FILES);
    for (int i = 0; i < FILES; i++) {
        char renamed[40];
        snprintf(renamed, sizeof renamed, "d/g%03d", i);
        bench_rename(&bench, name_of(i), renamed);
        bench_append(&bench, renamed, "2\n");
    }
    bench_wait(&bench, 2 * FILES);
    bench_append(&bench, "d/g000", "3\n");
    bench_wait(&bench, 2 * FILES + 1);
    size_t ones = 0;
    for (size_t i = 0; i < bench.count; i++) ones += bench.seen[i].data[0] == '1';
    cr_assert_eq(ones, FILES);
}

Test(park, positions_of_closed_files_hold_over_a_restart) {
    append_to_all("1\n");
    start();
    bench_wait(&bench, FILES);
    bench_stop(&bench);
    append_to_all("2\n");
    start();
    bench_wait(&bench, 2 * FILES);
    append_to_all("3\n");
    bench_wait(&bench, 3 * FILES);
    expect_all("1|2|3");
}
