// SPDX-License-Identifier: MIT
// Loading configurations from texts.
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

char config_dir[] = "/tmp/tailrace-config-XXXXXX";
char config_file[64], config_other[64];

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

void config_setup(void) {
    unset("TAILRACE_");
    unsetenv("PORT");
    cr_assert_not_null(mkdtemp(config_dir));
    snprintf(config_file, sizeof config_file, "%s/t.yml", config_dir);
    snprintf(config_other, sizeof config_other, "%s/other", config_dir);
}

void config_teardown(void) {
    unlink(config_file);
    unlink(config_other);
    rmdir(config_dir);
}

void config_write(const char *path, struct str text) {
    FILE *out = fopen(path, "w");
    cr_assert_not_null(out);
    fwrite(text.ptr, 1, text.len, out);
    fclose(out);
    chmod(path, 0600);
}

struct config *config_of_flags(struct config_flags flags, const char *text) {
    if (text) {
        config_write(config_file, str_from(text));
        flags.file = config_file;
    }
    struct config *config = NULL;
    struct report report = {0};
    cr_assert_eq(load_config(&config, &flags, &report), 0, "%s", report.text);
    return config;
}

struct config *config_of(const char *text) {
    return config_of_flags((struct config_flags){0}, text);
}

void config_refused_flags(struct config_flags flags, const char *text, const char *place,
                          const char *part) {
    struct config *config = (struct config *)config_file;
    struct report report = {0};
    if (text) {
        config_write(config_file, str_from(text));
        flags.file = config_file;
    }
    cr_assert_eq(load_config(&config, &flags, &report), ERR_INVALID, "taken: %s", text);
    cr_assert_eq((void *)config, (void *)config_file);
    char start[160];
    bool line = place[0] >= '0' && place[0] <= '9';
    snprintf(start, sizeof start, "%s%s%s", line ? config_file : "", line ? ":" : "", place);
    cr_assert(str_starts(str_from(report.text), str_from(start)), "\n%s\nis not at %s", report.text,
              start);
    cr_assert(strstr(report.text, part), "\n%s\ndoes not say: %s", report.text, part);
    cr_assert(!line || (report.line == (unsigned)atoi(place) && report.column > 0));
}

void config_refused(const char *text, const char *place, const char *part) {
    config_refused_flags((struct config_flags){0}, text, place, part);
}

char *config_read_whole(const char *path) {
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in, "%s: run the tests from the top of the repository", path);
    static char text[200000];
    size_t len = fread(text, 1, sizeof text, in);
    fclose(in);
    return strndup(text, len);
}

// "# keys:" and the lines under it become live, "keys: []" goes.
char *config_uncommented_example(void) {
    char *example = config_read_whole(EXAMPLE);
    struct str text = str_from(example);
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
            "keys: []",   "sources: []", "origins: []",   "routes: []",
            "topics: []", "anonymous:",  "  publish: []", "  subscribe: []"};
        bool skip = false;
        for (size_t i = 0; i < sizeof empty / sizeof empty[0] && !block; i++)
            skip |= str_equal(line, str_from(empty[i]));
        if (skip) continue;
        buf_append_str(&out, line);
        buf_append_char(&out, '\n');
    }
    char *result = strdup(buf_cstr(&out));
    buf_fini(&out);
    free(example);
    return result;
}
