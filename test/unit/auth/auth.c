// SPDX-License-Identifier: MIT
// Access tables: keys, anonymous access, what grants permit.
#include "auth/auth.h"

#include <criterion/criterion.h>

static bool sees(struct grant *grant, const char *text) {
    struct pattern pattern;
    cr_assert_eq(pattern_read(&pattern, str_from(text), NULL), 0, "%s", text);
    return grant_may_subscribe(grant, &pattern);
}

static const char *const builds[] = {"builds/**"};
static const char *const logs[] = {"logs/*", "status/ci"};
static const char *const bad[] = {"a/**", ""};

static struct auth_key_config ci = {"ci", "0123456789", builds, 1, logs, 2, true};
static struct auth_key_config reader = {"reader", "abcdefghij", NULL, 0, logs, 2, false};

static struct auth *make(const struct auth_key_config *keys, size_t count, bool open) {
    struct auth_config config = {.keys = keys, .keys_count = count, .open = open};
    struct auth *auth;
    struct report report = {0};
    cr_assert_eq(auth_new(&auth, &config, &report), 0, "%s", report.text);
    return auth;
}

static void refuse(const struct auth_key_config *keys, size_t count, const char *text) {
    struct auth_config config = {.keys = keys, .keys_count = count};
    struct auth *auth;
    struct report report = {0};
    cr_assert_eq(auth_new(&auth, &config, &report), ERR_INVALID);
    cr_assert(strstr(report.text, text), "%s", report.text);
    for (size_t i = 0; i < count; i++) {
        if (!keys[i].secret || strlen(keys[i].secret) < 4) continue;
        cr_assert(!strstr(report.text, keys[i].secret), "the secret is shown: %s", report.text);
    }
}

Test(auth, finds_the_key_of_a_secret) {
    struct auth_key_config keys[] = {ci, reader};
    struct auth *auth = make(keys, 2, false);
    struct grant *grant;
    cr_assert_eq(auth_check(auth, STR("abcdefghij"), &grant), 0);
    cr_assert_str_eq(grant->name, "reader");
    cr_assert_eq(auth_check(auth, STR("0123456789"), &grant), 0);
    cr_assert_str_eq(grant->name, "ci");
    auth_free(auth);
}

Test(auth, refuses_a_wrong_secret_and_never_falls_back) {
    struct auth_key_config keys[] = {ci};
    struct str wrong[] = {STR(""),
                          STR("0123456780"),
                          STR("012345678"),
                          STR("01234567890"),
                          STR("01234567890123456789"),
                          {"0123456789\0", 11}};
    for (int open = 0; open < 2; open++) {
        struct auth *auth = make(keys, 1, open);
        struct grant *grant = NULL;
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
            cr_assert_eq(auth_check(auth, wrong[i], &grant), ERR_DENIED, "%zu", i);
        }
        cr_assert_null(grant);
        auth_free(auth);
    }
    struct auth *none = make(NULL, 0, false);
    struct grant *grant;
    cr_assert_eq(auth_check(none, STR("whatever1"), &grant), ERR_DENIED);
    auth_free(none);
}

Test(auth, without_a_credential_gives_the_anonymous_grant) {
    struct auth_key_config keys[] = {ci};
    struct auth_config config = {.keys = keys, .keys_count = 1};
    config.anonymous.subscribe = logs;
    config.anonymous.subscribe_count = 2;
    struct auth *auth;
    cr_assert_eq(auth_new(&auth, &config, NULL), 0);
    struct grant *grant;
    cr_assert_eq(auth_check(auth, (struct str){NULL, 0}, &grant), 0);
    cr_assert_str_eq(grant->name, "anonymous");
    cr_assert(grant_subscribes_some(grant));
    cr_assert(sees(grant, "logs/a"));
    cr_assert(!grant_may_publish(grant, STR("logs/a")));
    auth_free(auth);
}

Test(auth, open_allows_everything_whatever_is_presented) {
    struct auth *auth = make(NULL, 0, true);
    struct grant *grant;
    cr_assert_eq(auth_check(auth, (struct str){NULL, 0}, &grant), 0);
    cr_assert_str_eq(grant->name, "open");
    cr_assert_eq(auth_check(auth, STR("some old key"), &grant), 0);
    cr_assert(grant_may_publish(grant, STR("a/b")));
    cr_assert(sees(grant, "**"));
    auth_free(auth);
}

