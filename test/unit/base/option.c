// SPDX-License-Identifier: MIT
// Options: converting texts, bounds, variants, comparing.
#include "base/option.h"

#include <criterion/criterion.h>

struct entry {
    const char *text;
    const char *const *list;
    size_t list_count;
    bool flag, other;
    unsigned choice;
    uint32_t small;
    uint64_t number, bytes, time, low, high;
};

static int check_short(struct str text, struct report *report) {
    return text.len < 4 ? 0 : report_set(report, ERR_INVALID, "too long");
}

#define MEMBER(member) OPTION_MEMBER(struct entry, member)

enum { TEXT, LIST, FLAG, OTHER, CHOICE, SMALL, NUMBER, BYTES, TIME, RANGE, ROWS };
static const struct option_row rows[ROWS + 1] = {
    [TEXT] = {.path = "all[].text", .kind = OPTION_TEXT, MEMBER(text), .check = check_short},
    [LIST] = {.path = "all[].list", .kind = OPTION_TEXTS, OPTION_MEMBERS(struct entry, list)},
    [FLAG] = {.path = "all[].deep.flag", .kind = OPTION_BOOL, MEMBER(flag)},
    [OTHER] = {.path = "x.other", .kind = OPTION_CHOICE, MEMBER(other), .choices = "a|b"},
    [CHOICE] = {.path = "choice", .kind = OPTION_CHOICE, MEMBER(choice), .choices = "a|b|c"},
    [SMALL] = {.path = "small", .kind = OPTION_NUMBER, MEMBER(small), .min = 2, .max = UINT32_MAX},
    [NUMBER] = {.path = "number",
                .kind = OPTION_NUMBER,
                MEMBER(number),
                .zero = true,
                .min = 5,
                .max = 10,
                .choices = "all"},
    [BYTES] = {.path = "bytes", .kind = OPTION_SIZE, MEMBER(bytes), .min = KB, .max = MB},
    [TIME] = {.path = "time", .kind = OPTION_DURATION, MEMBER(time), .min = SECOND, .max = DAY},
    [RANGE] = {.path = "range",
               .kind = OPTION_RANGE,
               OPTION_ENDS(struct entry, low, high),
               .min = 1,
               .max = HOUR},
};

static struct entry entry;

static void take(int row, const char *text) {
    struct report report = {0};
    cr_assert_eq(option_parse(&rows[row], str_from(text), &entry, &report), 0, "%s", report.text);
    cr_assert_eq(option_check(&rows[row], &entry, &report), 0, "%s: %s", text, report.text);
}

static void refuse(int row, const char *text, const char *message) {
    struct entry before = entry;
    struct report report = {0};
    cr_assert_eq(option_parse(&rows[row], str_from(text), &entry, &report), ERR_INVALID, "%s",
                 text);
    cr_assert_str_eq(report.text, message);
    cr_assert_eq(memcmp(&before, &entry, sizeof entry), 0);
}

Test(option, names_are_those_within_the_entry) {
    cr_assert_str_eq(option_name(&rows[FLAG]), "deep.flag");
    cr_assert_str_eq(option_name(&rows[OTHER]), "x.other");
}

Test(option, variants_say_who_has_it) {
    struct option_row row = {.path = "a", .variants = 1u << 0 | 1u << 2};
    cr_assert(option_applies(&row, 0) && !option_applies(&row, 1) && option_applies(&row, 2));
    cr_assert(option_applies(&rows[TEXT], 7));
}

Test(option, every_kind_is_read_into_its_member_only) {
    take(FLAG, "yes");
    cr_assert(entry.flag && !entry.other);
    take(FLAG, "off");
    cr_assert(!entry.flag);
    take(OTHER, "b");
    cr_assert(entry.other && !entry.flag && entry.choice == 0);
    take(CHOICE, "c");
    cr_assert_eq(entry.choice, 2);
    take(SMALL, "4294967295");
    cr_assert_eq(entry.small, UINT32_MAX);
    cr_assert_eq(entry.number, 0);
    take(NUMBER, "0");
    take(NUMBER, "7");
    cr_assert_eq(entry.number, 7);
    take(NUMBER, "all");
    cr_assert_eq(entry.number, UINT64_MAX);
    take(BYTES, "64KB");
    cr_assert_eq(entry.bytes, 65536);
    take(TIME, "1m30s");
    cr_assert_eq(entry.time, 90000);
    take(RANGE, "5s..15s");
    cr_assert(entry.low == 5000 && entry.high == 15000);
    take(RANGE, "1ms");
    cr_assert(entry.low == 1 && entry.high == 1);
}

