// SPDX-License-Identifier: MIT
// Marks in files: moving, holding, truncation.
#include "source/mark.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static int file_with(const char *content) {
    char path[] = "/tmp/tailrace-mark-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    return fd;
}

Test(mark, holds_while_the_content_before_it_is_the_same) {
    struct mark mark = {0};
    int fd = file_with("first\nsecond\n");
    cr_assert(mark_holds(&mark, fd));
    cr_assert_eq(mark_move(&mark, fd, 6), 0);
    cr_assert_eq(mark.offset, 6);
    cr_assert(mark_holds(&mark, fd));
    cr_assert_eq(pwrite(fd, "SECOND", 6, 6), 6);
    cr_assert(mark_holds(&mark, fd), "the bytes after the mark do not matter");
    cr_assert_eq(pwrite(fd, "F", 1, 0), 1);
    cr_assert_not(mark_holds(&mark, fd));
    close(fd);
}

Test(mark, notices_truncation_even_when_the_file_has_grown_again) {
    struct mark mark = {0};
    int fd = file_with("first\nsecond\n");
    cr_assert_eq(mark_move(&mark, fd, 13), 0);
    cr_assert_eq(ftruncate(fd, 3), 0);
    cr_assert_not(mark_holds(&mark, fd));
    cr_assert_eq(ftruncate(fd, 100), 0);
    cr_assert_not(mark_holds(&mark, fd));
    close(fd);
}

Test(mark, cannot_move_beyond_the_end) {
    struct mark mark = {0};
    int fd = file_with("first\n");
    cr_assert_eq(mark_move(&mark, fd, 6), 0);
    struct mark before = mark;
    cr_assert_eq(mark_move(&mark, fd, 7), ERR_IO);
    cr_assert_eq(memcmp(&mark, &before, sizeof mark), 0);
    close(fd);
}
