// SPDX-License-Identifier: MIT
// Topic rules, routes and sources of a file and of the command line.
#include "config/content.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "support.h"

TestSuite(content, .init = config_setup, .fini = config_teardown);

Test(content, topic_rules) {
    struct config *config =
        config_of("topics:\n- {match: \"a/**\", retention: {age: 1d, bytes: 1MB}}\n"
                  "- {match: b, durability: memory, keep: 5}\n");
    cr_assert_eq(config->policy.rules[0].keep, 0);
    cr_assert_eq(config->policy.rules[1].keep, 5);
    // The last is built in.
    cr_assert_eq(config->policy.rules_count, 3);
    cr_assert_str_eq(config->policy.rules[2].pattern, "status/**");
    cr_assert_eq(config->policy.rules[2].keep, 1);
    cr_assert_str_eq(config->policy.rules[0].pattern, "a/**");
    cr_assert_eq(config->policy.rules[0].retention.age_max_ms, 86400000);
    cr_assert_eq(config->policy.rules[0].retention.bytes_max, 1 << 20);
    cr_assert_eq(config->policy.rules[0].retention.count_max, 0);
    cr_assert(!config->policy.rules[0].memory);
    cr_assert(config->policy.rules[1].memory);
    config_free(config);
    config_refused("topics:\n- {durability: disk}\n",
                   "2:3: topics[0]: match is missing, for example match: \"builds/**\"", "");
    config_refused("topics:\n- {match: \"\"}\n",
                   "2:11: topics[0].match: the topic pattern is empty", "");
    config_refused("topics:\n- {match: a, durability: ram}\n", "2:26: topics[0].durability",
                   "disk|memory");
    config_refused("topics:\n- match: a\n  retention:\n    age: 1\n",
                   "4:10: topics[0].retention.age", "duration");
}

Test(content, routes) {
    struct config *config =
        config_of("routes:\n- {path: /api/StreamLogs, to: \"/t/logs/a?last=all&pace=2s\"}\n"
                  "- {path: /api/all, to: \"/events?last=5&topic=**\"}\n");
    cr_assert_eq(config->routes_count, 2);
    cr_assert_str_eq(config->routes[0].path, "/api/StreamLogs");
    cr_assert_str_eq(config->routes[0].target, "/t/logs/a?last=all&pace=2s");
    config_free(config);
    const char *paths[] = {
        "",          "api",         "/t/x",     "/events", "/topics",   "/healthz",     "/readyz",
        "/",         "/version",    "/metrics", "/backup", "/position", "/tailrace.js", "/livez",
        "/assets/x", "/index.html", "/kit",     "/kit/x",  "/access",   "/a?b",         "/a b",
        "/é"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "routes:\n- {path: \"%s\", to: /t/a}\n", paths[i]);
        config_refused(text, "2:10: routes[0].path: ", "");
    }
    const char *targets[] = {"",           "/t/",
                             "/t/?last=1", "/topics",
                             "/events",    "/events?last=1",
                             "t/a",        "https://a.test/t/a",
                             "/t/a b"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "routes:\n- {path: /a, to: \"%s\"}\n", targets[i]);
        config_refused(text, "2:18: routes[0].to: ", "is not a subscription; for example");
    }
    config_refused("routes:\n- {path: /a, to: /t/a}\n- {path: /a, to: /t/b}\n",
                   "3:10: routes[1].path", "given twice");
}

Test(content, sources) {
    struct config *config = config_of(
        "sources:\n- file: /var/log/a.log\n"
        "- {file: \"/var/log/*.log\", topic: \"x/{stem}\", type: line, backfill: all, "
        "line_bytes: 4KB, follow_symlinks: true}\n"
        "- {simulate: {words: [a, b], interval: 1s..2s, order: shuffle, repeat: no}, topic: s}\n"
        "- {simulate: {file: words.txt}, topic: s/2}\n");
    cr_assert_eq(config->sources_count, 4);
    const struct source_config *s = config->sources;
    cr_assert_eq(s[0].kind, SOURCE_FILE);
    cr_assert_str_eq(s[0].topic, "logs/{name}");
    cr_assert_str_eq(s[0].type, "");
    cr_assert_eq(s[0].backfill_lines, 1000);
    cr_assert_eq(s[0].line_bytes_max, 1 << 20);
    cr_assert_str_eq(s[1].topic, "x/{stem}");
    cr_assert_str_eq(s[1].type, "line");
    cr_assert_eq(s[1].backfill_lines, SOURCE_BACKFILL_ALL);
    cr_assert_eq(s[1].line_bytes_max, 4096);
    cr_assert(s[1].follow_symlinks);
    cr_assert_eq(s[2].kind, SOURCE_SIMULATE);
    cr_assert_eq(s[2].words_count, 2);
    cr_assert_str_eq(s[2].words[1], "b");
    cr_assert_eq(s[2].interval_min_ms, 1000);
    cr_assert_eq(s[2].interval_max_ms, 2000);
    cr_assert(s[2].shuffle && !s[2].repeat);
    cr_assert_str_eq(s[2].path, "");
    cr_assert_str_eq(s[3].path, "words.txt");
    cr_assert_eq(s[3].interval_max_ms, 15000);
    cr_assert(!s[3].shuffle && s[3].repeat);
    config_free(config);
}

