// SPDX-License-Identifier: MIT
// Which origins may read answers.
#include "http/cors.h"

#include <criterion/criterion.h>

static struct cors *make(const char *const *origins, size_t count) {
    struct cors *cors;
    struct report report = {0};
    cr_assert_eq(cors_new(&cors, origins, count, &report), 0, "%s", report.text);
    return cors;
}

Test(cors, without_origins_nobody_gets_in) {
    struct cors *cors = make(NULL, 0);
    cr_assert_eq(cors_check(cors, STR("https://a.example.com")), CORS_NONE);
    cr_assert_eq(cors_check(cors, (struct str){NULL, 0}), CORS_NONE);
    cr_assert(!cors_varies(cors));
    cors_free(cors);
    cors_free(NULL);
}

Test(cors, exact_origins_match_byte_by_byte) {
    const char *origins[] = {"https://app.example.com", "http://localhost:3000",
                             "http://[::1]:8080", "chrome-extension://abcdef"};
    struct cors *cors = make(origins, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(cors_check(cors, str_from(origins[i])), CORS_ORIGIN, "%s", origins[i]);
    }
    const char *others[] = {"http://app.example.com",
                            "https://app.example.com:444",
                            "https://app.example.com.evil",
                            "https://xapp.example.com",
                            "https://APP.example.com",
                            "https://app.example.co",
                            "http://localhost",
                            ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_eq(cors_check(cors, str_from(others[i])), CORS_NONE, "%s", others[i]);
    }
    cr_assert_eq(cors_check(cors, (struct str){NULL, 0}), CORS_NONE);
    cr_assert(cors_varies(cors));
    cors_free(cors);
}

Test(cors, an_open_label_is_exactly_one_label) {
    const char *origins[] = {"https://*.example.com", "http://*.dev.test:8080"};
    struct cors *cors = make(origins, 2);
    cr_assert_eq(cors_check(cors, STR("https://a.example.com")), CORS_ORIGIN);
    cr_assert_eq(cors_check(cors, STR("http://x-1.dev.test:8080")), CORS_ORIGIN);
    const char *others[] = {"https://example.com",           "https://.example.com",
                            "https://a.b.example.com",       "http://a.example.com",
                            "https://a.example.com:8443",    "https://evil.com/.example.com",
                            "https://evil.com?.example.com", "https://user@.example.com",
                            "https://aexample.com",          "http://x.dev.test"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_eq(cors_check(cors, str_from(others[i])), CORS_NONE, "%s", others[i]);
    }
    cors_free(cors);
}

Test(cors, the_star_answers_any_without_credentials) {
    const char *origins[] = {"*", "https://app.example.com"};
    struct cors *only = make(origins, 1), *mixed = make(origins, 2);
    cr_assert_eq(cors_check(only, STR("https://what.ever")), CORS_ANY);
    cr_assert_eq(cors_check(only, (struct str){NULL, 0}), CORS_NONE);
    cr_assert(!cors_varies(only));
    cr_assert_eq(cors_check(mixed, STR("https://app.example.com")), CORS_ORIGIN);
    cr_assert_eq(cors_check(mixed, STR("https://what.ever")), CORS_ANY);
    cr_assert(cors_varies(mixed));
    cors_free(only);
    cors_free(mixed);
}

// Any page can be of the origin "null": it gets no credentials, and may not write as one of ours.
Test(cors, null_is_as_good_as_any) {
    const char *origins[] = {"null"};
    struct cors *cors = make(origins, 1);
    cr_assert_eq(cors_check(cors, STR("null")), CORS_ANY);
    cr_assert_eq(cors_check(cors, STR("https://a.example.com")), CORS_NONE);
    cr_assert(cors_varies(cors));
    cors_free(cors);
}

Test(cors, names_of_fields_are_tokens_between_commas) {
    cr_assert(cors_are_names(STR("mcp-session-id,traceparent")));
    cr_assert(cors_are_names(STR("HX-Request , Last-Event-ID")));
    const char *bad[] = {"", ",", "a,", "a b", "a:b", "a\tb", "a;q=1", "\"a\"", "a,,b", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!cors_are_names(str_from(bad[i])), "%s", bad[i]);
    char many[CORS_NAMES_BYTES_MAX + 1];
    memset(many, 'a', sizeof many);
    cr_assert(cors_are_names((struct str){many, CORS_NAMES_BYTES_MAX}));
    cr_assert(!cors_are_names((struct str){many, CORS_NAMES_BYTES_MAX + 1}));
}

Test(cors, refuses_what_could_never_match) {
    const char *bad[] = {"",
                         "app.example.com",
                         "://a",
                         "https://",
                         "https://app.example.com/",
                         "https://app.example.com/path",
                         "HTTPS://app.example.com",
                         "https://App.example.com",
                         "https://app.example.com:443",
                         "http://app.example.com:80",
                         "https://app.example.com:0",
                         "https://app.example.com:65536",
                         "https://app.example.com:",
                         "https://a.*.example.com",
                         "https://**.example.com",
                         "https://*",
                         "https://*.",
                         "https://a..b",
                         "https://a b",
                         "https://user@host",
                         "https://[::1",
                         "https://[]",
                         "NULL",
                         " https://a.example.com"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cors *cors = NULL;
        struct report report = {0};
        const char *origins[] = {"https://good.example.com", bad[i]};
        cr_assert_eq(cors_new(&cors, origins, 2, &report), ERR_INVALID, "%s", bad[i]);
        cr_assert(strstr(report.text, "for example https://"), "%s", report.text);
        cr_assert_null(cors);
    }
}
