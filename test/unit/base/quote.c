// SPDX-License-Identifier: MIT
// Quoting texts for messages.
#include "base/quote.h"

#include <criterion/criterion.h>

#include "base/utf8.h"

Test(quote, shows_short_texts_whole) {
    cr_assert_str_eq(quote(STR("abc")).text, "\"abc\"");
    cr_assert_str_eq(quote(STR("")).text, "\"\"");
    cr_assert_str_eq(quote((struct str){NULL, 0}).text, "\"\"");
}

Test(quote, keeps_a_message_on_one_line) {
    cr_assert_str_eq(quote(STR("a\nb\x7F\x1B[1m")).text, "\"a?b??[1m\"");
}

Test(quote, cuts_long_texts_between_characters) {
    char text[200];
    for (size_t shift = 0; shift < 4; shift++) {
        for (size_t i = 0; i < sizeof text; i++) text[i] = "\xF0\x9F\x98\x80"[(i + shift) % 4];
        struct quoted quoted = quote((struct str){text + (4 - shift) % 4, 160});
        struct str all = str_from(quoted.text);
        cr_assert(utf8_valid(all), "%s", quoted.text);
        cr_assert(all.len > 75 && all.len < sizeof quoted.text);
        cr_assert(strstr(quoted.text, "…\""));
    }
}
