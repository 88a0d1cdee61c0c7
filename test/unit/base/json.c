// SPDX-License-Identifier: MIT
#include "base/json.h"

#include <criterion/criterion.h>

static void check(struct str in, const char *expected) {
    struct buf out;
    buf_init(&out, 10000);
    json_string(&out, in);
    cr_assert_str_eq(buf_cstr(&out), expected);
    buf_fini(&out);
}

Test(json, strings_are_quoted_and_escaped) {
    check(STR(""), "\"\"");
    check(STR("plain"), "\"plain\"");
    check(STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    check(STR("\n\r\t"), "\"\\n\\r\\t\"");
    check(STR("\0\x01\b\x1f\x7f"), "\"\\u0000\\u0001\\u0008\\u001f\\u007f\"");
    check(STR("\"\"\""), "\"\\\"\\\"\\\"\"");
}

Test(json, nothing_can_end_a_script) {
    check(STR("</script><!--"), "\"\\u003c/script>\\u003c!--\"");
    check(STR("a\u2028b\u2029"), "\"a\\u2028b\\u2029\"");
}

Test(json, other_characters_stay_as_they_are) {
    check(STR("é€\U0001F600"), "\"é€\U0001F600\"");
    // Neighbours of U+2028: same first byte, other ones after it.
    check(STR("\u2027\u202a\u2128\u2000"), "\"\u2027\u202a\u2128\u2000\"");
    check(STR("\xe2\x80"), "\"\xe2\x80\"");
}

Test(json, pairs_have_commas_between_them) {
    struct buf out;
    buf_init(&out, 1000);
    bool first = true;
    json_pair_str(&out, &first, "a", STR("x\"y"));
    json_pair_u64(&out, &first, "b", UINT64_MAX);
    json_pair_bool(&out, &first, "c", true);
    json_pair_bool(&out, &first, "d", false);
    json_key(&out, &first, "e");
    cr_assert_str_eq(buf_cstr(&out),
                     "\"a\":\"x\\\"y\",\"b\":18446744073709551615,\"c\":true,\"d\":false,\"e\":");
    buf_fini(&out);
}
