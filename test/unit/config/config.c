// SPDX-License-Identifier: MIT
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "config/config_priv.h"

#define EXAMPLE "packaging/tailrace.yml"
#define MANUAL "doc/CONFIGURATION.md"

static char dir[] = "/tmp/tailrace-config-XXXXXX";
static char file[64], other[64];

static void unset(const char *prefix) {
    for (char **entry = environ; *entry;) {
        if (strncmp(*entry, prefix, strlen(prefix))) {
            entry++;
            continue;
        }
        char *name = strndup(*entry, strcspn(*entry, "="));
        unsetenv(name);
        free(name);
    }
}

static void setup(void) {
    unset("TAILRACE_");
    unsetenv("PORT");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/t.yml", dir);
    snprintf(other, sizeof other, "%s/other", dir);
}

static void teardown(void) {
    unlink(file);
    unlink(other);
    rmdir(dir);
}

TestSuite(config, .init = setup, .fini = teardown);

static void write_file(const char *path, struct str text) {
    FILE *out = fopen(path, "w");
    cr_assert_not_null(out);
    fwrite(text.ptr, 1, text.len, out);
    fclose(out);
    chmod(path, 0600);
}

static struct config *load_flags(struct config_flags flags, const char *text) {
    if (text) {
        write_file(file, str_from(text));
        flags.file = file;
    }
    struct config *config = NULL;
    struct report report = {0};
    cr_assert_eq(config_load(&config, &flags, &report), 0, "%s", report.text);
    return config;
}

static struct config *load(const char *text) { return load_flags((struct config_flags){0}, text); }

// Refused, at `place` ("3:5: key"), with `part` in the message.
static void refuse_flags(struct config_flags flags, const char *text, const char *place,
                         const char *part) {
    struct config *config = (struct config *)file;
    struct report report = {0};
    if (text) {
        write_file(file, str_from(text));
        flags.file = file;
    }
    cr_assert_eq(config_load(&config, &flags, &report), ERR_INVALID, "taken: %s", text);
    cr_assert_eq((void *)config, (void *)file);
    char start[160];
    bool line = place[0] >= '0' && place[0] <= '9';
    snprintf(start, sizeof start, "%s%s%s", line ? file : "", line ? ":" : "", place);
    cr_assert(str_starts(str_from(report.text), str_from(start)), "\n%s\nis not at %s", report.text,
              start);
    cr_assert(strstr(report.text, part), "\n%s\ndoes not say: %s", report.text, part);
    cr_assert(!line || (report.line == (unsigned)atoi(place) && report.column > 0));
}

static void refuse(const char *text, const char *place, const char *part) {
    refuse_flags((struct config_flags){0}, text, place, part);
}

// --- defaults and the example ---

static struct str read_whole(const char *path) {
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in, "%s: run the tests from the top of the repository", path);
    static char text[200000];
    size_t len = fread(text, 1, sizeof text, in);
    fclose(in);
    return (struct str){strndup(text, len), len};
}

