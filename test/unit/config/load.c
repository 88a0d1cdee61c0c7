// SPDX-License-Identifier: MIT
// Precedence of flags, environment and file; addresses; the example; files that are broken.
#include "config/load.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "config/schema.h"
#include "support.h"

TestSuite(load, .init = config_setup, .fini = config_teardown);

Test(load, defaults_are_those_of_the_table) {
    struct config *config = config_of(NULL);
    cr_assert_str_eq(config->listen, "127.0.0.1:8080");
    cr_assert_str_eq(config->metrics_listen, "");
    cr_assert_eq(config->heartbeat_ms, 15000);
    cr_assert_eq(config->ring_bytes, 64u << 20);
    cr_assert_eq(config->policy.retention.bytes_max, 1u << 30);
    cr_assert_eq(config->policy.retention.age_max_ms, 30ull * 86400000);
    cr_assert_eq(config->log_level, LOG_WARN);
    cr_assert_eq(config->log_format, LOG_LOGFMT);
    cr_assert(config->auth.open);
    cr_assert_eq(config->sources_count + config->routes_count + config->origins_count, 0);
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
    config_free(NULL);
}

Test(load, flags_win_over_environment_over_file_over_defaults) {
    const char *text = "listen: 127.0.0.1:1\nlog: {level: info}\nstream: {heartbeat: 1s}\n";
    struct config *config = config_of(text);
    cr_assert_str_eq(config->listen, "127.0.0.1:1");
    cr_assert_eq(config->log_level, LOG_INFO);
    config_free(config);
    setenv("TAILRACE_LISTEN", "127.0.0.1:2", 1);
    setenv("TAILRACE_LOG_LEVEL", "debug", 1);
    setenv("TAILRACE_STREAM_HEARTBEAT", "", 1);
    config = config_of(text);
    cr_assert_str_eq(config->listen, "127.0.0.1:2");
    cr_assert_eq(config->log_level, LOG_DEBUG);
    cr_assert_eq(config->heartbeat_ms, 1000, "an empty variable is ignored");
    config_free(config);
    config =
        config_of_flags((struct config_flags){.listen = "127.0.0.1:3", .log_level = "error"}, text);
    cr_assert_str_eq(config->listen, "127.0.0.1:3");
    cr_assert_eq(config->log_level, LOG_ERROR);
    config_free(config);
}

Test(load, every_option_of_the_hub_has_a_variable_that_is_checked) {
    for (const struct option_row *row = schema_hub; row->path; row++) {
        if (!strcmp(row->path, "data")) continue;
        char name[64], place[80];
        schema_env_name(row, name);
        bool origins = !strcmp(row->path, "origins");
        snprintf(place, sizeof place, origins ? "%s: origin \"!\"" : "%s: \"!\"", name);
        setenv(name, "!", 1);
        config_refused(NULL, place, "");
        unsetenv(name);
    }
}

Test(load, bad_values_are_found_where_they_are) {
    config_refused("listen: abc\n", "1:9: listen: \"abc\" is not ADDRESS:PORT", "127.0.0.1:8080");
    config_refused("stream:\n  heartbeat: 15\n", "2:14: stream.heartbeat: \"15\" is not a duration",
                   "from 100ms to 1h");
    config_refused("stream: {heartbeat: 2h}\n", "1:21: stream.heartbeat: \"2h\" is out of bounds",
                   "1h");
    config_refused("stream: {heartbeat: }\n", "1:21: stream.heartbeat: \"\" is not a duration",
                   "1h");
    config_refused("limits:\n  event_bytes: 17MB\n", "2:16: limits.event_bytes:", "to 16MB");
    config_refused("limits:\n  event_bytes: 8MB\n  queue_bytes: 4MB\n", "2:16: limits.event_bytes",
                   "limits.queue_bytes");
    config_refused("limits:\n  event_bytes: 8MB\n  held_bytes: 4MB\n", "2:16: limits.event_bytes",
                   "limits.held_bytes");
    config_refused("workers: -1\n", "1:10: workers: \"-1\" is not a number", "0, or from 1 to 64");
    config_refused("workers: 65\n", "1:10: workers: \"65\" is out of bounds", "0, or from 1 to 64");
    config_refused("open: maybe\n", "1:7: open: \"maybe\" is not true or false", "");
    config_refused("log:\n  level: loud\n", "2:10: log.level: \"loud\" is not one of",
                   "error|warn");
    config_refused("origins: [\"https://a.test\", b.test]\n", "1:29: origins[1]: origin \"b.test\"",
                   "no scheme");
    config_refused("hosts: [a.test, \"https://b.test\"]\n",
                   "1:17: hosts[1]: \"https://b.test\" is not", "without scheme and port");
    config_refused("workers: 1\nworkers: 2\n", "2:1: workers: this key is given twice", "line 1");
}

Test(load, bad_flags_are_named) {
    config_refused_flags((struct config_flags){.listen = "abc"}, NULL,
                         "--listen: \"abc\" is not ADDRESS:PORT", "for example 127.0.0.1:8080");
    config_refused_flags((struct config_flags){.log_format = "xml"}, NULL, "--log-format: \"xml\"",
                         "logfmt|json");
}

