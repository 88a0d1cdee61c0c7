// SPDX-License-Identifier: MIT
// Older marks of a file: where reading goes on when its end is gone.
#include "source/trail.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fd;
static struct mark mark;
static struct trail trail;

static void setup(void) {
    char path[] = "/tmp/tailrace-trail-XXXXXX";
    fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
}

static void teardown(void) { close(fd); }

TestSuite(trail, .init = setup, .fini = teardown);

// Adds lines of 10 bytes, and moves the mark to the end of each `step` of them.
static void add_lines(int from, int to, int step) {
    for (int i = from; i < to; i++) {
        char line[16];
        snprintf(line, sizeof line, "line %04d\n", i % 10000);
        cr_assert_eq(pwrite(fd, line, 10, (off_t)i * 10), 10);
        if ((i + 1) % step) continue;
        cr_assert_eq(mark_move(&mark, fd, (uint64_t)(i + 1) * 10), 0);
        trail_move(&trail, fd, mark.offset);
    }
}

// Cuts the file at `size`: the newest mark that holds must be before that, at the start of a line,
// and not further away than four times what is lost.
static void expect_after_cut(uint64_t size) {
    struct mark older;
    cr_assert_eq(ftruncate(fd, (off_t)size), 0);
    cr_assert(trail_find(&trail, &mark, fd, &older), "at %zu of %zu", (size_t)size,
              (size_t)mark.offset);
    cr_assert_leq(older.offset, size);
    cr_assert_eq(older.offset % 10, 0);
    cr_assert_leq(mark.offset - older.offset, 4 * (mark.offset - size) + 1024);
    cr_assert(mark_holds(&older, fd));
}

Test(trail, of_a_file_that_was_read_at_once) {
    add_lines(0, 20000, 20000);
    for (uint64_t lost = 1; lost < 100000; lost *= 3) expect_after_cut(mark.offset - lost);
}

Test(trail, of_a_file_that_was_read_line_by_line) {
    add_lines(0, 20000, 1);
    for (uint64_t lost = 1; lost < 100000; lost *= 3) expect_after_cut(mark.offset - lost);
}

Test(trail, ends_where_the_bytes_have_become_nul) {
    struct mark older;
    char nul[5000] = {0};
    add_lines(0, 2000, 100);
    cr_assert_eq(pwrite(fd, nul, sizeof nul, 15000), (ssize_t)sizeof nul);
    cr_assert(trail_find(&trail, &mark, fd, &older));
    cr_assert_leq(older.offset, 15000);
    cr_assert_geq(older.offset, 10000);
}

Test(trail, is_of_no_use_for_another_file) {
    struct mark older;
    add_lines(0, 2000, 100);
    cr_assert_eq(pwrite(fd, "LINE", 4, 0), 4);
    cr_assert_not(trail_find(&trail, &mark, fd, &older));
    cr_assert_eq(ftruncate(fd, 100), 0);
    cr_assert_not(trail_find(&trail, &mark, fd, &older), "a short text may begin alike");
}

Test(trail, has_no_marks_within_a_character_of_utf_16) {
    struct trail none = {0};
    for (int i = 0; i < 20000; i++) cr_assert_eq(pwrite(fd, i % 10 ? "x" : "\n", 2, i * 2), 2);
    trail_move(&trail, fd, 40000);
    none.at = 40000;
    cr_assert_eq(memcmp(&trail, &none, sizeof none), 0);
}
