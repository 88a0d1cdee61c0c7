// SPDX-License-Identifier: MIT
// Sources of many files.
#include <criterion/criterion.h>
#include <fcntl.h>
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

Test(glob, braces_stand_for_several_directories) {
    cr_assert_eq(mkdir(bench_path(&bench, "d/nginx"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "d/apache"), 0755), 0);
    bench_write(&bench, "d/nginx/n.log", "n\n");
    bench_write(&bench, "d/apache/a.log", "a\n");
    bench_write(&bench, "d/o.log", "o\n");
    start("d/{{nginx,apache}/*,o,missing}.log");
    bench_wait(&bench, 3);
    bench_wait_for(&bench, "n.log", "n");
    bench_wait_for(&bench, "a.log", "a");
    bench_wait_for(&bench, "o.log", "o");
    bench_append(&bench, "d/missing.log", "m\n");
    bench_wait_for(&bench, "missing.log", "m");
}

Test(glob, a_file_named_by_two_alternatives_is_read_once) {
    bench_write(&bench, "d/a.log", "a\n");
    start("d/{a*,*}.log");
    bench_wait(&bench, 1);
    bench_expect(&bench, "d/a.log", "a.log", "a");
    cr_assert_eq(bench.count, 2);
}

Test(glob, a_file_with_braces_in_its_name_is_itself) {
    bench_write(&bench, "d/{a,b}.log", "x\n");
    bench_write(&bench, "d/a.log", "no\n");
    start("d/{a,b}.log");
    bench_expect(&bench, "d/{a,b}.log", "{a,b}.log", "x");
    cr_assert_eq(bench.count, 2);
}

// A directory of somebody else, who puts a link to what only the hub may read into it.
Test(glob, links_of_directories_behind_a_wildcard_are_not_followed) {
    cr_assert_eq(mkdir(bench_path(&bench, "secret"), 0700), 0);
    bench_write(&bench, "secret/app.log", "secret\n");
    cr_assert_eq(mkdir(bench_path(&bench, "d/bob"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "d/bob/logs"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "d/mallory"), 0755), 0);
    bench_write(&bench, "d/bob/logs/bob.log", "bob\n");
    cr_assert_eq(symlink("../../secret", bench_path(&bench, "d/mallory/logs")), 0);
    start("d/*/logs/*.log");
    bench_expect(&bench, "d/bob/logs/bob.log", "bob.log", "bob");
    cr_assert_eq(bench.count, 2);
}

Test(glob, a_directory_exchanged_for_a_link_is_not_followed) {
    cr_assert_eq(mkdir(bench_path(&bench, "secret"), 0700), 0);
    bench_write(&bench, "secret/app.log", "secret\n");
    bench_write(&bench, "secret/app.log.1", "old secret\n");
    cr_assert_eq(mkdir(bench_path(&bench, "d/mallory"), 0755), 0);
    bench_write(&bench, "d/mallory/app.log", "1\n");
    start("d/*/*.log");
    bench_wait(&bench, 1);
    bench_rename(&bench, "d/mallory", "d/moved");
    cr_assert_eq(symlink("../secret", bench_path(&bench, "d/mallory")), 0);
    bench_append(&bench, "secret/app.log", "more\n");
    bench_append(&bench, "d/moved/app.log", "2\n");
    bench_wait(&bench, 2);
    cr_assert_eq(mkdir(bench_path(&bench, "d/bob"), 0755), 0);
    bench_write(&bench, "d/bob/bob.log", "bob\n");
    bench_expect(&bench, "d/bob/bob.log", "bob.log", "bob");
    for (size_t i = 0; i < bench.count; i++)
        cr_assert_null(strstr(bench.seen[i].data, "secret"), "%s", bench.seen[i].data);
    bench_stop(&bench);
    start("d/*/*.log");
    bench_wait_for(&bench, "bob.log", "bob|END");
    for (size_t i = 0; i < bench.count; i++)
        cr_assert_null(strstr(bench.seen[i].data, "secret"), "%s", bench.seen[i].data);
}

static void start_following_links(const char *pattern) {
    struct source_config config = bench_file(&bench, pattern);
    config.follow_symlinks = true;
    config.topic = "{path}";
    bench_start(&bench, &config, 1);
}

static void expect_topic(const char *name, const char *expected) {
    char topic[256];
    snprintf(topic, sizeof topic, "%s", bench_path(&bench, name) + 1);
    bench_wait_for(&bench, topic, expected);
}

Test(glob, loops_of_links_give_each_file_once_under_its_own_name) {
    cr_assert_eq(mkdir(bench_path(&bench, "d/app"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "d/sub"), 0755), 0);
    cr_assert_eq(mkdir(bench_path(&bench, "d/sub/deep"), 0755), 0);
    bench_write(&bench, "d/app/a.log", "a\n");
    bench_write(&bench, "d/sub/deep/z.log", "z\n");
    cr_assert_eq(symlink("..", bench_path(&bench, "d/app/up")), 0);
    cr_assert_eq(symlink("../sub", bench_path(&bench, "d/sub/self")), 0);
    cr_assert_eq(symlink("../sub/deep", bench_path(&bench, "d/app/0deep")), 0);
    cr_assert_eq(symlink("../app", bench_path(&bench, "d/sub/0app")), 0);
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/loop%d", i);
        cr_assert_eq(symlink(".", bench_path(&bench, name)), 0);
    }
    start_following_links("d/**/*.log");
    bench_wait(&bench, 2);
    expect_topic("d/app/a.log", "a");
    expect_topic("d/sub/deep/z.log", "z");
    bench_append(&bench, "d/end.log", "e\n");
    expect_topic("d/end.log", "e");
    cr_assert_eq(bench.count, 3);
}

