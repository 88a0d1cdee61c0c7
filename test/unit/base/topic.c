// SPDX-License-Identifier: MIT
// Topic names: which are valid, which are reserved.
#include "base/topic.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/pattern.h"

static int check(const char *name) { return topic_check(str_from(name), NULL); }

Test(topic, any_text_is_a_name) {
    const char *good[] = {"a",
                          "builds/42/log",
                          "https://example.com/books/1?x#y",
                          "/",
                          "//",
                          "é/€",
                          "a*b",
                          "***",
                          "a/b*",
                          " ",
                          "\u00a0",
                          "{}",
                          "."};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct pattern pattern;
        cr_assert_eq(check(good[i]), 0, "%s", good[i]);
        cr_assert_eq(pattern_read(&pattern, str_from(good[i]), NULL), 0);
        cr_assert_eq(pattern.kind, PATTERN_EXACT);
    }
}

Test(topic, refuses_what_is_no_name) {
    const char *bad[] = {"",     "*",    "**",        "a/*",      "**/a", "a/*/b",        "a\nb",
                         "\x1f", "\x7f", "a\xc2\x80", "\xc2\x9f", "\xff", "\xed\xa0\x80", "\xc3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct report report = {0};
        cr_assert_eq(topic_check(str_from(bad[i]), &report), ERR_INVALID, "%zu", i);
        cr_assert(report.text[0]);
    }
    cr_assert_eq(topic_check(STR("a\0b"), NULL), ERR_INVALID);
    cr_assert_eq(topic_check((struct str){NULL, 0}, NULL), ERR_INVALID);
}

// Journals may hold topics with such segments: they stay readable.
Test(topic, no_new_topic_has_a_segment_that_urls_lose) {
    const char *bad[] = {".", "..", "a/..", "../a", "a/./b", "a/../b", "./", "/.."};
    const char *good[] = {"a", "...", "a/.hidden", "a..b", "/", ".a", "..a/b.."};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct report report = {0};
        struct pattern pattern;
        cr_assert_eq(topic_check_new(str_from(bad[i]), &report), ERR_INVALID, "%s", bad[i]);
        cr_assert(strstr(report.text, ". or .."));
        cr_assert_eq(topic_check(str_from(bad[i]), NULL), 0);
        cr_assert_eq(pattern_read(&pattern, str_from(bad[i]), NULL), 0);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert_eq(topic_check_new(str_from(good[i]), NULL), 0, "%s", good[i]);
    cr_assert_eq(topic_check_new(STR("a/*"), NULL), ERR_INVALID);
}

Test(topic, bounds_are_exact) {
    static char text[LIMIT_TOPIC_BYTES + 2];
    memset(text, 'a', sizeof text - 1);
    text[LIMIT_TOPIC_BYTES] = '\0';
    cr_assert_eq(check(text), 0);
    text[LIMIT_TOPIC_BYTES] = 'a';
    cr_assert_eq(check(text), ERR_INVALID);
    memset(text, '/', LIMIT_TOPIC_SEGMENTS);
    text[LIMIT_TOPIC_SEGMENTS - 1] = '\0';
    cr_assert_eq(check(text), 0);
    text[LIMIT_TOPIC_SEGMENTS - 1] = '/';
    text[LIMIT_TOPIC_SEGMENTS] = '\0';
    cr_assert_eq(check(text), ERR_INVALID);
}

Test(topic, the_hubs_own_are_reserved) {
    cr_assert(topic_is_reserved(STR("$sys")));
    cr_assert(topic_is_reserved(STR("$sys/x")));
    cr_assert(!topic_is_reserved(STR("$system")));
    cr_assert(!topic_is_reserved(STR("a/$sys")));
}
