// SPDX-License-Identifier: MIT
// Splitting into lines: endings, cuts, long lines, the end of input.
#include "base/lines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

// "<line>", with a NUL as 0.
static void append_line(struct buf *out, struct str line) {
    buf_append_char(out, '<');
    for (size_t i = 0; i < line.len; i++) buf_append_char(out, line.ptr[i] ? line.ptr[i] : '0');
    buf_append_char(out, '>');
}

// Splits `input` in pieces of the sizes that `next_size` returns and writes every line as "<line>"
// to `out`. An error ends it with "!".
static void split(struct buf *out, struct str input, size_t max, enum lines_long when_long,
                  size_t (*next_size)(void *context), void *context) {
    struct lines lines;
    lines_init(&lines, max, when_long);
    struct str line;
    int got = 0;
    while (input.len && got >= 0) {
        size_t size = next_size(context);
        if (size > input.len) size = input.len;
        // A copy of exactly this size, so that a sanitizer notices reads beyond it.
        char *piece = malloc(size ? size : 1);
        memcpy(piece, input.ptr, size);
        struct str rest = {piece, size};
        while ((got = lines_next(&lines, &rest, &line)) == 1) append_line(out, line);
        if (got == 0) cr_assert_eq(rest.len, 0);
        free(piece);
        input = (struct str){input.ptr + size, input.len - size};
    }
    if (got >= 0 && (got = lines_end(&lines, &line)) == 1) append_line(out, line);
    if (got < 0) buf_append_char(out, '!');
    cr_assert_eq(lines_pending(&lines), got < 0 ? lines.pending : 0);
    lines_fini(&lines);
}

static size_t whole(void *context) {
    (void)context;
    return SIZE_MAX;
}

static size_t one(void *context) {
    (void)context;
    return 1;
}

static size_t some(void *context) {
    unsigned *seed = context;
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 24) % 7;
}

static void expect(struct str input, size_t max, enum lines_long when_long, const char *expected) {
    struct buf out;
    buf_init(&out, 1 << 20);
    split(&out, input, max, when_long, whole, NULL);
    cr_assert_str_eq(buf_cstr(&out), expected);
    buf_clear(&out);
    split(&out, input, max, when_long, one, NULL);
    cr_assert_str_eq(buf_cstr(&out), expected, "byte by byte: %s", buf_cstr(&out));
    buf_fini(&out);
}

Test(lines, end_at_lf_and_drop_one_cr) {
    expect(STR("a\nb\r\nc"), 100, LINES_CUT, "<a><b><c>");
    expect(STR(""), 100, LINES_CUT, "");
    expect(STR("\n\r\n\n"), 100, LINES_CUT, "<><><>");
    expect(STR("a\r\r\nb\rc\n"), 100, LINES_CUT, "<a\r><b\rc>");
    expect(STR("rest\r"), 100, LINES_CUT, "<rest>");
}

Test(lines, are_cut_at_the_bound_and_marked) {
    expect(STR("1234\n12345\n123456\n"), 5, LINES_CUT,
           "<1234><12345><12345 \xE2\x80\xA6[cut, 6 bytes]>");
    expect(STR("12345\r\n123456\r\nz"), 5, LINES_CUT,
           "<12345><12345 \xE2\x80\xA6[cut, 6 bytes]><z>");
    expect(STR("123456789"), 5, LINES_CUT, "<12345 \xE2\x80\xA6[cut, 9 bytes]>");
}

Test(lines, are_not_cut_within_a_character) {
    expect(STR("abc\xF0\x9F\x98\x80!\n"), 5, LINES_CUT, "<abc \xE2\x80\xA6[cut, 8 bytes]>");
    expect(STR("abc\xF0\x9F\x98\x80!\n"), 7, LINES_CUT,
           "<abc\xF0\x9F\x98\x80 \xE2\x80\xA6[cut, 8 bytes]>");
    expect(STR("\x80\x80\x80\x80\x80\x80\n"), 4, LINES_CUT,
           "<\x80\x80\x80\x80 \xE2\x80\xA6[cut, 6 bytes]>");
}