Test(config, defaults_are_those_of_the_table) {
    struct config *config = load(NULL);
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

Test(config, every_default_is_within_its_bounds) {
    for (size_t i = 0; i < OPTION_COUNT + ENTRY_OPTION_COUNT; i++) {
        const struct option *option =
            i < OPTION_COUNT ? &config_options[i] : &config_entry_options[i - OPTION_COUNT];
        if (option->kind == OPTION_TEXT || option->kind == OPTION_LIST) continue;
        uint64_t value;
        struct report report = {0};
        cr_assert_eq(option_parse(option, str_from(option->fallback), &value, &report), 0, "%s: %s",
                     option->path, report.text);
    }
}

static int parse_number(const struct option *option, uint64_t number) {
    char text[32];
    uint64_t value;
    snprintf(text, sizeof text, "%llu%s", (unsigned long long)number,
             option->kind == OPTION_DURATION ? "ms" : "");
    return option_parse(option, str_from(text), &value, NULL);
}

Test(config, bounds_are_exact) {
    for (size_t i = 0; i < OPTION_COUNT + ENTRY_OPTION_COUNT; i++) {
        const struct option *option =
            i < OPTION_COUNT ? &config_options[i] : &config_entry_options[i - OPTION_COUNT];
        if (option->max == 0) continue;
        cr_assert_eq(parse_number(option, option->min), 0, "%s", option->path);
        cr_assert_eq(parse_number(option, option->max), 0, "%s", option->path);
        cr_assert_eq(parse_number(option, option->max + 1), ERR_INVALID, "%s", option->path);
        cr_assert_eq(parse_number(option, 0), option->zero ? 0 : ERR_INVALID, "%s", option->path);
        if (option->min > 1) {
            cr_assert_eq(parse_number(option, option->min - 1), ERR_INVALID, "%s", option->path);
        }
    }
}

Test(config, the_example_lists_every_option_with_its_default) {
    struct str text = read_whole(EXAMPLE);
    struct config_yaml *yaml;
    struct report report = {0};
    cr_assert_eq(config_yaml_load(&yaml, text, EXAMPLE, &report), 0, "%s", report.text);
    const struct raw_config *raw = config_yaml_raw(yaml);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &config_options[i];
        char help[256];
        snprintf(help, sizeof help, "# %s\n", option->help);
        cr_assert(strstr(text.ptr, help), "%s has no line:\n%s", EXAMPLE, help);
        if (option->kind == OPTION_LIST) continue;
        const struct raw_values *values =
            option->section == SECTION_ROOT ? &raw->root : raw->sections[option->section];
        cr_assert(values && values->values[i], "%s lacks %s", EXAMPLE, option->path);
        cr_assert_str_eq(values->values[i], option->fallback, "%s: %s", EXAMPLE, option->path);
    }
    for (size_t i = 0; i < ENTRY_OPTION_COUNT; i++) {
        char help[256];
        snprintf(help, sizeof help, "# %s\n", config_entry_options[i].help);
        cr_assert(strstr(text.ptr, help), "%s has no line:\n%s", EXAMPLE, help);
    }
    config_yaml_free(yaml);
    free((char *)text.ptr);
}

Test(config, the_example_changes_nothing) {
    struct config *defaults = load(NULL);
    struct config *example = load_flags((struct config_flags){.file = EXAMPLE}, NULL);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        cr_assert(option_same(&config_options[i], defaults, example), "%s", config_options[i].path);
    }
    cr_assert(example->auth.open);
    cr_assert_eq(example->sources_count + example->routes_count + example->origins_count +
                     example->policy.rules_count,
                 0);
    config_free(defaults);
    config_free(example);
}

// "# keys:" and the lines under it become live, "keys: []" goes.
static char *uncomment_examples(struct str text) {
    struct buf out;
    buf_init(&out, 200000);
    bool block = false;
    while (text.ptr) {
        struct str line = str_cut(&text, '\n');
        bool head = line.len > 3 && str_starts(line, STR("# ")) && line.ptr[2] != ' ' &&
                    line.ptr[line.len - 1] == ':' && !memchr(line.ptr + 2, ' ', line.len - 2);
        block = head || (block && str_starts(line, STR("#  ")));
        if (block) line = (struct str){line.ptr + 2, line.len - 2};
        static const char *const empty[] = {
            "keys: []",   "sources: []", "origins: []",
            "routes: []", "topics: []",  "anonymous: {publish: [], subscribe: []}"};
        bool skip = false;
        for (size_t i = 0; i < 6; i++) skip |= str_equal(line, str_from(empty[i]));
        if (skip) continue;
        buf_append_str(&out, line);
        buf_append_char(&out, '\n');
    }
    char *result = strdup(buf_cstr(&out));
    buf_fini(&out);
    return result;
}

Test(config, the_examples_in_its_comments_are_good) {
    struct str text = read_whole(EXAMPLE);
    char *all = uncomment_examples(text);
    setenv("OPS_KEY", "operators-key", 1);
    write_file(other, STR("ci-secret\n"));
    char *path = strstr(all, "/etc/tailrace/ci.key");
    cr_assert_not_null(path);
    struct buf whole;
    buf_init(&whole, 200000);
    buf_append(&whole, all, (size_t)(path - all));
    buf_append_str(&whole, str_from(other));
    buf_append_str(&whole, str_from(path + strlen("/etc/tailrace/ci.key")));
    struct config *config = load(buf_cstr(&whole));
    cr_assert_eq(config->auth.keys_count, 3);
    cr_assert_str_eq(config->auth.keys[0].secret, "ci-secret");
    cr_assert_str_eq(config->auth.keys[2].secret, "operators-key");
    cr_assert_eq(config->auth.anonymous.subscribe_count, 1);
    cr_assert_eq(config->origins_count, 2);
    cr_assert_eq(config->sources_count, 2);
    cr_assert_eq(config->routes_count, 1);
    cr_assert_eq(config->policy.rules_count, 2);
    cr_assert(config->policy.rules[1].memory);
    cr_assert(!config->auth.open);
    config_free(config);
    buf_fini(&whole);
    free(all);
    free((char *)text.ptr);
}

