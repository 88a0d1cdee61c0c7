// SPDX-License-Identifier: MIT
// Writing JSON: strings and their escapes, structure.
#include "base/json.h"

#include <criterion/criterion.h>
#include <signal.h>

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
    // Neighbours of U+2028: the same first byte, other bytes after it.
    check(STR("\u2027\u202a\u2128\u2000"), "\"\u2027\u202a\u2128\u2000\"");
    check(STR("\xe2\x80"), "\"\xe2\x80\"");
}

Test(json, objects_and_arrays_have_commas_where_they_are_needed) {
    struct buf out;
    buf_init(&out, 1000);
    struct json json = JSON(&out);
    json_object(&json, NULL);
    json_str(&json, "text", STR("x\"y"));
    json_array(&json, "list");
    json_u64(&json, NULL, 0);
    json_u64(&json, NULL, UINT64_MAX);
    json_object(&json, NULL);
    json_end(&json);
    json_array(&json, NULL);
    json_null(&json, NULL);
    json_end(&json);
    json_end(&json);
    json_bool(&json, "yes", true);
    json_object(&json, "inner");
    json_bool(&json, "no", false);
    json_end(&json);
    json_id(&json, "id", "k3", 12);
    json_end(&json);
    cr_assert_str_eq(buf_cstr(&out),
                     "{\"text\":\"x\\\"y\",\"list\":[0,18446744073709551615,{},[null]],"
                     "\"yes\":true,\"inner\":{\"no\":false},\"id\":\"k3-12\"}");
    cr_assert_eq(json.depth, 0);
    buf_fini(&out);
}

Test(json, may_be_as_deep_as_its_bound) {
    struct buf out;
    buf_init(&out, 1000);
    struct json json = JSON(&out);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) json_array(&json, NULL);
    json_u64(&json, NULL, 1);
    json_u64(&json, NULL, 2);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) json_end(&json);
    cr_assert_eq(out.len, 2 * JSON_DEPTH_MAX + 3);
    cr_assert_eq(out.data[JSON_DEPTH_MAX + 1], ',');
    buf_fini(&out);
}

Test(json, too_deep_is_a_bug, .signal = SIGABRT) {
    struct buf out;
    buf_init(&out, 1000);
    struct json json = JSON(&out);
    for (int i = 0; i <= JSON_DEPTH_MAX; i++) json_array(&json, NULL);
}

Test(json, a_member_without_a_name_is_a_bug, .signal = SIGABRT) {
    struct buf out;
    buf_init(&out, 1000);
    struct json json = JSON(&out);
    json_object(&json, NULL);
    json_u64(&json, NULL, 1);
}
