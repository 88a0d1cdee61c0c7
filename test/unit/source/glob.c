// SPDX-License-Identifier: MIT
// Sources of many files.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/glob.h"
#include "support.h"

static struct bench bench;

static void open_bench(void) {
    bench_open(&bench);
    cr_assert_eq(mkdir(bench_path(&bench, "d"), 0755), 0);
}
static void close_bench(void) { bench_close(&bench); }
TestSuite(glob, .init = open_bench, .fini = close_bench, .timeout = 120);

static void start(const char *pattern) {
    struct source_config config = bench_file(&bench, pattern);
    bench_start(&bench, &config, 1);
}

Test(glob, files_are_found_at_the_start_and_while_running) {
    bench_write(&bench, "d/a.log", "a1\n");
    bench_write(&bench, "d/a.txt", "no\n");
    start("d/*.log");
    bench_wait(&bench, 1);
    bench_append(&bench, "d/b.log", "b1\nb2\n");
    bench_expect(&bench, "d/b.log", "b.log", "b1|b2");
    bench_expect(&bench, "d/a.log", "a.log", "a1");
    cr_assert_eq(bench.count, 5);
}

Test(glob, directories_may_come_later_and_be_nested) {
    start("d/*/logs/**/app-?.log");
    cr_assert_eq(mkdir(bench_path(&bench, "d/x"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "d/x/logs"), 0755), 0);
    bench_append(&bench, "d/x/logs/app-1.log", "1\n");
    bench_expect(&bench, "d/x/logs/app-1.log", "app-1.log", "1");
    cr_assert_eq(mkdir(bench_path(&bench, "d/x/logs/deep"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "d/x/logs/deep/er"), 0755), 0);
    bench_append(&bench, "d/x/logs/deep/er/app-2.log", "2\n");
    bench_expect(&bench, "d/x/logs/deep/er/app-2.log", "app-2.log", "2");
}

Test(glob, topics_are_made_of_names_and_paths) {
    struct source_config config = bench_file(&bench, "d/*.log");
    config.topic = "{stem}/{path}";
    bench_write(&bench, "d/a\x01z.log", "1\n");
    bench_start(&bench, &config, 1);
    bench_wait(&bench, 1);
    char topic[256];
    snprintf(topic, sizeof topic, "a_z/%.60s/d/a_z.log", bench.dir + 1);
    cr_assert_str_eq(bench.seen[0].topic, topic);
}

Test(glob, that_matches_rotated_siblings_reads_nothing_twice) {
    bench_write(&bench, "d/a.log", "1\n");
    bench_write(&bench, "d/a.log.2.gz", "compressed\n");
    start("d/a*");
    bench_wait(&bench, 1);
    bench_rename(&bench, "d/a.log", "d/a.log.1");
    bench_append(&bench, "d/a.log", "2\n");
    bench_wait(&bench, 2);
    bench_stop(&bench);
    bench_append(&bench, "d/a.log", "3\n");
    bench_rename(&bench, "d/a.log.1", "d/a.log.2");
    bench_rename(&bench, "d/a.log", "d/a.log.1");
    start("d/a*");
    bench_wait(&bench, 3);
    bench_append(&bench, "d/a.log", "4\n");
    bench_expect(&bench, "d/a.log", "a.log", "1|2|3|4");
    cr_assert_eq(bench.count, 5);
}

static bool is_attached(const struct source_status *s) { return s->attached; }

Test(glob, a_renamed_file_goes_on_under_its_new_name) {
    bench_write(&bench, "d/foo.log", "1\n");
    start("d/*.log");
    bench_wait(&bench, 1);
    bench_rename(&bench, "d/foo.log", "d/bar.log");
    char name[128];
    snprintf(name, sizeof name, "file:%s", bench_path(&bench, "d/bar.log"));
    bench_wait_status(&bench, name, is_attached);
    bench_expect(&bench, "d/bar.log", "bar.log", "");
    bench_stop(&bench);
    start("d/*.log");
    bench_append(&bench, "d/bar.log", "2\n");
    bench_wait(&bench, 3);
    bench_wait_for(&bench, "bar.log", "END|2");
    cr_assert_eq(bench.count, 3);
}

Test(glob, a_file_with_two_names_is_read_once) {
    bench_write(&bench, "d/b.log", "1\n");
    start("d/*.log");
    bench_wait(&bench, 1);
    cr_assert_eq(link(bench_path(&bench, "d/b.log"), bench_path(&bench, "d/a.log")), 0);
    bench_append(&bench, "d/b.log", "2\n");
    bench_wait(&bench, 2);
    bench_stop(&bench);
    start("d/*.log");
    bench_expect(&bench, "d/b.log", "b.log", "1|2");
    cr_assert_eq(bench.count, 3);
}

Test(glob, symlinks_are_followed_only_when_told) {
    bench_write(&bench, "secret", "s\n");
    cr_assert_eq(symlink("../secret", bench_path(&bench, "d/a.log")), 0);
    start("d/*.log");
    bench_append(&bench, "d/b.log", "b\n");
    bench_expect(&bench, "d/b.log", "b.log", "b");
    cr_assert_eq(bench.count, 2);
    bench_stop(&bench);
    struct source_config config = bench_file(&bench, "d/*.log");
    config.follow_symlinks = true;
    bench_start(&bench, &config, 1);
    bench_wait_for(&bench, "a.log", "s");
}

Test(glob, hundreds_of_files_are_served_alike) {
    enum { FILES = 300, LINES = 50 };
    start("d/*");
    for (int line = 0; line < LINES; line++) {
        for (int file = 0; file < FILES; file++) {
            char name[32], text[64];
            snprintf(name, sizeof name, "d/%d", file);
            snprintf(text, sizeof text, "%d:%d\n", file, line);
            bench_append(&bench, name, text);
        }
    }
    bench_wait(&bench, FILES * LINES);
    static int next[FILES];
    for (size_t i = 0; i < bench.count; i++) {
        int file, line;
        cr_assert_eq(sscanf(bench.seen[i].data, "%d:%d", &file, &line), 2);
        cr_assert_eq(next[file]++, line);
    }
}

// --- parts ---------------------------------------------------------------------------------------

Test(glob, absolute_paths) {
    char *path = glob_absolute("/a//b/./c*");
    cr_assert_str_eq(path, "/a/b/c*");
    free(path);
    path = glob_absolute("x");
    cr_assert_eq(path[0], '/');
    free(path);
}
