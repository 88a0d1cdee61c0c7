// SPDX-License-Identifier: MIT
// Encodings of files, NULs and holes in them, and where their newest lines begin.
#include "source/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static char memory[4096];
static char path[] = "/tmp/tailrace-text-XXXXXX";
static int fd;

static void setup(void) {
    fd = mkstemp(path);
    cr_assert_geq(fd, 0);
}

static void teardown(void) {
    close(fd);
    unlink(path);
}

TestSuite(text, .init = setup, .fini = teardown);

static void write_at(uint64_t at, struct str bytes) {
    cr_assert_eq(pwrite(fd, bytes.ptr, bytes.len, (off_t)at), (ssize_t)bytes.len);
}

// Reads all there is, from *at on, and appends it.
static enum text_got read_all(struct text *text, uint64_t *at, struct buf *out) {
    for (;;) {
        uint64_t from = *at;
        size_t budget = SIZE_MAX;
        struct str got;
        bool passed;
        enum text_got how =
            text_read(text, fd, &from, memory, sizeof memory, &budget, &got, &passed);
        if (how != TEXT_SOME) return how;
        if (passed) buf_append_char(out, '_');
        buf_append_str(out, got);
        *at = from + text_bytes(text->encoding, got);
    }
}

static void expect(struct text *text, uint64_t *at, const char *expected) {
    struct buf out;
    buf_init(&out, 1 << 20);
    cr_assert_eq(read_all(text, at, &out), TEXT_NONE);
    cr_assert_str_eq(buf_cstr(&out), expected);
    buf_fini(&out);
}

static enum text_encoding encoding(struct str first, enum text_encoding before,
                                   unsigned expected_mark) {
    unsigned mark;
    enum text_encoding found = text_detect(first, before, &mark);
    cr_assert_eq(mark, expected_mark);
    return found;
}

Test(text, encodings_are_told_by_their_marks) {
    cr_assert_eq(encoding(STR("\xEF\xBB\xBFx"), TEXT_UTF16LE, 3), TEXT_UTF8);
    cr_assert_eq(encoding(STR("\xFF\xFEx\0"), TEXT_UTF8, 2), TEXT_UTF16LE);
    cr_assert_eq(encoding(STR("\xFE\xFF\0x"), TEXT_UTF8, 2), TEXT_UTF16BE);
}

Test(text, encodings_without_a_mark_are_told_only_where_that_is_certain) {
    cr_assert_eq(encoding(STR("h\0i\0\n\0"), TEXT_UTF8, 0), TEXT_UTF16LE);
    cr_assert_eq(encoding(STR("\0h\0i\0\n\0\xE9"), TEXT_UTF8, 0), TEXT_UTF16BE);
    cr_assert_eq(encoding(STR("\xE9\0t\0\xE9\0e\0 \0i\0s\0 \0"), TEXT_UTF8, 0), TEXT_UTF16LE);
    cr_assert_eq(encoding(STR("h\0i\0"), TEXT_UTF8, 0), TEXT_UTF8);
    cr_assert_eq(encoding(STR("plain text\n"), TEXT_UTF8, 0), TEXT_UTF8);
    cr_assert_eq(encoding(STR("a\0b\0c\0dd\0"), TEXT_UTF8, 0), TEXT_UTF8);
    cr_assert_eq(encoding(STR("\0\0\0\0text\n"), TEXT_UTF8, 0), TEXT_UTF8);
    cr_assert_eq(encoding(STR("caf\xE9 \xFF\n"), TEXT_UTF8, 0), TEXT_UTF8);
    cr_assert_eq(encoding(STR(""), TEXT_UTF16LE, 0), TEXT_UTF16LE);
}

Test(text, a_truncated_log_goes_on_in_its_encoding_without_a_mark) {
    cr_assert_eq(encoding(STR("\x2D\x4E\x87\x65\n\0"), TEXT_UTF16LE, 0), TEXT_UTF16LE);
    cr_assert_eq(encoding(STR("now in UTF-8 \xC3"), TEXT_UTF16LE, 0), TEXT_UTF8);
}

Test(text, utf16_is_decoded_with_all_its_lengths) {
    static const char units[] = "a\0\xE9\0\x2D\x4E\x3D\xD8\x00\xDE\x3D\xD8z\0\x00\xDEy\0\x3D\xD8";
    char out[64];
    size_t taken;
    struct str text = text_decode(TEXT_UTF16LE, (struct str){units, sizeof units - 1}, out, &taken);
    cr_assert(str_equal(text, STR("a\u00E9\u4E2D\U0001F600\uFFFDz\uFFFDy")));
    // The last surrogate may get its partner yet.
    cr_assert_eq(taken, sizeof units - 3);
    cr_assert_eq(text_bytes(TEXT_UTF16LE, text), taken);
    text = text_decode(TEXT_UTF16BE, STR("\xD8\x3D\xDE\x00\x4E"), out, &taken);
    cr_assert(str_equal(text, STR("\U0001F600")));
    cr_assert_eq(taken, 4);
}

Test(text, a_mark_is_passed_over_and_characters_may_be_cut_anywhere) {
    static const char bytes[] = "\xFE\xFF\0a\xD8\x3D\xDE\x00\0\n\0b";
    for (size_t cut = 0; cut < sizeof bytes; cut++) {
        struct text text = {0};
        struct buf out;
        uint64_t at = 0;
        cr_assert_eq(ftruncate(fd, 0), 0);
        buf_init(&out, 100);
        write_at(0, (struct str){bytes, cut});
        if (cut >= 2) (void)read_all(&text, &at, &out);
        write_at(cut, (struct str){bytes + cut, sizeof bytes - 1 - cut});
        cr_assert_eq(read_all(&text, &at, &out), TEXT_NONE);
        cr_assert_str_eq(buf_cstr(&out), "a\U0001F600\nb", "cut at %zu: %s", cut, buf_cstr(&out));
        cr_assert_eq(at, sizeof bytes - 1);
        buf_fini(&out);
    }
}

