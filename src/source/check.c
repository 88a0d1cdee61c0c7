// SPDX-License-Identifier: MIT
// Configurations of sources: checking, copying, comparing, and the topic that a file's template gives.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/topic.h"
#include "base/units.h"
#include "base/utf8.h"
#include "source/source_priv.h"

// A day: a simulation slower than that is a mistake.
#define INTERVAL_MAX_MS (24u * 3600 * 1000)
// Leaves room for the mark of a cut line.
#define LINE_BYTES_MAX (LIMIT_DATA_BYTES - 1024)

static bool is_glob(const char *path) { return strpbrk(path, "*?[") != NULL; }

// What the placeholder at `at` ("{name}…") stands for. Length of the placeholder, 0: not one.
static size_t placeholder(const char *at, const char *path, struct str *value) {
    const char *slash = strrchr(path, '/');
    struct str name = str_from(slash ? slash + 1 : path);
    if (strncmp(at, "{name}", 6) == 0) {
        *value = name;
        return 6;
    }
    if (strncmp(at, "{stem}", 6) == 0) {
        const char *dot = memrchr(name.ptr, '.', name.len);
        *value = dot && dot > name.ptr ? (struct str){name.ptr, (size_t)(dot - name.ptr)} : name;
        return 6;
    }
    if (strncmp(at, "{path}", 6) == 0) {
        *value = str_from(path[0] == '/' ? path + 1 : path);
        return 6;
    }
    return 0;
}

static void append_file_name(struct buf *out, struct str name) {
    size_t start = out->len;
    utf8_repair(out, name);
    // What is still a control character: C0 and DEL, and C1, which is C2 80 to C2 9F.
    for (size_t i = start; i < out->len && !buf_failed(out); i++) {
        unsigned char c = (unsigned char)out->data[i];
        if (c < 0x20 || c == 0x7F) out->data[i] = '_';
        if (c == 0xC2 && (unsigned char)out->data[i + 1] < 0xA0) memcpy(out->data + i, "__", 2);
    }
}

int source_topic(const char *template, const char *path, char **out, struct report *report) {
    struct buf topic;
    buf_init(&topic, 4 * 4096 + LIMIT_TOPIC_BYTES);
    int err = 0;
    while (*template) {
        struct str value;
        size_t len = *template == '{' ? placeholder(template, path, &value) : 0;
        if (len)
            append_file_name(&topic, value);
        else
            buf_append_char(&topic, *template);
        template += len ? len : 1;
    }
    if (buf_failed(&topic)) err = report_set(report, ERR_NOMEM, "no memory for the topic");
    if (!err) err = topic_check(buf_str(&topic), report);
    if (!err) {
        *out = str_dup(buf_str(&topic));
        if (!*out) err = report_set(report, ERR_NOMEM, "no memory for the topic");
    }
    buf_fini(&topic);
    return err;
}

static int check_template(const struct source_config *config, const char *name,
                          struct report *report) {
    const char *topic = config->topic;
    size_t found = 0;
    for (const char *at = strchr(topic, '{'); at; at = strchr(at + 1, '{')) {
        struct str value;
        if (config->kind != SOURCE_FILE || !placeholder(at, "x", &value))
            return report_set(report, ERR_INVALID,
                              "source %s: unknown placeholder in topic \"%s\"; files may use "
                              "{name}, {stem} and {path}",
                              name, topic);
        found++;
    }
    if (config->kind == SOURCE_FILE && is_glob(config->path) && !found)
        return report_set(report, ERR_INVALID,
                          "source %s: the path stands for many files, so the topic \"%s\" needs "
                          "{name}, {stem} or {path}",
                          name, topic);
    char *sample;
    struct report why = {0};
    int err = source_topic(topic, "x", &sample, &why);
    if (err) return report_set(report, err, "source %s: topic \"%s\": %s", name, topic, why.text);
    bool reserved = topic_is_reserved(str_from(sample));
    free(sample);
    if (reserved)
        return report_set(report, ERR_INVALID, "source %s: topics under $sys/ are the hub's own",
                          name);
    return 0;
}

static int check_file(const struct source_config *config, struct report *report) {
    const char *path = config->path;
    if (!path || !path[0]) return report_set(report, ERR_INVALID, "a file source needs a path");
    if (strlen(path) >= 4096)
        return report_set(report, ERR_INVALID, "source %.60s…: the path is too long", path);
    if (path[strlen(path) - 1] == '/')
        return report_set(report, ERR_INVALID,
                          "source %s is a directory; name a file in it, or all with %s*", path,
                          path);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return report_set(report, ERR_INVALID,
                          "source %s is a directory; name a file in it, or all with %s/*", path,
                          path);
    if (config->line_bytes_max < 16 || config->line_bytes_max > LINE_BYTES_MAX)
        return report_set(report, ERR_INVALID,
                          "source %s: the longest line must be 16 to %u bytes, not %u", path,
                          LINE_BYTES_MAX, config->line_bytes_max);
    return 0;
}

