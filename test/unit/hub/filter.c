// SPDX-License-Identifier: MIT
// Filters.
#include "hub/filter.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/limits.h"

static bool matches(const char *text, const char *data) {
    struct filter *filter;
    struct report report = {0};
    cr_assert_eq(filter_new(&filter, str_from(text), &report), 0, "%s", report.text);
    bool answer = filter_match(filter, str_from(data));
    filter_free(filter);
    return answer;
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

Test(filter, an_expression_that_explodes_does_not_match, .timeout = 60) {
    char data[5001];
    memset(data, 'a', 5000);
    data[5000] = '\0';
    for (int i = 0; i < 100; i++) cr_assert(!matches("/^(a+)+$|(a*)*b/", "") || true);
    for (int i = 0; i < 100; i++) cr_assert(!matches("/(a+)+b/", data));
}
