// SPDX-License-Identifier: MIT
// Chunks: lines made valid, their bounds, and the events made of them.
#include "source/chunk.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support.h"

static struct chunk *chunk;

static void setup(void) {
    chunk = chunk_new();
    cr_assert_not_null(chunk);
}

static void teardown(void) { chunk_free(chunk); }

TestSuite(chunk, .init = setup, .fini = teardown);

static void add(struct str line, size_t line_max) {
    cr_assert_eq(chunk_add(chunk, line, line_max, line.len, 0), 0);
}

static void expect(const char *lines) { chunk_expect(chunk, lines); }

Test(chunk, lines_become_valid_text_without_nul) {
    add(STR("plain é"), 100);
    add(STR(""), 100);
    add(STR("a\0b"), 100);
    add(STR("bad \xff byte"), 100);
    expect("plain é||a\uFFFDb|bad \uFFFD byte|");
}

Test(chunk, a_line_that_repair_made_too_long_is_cut_and_marked) {
    char bytes[100];
    memset(bytes, 0xFF, sizeof bytes);
    add((struct str){bytes, sizeof bytes}, sizeof bytes);
    struct str text = buf_str(&chunk->text);
    cr_assert_leq(text.len, sizeof bytes + 64);
    cr_assert_not_null(memmem(text.ptr, text.len, "[cut, 100 bytes]", 16));
}

Test(chunk, cutting_removes_the_lines_after) {
    add(STR("one"), 100);
    add(STR("two"), 100);
    add(STR("three"), 100);
    chunk_cut(chunk, 2);
    expect("one|two|");
    add(STR("four"), 100);
    expect("one|two|four|");
    chunk_cut(chunk, 0);
    expect("");
}

Test(chunk, is_full_at_the_bounds_of_a_publish) {
    for (int i = 0; i < LIMIT_PUBLISH_EVENTS; i++) {
        cr_assert_not(chunk_full(chunk));
        add(STR("x"), 100);
    }
    cr_assert(chunk_full(chunk));
}

Test(chunk, each_line_becomes_an_event) {
    add(STR("one"), 100);
    cr_assert_eq(chunk_add(chunk, STR("two"), 100, 3, EVENT_ROTATED), 0);
    cr_assert_eq(chunk_make_events(chunk, STR("logs/a"), STR("line")), 0);
    cr_assert_eq(chunk->publish.count, 2);
    cr_assert_eq(chunk->publish.events[0]->flags, 0);
    cr_assert_eq(chunk->publish.events[1]->flags, EVENT_ROTATED);
}
