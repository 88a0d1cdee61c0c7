// SPDX-License-Identifier: MIT
// Configurations of sources: what is refused and which option is blamed, copying, comparing.
#include "source/check.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/limits.h"
#include "source/source_priv.h"

static struct source_config file(void) {
    return (struct source_config){.kind = SOURCE_FILE,
                                  .topic = "logs/{name}",
                                  .type = "",
                                  .path = "/var/log/a.log",
                                  .backfill_lines = 1000,
                                  .line_bytes_max = 1 << 20};
}

static const char *const words[] = {"a", "b", "c"};

static struct source_config simulation(void) {
    return (struct source_config){.kind = SOURCE_SIMULATE,
                                  .topic = "s",
                                  .type = "",
                                  .path = "",
                                  .words = words,
                                  .words_count = 3,
                                  .interval_min_ms = 1,
                                  .interval_max_ms = 2};
}

static void take(struct source_config config) {
    char option[SOURCE_OPTION_BYTES];
    struct report report = {0};
    cr_assert_eq(source_check(&config, option, &report), 0, "%s: %s", option, report.text);
    cr_assert_str_eq(option, "");
}

static void refuse(struct source_config config, const char *wrong, const char *why) {
    char option[SOURCE_OPTION_BYTES];
    struct report report = {0};
    cr_assert_eq(source_check(&config, option, &report), ERR_INVALID, "%s", wrong);
    cr_assert_str_eq(option, wrong);
    cr_assert(strstr(report.text, why), "%s", report.text);
}

Test(check, files) {
    struct source_config config = file();
    take(config);
    config.path = "/var/log/*.log";
    take(config);
    config.topic = "logs";
    refuse(config, "topic", "needs {name}, {stem} or {path}");
    config.path = "/srv/*/app-2026.log";
    refuse(config, "topic", "needs {name}, {stem} or {path}");
    config.path = "/var/log/app-*.log";
    take(config);
    config.path = "/var/log/[0-9]*.log";
    take(config);
    config = file();
    config.path = "";
    refuse(config, "file", "empty");
    config.path = NULL;
    refuse(config, "file", "empty");
    char path[5000];
    snprintf(path, sizeof path, "/%04500d", 0);
    config.path = path;
    refuse(config, "file", "longer than 4095");
    config = file();
    config.line_bytes_max = 63;
    refuse(config, "line_bytes", "from 64 to 16383KB");
    config.line_bytes_max = LIMIT_DATA_BYTES;
    refuse(config, "line_bytes", "from 64 to 16383KB");
    config = file();
    config.backfill_lines = SOURCE_BACKFILL_ALL;
    take(config);
    config.backfill_lines = 1000000001;
    refuse(config, "backfill", "or all");
}

Test(check, topics) {
    struct source_config config = file();
    const char *good[] = {"a", "{stem}/{path}", "x{name}y"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        config.topic = good[i];
        take(config);
    }
    const char *const bad[][2] = {{"", "needs a topic"},
                                  {"a/*", "segment may not be *"},
                                  {"a/{nam}", "unknown placeholder"},
                                  {"{", "unknown placeholder"},
                                  {"$sys/{name}", "$sys/ are reserved"},
                                  {"a\nb", "control character"},
                                  {"../{name}", ". or .."},
                                  {"a/./{path}", ". or .."}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        config.topic = bad[i][0];
        refuse(config, "topic", bad[i][1]);
    }
    config = simulation();
    config.topic = "s/{name}";
    refuse(config, "topic", "only for files");
    config.topic = NULL;
    refuse(config, "topic", "needs a topic");
}

Test(check, names_of_files_never_make_segments_that_urls_lose) {
    static const char *const cases[][3] = {{"logs/{path}", "../shop/app.log", "logs/shop/app.log"},
                                           {"logs/{path}", "./app.log", "logs/app.log"},
                                           {"{path}", "/var/./log/../x.log", "var/log/x.log"},
                                           {"{path}", "/a//b/...", "a//b/..."},
                                           {"logs/{stem}", "/a/..log", "logs/..log"},
                                           {"logs/{stem}", "/a/...x", "logs/...x"},
                                           {"logs/{stem}", "/a/.x.log", "logs/.x"},
                                           {"logs/{name}", "/a/..", "logs/"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *topic;
        cr_assert_eq(source_topic(cases[i][0], cases[i][1], 1, &topic, NULL), 0, "%s", cases[i][1]);
        cr_assert_str_eq(topic, cases[i][2]);
        free(topic);
    }
}

Test(check, types) {
    struct source_config config = file();
    config.type = "line";
    take(config);
    config.type = NULL;
    take(config);
    char type[LIMIT_TYPE_BYTES + 2];
    memset(type, 'x', sizeof type);
    type[LIMIT_TYPE_BYTES + 1] = '\0';
    config.type = type;
    refuse(config, "type", "one line of at most 255 bytes");
    type[LIMIT_TYPE_BYTES] = '\0';
    take(config);
    const char *bad[] = {"a\nb", "a\rb", "\xff", "tailrace.x", "error", "open"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        config.type = bad[i];
        refuse(config, "type", "event type");
    }
}

Test(check, simulations) {
    struct source_config config = simulation();
    take(config);
    config.path = "lines.txt";
    refuse(config, "simulate", "exactly one of words and file");
    config.words_count = 0;
    take(config);
    config.path = "";
    refuse(config, "simulate", "exactly one of words and file");
    config = simulation();
    config.interval_min_ms = 3;
    refuse(config, "simulate.interval", "from 1ms to 1d");
    config.interval_min_ms = 0;
    refuse(config, "simulate.interval", "from 1ms to 1d");
    static const char *const bad[] = {"a", "\xff"};
    config = simulation();
    config.words = bad;
    config.words_count = 2;
    refuse(config, "simulate.words[1]", "UTF-8");
}

Test(check, standard_input) {
    struct source_config config = {.kind = SOURCE_STDIN, .topic = "in", .line_bytes_max = 64};
    take(config);
    config.topic = "{name}";
    refuse(config, "topic", "only for files");
    config.line_bytes_max = 1;
    refuse(config, "line_bytes", "from 64");
}

Test(check, a_copy_is_equal_until_a_member_changes) {
    const struct source_config from[] = {
        file(), simulation(), {.kind = SOURCE_STDIN, .topic = "in", .line_bytes_max = 64}};
    for (size_t i = 0; i < 3; i++) {
        struct source_config to;
        cr_assert_eq(source_config_copy(&to, &from[i]), 0);
        cr_assert(source_config_equal(&to, &from[i]));
        cr_assert_neq(to.topic, from[i].topic);
        for (const struct option_row *row = source_options; row->path; row++) {
            struct source_config changed = to;
            if (!option_applies(row, to.kind)) continue;
            memset((char *)&changed + row->offset, 0, row->size);
            if (row->kind == OPTION_TEXTS) option_set_texts(row, &changed, NULL, 0);
            bool same = option_same(row, &changed, &to);
            cr_assert_eq(source_config_equal(&changed, &to), same, "%s", row->path);
        }
        source_config_free(&to);
    }
    cr_assert_not(source_config_equal(&from[0], &from[1]));
}