Test(content, sources_of_the_command_line_are_added) {
    const char *files[] = {"a.log", "b.log"};
    struct config_flags flags = {.log_files = files, .log_files_count = 2, .log_stdin = true};
    struct config *config = config_of_flags(flags, "sources: [{file: c.log}]\n");
    cr_assert_eq(config->sources_count, 4);
    cr_assert_str_eq(config->sources[0].path, "c.log");
    cr_assert_str_eq(config->sources[2].path, "b.log");
    cr_assert_str_eq(config->sources[2].topic, "logs/{name}");
    cr_assert_eq(config->sources[3].kind, SOURCE_STDIN);
    cr_assert_str_eq(config->sources[3].topic, "logs/stdin");
    config_free(config);
    config_refused_flags(flags, "sources: [{file: b.log}]\n",
                         "LOGFILE: \"b.log\" is followed twice", "");
}

Test(content, line_bytes_follow_event_bytes) {
    struct config *config = config_of("limits: {event_bytes: 2KB}\nsources: [{file: a}]\n");
    cr_assert_eq(config->sources[0].line_bytes_max, 2048);
    config_free(config);
    config_refused("limits: {event_bytes: 2KB}\nsources:\n- {file: a, line_bytes: 4KB}\n",
                   "3:25: sources[0].line_bytes: \"4KB\" is more than limits.event_bytes", "");
}

Test(content, bad_sources_are_found) {
    config_refused("sources:\n- {topic: a}\n", "2:3: sources[0]: a source needs exactly one", "");
    config_refused("sources:\n- {file: a, simulate: {words: [a]}, topic: a}\n",
                   "2:3: sources[0]: a source", "");
    config_refused("sources:\n- {file: \"\"}\n", "2:10: sources[0].file", "empty");
    config_refused("sources:\n- {file: \"/l/*.log\", topic: logs/all}\n", "2:29: sources[0].topic",
                   "{name}");
    config_refused("sources:\n- {file: a, topic: \"a/*\"}\n", "2:20: sources[0].topic", "*");
    config_refused("sources:\n- {file: a, topic: $sys/x}\n", "2:20: sources[0].topic", "$sys/");
    config_refused("sources:\n- {file: a, topic: \"a/{nam}\"}\n", "2:20: sources[0].topic",
                   "{stem}");
    config_refused("sources:\n- {file: a, type: tailrace.x}\n", "2:19: sources[0].type",
                   "reserved");
    config_refused("sources:\n- {file: a, backfill: some}\n", "2:23: sources[0].backfill",
                   "number");
    config_refused("sources:\n- file: a\n- file: a\n",
                   "3:9: sources[1].file: \"a\" is followed twice", "");
    config_refused("sources:\n- {simulate: {words: [a]}}\n",
                   "2:3: sources[0]: a simulation needs a topic", "");
    config_refused("sources:\n- {simulate: {interval: 1s}, topic: a}\n",
                   "2:14: sources[0].simulate: give", "words and file");
    config_refused("sources:\n- {simulate: {words: [a], interval: 2s..1s}, topic: a}\n",
                   "2:37: sources[0].simulate.interval", "5s..15s");
    config_refused("sources:\n- {simulate: {words: [a], interval: 1s..2d}, topic: a}\n",
                   "2:37: sources[0].simulate.interval", "to 1d");
    config_refused("sources:\n- {simulate: {words: [a], interval: 0}, topic: a}\n",
                   "2:37: sources[0].simulate.interval", "5s..15s");
    config_refused("sources:\n- {simulate: {words: [a]}, topic: \"s/{name}\"}\n",
                   "2:35: sources[0].topic", "only for files");
    config_refused("sources:\n- {simulate: {words: [a]}, topic: s, backfill: 1}\n",
                   "2:48: sources[0].backfill", "only for files");
}
