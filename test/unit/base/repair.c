// SPDX-License-Identifier: MIT
// Lines as text that every client can show.
#include "base/repair.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/lines.h"

static struct buf out;

static void setup(void) { buf_init(&out, 4096); }
static void teardown(void) { buf_fini(&out); }

TestSuite(repair, .init = setup, .fini = teardown);

static void expect(struct str line, size_t line_max, uint64_t length, const char *text) {
    buf_clear(&out);
    repair_line(&out, line, line_max, length);
    cr_assert_not(buf_failed(&out));
    cr_assert_str_eq(buf_cstr(&out), text);
    cr_assert_eq(out.len, strlen(text));
}

static void expect_whole(struct str line, const char *text) { expect(line, 100, line.len, text); }

Test(repair, valid_text_stays) {
    expect_whole(STR(""), "");
    expect_whole((struct str){NULL, 0}, "");
    expect_whole(STR("plain \xC3\xA9 \xF0\x9F\x98\x80"), "plain \xC3\xA9 \xF0\x9F\x98\x80");
}

Test(repair, ill_formed_bytes_become_replacement_characters) {
    expect_whole(STR("caf\xE9"), "caf\uFFFD");
    expect_whole(STR("\xF0\x9F\x98 x \xFF\xFE"), "\uFFFD x \uFFFD\uFFFD");
}

Test(repair, nuls_are_no_text) {
    expect_whole(STR("\0\0\0first"), "first");
    expect_whole(STR("last\0"), "last");
    expect_whole(STR("\0\0\0\0"), "");
    expect_whole(STR("a\0b"), "a\uFFFDb");
    expect_whole(STR("a\0\0\0\0\0b\0c"), "a\uFFFDb\uFFFDc");
    expect_whole(STR("\0\xFF\0\0x\0"), "\uFFFD\uFFFDx");
}

Test(repair, a_long_line_is_cut_and_marked) {
    expect(STR("0123456789abc"), 10, 13, "0123456789 \u2026[cut, 13 bytes]");
    expect(STR("012345678\xC3\xA9xy"), 10, 13, "012345678 \u2026[cut, 13 bytes]");
    expect(STR("0123456789"), 10, 10, "0123456789");
}

Test(repair, a_line_that_was_cut_keeps_its_one_mark) {
    struct lines lines;
    struct str input = STR("0123456\xC3\xA9zzzzzzzzzzzz\n"), line;
    lines_init(&lines, 8, LINES_CUT);
    cr_assert_eq(lines_next(&lines, &input, &line), 1);
    expect(line, 8, lines.length, "0123456 \u2026[cut, 21 bytes]");
    lines_fini(&lines);
}

Test(repair, what_became_too_long_is_cut_and_marked) {
    char bytes[100];
    memset(bytes, 0xFF, sizeof bytes);
    buf_clear(&out);
    repair_line(&out, (struct str){bytes, sizeof bytes}, sizeof bytes, sizeof bytes);
    cr_assert_leq(out.len, sizeof bytes + LINES_MARK_BYTES);
    cr_assert_not_null(memmem(out.data, out.len, "[cut, 100 bytes]", 16));
}

Test(repair, appends_behind_what_is_there_and_keeps_the_failure) {
    buf_append_str(&out, STR("before "));
    repair_line(&out, STR("\xFFx"), 10, 2);
    cr_assert_str_eq(buf_cstr(&out), "before \uFFFDx");
    buf_fini(&out);
    buf_init(&out, 4);
    repair_line(&out, STR("12345"), 10, 5);
    cr_assert(buf_failed(&out));
}