static int check_simulate(const struct source_config *config, struct report *report) {
    const char *topic = config->topic;
    if (config->interval_min_ms < 1 || config->interval_min_ms > config->interval_max_ms ||
        config->interval_max_ms > INTERVAL_MAX_MS)
        return report_set(report, ERR_INVALID,
                          "simulation of %s: the interval must be from 1ms to 1d, the lower end "
                          "first",
                          topic);
    if (config->path && config->path[0]) {
        struct stat st;
        if (access(config->path, R_OK))
            return report_errno(report, ERR_INVALID, "simulation of %s: %s", topic, config->path);
        if (stat(config->path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0)
            return report_set(report, ERR_INVALID, "simulation of %s: %s is not a file with lines",
                              topic, config->path);
        return 0;
    }
    if (config->words_count == 0)
        return report_set(report, ERR_INVALID, "simulation of %s: it needs words, or a file",
                          topic);
    for (size_t i = 0; i < config->words_count; i++) {
        struct str word = str_from(config->words[i]);
        if (!utf8_valid(word) || word.len > LIMIT_PUBLISH_BYTES / 4)
            return report_set(report, ERR_INVALID,
                              "simulation of %s: word %zu is not valid UTF-8 or too long", topic,
                              i + 1);
    }
    return 0;
}

int source_check(const struct source_config *config, struct report *report) {
    int err = 0;
    if (!config->topic || !config->topic[0])
        return report_set(report, ERR_INVALID, "source %s: it needs a topic",
                          config->path && config->path[0] ? config->path : "without a path");
    if (config->kind == SOURCE_FILE) err = check_file(config, report);
    if (config->kind == SOURCE_SIMULATE) err = check_simulate(config, report);
    if (config->kind == SOURCE_STDIN &&
        (config->line_bytes_max < 16 || config->line_bytes_max > LINE_BYTES_MAX))
        err = report_set(report, ERR_INVALID,
                         "source stdin: the longest line must be 16 to %u bytes, not %u",
                         LINE_BYTES_MAX, config->line_bytes_max);
    if (err) return err;
    const char *name = config->kind == SOURCE_FILE ? config->path : config->topic;
    struct str type = str_from(config->type ? config->type : "");
    if (type.len > LIMIT_TYPE_BYTES || !utf8_valid(type) || memchr(type.ptr, '\n', type.len) ||
        memchr(type.ptr, '\r', type.len) || str_starts(type, STR("tailrace.")))
        return report_set(report, ERR_INVALID,
                          "source %s: the event type must be one line of at most %d bytes and not "
                          "begin with \"tailrace.\"",
                          name, LIMIT_TYPE_BYTES);
    return check_template(config, name, report);
}

static char *copy_text(const char *text, bool *failed) {
    char *copy = str_dup(str_from(text ? text : ""));
    if (!copy) *failed = true;
    return copy;
}

int source_config_copy(struct source_config *to, const struct source_config *from) {
    bool failed = false;
    *to = *from;
    to->topic = copy_text(from->topic, &failed);
    to->type = copy_text(from->type, &failed);
    to->path = copy_text(from->path, &failed);
    to->words = NULL;
    to->words_count = 0;
    if (from->words_count) {
        char **words = calloc(from->words_count, sizeof *words);
        if (!words) failed = true;
        to->words = (const char *const *)words;
        for (size_t i = 0; words && i < from->words_count; i++)
            words[to->words_count++] = copy_text(from->words[i], &failed);
    }
    if (!failed) return 0;
    source_config_free(to);
    return ERR_NOMEM;
}

void source_config_free(struct source_config *config) {
    for (size_t i = 0; i < config->words_count; i++) free((char *)config->words[i]);
    free((void *)config->words);
    free((char *)config->topic);
    free((char *)config->type);
    free((char *)config->path);
    *config = (struct source_config){0};
}

static bool same_text(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

bool source_config_equal(const struct source_config *a, const struct source_config *b) {
    if (a->kind != b->kind || !same_text(a->topic, b->topic) || !same_text(a->type, b->type) ||
        !same_text(a->path, b->path) || a->backfill_lines != b->backfill_lines ||
        a->line_bytes_max != b->line_bytes_max || a->follow_symlinks != b->follow_symlinks ||
        a->words_count != b->words_count || a->interval_min_ms != b->interval_min_ms ||
        a->interval_max_ms != b->interval_max_ms || a->shuffle != b->shuffle ||
        a->repeat != b->repeat)
        return false;
    for (size_t i = 0; i < a->words_count; i++)
        if (!same_text(a->words[i], b->words[i])) return false;
    return true;
}