Test(option, what_is_refused_is_said_with_what_is_allowed) {
    refuse(FLAG, "maybe", "\"maybe\" is not true or false");
    refuse(CHOICE, "d", "\"d\" is not one of a|b|c");
    refuse(CHOICE, "", "\"\" is not one of a|b|c");
    refuse(SMALL, "1", "\"1\" is out of bounds; allowed is from 2 to 4294967295");
    refuse(SMALL, "4294967296", "\"4294967296\" is out of bounds; allowed is from 2 to 4294967295");
    refuse(NUMBER, "4", "\"4\" is out of bounds; allowed is 0, or from 5 to 10, or all");
    refuse(NUMBER, "18446744073709551615",
           "\"18446744073709551615\" is not a number; allowed is 0, or from 5 to 10, or all");
    refuse(BYTES, "2MB", "\"2MB\" is out of bounds; allowed is from 1KB to 1MB");
    refuse(BYTES, "x", "\"x\" is not a size such as 64KB, 10MB or 2GB; allowed is from 1KB to 1MB");
    refuse(TIME, "15",
           "\"15\" is not a duration such as 500ms, 15s, 2h or 7d; allowed is from 1s to 1d");
    const char *ranges[] = {"2s..1s", "0", "2h", "1s..2h", "..", "1s..", "..1s", "1s..2s..3s", ""};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct report report = {0};
        cr_assert_eq(option_parse(&rows[RANGE], str_from(ranges[i]), &entry, &report), ERR_INVALID);
        cr_assert(strstr(report.text, "from 1ms to 1h, for example 5s or 5s..15s"), "%s",
                  report.text);
    }
}

Test(option, members_that_were_not_read_are_checked) {
    struct report report = {0};
    entry.small = 1;
    cr_assert_eq(option_check(&rows[SMALL], &entry, &report), ERR_INVALID);
    cr_assert_str_eq(report.text, "1 is out of bounds; allowed is from 2 to 4294967295");
    entry.low = 2;
    entry.high = 1;
    cr_assert_eq(option_check(&rows[RANGE], &entry, &report), ERR_INVALID);
    entry.time = 1;
    cr_assert_eq(option_check(&rows[TIME], &entry, &report), ERR_INVALID);
    cr_assert_str_eq(report.text, "1ms is out of bounds; allowed is from 1s to 1d");
    cr_assert_eq(option_check(&rows[TEXT], &entry, NULL), 0);
}

Test(option, copies_are_the_same_and_nobody_elses) {
    const char *const words[] = {"a", "", "c"};
    struct entry from = {.text = "text",
                         .list = words,
                         .list_count = 3,
                         .flag = true,
                         .choice = 2,
                         .small = 3,
                         .number = 4,
                         .bytes = 5,
                         .time = 6,
                         .low = 7,
                         .high = 8};
    struct entry to = {0};
    for (int i = 0; i < ROWS; i++) {
        cr_assert(option_same(&rows[i], &from, &from));
        if (i != OTHER) cr_assert_not(option_same(&rows[i], &from, &to), "%s", rows[i].path);
        cr_assert_eq(option_copy(&rows[i], &to, &from), 0);
        cr_assert(option_same(&rows[i], &from, &to), "%s", rows[i].path);
    }
    cr_assert_neq(to.text, from.text);
    cr_assert_neq(to.list[2], from.list[2]);
    to.high++;
    cr_assert_not(option_same(&rows[RANGE], &from, &to));
    for (int i = 0; i < ROWS; i++) option_free(&rows[i], &to);
    cr_assert(!to.text && !to.list && to.list_count == 0);
}

Test(option, nothing_is_the_same_as_an_empty_text) {
    struct entry a = {0}, b = {.text = ""};
    cr_assert(option_same(&rows[TEXT], &a, &b));
    cr_assert_eq(option_copy(&rows[TEXT], &b, &a), 0);
    cr_assert_str_eq(b.text, "");
    cr_assert_eq(option_copy(&rows[LIST], &b, &a), 0);
    cr_assert_eq(b.list_count, 0);
    option_free(&rows[TEXT], &b);
    option_free(&rows[LIST], &b);
}