Test(load, the_file_may_be_named_by_the_environment) {
    config_write(config_file, STR("workers: 3\n"));
    setenv("TAILRACE_CONFIG", config_file, 1);
    struct config *config = config_of(NULL);
    cr_assert_eq(config->workers, 3);
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
}

Test(load, unknown_variables_are_warned_about_without_their_value) {
    setenv("TAILRACE_LISTNE", "hunter2", 1);
    struct config *config = config_of(NULL);
    cr_assert_eq(config->warnings_count, 1);
    cr_assert(strstr(config->warnings[0], "\"TAILRACE_LISTNE\""), "%s", config->warnings[0]);
    cr_assert(!strstr(config->warnings[0], "hunter2"));
    config_free(config);
}

Test(load, empty_files_and_empty_sections_say_nothing) {
    const char *texts[] = {"",
                           "\n",
                           "# nothing\n",
                           "---\n",
                           "stream:\nkeys:\nanonymous:\nsources:\n",
                           "stream: {}\nkeys: []\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config *config = config_of(texts[i]);
        cr_assert_eq(config->heartbeat_ms, 15000);
        config_free(config);
    }
}

Test(load, unreadable_files_are_named) {
    struct config *config;
    struct report report = {0};
    struct config_flags flags = {.file = "/nonexistent/t.yml"};
    cr_assert_eq(load_config(&config, &flags, &report), ERR_NOT_FOUND);
    cr_assert(strstr(report.text, "/nonexistent/t.yml: No such file"), "%s", report.text);
    flags.file = config_dir;
    cr_assert_eq(load_config(&config, &flags, &report), ERR_IO);
    cr_assert(strstr(report.text, "Is a directory"), "%s", report.text);
    char *big = malloc(LIMIT_CONFIG_BYTES + 1);
    memset(big, '#', LIMIT_CONFIG_BYTES + 1);
    config_write(config_file, (struct str){big, LIMIT_CONFIG_BYTES + 1});
    flags.file = config_file;
    cr_assert_eq(load_config(&config, &flags, &report), ERR_INVALID);
    cr_assert(strstr(report.text, "longer than"), "%s", report.text);
    free(big);
    config_write(config_file, STR("listen: \xff\xfe\n"));
    cr_assert_eq(load_config(&config, &flags, &report), ERR_INVALID);
    cr_assert(strstr(report.text, "t.yml:1:9: not text in UTF-8"), "%s", report.text);
}

Test(load, no_cut_or_bent_file_crashes) {
    char *all = config_uncommented_example();
    size_t len = strlen(all);
    for (size_t cut = 0; cut < len; cut += 37) {
        struct config *config;
        struct report report = {0};
        config_write(config_file, (struct str){all, cut});
        struct config_flags flags = {.file = config_file};
        if (load_config(&config, &flags, &report) == 0) {
            config_free(config);
        } else {
            cr_assert(report.text[0]);
        }
    }
    unsigned random = 1;
    for (int i = 0; i < 500; i++) {
        char *bent = strdup(all);
        for (int flip = 0; flip < 3; flip++) {
            random = random * 1103515245 + 12345;
            bent[(random >> 8) % len] = "\n\t :-#[]{}\"'&*!|>%@`,?x\0\xff"[(random >> 24) % 25];
        }
        struct config *config;
        struct report report = {0};
        config_write(config_file, (struct str){bent, len});
        struct config_flags flags = {.file = config_file};
        if (load_config(&config, &flags, &report) == 0) config_free(config);
        free(bent);
    }
    free(all);
}

Test(load, without_keys_only_this_machine_is_served) {
    const char *far[] = {"0.0.0.0:80", ":80", "[::]:80", "192.0.2.1:80", "[2001:db8::1]:80"};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        config_refused_flags((struct config_flags){.listen = far[i]}, NULL,
                             "--listen: ", "TAILRACE_ADMIN_KEY");
        struct config *config =
            config_of_flags((struct config_flags){.listen = far[i], .open = true}, NULL);
        cr_assert_str_eq(config->listen, far[i]);
        cr_assert(config->auth.open);
        config_free(config);
        setenv("TAILRACE_KEY", "0123456789", 1);
        config = config_of_flags((struct config_flags){.listen = far[i]}, NULL);
        cr_assert(!config->auth.open);
        config_free(config);
        unsetenv("TAILRACE_KEY");
    }
    const char *near[] = {"127.0.0.1:0", "127.1.2.3:80", "[::1]:80", "[::ffff:127.0.0.1]:1"};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        struct config *config = config_of_flags((struct config_flags){.listen = near[i]}, NULL);
        cr_assert_str_eq(config->listen, near[i]);
        config_free(config);
    }
    struct config *config = config_of("anonymous: {subscribe: [\"a/*\"]}\nlisten: \":80\"\n");
    cr_assert(!config->auth.open);
    config_free(config);
    config_refused("metrics: {listen: \"0.0.0.0:9\"}\n",
                   "1:19: metrics.listen: 0.0.0.0:9 can be reached", "--open");
}

