// SPDX-License-Identifier: MIT
// A subscription's filter.
//
// PCRE2 calls back before each item of the pattern that it tries (automatic callouts), and the
// callback counts. That makes matches a tenth to a half slower where a pattern is tried at all, and
// leaves its search for the first character as it is. Its compiler for machine code (JIT) is not
// used: the code of strangers' patterns would have to be in memory that is written and executed,
// which the hub's unit forbids, and has neither callbacks at that price nor a bound of its stack.
#include "hub/filter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/escapes.h"
#include "base/limits.h"
#include "base/utf8.h"

// Memory of a match: backtracking of 64 KB of data by the simplest patterns has room.
#define MATCH_HEAP_KB_MAX 4096
// The clock is looked at after steps that may have passed over this much data together.
#define CLOCK_BYTES 4096
// Code points in ranges of a pattern that disregards case. PCRE2 looks at each of them, 3 ns.
#define FOLDED_RANGES_MAX (128 * 1024)
#define POINT_MAX 0x10ffffu
// Strain of a filter: what a match adds that runs into its budget, and with how much it gives up.
// Each other match takes one away.
#define STRAIN_OF_MATCH 100
#define STRAIN_MAX 1000

struct filter {
    char *text; // NULL for a regular expression
    size_t text_len;
    pcre2_code *code;
    unsigned strain;
};

struct filter_matcher {
    uint64_t (*clock_us)(void), (*cpu_us)(void);
    pcre2_match_data *match;
    pcre2_match_context *context;
    // Of the match under way.
    uint32_t steps;
    uint32_t clock_steps, until_clock; // steps from one look at the clock to the next
    uint64_t until_us, cpu_until_us;   // 0: the clock was not looked at yet
};

// --- matching ------------------------------------------------------------------------------------

// Before each item that is tried. Anything but 0 ends the match.
static int take_step(pcre2_callout_block *block, void *context) {
    struct filter_matcher *matcher = context;
    (void)block;
    if (++matcher->steps > FILTER_MATCH_STEPS) return PCRE2_ERROR_CALLOUT;
    if (--matcher->until_clock || !matcher->clock_us) return 0;
    matcher->until_clock = matcher->clock_steps;
    uint64_t now_us = matcher->clock_us();
    if (!matcher->until_us) matcher->until_us = now_us + FILTER_MATCH_US / 2;
    if (now_us < matcher->until_us) return 0;
    // On a busy machine others had the processor meanwhile: that clock is asked for the other half.
    now_us = matcher->cpu_us();
    if (!matcher->cpu_until_us) matcher->cpu_until_us = now_us + FILTER_MATCH_US / 2;
    return now_us < matcher->cpu_until_us ? 0 : PCRE2_ERROR_CALLOUT;
}

int filter_matcher_new(struct filter_matcher **out, uint64_t (*clock_us)(void),
                       uint64_t (*cpu_us)(void)) {
    struct filter_matcher *matcher = calloc(1, sizeof *matcher);
    if (!matcher) return ERR_NOMEM;
    matcher->clock_us = clock_us;
    matcher->cpu_us = cpu_us;
    matcher->match = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    if (!matcher->match || !matcher->context) {
        filter_matcher_free(matcher);
        return ERR_NOMEM;
    }
    pcre2_set_callout(matcher->context, take_step, matcher);
    pcre2_set_match_limit(matcher->context, FILTER_MATCH_STEPS);
    pcre2_set_heap_limit(matcher->context, MATCH_HEAP_KB_MAX);
    *out = matcher;
    return 0;
}

void filter_matcher_free(struct filter_matcher *matcher) {
    if (!matcher) return;
    pcre2_match_data_free(matcher->match);
    pcre2_match_context_free(matcher->context);
    free(matcher);
}

// `ends`: the data is all there is.
static bool match_regex(struct filter *filter, struct filter_matcher *matcher, struct str data,
                        bool ends) {
    uint32_t flags = PCRE2_NO_UTF_CHECK | (ends ? 0 : PCRE2_NOTEOL);
    matcher->steps = 0;
    matcher->until_us = matcher->cpu_until_us = 0;
    matcher->clock_steps = data.len < CLOCK_BYTES ? CLOCK_BYTES / ((uint32_t)data.len + 1) : 1;
    matcher->until_clock = matcher->clock_steps;
    int got = pcre2_match(filter->code, (PCRE2_SPTR)data.ptr, data.len, 0, flags, matcher->match,
                          matcher->context);
    if (got >= 0 || got == PCRE2_ERROR_NOMATCH) {
        filter->strain -= filter->strain > 0;
    } else {
        filter->strain += STRAIN_OF_MATCH;
    }
    return got >= 0;
}

bool filter_match(struct filter *filter, struct filter_matcher *matcher, struct str data) {
    struct str seen = filter->text ? data : utf8_cut(data, FILTER_DATA_BYTES);
    bool ends = seen.len == data.len, found;
    char *plain = NULL;
    if (escapes_are_in(seen)) {
        plain = malloc(seen.len);
        if (!plain) return false;
        seen = (struct str){plain, escapes_strip(plain, seen)};
    }
    if (filter->text) {
        found = memmem(seen.ptr, seen.len, filter->text, filter->text_len) != NULL;
    } else {
        found = match_regex(filter, matcher, seen, ends);
    }
    free(plain);
    return found;
}