Test(config, the_manual_lists_every_option_with_its_default) {
    struct str text = read_whole(MANUAL);
    for (size_t i = 0; i < OPTION_COUNT + ENTRY_OPTION_COUNT; i++) {
        const struct option *option =
            i < OPTION_COUNT ? &config_options[i] : &config_entry_options[i - OPTION_COUNT];
        char row[512];
        snprintf(row, sizeof row, "| `%s` | `%s` | %s | %s |\n", option->path,
                 *option->fallback ? option->fallback : "\"\"", option->reload ? "" : "restart",
                 option->help);
        cr_assert(strstr(text.ptr, row), "%s has no line:\n%s", MANUAL, row);
    }
    free((char *)text.ptr);
}

// --- precedence ---

Test(config, flags_win_over_environment_over_file_over_defaults) {
    const char *text = "listen: 127.0.0.1:1\nlog: {level: info}\nstream: {heartbeat: 1s}\n";
    struct config *config = load(text);
    cr_assert_str_eq(config->listen, "127.0.0.1:1");
    cr_assert_eq(config->log_level, LOG_INFO);
    config_free(config);
    setenv("TAILRACE_LISTEN", "127.0.0.1:2", 1);
    setenv("TAILRACE_LOG_LEVEL", "debug", 1);
    setenv("TAILRACE_STREAM_HEARTBEAT", "", 1);
    config = load(text);
    cr_assert_str_eq(config->listen, "127.0.0.1:2");
    cr_assert_eq(config->log_level, LOG_DEBUG);
    cr_assert_eq(config->heartbeat_ms, 1000, "an empty variable says nothing");
    config_free(config);
    config = load_flags((struct config_flags){.listen = "127.0.0.1:3", .log_level = "error"}, text);
    cr_assert_str_eq(config->listen, "127.0.0.1:3");
    cr_assert_eq(config->log_level, LOG_ERROR);
    config_free(config);
}

Test(config, every_scalar_has_a_variable_that_is_checked) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &config_options[i];
        if (!strcmp(option->path, "data")) continue;
        char name[64], place[80];
        option_env_name(option, name);
        snprintf(place, sizeof place, "%s: \"!\"", name);
        if (option->kind == OPTION_LIST) snprintf(place, sizeof place, "%s: origin \"!\"", name);
        setenv(name, "!", 1);
        refuse(NULL, place, "");
        unsetenv(name);
    }
}

Test(config, bad_flags_are_named) {
    refuse_flags((struct config_flags){.listen = "abc"}, NULL,
                 "--listen: \"abc\" is not ADDRESS:PORT", "for example 127.0.0.1:8080");
    refuse_flags((struct config_flags){.log_format = "xml"}, NULL, "--log-format: \"xml\"",
                 "logfmt|json");
}

Test(config, the_file_may_be_named_by_the_environment) {
    write_file(file, STR("workers: 3\n"));
    setenv("TAILRACE_CONFIG", file, 1);
    struct config *config = load(NULL);
    cr_assert_eq(config->workers, 3);
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
}

Test(config, unknown_variables_are_warned_about_without_their_value) {
    setenv("TAILRACE_LISTNE", "hunter2", 1);
    struct config *config = load(NULL);
    cr_assert_eq(config->warnings_count, 1);
    cr_assert(strstr(config->warnings[0], "\"TAILRACE_LISTNE\""), "%s", config->warnings[0]);
    cr_assert(!strstr(config->warnings[0], "hunter2"));
    config_free(config);
}

// --- the file ---

Test(config, empty_files_and_empty_sections_say_nothing) {
    const char *texts[] = {"",
                           "\n",
                           "# nothing\n",
                           "---\n",
                           "stream:\nkeys:\nanonymous:\nsources:\n",
                           "stream: {}\nkeys: []\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config *config = load(texts[i]);
        cr_assert_eq(config->heartbeat_ms, 15000);
        config_free(config);
    }
}

