// SPDX-License-Identifier: MIT
// Slices: comparing, trimming, cutting, numbers.
#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(str, equality) {
    struct str none = {NULL, 0};
    cr_assert(str_equal(STR("ab"), STR("ab")));
    cr_assert(!str_equal(STR("ab"), STR("ac")));
    cr_assert(!str_equal(STR("ab"), STR("abc")));
    cr_assert(str_equal(none, STR("")));
    cr_assert(str_equal_nocase(STR("Content-TYPE"), STR("content-type")));
    cr_assert(!str_equal_nocase(STR("content-type"), STR("content_type")));
    cr_assert(!str_equal_nocase(STR("É"), STR("é")), "ASCII only");
    cr_assert(str_starts(STR("abc"), STR("ab")));
    cr_assert(str_starts(STR("abc"), none));
    cr_assert(!str_starts(STR("a"), STR("ab")));
}

Test(str, trim_takes_space_and_tab_only) {
    cr_assert(str_equal(str_trim(STR(" \t a b \t")), STR("a b")));
    cr_assert(str_equal(str_trim(STR("\na\n")), STR("\na\n")));
    cr_assert_eq(str_trim(STR(" \t ")).len, 0);
    cr_assert_eq(str_trim((struct str){NULL, 0}).len, 0);
}

static size_t pieces(struct str rest, struct str *out) {
    size_t count = 0;
    while (rest.ptr) out[count++] = str_cut(&rest, ',');
    return count;
}

Test(str, cut_walks_through_all_parts) {
    struct str parts[8];
    cr_assert_eq(pieces(STR("a,,bc"), parts), 3);
    cr_assert(str_equal(parts[0], STR("a")));
    cr_assert_eq(parts[1].len, 0);
    cr_assert(str_equal(parts[2], STR("bc")));
    cr_assert_eq(pieces(STR("a,"), parts), 2);
    cr_assert_eq(parts[1].len, 0);
    cr_assert_eq(pieces(STR(","), parts), 2);
    cr_assert_eq(pieces(STR(""), parts), 1);
    cr_assert_eq(pieces((struct str){NULL, 0}, parts), 0);
}

Test(str, numbers_are_digits_only) {
    uint64_t value = 5;
    cr_assert(str_to_u64(STR("0"), 0, &value));
    cr_assert_eq(value, 0);
    cr_assert(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &value));
    cr_assert_eq(value, UINT64_MAX);
    cr_assert(str_to_u64(STR("00012"), 100, &value));
    cr_assert_eq(value, 12);
    const char *bad[] = {"",
                         "-1",
                         "+1",
                         " 1",
                         "1 ",
                         "1x",
                         "0x1",
                         "18446744073709551616",
                         "101",
                         "99999999999999999999",
                         "184467440737095516150"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t max = i == 8 ? 100 : UINT64_MAX;
        value = 42;
        cr_assert(!str_to_u64(str_from(bad[i]), max, &value), "%s", bad[i]);
        cr_assert_eq(value, 42);
    }
}

Test(str, dup_is_terminated) {
    char *copy = str_dup((struct str){"abcdef", 3});
    cr_assert_str_eq(copy, "abc");
    free(copy);
    copy = str_dup((struct str){NULL, 0});
    cr_assert_str_eq(copy, "");
    free(copy);
}
