// SPDX-License-Identifier: MIT
// Percent-encoding, queries, redaction.
#include "proto/url.h"

#include <criterion/criterion.h>

static void check_decode(const char *raw, bool plus, int err, const char *expected) {
    char out[64];
    size_t len = 99;
    int got = url_decode(str_from(raw), plus, out, sizeof out, &len);
    cr_assert_eq(got, err, "%s: %d", raw, got);
    if (err == 0) {
        cr_assert(str_equal((struct str){out, len}, str_from(expected)), "%s gave %.*s", raw,
                  (int)len, out);
    }
}

Test(url, decodes_escapes_in_either_case) {
    check_decode("a%2fb%2Fc", false, 0, "a/b/c");
    check_decode("%F0%9f%98%80", false, 0, "\xF0\x9F\x98\x80");
    check_decode("", false, 0, "");
    check_decode("%25%32%35", false, 0, "%25");
}

Test(url, plus_is_a_space_only_in_queries) {
    check_decode("a+b%2B", true, 0, "a b+");
    check_decode("a+b", false, 0, "a+b");
}

Test(url, refuses_bad_escapes_and_nul) {
    check_decode("%", false, ERR_INVALID, NULL);
    check_decode("a%2", false, ERR_INVALID, NULL);
    check_decode("%2g", false, ERR_INVALID, NULL);
    check_decode("%g2", false, ERR_INVALID, NULL);
    check_decode("%%41", false, ERR_INVALID, NULL);
    check_decode("a%00b", false, ERR_INVALID, NULL);
    char out[8];
    size_t len;
    cr_assert_eq(url_decode(STR("a\0b"), false, out, sizeof out, &len), ERR_INVALID);
}

Test(url, decoding_stops_at_the_room_given) {
    char out[3];
    size_t len = 0;
    cr_assert_eq(url_decode(STR("%41bc"), false, out, 3, &len), 0);
    cr_assert_eq(len, 3);
    cr_assert_eq(url_decode(STR("%41bcd"), false, out, 3, &len), ERR_TOO_LONG);
    cr_assert_eq(url_decode(STR(""), false, out, 0, &len), 0);
    cr_assert_eq(len, 0);
}

Test(url, decodes_in_place) {
    char text[] = "%41%42c";
    size_t len;
    cr_assert_eq(url_decode(str_from(text), false, text, sizeof text, &len), 0);
    cr_assert(str_equal((struct str){text, len}, STR("ABc")));
}

Test(url, query_parts_in_order) {
    struct str rest = STR("&&a=1&b&=x&c=d=e&&b=%26+&;q=1;r&");
    static const char *const expected[][2] = {{"a", "1"},   {"b", ""},     {"", "x"},
                                              {"c", "d=e"}, {"b", "%26+"}, {";q", "1;r"}};
    struct str name;
    struct str value;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_assert(url_query_next(&rest, &name, &value));
        cr_assert(str_equal(name, str_from(expected[i][0])), "%.*s", STR_ARG(name));
        cr_assert(str_equal(value, str_from(expected[i][1])), "%.*s", STR_ARG(value));
        cr_assert(value.ptr);
    }
    cr_assert_not(url_query_next(&rest, &name, &value));
    rest = (struct str){NULL, 0};
    cr_assert_not(url_query_next(&rest, &name, &value));
    rest = STR("");
    cr_assert_not(url_query_next(&rest, &name, &value));
}

Test(url, equal_looks_through_the_encoding) {
    cr_assert(url_equal(STR("topic"), "topic"));
    cr_assert(url_equal(STR("%74opi%63"), "topic"));
    cr_assert(url_equal(STR("a+b"), "a b"));
    cr_assert(url_equal(STR(""), ""));
    cr_assert_not(url_equal(STR("topics"), "topic"));
    cr_assert_not(url_equal(STR("topi"), "topic"));
    cr_assert_not(url_equal(STR("topic%"), "topic"));
    cr_assert_not(url_equal(STR("topic%00"), "topic"));
}

static void check_encode(void (*encode)(struct buf *, struct str), const char *text,
                         const char *expected) {
    struct buf out;
    buf_init(&out, 1000);
    encode(&out, str_from(text));
    cr_assert_str_eq(buf_cstr(&out), expected);
    buf_fini(&out);
}

Test(url, encodes_for_queries) {
    check_encode(url_encode_query, "logs/a b?c#d%\xC3\xA9~", "logs%2Fa%20b%3Fc%23d%25%C3%A9~");
    check_encode(url_encode_query, "a/b&c=d+e f*", "a%2Fb%26c%3Dd%2Be%20f%2A");
}

Test(url, what_is_encoded_decodes_to_itself) {
    char all[255];
    for (size_t i = 0; i < sizeof all; i++) all[i] = (char)(i + 1);
    for (int plus_is_space = 0; plus_is_space < 2; plus_is_space++) {
        struct buf out;
        buf_init(&out, 1000);
        url_encode_query(&out, (struct str){all, sizeof all});
        char back[255];
        size_t len;
        cr_assert_eq(url_decode(buf_str(&out), plus_is_space, back, sizeof back, &len), 0);
        cr_assert(str_equal((struct str){back, len}, (struct str){all, sizeof all}));
        buf_fini(&out);
    }
}

Test(url, redacts_secrets_however_they_are_written) {
    check_encode(url_redact, "/t/x", "/t/x");
    check_encode(url_redact, "/t/x?", "/t/x?");
    check_encode(url_redact, "/t/x?code=s3cret&last=1", "/t/x?code=REDACTED&last=1");
    check_encode(url_redact, "/t/x?last=1&&access_token=a=b&key=",
                 "/t/x?last=1&&access_token=REDACTED&key=REDACTED");
    check_encode(url_redact, "/t/x?%63ode=s3cret&TOKEN=q", "/t/x?%63ode=REDACTED&TOKEN=REDACTED");
    check_encode(url_redact, "/t/x?key&monkey=1&q=code", "/t/x?key&monkey=1&q=code");
    check_encode(url_redact, "/t/a?b?key=s", "/t/a?b?key=s");
    check_encode(url_redact, "http://me:s3cret@h:80/t/x?key=s",
                 "http://REDACTED@h:80/t/x?key=REDACTED");
    check_encode(url_redact, "http://h/t/a@b", "http://h/t/a@b");
    check_encode(url_redact, "/t/http://a:b@c", "/t/http://a:b@c");
    check_encode(url_redact, "", "");
}