Test(config, mistakes_in_the_file_are_found_where_they_are) {
    refuse("listen: abc\n", "1:9: listen: \"abc\" is not ADDRESS:PORT", "127.0.0.1:8080");
    refuse("\nstream:\n  retry: 1s\n  hartbeat: 1s\n", "4:3: stream: unknown key \"hartbeat\"",
           "heartbeat, retry");
    refuse("open: false\nlissten: x\n", "2:1: unknown key \"lissten\"", "listen, data");
    refuse("keys:\n  - name: a\n    scret: verysecret\n", "3:5: keys[0]: unknown key \"scret\"",
           "secret_file");
    refuse("stream:\n  heartbeat: 15\n", "2:14: stream.heartbeat: \"15\" is not a duration",
           "from 100ms to 1h");
    refuse("stream: {heartbeat: 2h}\n", "1:21: stream.heartbeat: \"2h\" is out of bounds", "1h");
    refuse("limits:\n  event_bytes: 17MB\n", "2:16: limits.event_bytes:", "to 16MB");
    refuse("limits:\n  event_bytes: 8MB\n  queue_bytes: 4MB\n", "2:16: limits.event_bytes",
           "limits.queue_bytes");
    refuse("workers: -1\n", "1:10: workers: \"-1\" is not a number", "0, or from 1 to 256");
    refuse("workers: [1]\n", "1:10: workers: a single value", "");
    refuse("stream: 5\n", "1:9: stream: a set of \"key: value\" lines", "");
    refuse("keys: {a: b}\n", "1:7: keys: a list", "");
    refuse("keys:\n  - abc\n", "2:5: keys[0]: a set of", "");
    refuse("- a\n", "1:1: a set of", "");
    refuse("open: maybe\n", "1:7: open: \"maybe\" is not true or false", "");
    refuse("log:\n  level: loud\n", "2:10: log.level: \"loud\" is not one of", "error|warn");
    refuse("workers: 1\nopen: true\nworkers: 2\n", "3:10: workers: this key stands here twice", "");
    refuse("stream:\n\tretry: 1s\n", "2:1: not YAML", "");
    refuse("listen: \"abc\n", "2:1: not YAML", "");
    refuse("a: &x 1\nb: *x\n", "2:4: aliases", "");
    refuse("workers: 1\n---\nworkers: 2\n", "2:1: a second document", "");
    refuse("? [a]\n: 1\n", "1:3: a key must be", "");
    refuse("listen: \"a\\0b\"\n", "1:9: this text has a NUL", "");
    refuse("a: [[[[[[[[[[1]]]]]]]]]]\n", "1:11: this is nested too deeply", "");
}

Test(config, unreadable_files_are_named) {
    struct config *config;
    struct report report = {0};
    struct config_flags flags = {.file = "/nonexistent/t.yml"};
    cr_assert_eq(config_load(&config, &flags, &report), ERR_NOT_FOUND);
    cr_assert(strstr(report.text, "/nonexistent/t.yml: No such file"), "%s", report.text);
    flags.file = dir;
    cr_assert_eq(config_load(&config, &flags, &report), ERR_IO);
    cr_assert(strstr(report.text, "Is a directory"), "%s", report.text);
    char *big = malloc(LIMIT_CONFIG_BYTES + 1);
    memset(big, '#', LIMIT_CONFIG_BYTES + 1);
    write_file(file, (struct str){big, LIMIT_CONFIG_BYTES + 1});
    flags.file = file;
    cr_assert_eq(config_load(&config, &flags, &report), ERR_INVALID);
    cr_assert(strstr(report.text, "longer than"), "%s", report.text);
    free(big);
    write_file(file, STR("listen: \xff\xfe\n"));
    cr_assert_eq(config_load(&config, &flags, &report), ERR_INVALID);
    cr_assert(strstr(report.text, "not text in UTF-8"), "%s", report.text);
}