Test(load, refuses_what_is_no_address) {
    const char *bad[] = {
        "8080",    "localhost", "example.com:80", "127.0.0.1:", "127.0.0.1:65536", "1.2.3:80",
        "[::1:80", "::1:80",    "[]:80",          "[::1]80",    "127.0.0.1:80x",   "127.0.0.1:-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        config_refused_flags((struct config_flags){.listen = bad[i]}, NULL,
                             "--listen: ", "is not ADDRESS");
    }
    struct config *config = config_of("listen: localhost:80\n");
    cr_assert_str_eq(config->listen, "127.0.0.1:80");
    config_free(config);
    config_refused("listen: 127.0.0.1:8080\nmetrics: {listen: \"localhost:8080\"}\n",
                   "2:19: metrics.listen", "main listener");
}

Test(load, honours_port) {
    setenv("PORT", "4711", 1);
    struct config *config = config_of("listen: 127.0.0.2:1\n");
    cr_assert_str_eq(config->listen, "127.0.0.2:4711");
    config_free(config);
    config = config_of(NULL);
    cr_assert_str_eq(config->listen, "127.0.0.1:4711");
    cr_assert_eq(config->warnings_count, 1);
    config_free(config);
    config = config_of_flags((struct config_flags){.open = true}, NULL);
    cr_assert_str_eq(config->listen, ":4711");
    config_free(config);
    config = config_of_flags((struct config_flags){.listen = "127.0.0.1:5"}, NULL);
    cr_assert_str_eq(config->listen, "127.0.0.1:5");
    config_free(config);
    setenv("TAILRACE_KEY", "0123456789", 1);
    config = config_of(NULL);
    cr_assert_str_eq(config->listen, ":4711");
    config_free(config);
    setenv("TAILRACE_LISTEN", "127.0.0.1:6", 1);
    config = config_of(NULL);
    cr_assert_str_eq(config->listen, "127.0.0.1:6");
    config_free(config);
    unsetenv("TAILRACE_LISTEN");
    setenv("PORT", "http", 1);
    config_refused(NULL, "PORT: \"http\" is not a port", "65535");
}

Test(load, origins_may_come_from_the_environment) {
    setenv("TAILRACE_ORIGINS", "https://a.test, https://*.b.test,", 1);
    struct config *config = config_of("origins: [\"*\"]\n");
    cr_assert_eq(config->origins_count, 2);
    cr_assert_str_eq(config->origins[0], "https://a.test");
    cr_assert_str_eq(config->origins[1], "https://*.b.test");
    config_free(config);
}

Test(load, the_data_directory_has_a_default) {
    struct config *config = config_of("data: /srv/x\n");
    cr_assert_str_eq(config->data, "/srv/x");
    config_free(config);
    setenv("XDG_STATE_HOME", "/state", 1);
    config = config_of(NULL);
    cr_assert_str_eq(config->data, geteuid() == 0 ? "/var/lib/tailrace" : "/state/tailrace");
    config_free(config);
}

Test(load, the_example_changes_nothing) {
    struct config *defaults = config_of(NULL);
    struct config *example = config_of_flags((struct config_flags){.file = EXAMPLE}, NULL);
    for (const struct option_row *row = schema_hub; row->path; row++) {
        cr_assert(option_same(row, defaults, example), "%s", row->path);
    }
    cr_assert(example->auth.open);
    cr_assert_eq(example->sources_count + example->routes_count + example->origins_count +
                     example->policy.rules_count,
                 defaults->policy.rules_count);
    config_free(defaults);
    config_free(example);
}

Test(load, the_examples_in_its_comments_are_good) {
    char *all = config_uncommented_example();
    setenv("OPS_KEY", "operators-key", 1);
    config_write(config_other, STR("ci-secret\n"));
    char *path = strstr(all, "/etc/tailrace/ci.key");
    cr_assert_not_null(path);
    struct buf whole;
    buf_init(&whole, 200000);
    buf_append(&whole, all, (size_t)(path - all));
    buf_append_str(&whole, str_from(config_other));
    buf_append_str(&whole, str_from(path + strlen("/etc/tailrace/ci.key")));
    struct config *config = config_of(buf_cstr(&whole));
    cr_assert_eq(config->auth.keys_count, 3);
    cr_assert_str_eq(config->auth.keys[0].secret, "ci-secret");
    cr_assert_str_eq(config->auth.keys[2].secret, "operators-key");
    cr_assert_eq(config->auth.anonymous.subscribe_count, 1);
    cr_assert_eq(config->origins_count, 2);
    cr_assert_eq(config->sources_count, 3);
    cr_assert_eq(config->routes_count, 1);
    cr_assert_eq(config->policy.rules[1].keep, 1);
    cr_assert(config->policy.rules[2].memory);
    cr_assert(!config->auth.open);
    config_free(config);
    buf_fini(&whole);
    free(all);
}
