// SPDX-License-Identifier: MIT
// Marks in files, and positions as text.
#include "source/mark.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(mark, position_survives_encoding) {
    struct position in = {
        .now = {{UINT64_MAX, 2}, INT64_MAX, 1024, 256, UINT64_MAX, 5},
        .before = {{3, UINT64_MAX}, 9, 9, 9, 8, 7},
        .mtime_ns = -1,
        .generation = UINT64_MAX,
    };
    struct position out;
    char text[LIMIT_SOURCE_POSITION_BYTES];
    struct str encoded = {text, position_encode(&in, text)};
    cr_assert_eq(position_decode(&out, encoded), 0);
    cr_assert_eq(out.now.id.dev, UINT64_MAX);
    cr_assert_eq(out.now.offset, INT64_MAX);
    cr_assert_eq(out.now.head_hash, UINT64_MAX);
    cr_assert_eq(out.before.id.ino, UINT64_MAX);
    cr_assert_eq(out.before.tail_hash, 7);
    cr_assert_eq(out.mtime_ns, -1);
    cr_assert_eq(out.generation, UINT64_MAX);
    for (size_t len = 0; len < encoded.len; len++) {
        char *cut = malloc(len + 1);
        memcpy(cut, text, len);
        (void)!position_decode(&out, (struct str){cut, len});
        free(cut);
    }
}

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
