// SPDX-License-Identifier: MIT
// Filters.
#include "hub/filter.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "sys/clock.h"

static struct filter_matcher *matcher;

static void setup(void) {
    cr_assert_eq(filter_matcher_new(&matcher, clock_mono_us, clock_thread_us), 0);
}
static void teardown(void) { filter_matcher_free(matcher); }

TestSuite(filter, .init = setup, .fini = teardown, .timeout = 60);

static struct filter *made(const char *text) {
    struct filter *filter;
    struct report report = {0};
    cr_assert_eq(filter_new(&filter, str_from(text), &report), 0, "%s", report.text);
    return filter;
}

static bool matches_bytes(const char *text, struct str data) {
    struct filter *filter = made(text);
    bool answer = filter_match(filter, matcher, data);
    filter_free(filter);
    return answer;
}

static bool matches(const char *text, const char *data) {
    return matches_bytes(text, str_from(data));
}

static void refused(const char *text, const char *why) {
    struct filter *filter;
    struct report report = {0};
    cr_assert_eq(filter_new(&filter, str_from(text), &report), ERR_INVALID);
    cr_assert(strstr(report.text, why), "%s", report.text);
}

Test(filter, text_is_looked_for_as_it_is) {
    cr_assert(matches("a.c", "xa.cx"));
    cr_assert(!matches("a.c", "abc"));
    cr_assert(!matches("a.c", ""));
    cr_assert(matches("/", "a/b"));
    cr_assert(matches("//", "http://x"), "an empty expression is text");
    cr_assert(matches("/tmp", "in /tmp/x"), "not an expression without its end");
}

Test(filter, an_expression_stands_between_slashes) {
    cr_assert(matches("/a.c/", "xabcx"));
    cr_assert(!matches("/a.c/", "xABCx"));
    cr_assert(matches("/a.c/i", "xABCx"));
    cr_assert(matches("/^é.$/", "éß"), "characters, not bytes");
    cr_assert(!matches("/a/", ""));
}

Test(filter, says_what_is_wrong) {
    refused("", "empty");
    refused("/a(/", "character 3");
    refused("\xff", "UTF-8");
    refused("/\\C/", "");
    char long_text[LIMIT_FILTER_BYTES + 2];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    refused(long_text, "1025 bytes");
}

Test(filter, both_kinds_look_at_what_can_be_read) {
    const char *line = "\x1b[1m\x1b[31merr\x1b[Kor\x1b[0m: \x1b]8;;http://h/\x07"
                       "a.c\x1b]8;;\x07";
    cr_assert(matches("error: a.c", line));
    cr_assert(matches("/^error: a\\.c$/", line));
    cr_assert(!matches("[31m", line));
    cr_assert(!matches("/http/", line), "the address of a link is not what is shown");
    cr_assert(matches("qqq", "\x0eq\x0fqq"), "switches of characters without an escape");
    cr_assert(!matches("x", "\x1b[K"));
}

// --- what strangers ask for ----------------------------------------------------------------------

#define TEXT_BYTES (256 * 1024)

// The processor time of matching, in milliseconds: the best of three.
static uint64_t cost_ms(const char *text, struct str data) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        struct filter *filter = made(text);
        uint64_t began_us = clock_thread_us();
        (void)filter_match(filter, matcher, data);
        uint64_t us = clock_thread_us() - began_us;
        filter_free(filter);
        if (us < best) best = us;
    }
    return best / 1000;
}

Test(filter, a_match_is_short_whatever_the_pattern_and_the_data) {
    static const char *const patterns[] = {
        // Exponential, tried at each place: the whole match has one budget.
        "/(?:.|.){12}[\\x{10FFFD}\\x{10FFFE}]/",
        "/(a+)+[bc]/",
        "/^(a+)+$|(a*)*b/",
        "/(?:a?){40}a{40}b/",
        // Few steps that pass over much.
        "/[^x]*+[yz]/",
        "/(?:.|.){12}[^x]*+y/",
        "/(?:[^x]*+y|[^x]*+z|[^x]*+q)/",
        "/(a{300})(?:.|.){9}\\1\\1\\1b/i",
        "/(?<=(?:a|b){200})c/",
        "/(?:\\X)*\\x{10FFFD}/",
        "/(?=(a*+))\\1b/i",
    };
    static const size_t sizes[] = {100, 400, 1600, 3200, FILTER_DATA_BYTES, TEXT_BYTES};
    char *data = malloc(TEXT_BYTES);
    memset(data, 'a', TEXT_BYTES);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            uint64_t ms = cost_ms(patterns[i], (struct str){data, sizes[j]});
            cr_expect_lt(ms, 30, "%s over %zu bytes: %llu ms", patterns[i], sizes[j],
                         (unsigned long long)ms);
        }
    }
    free(data);
}