Test(config, no_cut_or_bent_file_crashes) {
    struct str text = read_whole(EXAMPLE);
    char *all = uncomment_examples(text);
    size_t len = strlen(all);
    for (size_t cut = 0; cut < len; cut += 37) {
        struct config *config;
        struct report report = {0};
        write_file(file, (struct str){all, cut});
        struct config_flags flags = {.file = file};
        if (config_load(&config, &flags, &report) == 0) {
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
        write_file(file, (struct str){bent, len});
        struct config_flags flags = {.file = file};
        if (config_load(&config, &flags, &report) == 0) config_free(config);
        free(bent);
    }
    free(all);
    free((char *)text.ptr);
}

Test(config, lists_are_bounded) {
    struct buf text;
    buf_init(&text, 100000);
    buf_append_str(&text, STR("origins:\n"));
    for (int i = 0; i <= LIMIT_CONFIG_ENTRIES; i++) buf_printf(&text, "- https://h%d.test\n", i);
    refuse(buf_cstr(&text), "1001:3: origins[999]: more than 1000 entries", "");
    buf_fini(&text);
}

// --- addresses ---

Test(config, without_keys_only_this_machine_is_served) {
    const char *far[] = {"0.0.0.0:80", ":80", "[::]:80", "192.0.2.1:80", "[2001:db8::1]:80"};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        refuse_flags((struct config_flags){.listen = far[i]}, NULL, "--listen: ", "TAILRACE_KEY");
        struct config *config =
            load_flags((struct config_flags){.listen = far[i], .open = true}, NULL);
        cr_assert_str_eq(config->listen, far[i]);
        cr_assert(config->auth.open);
        config_free(config);
        setenv("TAILRACE_KEY", "0123456789", 1);
        config = load_flags((struct config_flags){.listen = far[i]}, NULL);
        cr_assert(!config->auth.open);
        config_free(config);
        unsetenv("TAILRACE_KEY");
    }
    const char *near[] = {"127.0.0.1:0", "127.1.2.3:80", "[::1]:80", "[::ffff:127.0.0.1]:1"};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        struct config *config = load_flags((struct config_flags){.listen = near[i]}, NULL);
        cr_assert_str_eq(config->listen, near[i]);
        config_free(config);
    }
    struct config *config = load("anonymous: {subscribe: [\"a/*\"]}\nlisten: \":80\"\n");
    cr_assert(!config->auth.open);
    config_free(config);
    refuse("metrics: {listen: \"0.0.0.0:9\"}\n", "1:19: metrics.listen: 0.0.0.0:9 can be reached",
           "--open");
}

Test(config, refuses_what_is_no_address) {
    const char *bad[] = {
        "8080",    "localhost", "example.com:80", "127.0.0.1:", "127.0.0.1:65536", "1.2.3:80",
        "[::1:80", "::1:80",    "[]:80",          "[::1]80",    "127.0.0.1:80x",   "127.0.0.1:-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refuse_flags((struct config_flags){.listen = bad[i]}, NULL, "--listen: ", "is not ADDRESS");
    }
    struct config *config = load("listen: localhost:80\n");
    cr_assert_str_eq(config->listen, "127.0.0.1:80");
    config_free(config);
    refuse("listen: 127.0.0.1:8080\nmetrics: {listen: \"localhost:8080\"}\n",
           "2:19: metrics.listen", "main listener");
}

Test(config, honours_port) {
    setenv("PORT", "4711", 1);
    struct config *config = load("listen: 127.0.0.2:1\n");
    cr_assert_str_eq(config->listen, "127.0.0.2:4711");
    config_free(config);
    config = load(NULL);
    cr_assert_str_eq(config->listen, "127.0.0.1:4711");
    cr_assert_eq(config->warnings_count, 1);
    config_free(config);
    config = load_flags((struct config_flags){.open = true}, NULL);
    cr_assert_str_eq(config->listen, ":4711");
    config_free(config);
    config = load_flags((struct config_flags){.listen = "127.0.0.1:5"}, NULL);
    cr_assert_str_eq(config->listen, "127.0.0.1:5");
    config_free(config);
    setenv("TAILRACE_KEY", "0123456789", 1);
    config = load(NULL);
    cr_assert_str_eq(config->listen, ":4711");
    config_free(config);
    setenv("TAILRACE_LISTEN", "127.0.0.1:6", 1);
    config = load(NULL);
    cr_assert_str_eq(config->listen, "127.0.0.1:6");
    config_free(config);
    unsetenv("TAILRACE_LISTEN");
    setenv("PORT", "http", 1);
    refuse(NULL, "PORT: \"http\" is not a port", "65535");
}

// --- access ---

