// SPDX-License-Identifier: MIT
// Keys and anonymous access: where secrets come from, and what is refused without showing them.
#include "config/access.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support.h"

TestSuite(access, .init = config_setup, .fini = config_teardown);

Test(access, secrets_come_from_the_file_a_file_or_the_environment) {
    char text[512];
    config_write(config_other, STR("file-secret\r\n"));
    setenv("TAILRACE_OPS", "env-secret", 1);
    setenv("LATER_FILE", config_other, 1);
    snprintf(text, sizeof text,
             "keys:\n- {name: a, secret: inline-secret, publish: [\"a/*\"]}\n"
             "- {name: b, secret_file: %s, subscribe: [b, \"c/**\"]}\n"
             "- {name: c, secret_env: TAILRACE_OPS, backup: true}\n",
             config_other);
    struct config *config = config_of(text);
    cr_assert_eq(config->auth.keys_count, 3);
    cr_assert_str_eq(config->auth.keys[0].secret, "inline-secret");
    cr_assert_str_eq(config->auth.keys[1].secret, "file-secret");
    cr_assert_str_eq(config->auth.keys[1].subscribe[1], "c/**");
    cr_assert_str_eq(config->auth.keys[2].secret, "env-secret");
    cr_assert(config->auth.keys[2].backup && !config->auth.keys[0].backup);
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
    config = config_of("keys: [{name: d, secret_env: LATER, publish: [c]}]\n");
    cr_assert_str_eq(config->auth.keys[0].secret, "file-secret");
    config_free(config);
    setenv("TAILRACE_KEY_FILE", config_other, 1);
    config = config_of(NULL);
    cr_assert_eq(config->auth.keys_count, 1);
    cr_assert_str_eq(config->auth.keys[0].secret, "file-secret");
    cr_assert_str_eq(config->auth.keys[0].publish[0], "**");
    cr_assert(config->auth.keys[0].backup);
    config_free(config);
}

// `pub` and `tail` send TAILRACE_KEY: a shell in which it is set may start a hub as well.
Test(access, a_clients_key_is_not_a_second_key_and_not_silently_one_for_everything) {
    setenv("TAILRACE_KEY", "hunter2-hunter2", 1);
    struct config *config =
        config_of("keys:\n- {name: ops, secret: hunter2-hunter2, subscribe: [logs/*]}\n");
    cr_assert_eq(config->auth.keys_count, 1);
    cr_assert_str_eq(config->auth.keys[0].name, "ops");
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
    config = config_of("keys:\n- {name: ops, secret: hunter2-1, subscribe: [logs/*]}\n");
    cr_assert_eq(config->auth.keys_count, 2);
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
    config = config_of(NULL);
    cr_assert_eq(config->auth.keys_count, 1);
    cr_assert_eq(config->warnings_count, 1);
    cr_assert(strstr(config->warnings[0], "call it TAILRACE_ADMIN_KEY"), "%s", config->warnings[0]);
    cr_assert(!strstr(config->warnings[0], "hunter2"));
    config_free(config);
    setenv("TAILRACE_ADMIN_KEY", "correct-horse", 1);
    config = config_of(NULL);
    cr_assert_eq(config->auth.keys_count, 1);
    cr_assert_str_eq(config->auth.keys[0].secret, "correct-horse");
    cr_assert_str_eq(config->auth.keys[0].publish[0], "**");
    cr_assert(config->auth.keys[0].backup);
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
    config_refused("keys:\n- {name: a, secret: correct-horse, publish: [a]}\n",
                   "TAILRACE_ADMIN_KEY: ", "same secret as key \"a\"");
    setenv("TAILRACE_ADMIN_KEY", "short", 1);
    config_refused(NULL, "TAILRACE_ADMIN_KEY: ", "shorter than 8 bytes");
}

Test(access, secrets_beyond_ascii_are_warned_about) {
    struct config *config =
        config_of("keys:\n- {name: a, secret: geheimnis-\xc3\xbc, publish: [a]}\n");
    cr_assert_eq(config->warnings_count, 1);
    cr_assert(strstr(config->warnings[0], "percent-encoded"), "%s", config->warnings[0]);
    cr_assert(!strstr(config->warnings[0], "geheim"));
    config_free(config);
}

Test(access, secrets_that_everybody_can_read_are_warned_about) {
    config_write(config_other, STR("file-secret"));
    chmod(config_other, 0644);
    config_write(config_file, STR("keys: [{name: a, secret: inline-secret, publish: [a]}]\n"));
    chmod(config_file, 0644);
    setenv("TAILRACE_KEY_FILE", config_other, 1);
    struct config *config = config_of_flags((struct config_flags){.file = config_file}, NULL);
    cr_assert_eq(config->warnings_count, 2);
    cr_assert(strstr(config->warnings[0], config_other), "%s", config->warnings[0]);
    cr_assert(strstr(config->warnings[1], config_file), "%s", config->warnings[1]);
    config_free(config);
}

Test(access, bad_keys_are_found_without_showing_secrets) {
    config_refused("keys:\n- secret: hunter2-hunter2\n",
                   "2:3: keys[0]: name is missing, for example name: ci", "");
    config_refused("keys:\n- name: a\n", "2:3: keys[0]: key \"a\" needs exactly one of secret", "");
    config_refused("keys:\n- {name: a, secret: x, secret_env: Y}\n",
                   "2:3: keys[0]: key \"a\" needs exactly", "");
    config_refused("keys:\n- {name: a, secret: hunter2-hunter2}\n",
                   "2:3: keys[0]: key \"a\" permits nothing", "");
    config_refused("keys:\n- {name: a, secret_env: NO_SUCH, publish: [a]}\n",
                   "2:25: keys[0].secret_env: neither NO_SUCH nor NO_SUCH_FILE", "");
    config_refused("keys:\n- {name: a, secret_file: /nonexistent/k, publish: [a]}\n",
                   "2:26: keys[0].secret_file: cannot open /nonexistent/k", "No such file");
    config_refused("keys:\n- {name: a, secret: hunter2-hunter2, publish: [ok, \"\"]}\n",
                   "2:52: keys[0].publish[1]: the topic pattern is empty", "for example");
    config_refused(
        "keys:\n- {name: a, secret: hunter2-1, publish: [a]}\n"
        "- {name: b, secret: hunter2-2, publish: [a]}\n- {name: c, secret: short, publish: [a]}\n",
        "4:3: keys[2]: key \"c\": the secret is shorter", "8 bytes");
    config_refused("keys:\n- {name: a, secret: hunter2-1, publish: [a]}\n"
                   "- {name: a, secret: hunter2-2, publish: [a]}\n",
                   "3:3: keys[1]: two keys have the name", "");
    config_refused(
        "keys:\n- {name: a, secret: hunter2-1, publish: [a]}\n"
        "- {name: b, secret: short, publish: [a]}\n- {name: c, secret: hunter2-3, publish: [a]}\n"
        "- {name: d, secret: short, publish: [a]}\n- {name: e, secret: hunter2-5, publish: [a]}\n",
        "3:3: keys[1]: key \"b\"", "");
    config_refused("anonymous:\n  publish: [\"\"]\n", "2:13: anonymous.publish[0]", "empty");
    config_write(config_other, STR("a\0bcdefghij"));
    setenv("TAILRACE_KEY_FILE", config_other, 1);
    config_refused(NULL, "TAILRACE_KEY: ", "NUL");
}
