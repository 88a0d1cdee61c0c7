// SPDX-License-Identifier: MIT
// Which types publishers may give.
#include "base/type.h"

#include <criterion/criterion.h>

#include "base/limits.h"

static void refused(struct str type, const char *part) {
    struct report report = {0};
    cr_assert_eq(type_check(type, &report), ERR_INVALID, "%.*s", STR_ARG(type));
    cr_assert(strstr(report.text, part), "%s", report.text);
}

Test(type, names_of_one_line_are_fine) {
    const char *good[] = {"", "message", "done", "Error", "errors", "opened", "tailrace", "é x"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert_eq(type_check(str_from(good[i]), NULL), 0, "%s", good[i]);
    char type[LIMIT_TYPE_BYTES + 1];
    memset(type, 'x', sizeof type);
    cr_assert_eq(type_check((struct str){type, LIMIT_TYPE_BYTES}, NULL), 0);
    refused((struct str){type, LIMIT_TYPE_BYTES + 1}, "at most 255 bytes");
}

Test(type, names_of_the_hub_and_of_eventsource_are_refused) {
    refused(STR("tailrace.gap"), "reserved");
    refused(STR("error"), "failed connection");
    refused(STR("open"), "new connection");
    refused(STR("a\nb"), "one line");
    refused(STR("a\rb"), "one line");
    refused(STR("\x7f"), "control");
    refused(STR("\xff"), "UTF-8");
}