Test(glob, what_is_only_behind_a_link_is_found) {
    cr_assert_eq(mkdir(bench_path(&bench, "else"), 0755), 0);
    bench_write(&bench, "else/e.log", "e\n");
    cr_assert_eq(symlink("../else", bench_path(&bench, "d/link")), 0);
    start_following_links("d/**/*.log");
    expect_topic("d/link/e.log", "e");
}

Test(glob, files_of_no_text_are_left_out) {
    static const char gzip[] = "\x1F\x8B\x08\0\0\0\0\0 not for people\n";
    static const char journal[] = "LPKSHHRH\0\0\0\0\n";
    bench_append_bytes(bench_path(&bench, "d/a.log"), gzip, sizeof gzip - 1);
    bench_append_bytes(bench_path(&bench, "d/system.journal"), journal, sizeof journal - 1);
    bench_write(&bench, "d/text", "1\n");
    start("d/*");
    bench_expect(&bench, "d/text", "text", "1");
    cr_assert_eq(bench.count, 2);
    // It becomes a log.
    bench_write(&bench, "d/a.log", "2\n");
    bench_wait_for(&bench, "a.log", "2");
}

Test(glob, a_file_that_was_empty_and_gets_records_is_no_text) {
    bench_write(&bench, "d/wtmp", "");
    start("d/*");
    char record[384] = {7, 0, 0, 0, '\n', 3};
    strcpy(record + 8, "pts/0");
    strcpy(record + 40, "ts/0\1\2");
    strcpy(record + 76, "192.0.2.1");
    memcpy(record + 340, "\x12\x34\x56\x67\x01\x02", 6);
    bench_append_bytes(bench_path(&bench, "d/wtmp"), record, sizeof record);
    bench_expect(&bench, "d/log", "log", "");
    cr_assert_eq(bench.count, 1);
    bench_stop(&bench);
    bench_append_bytes(bench_path(&bench, "d/wtmp"), record, sizeof record);
    start("d/*");
    bench_append(&bench, "d/log", "two\n");
    bench_wait_for(&bench, "log", "END|two");
    cr_assert_eq(bench.count, 2);
    // Its place is taken by a log.
    bench_write(&bench, "new", "text\n");
    bench_rename(&bench, "new", "d/wtmp");
    bench_wait_for(&bench, "wtmp", "text");
}

// --- pipes ---------------------------------------------------------------------------------------

static int open_pipe(const char *name) {
    int fd = open(bench_path(&bench, name), O_WRONLY);
    cr_assert_geq(fd, 0);
    return fd;
}

static void say(int fd, const char *text) {
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

Test(glob, a_named_pipe_is_read_from_one_writer_after_the_other) {
    cr_assert_eq(mkfifo(bench_path(&bench, "d/pipe"), 0600), 0);
    // Does not wait for a writer.
    start("d/pipe");
    int writer = open_pipe("d/pipe");
    say(writer, "1\n2");
    bench_wait(&bench, 1);
    close(writer);
    bench_wait_for(&bench, "pipe", "1|2");
    for (int i = 0; i < 20; i++) {
        writer = open_pipe("d/pipe");
        say(writer, "x\n");
        close(writer);
    }
    bench_wait(&bench, 22);
}

Test(glob, a_path_may_become_a_pipe_and_a_file_again) {
    start("d/log");
    cr_assert_eq(mkfifo(bench_path(&bench, "d/pipe"), 0600), 0);
    bench_rename(&bench, "d/pipe", "d/log");
    int writer = open_pipe("d/log");
    say(writer, "1\n");
    bench_wait(&bench, 1);
    bench_remove(&bench, "d/log");
    say(writer, "2\n");
    close(writer);
    bench_wait(&bench, 2);
    bench_write(&bench, "d/log", "3\n");
    bench_wait_for(&bench, "log", "1|2|3");
}

Test(glob, a_pattern_opens_no_pipe) {
    cr_assert_eq(mkfifo(bench_path(&bench, "d/pipe"), 0600), 0);
    start("d/*");
    bench_expect(&bench, "d/log", "log", "");
    // Without a reader, opening for writing is ENXIO.
    cr_assert_lt(open(bench_path(&bench, "d/pipe"), O_WRONLY | O_NONBLOCK), 0);
}

Test(glob, utf16_in_a_pipe_is_converted) {
    cr_assert_eq(mkfifo(bench_path(&bench, "d/pipe"), 0600), 0);
    start("d/pipe");
    static const char text[] = "\xFE\xFF\0a\xD8\x3D\xDE\x00\0\n\0b";
    int writer = open_pipe("d/pipe");
    for (size_t i = 0; i < sizeof text - 1; i++) cr_assert_eq(write(writer, text + i, 1), 1);
    close(writer);
    bench_wait_for(&bench, "pipe", "a\U0001F600|b");
}
