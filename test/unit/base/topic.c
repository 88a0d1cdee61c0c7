// SPDX-License-Identifier: MIT
#include "base/topic.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/limits.h"

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
        cr_assert_eq(check(good[i]), 0, "%s", good[i]);
        cr_assert_eq(topic_check_pattern(str_from(good[i]), NULL), 0);
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

Test(topic, patterns_are_known_by_whole_segments) {
    cr_assert(topic_is_pattern(STR("*")));
    cr_assert(topic_is_pattern(STR("a/**")));
    cr_assert(topic_is_pattern(STR("*/a")));
    cr_assert(!topic_is_pattern(STR("a*")));
    cr_assert(!topic_is_pattern(STR("***/a")));
    cr_assert(!topic_is_pattern(STR("")));
    cr_assert_eq(topic_check_pattern(STR("a/**/b/*"), NULL), 0);
    cr_assert_eq(topic_check_pattern(STR(""), NULL), ERR_INVALID);
    cr_assert_eq(topic_check_pattern(STR("a/\n"), NULL), ERR_INVALID);
}

Test(topic, matching_by_example) {
    static const struct {
        const char *pattern, *name;
        bool match;
    } cases[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "a/b", false},
        {"*", "a", true},
        {"*", "a/b", false},
        {"*", "/", false},
        {"*/*", "/", true},
        {"a/*", "a", false},
        {"a/*", "a/", true},
        {"a/**", "a", true},
        {"a/**", "a/b/c", true},
        {"a/**", "ab", false},
        {"**/c", "a/b/c", true},
        {"**/c", "c", true},
        {"**/c", "a/c/d", false},
        {"a/**/d", "a/d", true},
        {"a/**/d", "a/b/c/d", true},
        {"**/a/**", "x/a/y", true},
        {"**/a/**", "x/b/y", false},
        {"**/a/*/**/b", "a/a/x/b", true},
        {"a*", "ab", false},
        {"a*", "a*", true},
        {"**", "https://x/y", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(topic_match(str_from(cases[i].pattern), str_from(cases[i].name)),
                     cases[i].match, "%s %s", cases[i].pattern, cases[i].name);
    }
}

// Straight from the definition, exponential.
static bool reference(struct str pattern, struct str name) {
    if (!pattern.ptr) return !name.ptr;
    struct str p_rest = pattern, n_rest = name, p = str_cut(&p_rest, '/');
    if (str_equal(p, STR("**"))) {
        if (reference(p_rest, name)) return true;
        if (!name.ptr) return false;
        (void)str_cut(&n_rest, '/');
        return reference(pattern, n_rest);
    }
    if (!name.ptr) return false;
    struct str n = str_cut(&n_rest, '/');
    return (str_equal(p, STR("*")) || str_equal(p, n)) && reference(p_rest, n_rest);
}

// All texts of 1 to `most` of the given segments.
static size_t combine(const char *const *segments, size_t kinds, size_t most, char (*out)[24]) {
    size_t count = 0;
    for (size_t len = 1; len <= most; len++) {
        size_t all = 1;
        for (size_t i = 0; i < len; i++) all *= kinds;
        for (size_t n = 0; n < all; n++) {
            size_t left = n;
            char *text = out[count++];
            text[0] = '\0';
            for (size_t i = 0; i < len; i++, left /= kinds) {
                if (i) strcat(text, "/");
                strcat(text, segments[left % kinds]);
            }
        }
    }
    return count;
}

static const char *const parts[] = {"a", "b", "*", "**"};
static char patterns[400][24], names[64][24];

Test(topic, matching_is_as_defined) {
    size_t many = combine(parts, 4, 4, patterns), some = combine(parts, 2, 5, names);
    for (size_t p = 0; p < many; p++) {
        for (size_t n = 0; n < some; n++) {
            struct str pattern = str_from(patterns[p]), name = str_from(names[n]);
            cr_assert_eq(topic_match(pattern, name), reference(pattern, name), "%s %s", patterns[p],
                         names[n]);
        }
    }
}

Test(topic, covering_never_permits_too_much) {
    size_t many = combine(parts, 4, 3, patterns), some = combine(parts, 2, 5, names);
    for (size_t o = 0; o < many; o++) {
        struct str outer = str_from(patterns[o]);
        for (size_t i = 0; i < many; i++) {
            struct str inner = str_from(patterns[i]);
            bool covers = topic_covers(outer, inner);
            if (!topic_is_pattern(inner)) cr_assert_eq(covers, topic_match(outer, inner));
            for (size_t n = 0; covers && n < some; n++) {
                cr_assert(!reference(inner, str_from(names[n])) ||
                              reference(outer, str_from(names[n])),
                          "%s does not cover %s: %s", patterns[o], patterns[i], names[n]);
            }
        }
        cr_assert(topic_covers(STR("**"), outer));
        if (strcmp(patterns[o], "**/**")) cr_assert(topic_covers(outer, outer), "%s", patterns[o]);
    }
}

Test(topic, matching_long_names_is_quick) {
    char name[LIMIT_TOPIC_BYTES], pattern[LIMIT_TOPIC_BYTES] = "";
    memset(name, 0, sizeof name);
    for (int i = 0; i < LIMIT_TOPIC_SEGMENTS - 1; i++) strcat(name, "a/");
    strcat(name, "b");
    for (int i = 0; i < LIMIT_TOPIC_SEGMENTS / 2; i++) strcat(pattern, "**/a/");
    strcat(pattern, "c");
    cr_assert_eq(topic_check_pattern(str_from(pattern), NULL), ERR_INVALID, "one segment too many");
    struct str cut = {pattern + 5, strlen(pattern) - 5};
    cr_assert_eq(topic_check_pattern(cut, NULL), 0);
    for (int i = 0; i < 1000; i++) cr_assert(!topic_match(cut, str_from(name)));
}

Test(topic, the_hubs_own_are_reserved) {
    cr_assert(topic_is_reserved(STR("$sys")));
    cr_assert(topic_is_reserved(STR("$sys/x")));
    cr_assert(!topic_is_reserved(STR("$system")));
    cr_assert(!topic_is_reserved(STR("a/$sys")));
}
