// SPDX-License-Identifier: MIT
// A subscription's filter.
#include "hub/filter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/utf8.h"

// Steps a match may take and memory it may use: a filter runs on a worker's thread, once for each
// event and selector, so one must stay in the microseconds whatever the pattern.
#define MATCH_STEPS_MAX 20000
#define MATCH_HEAP_KB_MAX 256

struct filter {
    char *text; // NULL for a regular expression
    size_t text_len;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
};

void filter_free(struct filter *filter) {
    if (!filter) return;
    free(filter->text);
    pcre2_code_free(filter->code);
    pcre2_match_data_free(filter->match);
    pcre2_match_context_free(filter->context);
    free(filter);
}

static int compile(struct filter *filter, struct str pattern, uint32_t flags,
                   struct report *report) {
    int code;
    size_t at;
    filter->code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                                 flags | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
    if (!filter->code) {
        char text[128];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return report_set(report, ERR_INVALID,
                          "the filter's regular expression is wrong at character %zu: %s", at + 1,
                          text);
    }
    filter->match = pcre2_match_data_create(1, NULL);
    filter->context = pcre2_match_context_create(NULL);
    if (!filter->match || !filter->context)
        return report_set(report, ERR_NOMEM, "no memory for a filter");
    pcre2_set_match_limit(filter->context, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(filter->context, MATCH_STEPS_MAX);
    pcre2_set_heap_limit(filter->context, MATCH_HEAP_KB_MAX);
    return 0;
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
        err =
            compile(filter, (struct str){text.ptr + 1, end - 2}, fold ? PCRE2_CASELESS : 0, report);
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

bool filter_is_regex(const struct filter *filter) { return filter && !filter->text; }

bool filter_match(const struct filter *filter, struct str data) {
    if (filter->text) return memmem(data.ptr, data.len, filter->text, filter->text_len) != NULL;
    return pcre2_match(filter->code, (PCRE2_SPTR)data.ptr, data.len, 0, PCRE2_NO_UTF_CHECK,
                       filter->match, filter->context) >= 0;
}