Test(auth, grants_follow_their_patterns) {
    struct auth_key_config keys[] = {ci};
    struct auth *auth = make(keys, 1, false);
    struct grant *grant;
    cr_assert_eq(auth_check(auth, STR("0123456789"), &grant), 0);
    cr_assert(grant_may_publish(grant, STR("builds/1/log")));
    cr_assert(!grant_may_publish(grant, STR("logs/a")));
    cr_assert(sees(grant, "logs/a"));
    cr_assert(sees(grant, "logs/*"));
    cr_assert(!sees(grant, "logs/**"));
    cr_assert(!sees(grant, "**"));
    cr_assert(!sees(grant, "*/ci"));
    cr_assert(sees(grant, "status/ci"));
    cr_assert(!sees(grant, "status/cd"));
    auth_free(auth);
}

// Nor does a hub without keys permit one, where everything else is allowed.
Test(auth, a_backup_needs_a_key_that_has_the_right) {
    struct auth_key_config keys[] = {ci, reader};
    struct auth_config config = {.keys = keys, .keys_count = 2, .anonymous = ci};
    struct auth *auth;
    struct grant *grant;
    cr_assert_eq(auth_new(&auth, &config, NULL), 0);
    cr_assert_eq(auth_check(auth, STR("0123456789"), &grant), 0);
    cr_assert(grant->backup);
    grant_put(grant);
    cr_assert_eq(auth_check(auth, STR("abcdefghij"), &grant), 0);
    cr_assert(!grant->backup);
    grant_put(grant);
    cr_assert_eq(auth_check(auth, STR(""), &grant), ERR_DENIED);
    cr_assert_eq(auth_check(auth, (struct str){0}, &grant), 0);
    cr_assert(!grant->backup);
    grant_put(grant);
    auth_free(auth);
    auth = make(NULL, 0, true);
    cr_assert_eq(auth_check(auth, (struct str){0}, &grant), 0);
    cr_assert(!grant->backup);
    grant_put(grant);
    auth_free(auth);
}

Test(auth, copies_its_configuration) {
    char secret[] = "0123456789", name[] = "ci", pattern[] = "a/*";
    const char *const patterns[] = {pattern};
    struct auth_key_config keys[] = {{name, secret, patterns, 1, patterns, 1, false}};
    struct auth *auth = make(keys, 1, false);
    memset(secret, 'x', 4);
    name[0] = 'x';
    pattern[0] = 'x';
    struct grant *grant;
    cr_assert_eq(auth_check(auth, STR("0123456789"), &grant), 0);
    cr_assert_str_eq(grant->name, "ci");
    cr_assert(grant_may_publish(grant, STR("a/b")));
    auth_free(auth);
    auth_free(NULL);
}

Test(auth, refuses_bad_keys_by_name) {
    struct auth_key_config nameless = ci, secretless = ci, weak = ci, pattern = ci, twin = reader;
    nameless.name = "";
    secretless.secret = "";
    weak.secret = "1234567";
    pattern.subscribe = bad;
    refuse(&nameless, 1, "key 1 has no name");
    refuse(&secretless, 1, "\"ci\" has an empty secret");
    refuse(&weak, 1, "shorter than 8 bytes");
    refuse(&pattern, 1, "\"ci\": subscribe pattern 2: the topic pattern is empty");
    twin.name = "ci";
    struct auth_key_config same_name[] = {ci, twin};
    refuse(same_name, 2, "two keys have the name \"ci\"");
    twin = reader;
    struct auth_key_config unsendable = ci;
    const char *const secrets[] = {"two lines\nof it", "at the end ", " at the front",
                                   "a\ttab in it"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        unsendable.secret = secrets[i];
        refuse(&unsendable, 1, "in a header");
    }
    twin.secret = ci.secret;
    struct auth_key_config same_secret[] = {ci, twin};
    refuse(same_secret, 2, "\"reader\" has the same secret as key \"ci\"");
}

Test(auth, refuses_bad_anonymous_patterns) {
    struct auth_config config = {0};
    config.anonymous.publish = bad;
    config.anonymous.publish_count = 2;
    struct auth *auth;
    struct report report = {0};
    cr_assert_eq(auth_new(&auth, &config, &report), ERR_INVALID);
    cr_assert(strstr(report.text, "anonymous: publish pattern 2"), "%s", report.text);
}
