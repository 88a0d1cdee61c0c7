// SPDX-License-Identifier: MIT
// In how many ways a credential can be meant.
#include "auth/credential.h"

#include <criterion/criterion.h>

// The readings, between "|".
static const char *readings(const char *query, const char *cookie) {
    static struct buf out;
    static struct credential credential;
    struct field field = {STR("Cookie"), str_from(cookie)};
    struct request request = {.query = str_from(query)};
    struct params params;
    request.fields = &field;
    request.fields_count = cookie ? 1 : 0;
    cr_assert_eq(params_init(&params, request.query, (struct str){NULL, 0}), 0);
    credential_read(&credential, &request, &params);
    buf_fini(&out);
    buf_init(&out, 500);
    for (size_t i = 0; i < credential.count; i++) {
        buf_append_char(&out, '|');
        buf_append_str(&out, credential.readings[i]);
    }
    cr_assert_eq(credential.by_browser, cookie != NULL);
    params_fini(&params);
    return buf_cstr(&out);
}

#define IN_QUERY(query, expected) cr_assert_str_eq(readings(query, NULL), expected)
#define IN_COOKIE(cookie, expected)                                                                \
    cr_assert_str_eq(readings(NULL, "a=1; tailrace=" cookie), expected)

// As `openssl rand -base64` makes them.
Test(credential, secrets_in_base64_survive_a_query) {
    IN_QUERY("key=a+b/c==", "|a b/c==|a+b/c==");
    IN_QUERY("code=a%2Bb%2Fc%3D%3D", "|a+b/c==");
    IN_QUERY("access_token=a%20b", "|a b|a+b");
    IN_QUERY("key=", "|");
    IN_QUERY("key=%zz", "|");
    IN_QUERY("other=1", "");
}

Test(credential, secrets_in_base64_survive_a_cookie) {
    IN_COOKIE("a+b/c==", "|a+b/c==|a+b/c==");
    IN_COOKIE("a%2Bb%2Fc%3D%3D", "|a%2Bb%2Fc%3D%3D|a+b/c==");
    IN_COOKIE("\"a+b/c==\"", "|\"a+b/c==\"|a+b/c==");
    IN_COOKIE("a%zz", "|a%zz");
    IN_COOKIE("a%00", "|a%00");
}

Test(credential, no_reading_is_longer_than_a_secret) {
    static char cookie[LIMIT_SECRET_BYTES * 3] = "tailrace=";
    size_t at = strlen(cookie);
    memset(cookie + at, 'x', LIMIT_SECRET_BYTES + 1);
    struct field field = {STR("Cookie"), str_from(cookie)};
    struct request request = {.fields = &field, .fields_count = 1};
    struct credential credential;
    struct params params;
    cr_assert_eq(params_init(&params, request.query, request.query), 0);
    credential_read(&credential, &request, &params);
    cr_assert_eq(credential.count, 1);
    field.value.len--;
    credential_read(&credential, &request, &params);
    cr_assert_eq(credential.count, 2);
    params_fini(&params);
}