Test(lines, have_one_nul_for_many_and_none_at_their_beginning) {
    expect(STR("\0\0\0a\n\0b\r\n"), 5, LINES_CUT, "<a><b>");
    expect(STR("a\0b\0\0\0\0c\nd"), 5, LINES_CUT, "<a0b0c><d>");
    expect(STR("\0\0\n\n\0\0"), 5, LINES_CUT, "<><>");
    expect(STR("\0\0\0\0\0\0\0\0\0\00012345\n"), 5, LINES_REFUSE, "<12345>");
    expect(STR("\0\0\0"
               "123456\0\0\0\n"),
           5, LINES_CUT, "<12345 \xE2\x80\xA6[cut, 7 bytes]>");
}

Test(lines, behind_any_number_of_nuls_are_whole) {
    struct lines lines;
    lines_init(&lines, 1000, LINES_CUT);
    char block[4096] = {0};
    struct str line;
    for (int i = 0; i < 1000; i++) {
        struct str input = {block, sizeof block};
        cr_assert_eq(lines_next(&lines, &input, &line), 0);
    }
    struct str input = STR("first\n");
    cr_assert_eq(lines_next(&lines, &input, &line), 1);
    cr_assert(str_equal(line, STR("first")));
    lines_fini(&lines);
}

Test(lines, are_refused_when_told_so) {
    expect(STR("12345\r\n12345\n123456\n1\n"), 5, LINES_REFUSE, "<12345><12345>!");
    expect(STR("12345\r\r\n"), 5, LINES_REFUSE, "!");
    expect(STR("123456"), 5, LINES_REFUSE, "!");
}

Test(lines, an_endless_line_is_refused_before_it_ends) {
    struct lines lines;
    lines_init(&lines, 10, LINES_REFUSE);
    struct str input = STR("0123456789a"), line;
    cr_assert_eq(lines_next(&lines, &input, &line), ERR_TOO_LONG);
    lines_fini(&lines);
}

Test(lines, keep_a_bounded_part_of_an_endless_line) {
    struct lines lines;
    lines_init(&lines, 1000, LINES_CUT);
    char block[4096];
    memset(block, 'x', sizeof block);
    struct str line;
    for (int i = 0; i < 1000; i++) {
        struct str input = {block, sizeof block};
        cr_assert_eq(lines_next(&lines, &input, &line), 0);
    }
    cr_assert_leq(lines.kept.cap, 1001 + LINES_MARK_BYTES);
    cr_assert_eq(lines_pending(&lines), 4096000);
    cr_assert_eq(lines_end(&lines, &line), 1);
    cr_assert_eq(line.len, 1000 + strlen(" \xE2\x80\xA6[cut, 4096000 bytes]"));
    lines_fini(&lines);
}

Test(lines, are_the_same_however_the_input_is_chopped) {
    static const char alphabet[] = "\n\n\r\ra\0\0\xF0\x9F\x98\x80\xC3";
    for (unsigned seed = 1; seed < 3000; seed++) {
        unsigned random = seed;
        char input[120];
        size_t len = seed % sizeof input;
        for (size_t i = 0; i < len; i++) {
            random = random * 1103515245u + 12345u;
            input[i] = alphabet[(random >> 16) % (sizeof alphabet - 1)];
        }
        struct buf expected, got;
        buf_init(&expected, 1 << 20);
        buf_init(&got, 1 << 20);
        size_t max = 1 + seed % 9;
        enum lines_long when_long = seed % 2 ? LINES_CUT : LINES_REFUSE;
        split(&expected, (struct str){input, len}, max, when_long, whole, NULL);
        split(&got, (struct str){input, len}, max, when_long, some, &random);
        cr_assert(str_equal(buf_str(&expected), buf_str(&got)), "seed %u: %s is not %s", seed,
                  buf_cstr(&got), buf_cstr(&expected));
        buf_fini(&expected);
        buf_fini(&got);
    }
}
