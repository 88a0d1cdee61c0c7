// SPDX-License-Identifier: MIT
// Options: converting, comparing and copying the members that rows describe.
#include "base/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quote.h"
#include "base/units.h"

const char *option_name(const struct option_row *row) {
    const char *bracket = strstr(row->path, "[].");
    return bracket ? bracket + 3 : row->path;
}

bool option_applies(const struct option_row *row, unsigned variant) {
    return !row->variants || row->variants & 1u << variant;
}

// --- members -------------------------------------------------------------------------------------

static void *at(const struct option_row *row, void *entry) { return (char *)entry + row->offset; }

static const void *peek(const struct option_row *row, const void *entry) {
    return (const char *)entry + row->offset;
}

static const char *text_of(const struct option_row *row, const void *entry) {
    return *(const char *const *)peek(row, entry);
}

static const char *const *texts_of(const struct option_row *row, const void *entry) {
    return *(const char *const *const *)peek(row, entry);
}

static size_t count_of(const struct option_row *row, const void *entry) {
    return *(const size_t *)(const void *)((const char *)entry + row->more);
}

static uint64_t upper_of(const struct option_row *row, const void *entry) {
    return *(const uint64_t *)(const void *)((const char *)entry + row->more);
}

static uint64_t value_of(const struct option_row *row, const void *entry) {
    const void *from = peek(row, entry);
    if (row->size == sizeof(bool)) return *(const bool *)from;
    if (row->size == sizeof(uint32_t)) return *(const uint32_t *)from;
    ASSERT(row->size == sizeof(uint64_t));
    return *(const uint64_t *)from;
}

static void store(const struct option_row *row, void *entry, uint64_t value) {
    void *into = at(row, entry);
    if (row->size == sizeof(bool)) {
        ASSERT(value <= 1);
        *(bool *)into = value;
    } else if (row->size == sizeof(uint32_t)) {
        ASSERT(value <= UINT32_MAX);
        *(uint32_t *)into = (uint32_t)value;
    } else {
        ASSERT(row->size == sizeof(uint64_t));
        *(uint64_t *)into = value;
    }
}

static void store_upper(const struct option_row *row, void *entry, uint64_t value) {
    *(uint64_t *)(void *)((char *)entry + row->more) = value;
}

void option_set_text(const struct option_row *row, void *entry, const char *text) {
    ASSERT(row->kind == OPTION_TEXT);
    *(const char **)at(row, entry) = text;
}

void option_set_texts(const struct option_row *row, void *entry, const char *const *texts,
                      size_t count) {
    ASSERT(row->kind == OPTION_TEXTS);
    *(const char *const **)at(row, entry) = texts;
    *(size_t *)(void *)((char *)entry + row->more) = count;
}

// --- bounds --------------------------------------------------------------------------------------

static void format(const struct option_row *row, uint64_t value, char out[32]) {
    switch (row->kind) {
        case OPTION_RANGE:
        case OPTION_DURATION: units_format_duration(value, out); break;
        case OPTION_SIZE: units_format_size(value, out); break;
        default: snprintf(out, 32, "%llu", (unsigned long long)value);
    }
}

// The bounds as the author of the file writes them.
static struct quoted bounds(const struct option_row *row) {
    struct quoted out;
    char min[32], max[32];
    format(row, row->min, min);
    format(row, row->max, max);
    snprintf(out.text, sizeof out.text, "%sfrom %s to %s%s%s", row->zero ? "0, or " : "", min, max,
             row->choices ? ", or " : "", row->choices ? row->choices : "");
    return out;
}

static bool is_number(const struct option_row *row) {
    return row->kind == OPTION_NUMBER || row->kind == OPTION_SIZE || row->kind == OPTION_DURATION;
}

static bool in_bounds(const struct option_row *row, uint64_t value) {
    return (row->zero && value == 0) || (row->choices && value == UINT64_MAX) ||
           (value >= row->min && value <= row->max);
}

static bool in_order(const struct option_row *row, uint64_t low, uint64_t high) {
    return low >= row->min && low <= high && high <= row->max;
}

int option_check(const struct option_row *row, const void *entry, struct report *report) {
    if (is_number(row) && !in_bounds(row, value_of(row, entry))) {
        char value[32];
        format(row, value_of(row, entry), value);
        return report_set(report, ERR_INVALID, "%s is out of bounds; allowed is %s", value,
                          bounds(row).text);
    }
    if (row->kind == OPTION_RANGE && !in_order(row, value_of(row, entry), upper_of(row, entry))) {
        return report_set(report, ERR_INVALID, "the range must be within %s, the lower end first",
                          bounds(row).text);
    }
    return 0;
}

// --- from text -----------------------------------------------------------------------------------

static int parse_bool(const struct option_row *row, struct str text, void *entry,
                      struct report *report) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!str_equal(text, str_from(words[i]))) continue;
        store(row, entry, i & 1);
        return 0;
    }
    return report_set(report, ERR_INVALID, "%s is not true or false", quote(text).text);
}

