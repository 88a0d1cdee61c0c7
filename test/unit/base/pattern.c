// SPDX-License-Identifier: MIT
// Patterns of topics: kinds, matching, covering, keys.
#include "base/pattern.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "base/limits.h"

static struct pattern read(struct str text) {
    struct pattern pattern;
    struct report report = {0};
    cr_assert_eq(pattern_read(&pattern, text, &report), 0, "%s", report.text);
    return pattern;
}

static bool matches(struct str text, struct str name) {
    struct pattern pattern = read(text);
    return pattern_match(&pattern, name);
}

static bool covers_all(struct str outer, struct str inner) {
    struct pattern a = read(outer), b = read(inner);
    return pattern_covers(&a, &b);
}

Test(pattern, kinds_are_known_by_whole_segments) {
    struct pattern pattern;
    cr_assert_eq(read(STR("*")).kind, PATTERN_SEGMENTS);
    cr_assert_eq(read(STR("a/**")).kind, PATTERN_SEGMENTS);
    cr_assert_eq(read(STR("*/a")).kind, PATTERN_SEGMENTS);
    cr_assert_eq(read(STR("a/**/b/*")).kind, PATTERN_SEGMENTS);
    cr_assert_eq(read(STR("**")).kind, PATTERN_ANY);
    cr_assert_eq(read(STR("a*")).kind, PATTERN_EXACT);
    cr_assert_eq(read(STR("***/a")).kind, PATTERN_EXACT);
    cr_assert_eq(pattern_read(&pattern, STR(""), NULL), ERR_INVALID);
    cr_assert_eq(pattern_read(&pattern, STR("a/\n"), NULL), ERR_INVALID);
}

Test(pattern, keys_differ_where_patterns_do) {
    struct buf one, two;
    struct pattern ab = read(STR("a/b")), a = read(STR("a")), b = read(STR("/b"));
    buf_init(&one, 100);
    buf_init(&two, 100);
    pattern_key(&ab, &one);
    pattern_key(&a, &two);
    pattern_key(&b, &two);
    cr_assert(!str_equal(buf_str(&one), buf_str(&two)));
    buf_fini(&one);
    buf_fini(&two);
}

Test(pattern, matching_by_example) {
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
        cr_assert_eq(matches(str_from(cases[i].pattern), str_from(cases[i].name)), cases[i].match,
                     "%s %s", cases[i].pattern, cases[i].name);
    }
}

// The definition as code; takes exponential time.
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

Test(pattern, matching_is_as_defined) {
    size_t many = combine(parts, 4, 4, patterns), some = combine(parts, 2, 5, names);
    for (size_t p = 0; p < many; p++) {
        for (size_t n = 0; n < some; n++) {
            struct str pattern = str_from(patterns[p]), name = str_from(names[n]);
            cr_assert_eq(matches(pattern, name), reference(pattern, name), "%s %s", patterns[p],
                         names[n]);
        }
    }
}

Test(pattern, covering_never_permits_too_much) {
    size_t many = combine(parts, 4, 3, patterns), some = combine(parts, 2, 5, names);
    for (size_t o = 0; o < many; o++) {
        struct str outer = str_from(patterns[o]);
        for (size_t i = 0; i < many; i++) {
            struct str inner = str_from(patterns[i]);
            bool covers = covers_all(outer, inner);
            if (read(inner).kind == PATTERN_EXACT) cr_assert_eq(covers, matches(outer, inner));
            for (size_t n = 0; covers && n < some; n++) {
                cr_assert(!reference(inner, str_from(names[n])) ||
                              reference(outer, str_from(names[n])),
                          "%s does not cover %s: %s", patterns[o], patterns[i], names[n]);
            }
        }
        cr_assert(covers_all(STR("**"), outer));
        if (strcmp(patterns[o], "**/**")) cr_assert(covers_all(outer, outer), "%s", patterns[o]);
    }
}

Test(pattern, matching_long_names_is_quick) {
    char name[LIMIT_TOPIC_BYTES], pattern[LIMIT_TOPIC_BYTES] = "";
    memset(name, 0, sizeof name);
    for (int i = 0; i < LIMIT_TOPIC_SEGMENTS - 1; i++) strcat(name, "a/");
    strcat(name, "b");
    for (int i = 0; i < LIMIT_TOPIC_SEGMENTS / 2; i++) strcat(pattern, "**/a/");
    strcat(pattern, "c");
    struct pattern read_pattern;
    cr_assert_eq(pattern_read(&read_pattern, str_from(pattern), NULL), ERR_INVALID,
                 "one segment too many");
    struct str cut = {pattern + 5, strlen(pattern) - 5};
    cr_assert_eq(pattern_read(&read_pattern, cut, NULL), 0);
    for (int i = 0; i < 1000; i++) cr_assert(!pattern_match(&read_pattern, str_from(name)));
}

Test(pattern, prefixes_end_before_the_first_star) {
    static const struct {
        const char *pattern, *prefix;
        uint32_t segments;
    } cases[] = {{"a/b/**", "a/b", 2}, {"a/*/b", "a", 1}, {"**/a", "", 0}, {"*", "", 0},
                 {"a/b", "a/b", 2},    {"/*", "", 1},     {"//**", "/", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pattern pattern = read(str_from(cases[i].pattern));
        uint32_t segments;
        struct str prefix = pattern_prefix(&pattern, &segments);
        cr_assert(str_equal(prefix, str_from(cases[i].prefix)), "%s", cases[i].pattern);
        cr_assert_eq(segments, cases[i].segments, "%s", cases[i].pattern);
    }
}

// Each of 100 patterns has more stars than the one before. Tried one after the other from each
// segment on, one match took 50 us and all of them more than a second.
Test(pattern, a_hundred_patterns_of_stars_over_long_names_are_quick) {
    enum { NAMES = 200, PATTERNS = 100, SEGMENTS = 121 };
    static char texts[PATTERNS][LIMIT_TOPIC_BYTES];
    struct pattern read_patterns[PATTERNS];
    char name[LIMIT_TOPIC_BYTES] = "";
    for (int i = 0; i < SEGMENTS; i++) strcat(name, "a/");
    strcat(name, "b");
    for (int i = 0; i < PATTERNS; i++) {
        strcpy(texts[i], "**/");
        for (int k = 0; k <= i; k++) strcat(texts[i], "*/");
        strcat(texts[i], "z/**");
        read_patterns[i] = read(str_from(texts[i]));
    }
    clock_t began = clock();
    for (int i = 0; i < NAMES; i++)
        cr_assert(!pattern_match_any(read_patterns, PATTERNS, str_from(name)));
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    cr_assert_lt(seconds, 0.5, "%.2f s", seconds);
}