Test(config, secrets_come_from_the_file_a_file_or_the_environment) {
    char text[512];
    write_file(other, STR("file-secret\r\n"));
    setenv("TAILRACE_OPS", "env-secret", 1);
    setenv("LATER_FILE", other, 1);
    snprintf(text, sizeof text,
             "keys:\n- {name: a, secret: inline-secret, publish: [\"a/*\"]}\n"
             "- {name: b, secret_file: %s, subscribe: [b, \"c/**\"]}\n"
             "- {name: c, secret_env: TAILRACE_OPS, publish: [c]}\n",
             other);
    struct config *config = load(text);
    cr_assert_eq(config->auth.keys_count, 3);
    cr_assert_str_eq(config->auth.keys[0].secret, "inline-secret");
    cr_assert_str_eq(config->auth.keys[1].secret, "file-secret");
    cr_assert_str_eq(config->auth.keys[1].subscribe[1], "c/**");
    cr_assert_str_eq(config->auth.keys[2].secret, "env-secret");
    cr_assert_eq(config->warnings_count, 0);
    config_free(config);
    config = load("keys: [{name: d, secret_env: LATER, publish: [c]}]\n");
    cr_assert_str_eq(config->auth.keys[0].secret, "file-secret");
    config_free(config);
    setenv("TAILRACE_KEY_FILE", other, 1);
    config = load(NULL);
    cr_assert_eq(config->auth.keys_count, 1);
    cr_assert_str_eq(config->auth.keys[0].secret, "file-secret");
    cr_assert_str_eq(config->auth.keys[0].publish[0], "**");
    config_free(config);
}

Test(config, secrets_that_everybody_can_read_are_warned_about) {
    write_file(other, STR("file-secret"));
    chmod(other, 0644);
    write_file(file, STR("keys: [{name: a, secret: inline-secret, publish: [a]}]\n"));
    chmod(file, 0644);
    setenv("TAILRACE_KEY_FILE", other, 1);
    struct config *config = load_flags((struct config_flags){.file = file}, NULL);
    cr_assert_eq(config->warnings_count, 2);
    cr_assert(strstr(config->warnings[0], other), "%s", config->warnings[0]);
    cr_assert(strstr(config->warnings[1], file), "%s", config->warnings[1]);
    config_free(config);
}

Test(config, bad_keys_are_found_without_showing_secrets) {
    refuse("keys:\n- secret: hunter2-hunter2\n", "2:3: keys[0]: a key needs a name", "");
    refuse("keys:\n- name: a\n", "2:3: keys[0]: key \"a\" needs exactly one of secret", "");
    refuse("keys:\n- {name: a, secret: x, secret_env: Y}\n",
           "2:3: keys[0]: key \"a\" needs exactly", "");
    refuse("keys:\n- {name: a, secret: hunter2-hunter2}\n",
           "2:3: keys[0]: key \"a\" permits nothing", "");
    refuse("keys:\n- {name: a, secret_env: NO_SUCH, publish: [a]}\n",
           "2:25: keys[0].secret_env: neither NO_SUCH nor NO_SUCH_FILE", "");
    refuse("keys:\n- {name: a, secret_file: /nonexistent/k, publish: [a]}\n",
           "2:26: keys[0].secret_file: cannot open /nonexistent/k", "No such file");
    refuse("keys:\n- {name: a, secret: hunter2-hunter2, publish: [ok, \"\"]}\n",
           "2:52: keys[0].publish[1]: the topic pattern is empty", "for example");
    refuse(
        "keys:\n- {name: a, secret: hunter2-1, publish: [a]}\n"
        "- {name: b, secret: hunter2-2, publish: [a]}\n- {name: c, secret: short, publish: [a]}\n",
        "4:3: keys[2]: key \"c\": the secret is shorter", "8 bytes");
    refuse("keys:\n- {name: a, secret: hunter2-1, publish: [a]}\n"
           "- {name: a, secret: hunter2-2, publish: [a]}\n",
           "3:3: keys[1]: two keys have the name", "");
    refuse(
        "keys:\n- {name: a, secret: hunter2-1, publish: [a]}\n"
        "- {name: b, secret: short, publish: [a]}\n- {name: c, secret: hunter2-3, publish: [a]}\n"
        "- {name: d, secret: short, publish: [a]}\n- {name: e, secret: hunter2-5, publish: [a]}\n",
        "3:3: keys[1]: key \"b\"", "");
    refuse("anonymous:\n  publish: [\"\"]\n", "2:13: anonymous.publish[0]", "empty");
    refuse("origins: [\"https://a.test\", b.test]\n", "1:29: origins[1]: origin \"b.test\"",
           "no scheme");
    write_file(other, STR("a\0bcdefghij"));
    setenv("TAILRACE_KEY_FILE", other, 1);
    refuse(NULL, "TAILRACE_KEY: ", "NUL");
}