// A class of as many ranges as there is room for, over data of the character that is in the last.
Test(filter, a_class_of_many_ranges_is_short_too) {
    char text[LIMIT_FILTER_BYTES] = "/(?:.|.){3}[", *end = text + strlen(text);
    for (unsigned point = 0x104; end < text + sizeof text - 32; point += 4)
        end += sprintf(end, "%c%c-%c%c", 0xc0 | point >> 6, 0x80 | (point & 63),
                       0xc0 | (point + 2) >> 6, 0x80 | ((point + 2) & 63));
    strcpy(end, "\xc4\x80]*+y/");
    char *data = malloc(FILTER_DATA_BYTES);
    for (size_t i = 0; i + 2 <= FILTER_DATA_BYTES; i += 2) memcpy(data + i, "\xc4\x80", 2);
    uint64_t ms = cost_ms(text, (struct str){data, FILTER_DATA_BYTES});
    cr_assert_lt(ms, 30, "%llu ms", (unsigned long long)ms);
    free(data);
}

Test(filter, ordinary_patterns_have_room) {
    char *data = malloc(FILTER_DATA_BYTES + 1);
    for (size_t i = 0; i < FILTER_DATA_BYTES; i++)
        data[i] = "GET /a/b?c=d HTTP/1.1 200 12ms "[i % 31];
    memcpy(data + FILTER_DATA_BYTES - 6, " fatal", 7);
    cr_assert(matches("/panic|fatal/", data));
    cr_assert(matches("/GET.*fatal/", data));
    cr_assert(matches("/\\bFATAL\\b/i", data));
    cr_assert(matches("/[a-z]+tal$/", data));
    free(data);
}

Test(filter, an_expression_looks_at_the_beginning_of_long_data) {
    char *data = malloc(TEXT_BYTES + 1);
    memset(data, '.', TEXT_BYTES);
    data[TEXT_BYTES] = '\0';
    memcpy(data + FILTER_DATA_BYTES - 7, "end\xc3\xa9-x\xc3\xa9", 9);
    cr_assert(matches("/end/", data));
    cr_assert(matches("/-x/", data));
    cr_assert(!matches("/x\xc3\xa9/", data), "a character is not cut in two");
    cr_assert(!matches("/x$/", data), "the cut is not the end of the line");
    cr_assert(matches("x\xc3\xa9", data), "text is looked for in all of it");
    free(data);
}

Test(filter, gives_up_when_its_matches_run_into_their_budget_again_and_again) {
    char data[2001];
    memset(data, 'a', 2000);
    data[2000] = '\0';
    struct filter *filter = made("/(a+)+[bc]/");
    cr_assert(!filter_gave_up(NULL));
    for (int i = 0; i < 9; i++) cr_assert(!filter_match(filter, matcher, str_from(data)));
    cr_assert(!filter_gave_up(filter));
    for (int i = 0; i < 300; i++) cr_assert(filter_match(filter, matcher, STR("aab")));
    for (int i = 0; i < 3; i++) cr_assert(!filter_match(filter, matcher, str_from(data)));
    cr_assert(!filter_gave_up(filter), "now and then is fine");
    cr_assert(!filter_match(filter, matcher, str_from(data)));
    cr_assert(filter_gave_up(filter));
    filter_free(filter);
}

// PCRE2 looks at each character of a range when case does not matter.
Test(filter, is_made_in_no_time_whatever_the_pattern) {
    static const char *const pieces[] = {
        "[ -\xf4\x8f\xbf\xbf]",       "[^ -\xf4\x8f\xbf\xbf]",   "[ -\\x{10ffff}]",
        "[ -\\x{10FFFF }]",           "[ -\\N{U+10ffff}]",       "[ -\\o{4177777}]",
        "[ -\\Q\xf4\x8f\xbf\xbf\\E]", "[ -\\E\xf4\x8f\xbf\xbf]", "(?xx)[ - \xf4\x8f\xbf\xbf]",
        "[ -\\\xf4\x8f\xbf\xbf]",
    };
    static const struct {
        const char *before, *after;
    } forms[] = {{"/", "/i"}, {"/(?i)", "/"}, {"/(?^mi-s:", ")/"}, {"/(?-i)(?xi)", "/"}};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (size_t j = 0; j < sizeof forms / sizeof *forms; j++) {
            char many[LIMIT_FILTER_BYTES] = "", text[LIMIT_FILTER_BYTES + 32];
            while (strlen(many) + strlen(pieces[i]) + 32 < sizeof many) strcat(many, pieces[i]);
            snprintf(text, sizeof text, "%s%s%s", forms[j].before, many, forms[j].after);
            struct filter *filter = NULL;
            uint64_t began_us = clock_thread_us();
            int err = filter_new(&filter, str_from(text), NULL);
            uint64_t us = clock_thread_us() - began_us;
            cr_expect_lt(us, 20000, "%s: %llu us", text, (unsigned long long)us);
            cr_expect_eq(err, ERR_INVALID, "%s", text);
            filter_free(filter);
        }
    }
    refused("/[\\x80-\\x{10ffff}]/i", "[^\\x00-\\x7f]");
    filter_free(made("/[\\x80-\\x{10ffff}]/"));
    filter_free(made("/[\\x{4e00}-\\x{9fff}]+[\xe3\x81\x80-\xe3\x82\x9f]|[a-z0-9_.-]+/i"));
    filter_free(made("/(a{1,1000}){1,1000}/"));
    refused("/((a{1,100}){1,100}){1,100}/", "too large");
}