Test(text, nuls_wait_for_what_follows_them) {
    struct text text = {0};
    uint64_t at = 0;
    write_at(0, STR("one\n\0\0\0\0\0\0\0\0"));
    expect(&text, &at, "one\n");
    cr_assert_eq(at, 4);
    cr_assert_not(text_has_more(&text, fd, at));
    // Filled in place.
    write_at(4, STR("two\n"));
    cr_assert(text_has_more(&text, fd, at));
    expect(&text, &at, "two\n");
    // Written behind.
    write_at(12, STR("three\n"));
    expect(&text, &at, "_three\n");
    cr_assert_eq(at, 18);
}

Test(text, a_hole_of_any_size_is_stepped_over) {
    struct text text = {0};
    uint64_t at = 0, far = (uint64_t)1 << 40;
    write_at(far, STR("first\n"));
    expect(&text, &at, "_first\n");
    cr_assert_eq(at, far + 6);
    cr_assert_eq(ftruncate(fd, (off_t)(2 * far)), 0);
    expect(&text, &at, "");
    cr_assert_not(text_has_more(&text, fd, at));
    write_at(2 * far + 3, STR("second\n"));
    expect(&text, &at, "_second\n");
}

Test(text, many_real_nuls_are_read_once_within_the_budget) {
    struct text text = {0};
    uint64_t at = 0;
    char *nuls = calloc(1, 1 << 20);
    write_at(0, (struct str){nuls, 1 << 20});
    free(nuls);
    write_at(1 << 20, STR("text\n"));
    int turns = 0;
    enum text_got how;
    struct str got;
    bool passed;
    uint64_t from;
    do {
        size_t budget = 8192;
        from = at;
        how = text_read(&text, fd, &from, memory, sizeof memory, &budget, &got, &passed);
        turns++;
    } while (how == TEXT_LATER && turns < 1000);
    cr_assert_eq(how, TEXT_SOME);
    cr_assert_eq(from, 1 << 20);
    cr_assert_leq(turns, 130);
}

Test(text, truncation_within_nuls_hides_nothing) {
    struct text text = {0};
    uint64_t at = 0;
    write_at(0, STR("one\n"));
    cr_assert_eq(ftruncate(fd, 100000), 0);
    expect(&text, &at, "one\n");
    cr_assert_eq(ftruncate(fd, 50000), 0);
    write_at(50000, STR("two\n"));
    expect(&text, &at, "_two\n");
}

Test(text, utf16_behind_a_hole_keeps_its_first_character) {
    struct text text = {.encoding = TEXT_UTF16BE};
    uint64_t at = 0;
    write_at(10000, STR("\0f\0i\0r\0s\0t\0\n"));
    expect(&text, &at, "_first\n");
    struct text opened = {0};
    text_open(&opened, fd);
    cr_assert_eq(opened.encoding, TEXT_UTF16BE);
}

static uint64_t newest(uint64_t lines) {
    struct stat st;
    struct text text = {0};
    cr_assert_eq(fstat(fd, &st), 0);
    text_open(&text, fd);
    return text_newest(&text, fd, (uint64_t)st.st_size, lines, memory, sizeof memory);
}

Test(text, newest_lines_are_found_across_blocks_and_holes) {
    char line[1000];
    memset(line, 'x', sizeof line);
    line[999] = '\n';
    for (unsigned i = 0; i < 20; i++) write_at(1000 * i, (struct str){line, 1000});
    write_at(20000, STR("rest"));
    for (unsigned i = 0; i < 20; i++) cr_assert_eq(newest(i), 20000 - 1000 * i);
    cr_assert_eq(newest(20), 0);
    cr_assert_eq(newest(1000000000), 0);
    uint64_t far = (uint64_t)1 << 42;
    cr_assert_eq(ftruncate(fd, (off_t)far), 0);
    cr_assert_eq(newest(1), 19000);
    write_at(far, STR("\nz\n"));
    cr_assert_eq(newest(1), far + 1);
    cr_assert_eq(newest(3), 19000);
}

Test(text, newest_lines_of_utf16_are_not_found_within_characters) {
    // U+0A0A and U+0A00 are made of bytes that look like line ends.
    write_at(0, STR("\xFF\xFE"
                    "1\0\n\0\x0A\x0A\x00\x0A"
                    "2\0\n\0"
                    "3\0"));
    cr_assert_eq(newest(0), 14);
    cr_assert_eq(newest(1), 6);
    cr_assert_eq(newest(2), 0);
    cr_assert_eq(ftruncate(fd, 0), 0);
    write_at(0, STR("\xFE\xFF\0"
                    "1\0\n\x0A\x0A\x0A\x00\0"
                    "2\0\n\0"
                    "3"));
    cr_assert_eq(newest(0), 14);
    cr_assert_eq(newest(1), 6);
}

Test(text, the_look_for_newest_lines_is_bounded) {
    char *block = malloc(1 << 20);
    memset(block, 'x', 1 << 20);
    write_at(0, STR("old\n"));
    for (unsigned i = 1; i <= 80; i++) write_at((uint64_t)i << 20, (struct str){block, 1 << 20});
    free(block);
    cr_assert_eq(newest(1), 81u << 20);
    write_at(80u << 20, STR("\nnew\n"));
    cr_assert_eq(newest(2), (80u << 20) + 1);
}