Test(config, origins_may_come_from_the_environment) {
    setenv("TAILRACE_ORIGINS", "https://a.test, https://*.b.test,", 1);
    struct config *config = load("origins: [\"*\"]\n");
    cr_assert_eq(config->origins_count, 2);
    cr_assert_str_eq(config->origins[0], "https://a.test");
    cr_assert_str_eq(config->origins[1], "https://*.b.test");
    config_free(config);
}

// --- content ---

Test(config, topic_rules) {
    struct config *config = load("topics:\n- {match: \"a/**\", retention: {age: 1d, bytes: 1MB}}\n"
                                 "- {match: b, durability: memory}\n");
    cr_assert_eq(config->policy.rules_count, 2);
    cr_assert_str_eq(config->policy.rules[0].pattern, "a/**");
    cr_assert_eq(config->policy.rules[0].retention.age_max_ms, 86400000);
    cr_assert_eq(config->policy.rules[0].retention.bytes_max, 1 << 20);
    cr_assert_eq(config->policy.rules[0].retention.count_max, 0);
    cr_assert(!config->policy.rules[0].memory);
    cr_assert(config->policy.rules[1].memory);
    config_free(config);
    refuse("topics:\n- {durability: disk}\n", "2:3: topics[0].match: a rule needs a pattern", "");
    refuse("topics:\n- {match: \"\"}\n", "2:11: topics[0].match: the topic pattern is empty", "");
    refuse("topics:\n- {match: a, durability: ram}\n", "2:26: topics[0].durability", "disk|memory");
    refuse("topics:\n- match: a\n  retention:\n    age: 1\n", "4:10: topics[0].retention.age",
           "duration");
}

Test(config, routes) {
    struct config *config =
        load("routes:\n- {path: /api/StreamLogs, to: \"/t/logs/a?last=all&pace=2s\"}\n"
             "- {path: /api/all, to: \"/events?last=5&topic=**\"}\n");
    cr_assert_eq(config->routes_count, 2);
    cr_assert_str_eq(config->routes[0].path, "/api/StreamLogs");
    cr_assert_str_eq(config->routes[0].target, "/t/logs/a?last=all&pace=2s");
    config_free(config);
    const char *paths[] = {
        "",     "api",      "/t/x",     "/events",      "/topics", "/healthz",  "/readyz",
        "/",    "/version", "/metrics", "/tailrace.js", "/livez",  "/assets/x", "/index.html",
        "/kit", "/kit/x",   "/access",  "/a?b",         "/a b",    "/é"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "routes:\n- {path: \"%s\", to: /t/a}\n", paths[i]);
        refuse(text, "2:10: routes[0].path: ", "");
    }
    const char *targets[] = {"",           "/t/",
                             "/t/?last=1", "/topics",
                             "/events",    "/events?last=1",
                             "t/a",        "https://a.test/t/a",
                             "/t/a b"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "routes:\n- {path: /a, to: \"%s\"}\n", targets[i]);
        refuse(text, "2:18: routes[0].to: ", "is not a subscription; for example");
    }
    refuse("routes:\n- {path: /a, to: /t/a}\n- {path: /a, to: /t/b}\n", "3:10: routes[1].path",
           "twice");
}

