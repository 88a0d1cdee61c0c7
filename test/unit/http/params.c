// SPDX-License-Identifier: MIT
// Query parameters.
#include "http/params.h"

#include <criterion/criterion.h>

static void open_params(struct params *params, const char *query, const char *preset) {
    cr_assert_eq(params_init(params, str_from(query), str_from(preset)), 0);
}

static void expect(struct params *params, const char *name, const char *value) {
    struct str got;
    cr_assert_eq(params_get(params, name, &got), 0, "%s", name);
    cr_assert(str_equal(got, str_from(value)), "%s is \"%.*s\"", name, STR_ARG(got));
}

Test(params, are_decoded) {
    struct params params;
    struct str value;
    open_params(&params, "a=1&b=x%20y+z&%63=%C3%A9&empty=&bare&a=2", NULL);
    expect(&params, "a", "1");
    expect(&params, "b", "x y z");
    expect(&params, "c", "é");
    expect(&params, "empty", "");
    expect(&params, "bare", "");
    cr_assert_eq(params_get(&params, "none", &value), ERR_NOT_FOUND);
    params_fini(&params);
}

static void expect_each(const char *query, const char *preset, const char *first,
                        const char *second) {
    struct params params;
    struct params_cursor cursor = {0};
    struct str value;
    const char *const expected[] = {first, second};
    open_params(&params, query, preset);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(params_next(&params, "topic", &cursor, &value), 0);
        cr_assert(str_equal(value, str_from(expected[i])), "%.*s", STR_ARG(value));
    }
    cr_assert_eq(params_next(&params, "topic", &cursor, &value), ERR_NOT_FOUND);
    cr_assert_eq(params_next(&params, "topic", &cursor, &value), ERR_NOT_FOUND);
    expect(&params, "topic", first);
    expect(&params, "last", "all");
    params_fini(&params);
}

Test(params, several_of_a_name_come_in_order) {
    expect_each("topic=one&x=1&topic=two&last=all", NULL, "one", "two");
}

Test(params, what_a_route_names_the_request_cannot_add_to) {
    expect_each("topic=more&last=1", "topic=one&topic=two&last=all", "one", "two");
    expect_each("topic=one&topic=two&last=1", "last=all", "one", "two");
}

Test(params, bad_encoding_is_an_error_and_not_absence) {
    struct params params;
    struct str value;
    open_params(&params, "key=%zz&nul=%00&cut=%4", NULL);
    cr_assert_eq(params_get(&params, "key", &value), ERR_INVALID);
    cr_assert_eq(params_get(&params, "nul", &value), ERR_INVALID);
    cr_assert_eq(params_get(&params, "cut", &value), ERR_INVALID);
    params_fini(&params);
}

Test(params, no_query_has_no_parameters) {
    struct params params;
    struct str value;
    open_params(&params, NULL, NULL);
    cr_assert_eq(params_get(&params, "a", &value), ERR_NOT_FOUND);
    params_fini(&params);
    open_params(&params, "", "");
    cr_assert_eq(params_get(&params, "", &value), ERR_NOT_FOUND);
    params_fini(&params);
}

Test(params, values_stay_where_they_are_while_more_are_read) {
    struct params params;
    struct str first, again;
    open_params(&params, "a=%41BC&b=def", NULL);
    cr_assert_eq(params_get(&params, "a", &first), 0);
    expect(&params, "b", "def");
    // Asking without end runs out of room, not out of bounds.
    int err = 0;
    for (int i = 0; i < 1000 && !err; i++) err = params_get(&params, "a", &again);
    cr_assert_eq(err, ERR_TOO_LONG);
    cr_assert(str_equal(first, STR("ABC")));
    params_fini(&params);
}

Test(params, switches) {
    struct params params;
    bool on;
    open_params(&params, "a&b=1&c=true&d=yes&e=0&f=false&g=no&h=perhaps&i=%zz", NULL);
    for (const char *name = "abcd"; *name; name++) {
        const char text[] = {*name, '\0'};
        cr_assert_eq(params_flag(&params, text, &on), 0);
        cr_assert(on, "%s", text);
    }
    for (const char *name = "efgx"; *name; name++) {
        const char text[] = {*name, '\0'};
        cr_assert_eq(params_flag(&params, text, &on), 0);
        cr_assert(!on, "%s", text);
    }
    cr_assert_eq(params_flag(&params, "h", &on), ERR_INVALID);
    cr_assert_eq(params_flag(&params, "i", &on), ERR_INVALID);
    params_fini(&params);
}