bool filter_gave_up(const struct filter *filter) { return filter && filter->strain >= STRAIN_MAX; }

// --- making --------------------------------------------------------------------------------------

// Whether a pattern switches to disregarding case itself: (?i) and its kind.
static bool has_fold_option(struct str pattern) {
    for (size_t at = 0; at + 2 < pattern.len; at++) {
        if (pattern.ptr[at] != '(' || pattern.ptr[at + 1] != '?') continue;
        size_t end = at + 2;
        while (end < pattern.len && pattern.ptr[end] && strchr("^-imnsxJU", pattern.ptr[end]))
            end++;
        if (memchr(pattern.ptr + at + 2, 'i', end - at - 2)) return true;
    }
    return false;
}

static uint32_t literal(struct str pattern, size_t at) {
    unsigned char first = (unsigned char)pattern.ptr[at];
    if (first < 0x80) return first;
    unsigned more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t point = first & (0x3fu >> more);
    while (more-- && ++at < pattern.len) point = point << 6 | (pattern.ptr[at] & 0x3f);
    return point;
}

// At least the code point that an escape such as \x{10ffff} stands for. `at`: behind the backslash.
static uint32_t escaped(struct str pattern, size_t at) {
    uint32_t point = 0;
    bool braces = at + 1 < pattern.len && pattern.ptr[at + 1] == '{';
    if (!braces) return literal(pattern, at) < 0x80 ? 0x1ff : literal(pattern, at);
    if (pattern.ptr[at] != 'x') return POINT_MAX;
    for (at += 2; at < pattern.len && point <= POINT_MAX; at++) {
        char c = pattern.ptr[at];
        unsigned digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (digit > 15) break;
        point = point << 4 | digit;
    }
    return point;
}

// At least how many code points are in the ranges of the pattern's classes. What stands behind a
// hyphen is taken for the end of a range that begins at 0.
static uint64_t ranges(struct str pattern) {
    uint64_t sum = 0;
    for (size_t hyphen = 0; hyphen < pattern.len; hyphen++) {
        if (pattern.ptr[hyphen] != '-') continue;
        size_t at = hyphen + 1;
        // (?xx) passes over blanks; \Q and \E stand for nothing.
        for (;;) {
            bool quote = at + 1 < pattern.len && pattern.ptr[at] == '\\' &&
                         (pattern.ptr[at + 1] == 'Q' || pattern.ptr[at + 1] == 'E');
            if (at < pattern.len && (pattern.ptr[at] == ' ' || pattern.ptr[at] == '\t')) {
                at++;
            } else if (quote) {
                at += 2;
            } else {
                break;
            }
        }
        if (at + 1 < pattern.len && pattern.ptr[at] == '\\') {
            sum += escaped(pattern, at + 1);
        } else if (at < pattern.len) {
            sum += literal(pattern, at);
        }
    }
    return sum;
}

static int compile(struct filter *filter, struct str pattern, bool fold, struct report *report) {
    int code;
    size_t at;
    if ((fold || has_fold_option(pattern)) && ranges(pattern) > FOLDED_RANGES_MAX) {
        return report_set(report, ERR_INVALID,
                          "the filter disregards case in ranges of more than %d characters: write "
                          "[^\\x00-\\x7f] for all that are not ASCII, or leave the flag i out",
                          FOLDED_RANGES_MAX);
    }
    filter->code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                                 PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT |
                                     (fold ? PCRE2_CASELESS : 0),
                                 &code, &at, NULL);
    if (filter->code) return 0;
    char text[128];
    pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
    return report_set(report, ERR_INVALID,
                      "the filter's regular expression is wrong at character %zu: %s", at + 1,
                      text);
}

void filter_free(struct filter *filter) {
    if (!filter) return;
    free(filter->text);
    pcre2_code_free(filter->code);
    free(filter);
}

int filter_new(struct filter **out, struct str text, struct report *report) {
    if (text.len == 0) return report_set(report, ERR_INVALID, "the filter is empty");
    if (text.len > LIMIT_FILTER_BYTES) {
        return report_set(report, ERR_INVALID, "the filter has %zu bytes, at most %d are allowed",
                          text.len, LIMIT_FILTER_BYTES);
    }
    if (!utf8_valid(text)) return report_set(report, ERR_INVALID, "the filter is not valid UTF-8");
    struct filter *filter = calloc(1, sizeof *filter);
    if (!filter) return report_set(report, ERR_NOMEM, "no memory for a filter");
    bool fold = text.len >= 3 && text.ptr[text.len - 1] == 'i' && text.ptr[text.len - 2] == '/';
    size_t end = text.len - fold;
    int err = 0;
    if (text.ptr[0] == '/' && end >= 3 && text.ptr[end - 1] == '/') {
        err = compile(filter, (struct str){text.ptr + 1, end - 2}, fold, report);
    } else {
        filter->text = str_dup(text);
        filter->text_len = text.len;
        if (!filter->text) err = report_set(report, ERR_NOMEM, "no memory for a filter");
    }
    if (err) {
        filter_free(filter);
        return err;
    }
    *out = filter;
    return 0;
}