Test(config, sources) {
    struct config *config = load(
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

Test(config, sources_of_the_command_line_are_added) {
    const char *files[] = {"a.log", "b.log"};
    struct config_flags flags = {.log_files = files, .log_files_count = 2, .log_stdin = true};
    struct config *config = load_flags(flags, "sources: [{file: c.log}]\n");
    cr_assert_eq(config->sources_count, 4);
    cr_assert_str_eq(config->sources[0].path, "c.log");
    cr_assert_str_eq(config->sources[2].path, "b.log");
    cr_assert_str_eq(config->sources[2].topic, "logs/{name}");
    cr_assert_eq(config->sources[3].kind, SOURCE_STDIN);
    cr_assert_str_eq(config->sources[3].topic, "logs/stdin");
    config_free(config);
    refuse_flags(flags, "sources: [{file: b.log}]\n", "LOGFILE: \"b.log\" is followed twice", "");
}

Test(config, line_bytes_follow_event_bytes) {
    struct config *config = load("limits: {event_bytes: 2KB}\nsources: [{file: a}]\n");
    cr_assert_eq(config->sources[0].line_bytes_max, 2048);
    config_free(config);
    refuse("limits: {event_bytes: 2KB}\nsources:\n- {file: a, line_bytes: 4KB}\n",
           "3:25: sources[0].line_bytes: \"4KB\" is more than limits.event_bytes", "");
}

Test(config, bad_sources_are_found) {
    refuse("sources:\n- {topic: a}\n", "2:3: sources[0]: a source needs exactly one", "");
    refuse("sources:\n- {file: a, simulate: {words: [a]}, topic: a}\n", "2:3: sources[0]: a source",
           "");
    refuse("sources:\n- {file: \"\"}\n", "2:10: sources[0].file", "empty");
    refuse("sources:\n- {file: \"/l/*.log\", topic: logs/all}\n", "2:29: sources[0].topic",
           "{name}");
    refuse("sources:\n- {file: a, topic: \"a/*\"}\n", "2:20: sources[0].topic", "*");
    refuse("sources:\n- {file: a, topic: $sys/x}\n", "2:20: sources[0].topic", "$sys/");
    refuse("sources:\n- {file: a, topic: \"a/{nam}\"}\n", "2:20: sources[0].topic", "{stem}");
    refuse("sources:\n- {file: a, type: tailrace.x}\n", "2:19: sources[0].type", "belong");
    refuse("sources:\n- {file: a, backfill: some}\n", "2:23: sources[0].backfill", "number");
    refuse("sources:\n- file: a\n- file: a\n", "3:9: sources[1].file: \"a\" is followed twice", "");
    refuse("sources:\n- {simulate: {words: [a]}}\n", "2:3: sources[0]: a simulation needs a topic",
           "");
    refuse("sources:\n- {simulate: {interval: 1s}, topic: a}\n", "2:14: sources[0].simulate: give",
           "words and file");
    refuse("sources:\n- {simulate: {words: [a], interval: 2s..1s}, topic: a}\n",
           "2:37: sources[0].simulate.interval", "5s..15s");
    refuse("sources:\n- {simulate: {words: [a], interval: 1s..2d}, topic: a}\n",
           "2:37: sources[0].simulate.interval", "to 1d");
    refuse("sources:\n- {simulate: {words: [a], interval: 0}, topic: a}\n",
           "2:37: sources[0].simulate.interval", "5s..15s");
    refuse("sources:\n- {simulate: {words: [a]}, topic: \"s/{name}\"}\n", "2:35: sources[0].topic",
           "only for files");
    refuse("sources:\n- {simulate: {words: [a]}, topic: s, backfill: 1}\n", "2:3: sources[0]",
           "only for files");
}

// --- the data directory, reload ---

Test(config, the_data_directory_has_a_default) {
    struct config *config = load("data: /srv/x\n");
    cr_assert_str_eq(config->data, "/srv/x");
    config_free(config);
    setenv("XDG_STATE_HOME", "/state", 1);
    config = load(NULL);
    cr_assert_str_eq(config->data, geteuid() == 0 ? "/var/lib/tailrace" : "/state/tailrace");
    config_free(config);
}

Test(config, a_reload_refuses_only_what_needs_a_restart) {
    struct config *running = load(NULL);
    struct config *next = load("keys: [{name: a, secret: 12345678, publish: [a]}]\n"
                               "stream: {heartbeat: 1s}\nretention: {bytes: 2MB}\n"
                               "log: {level: debug}\nsources: [{file: a}]\norigins: [\"*\"]\n");
    struct report report = {0};
    cr_assert_eq(config_check_reload(running, next, &report), 0, "%s", report.text);
    config_free(next);
    const char *fixed[][2] = {{"listen", "listen: 127.0.0.1:9\n"},
                              {"data", "data: /x\n"},
                              {"workers", "workers: 7\n"},
                              {"metrics.listen", "metrics: {listen: \"127.0.0.1:9\"}\n"},
                              {"stream.ring_events", "stream: {ring_events: 64}\n"},
                              {"stream.ring_bytes", "stream: {ring_bytes: 1MB}\n"},
                              {"limits.topics", "limits: {topics: 5}\n"}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        next = load(fixed[i][1]);
        cr_assert_eq(config_check_reload(running, next, &report), ERR_INVALID, "%s", fixed[i][0]);
        cr_assert(str_starts(str_from(report.text), str_from(fixed[i][0])), "%s", report.text);
        cr_assert(strstr(report.text, "restart"));
        config_free(next);
    }
    config_free(running);
}