static int parse_choice(const struct option_row *row, struct str text, void *entry,
                        struct report *report) {
    struct str rest = str_from(row->choices);
    for (unsigned i = 0; rest.ptr; i++) {
        if (!str_equal(str_cut(&rest, '|'), text)) continue;
        store(row, entry, i);
        return 0;
    }
    return report_set(report, ERR_INVALID, "%s is not one of %s", quote(text).text, row->choices);
}

static int parse_number(const struct option_row *row, struct str text, void *entry,
                        struct report *report) {
    const char *what = "a number";
    uint64_t number = 0;
    bool good;
    switch (row->kind) {
        case OPTION_DURATION:
            what = "a duration such as 500ms, 15s, 2h or 7d";
            good = units_parse_duration(text, &number) == 0;
            break;
        case OPTION_SIZE:
            what = "a size such as 64KB, 10MB or 2GB";
            good = units_parse_size(text, &number) == 0;
            break;
        default:
            good = str_to_u64(text, UINT64_MAX - 1, &number);
            if (row->choices && str_equal(text, str_from(row->choices))) {
                number = UINT64_MAX;
                good = true;
            }
    }
    if (!good) {
        return report_set(report, ERR_INVALID, "%s is not %s; allowed is %s", quote(text).text,
                          what, bounds(row).text);
    }
    if (!in_bounds(row, number)) {
        return report_set(report, ERR_INVALID, "%s is out of bounds; allowed is %s",
                          quote(text).text, bounds(row).text);
    }
    store(row, entry, number);
    return 0;
}

// "5s" or "5s..15s".
static int parse_range(const struct option_row *row, struct str text, void *entry,
                       struct report *report) {
    struct str low = text, high = text;
    const char *dots = text.len ? memmem(text.ptr, text.len, "..", 2) : NULL;
    if (dots) {
        low.len = (size_t)(dots - text.ptr);
        high = (struct str){dots + 2, text.len - low.len - 2};
    }
    uint64_t from, to;
    if (units_parse_duration(low, &from) || units_parse_duration(high, &to) ||
        !in_order(row, from, to)) {
        return report_set(report, ERR_INVALID,
                          "%s is not a time or a range of times %s, for example 5s or 5s..15s",
                          quote(text).text, bounds(row).text);
    }
    store(row, entry, from);
    store_upper(row, entry, to);
    return 0;
}

int option_parse(const struct option_row *row, struct str text, void *entry,
                 struct report *report) {
    switch (row->kind) {
        case OPTION_BOOL: return parse_bool(row, text, entry, report);
        case OPTION_CHOICE: return parse_choice(row, text, entry, report);
        case OPTION_RANGE: return parse_range(row, text, entry, report);
        default: ASSERT(is_number(row)); return parse_number(row, text, entry, report);
    }
}

// --- comparing, copying --------------------------------------------------------------------------

static bool same_text(const char *a, const char *b) { return !strcmp(a ? a : "", b ? b : ""); }

bool option_same(const struct option_row *row, const void *a, const void *b) {
    if (row->kind == OPTION_TEXT) return same_text(text_of(row, a), text_of(row, b));
    if (row->kind == OPTION_TEXTS) {
        if (count_of(row, a) != count_of(row, b)) return false;
        for (size_t i = 0; i < count_of(row, a); i++) {
            if (!same_text(texts_of(row, a)[i], texts_of(row, b)[i])) return false;
        }
        return true;
    }
    if (row->kind == OPTION_RANGE && upper_of(row, a) != upper_of(row, b)) return false;
    return value_of(row, a) == value_of(row, b);
}

static int copy_texts(const struct option_row *row, void *to, const void *from) {
    size_t count = count_of(row, from);
    option_set_texts(row, to, NULL, 0);
    if (count == 0) return 0;
    const char **copies = calloc(count, sizeof *copies);
    if (!copies) return ERR_NOMEM;
    option_set_texts(row, to, copies, count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = str_dup(str_from(texts_of(row, from)[i]));
        if (!copies[i]) return ERR_NOMEM;
    }
    return 0;
}

int option_copy(const struct option_row *row, void *to, const void *from) {
    if (row->kind == OPTION_TEXTS) return copy_texts(row, to, from);
    if (row->kind == OPTION_TEXT) {
        const char *text = text_of(row, from);
        char *copy = str_dup(str_from(text ? text : ""));
        option_set_text(row, to, copy);
        return copy ? 0 : ERR_NOMEM;
    }
    store(row, to, value_of(row, from));
    if (row->kind == OPTION_RANGE) store_upper(row, to, upper_of(row, from));
    return 0;
}

void option_free(const struct option_row *row, void *entry) {
    if (row->kind == OPTION_TEXT) {
        free((char *)(uintptr_t)text_of(row, entry));
        option_set_text(row, entry, NULL);
    }
    if (row->kind == OPTION_TEXTS) {
        for (size_t i = 0; i < count_of(row, entry); i++) {
            free((char *)(uintptr_t)texts_of(row, entry)[i]);
        }
        free((void *)(uintptr_t)texts_of(row, entry));
        option_set_texts(row, entry, NULL, 0);
    }
}
