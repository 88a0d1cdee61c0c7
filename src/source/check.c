// SPDX-License-Identifier: MIT
// Configurations of sources: their options, what is a good one, copying, comparing, and the topic
// that a file's template gives.
#include "source/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/topic.h"
#include "base/type.h"
#include "base/utf8.h"
#include "source/glob.h"
#include "source/source_priv.h"

// --- options -------------------------------------------------------------------------------------

static int check_word(struct str word, struct report *report) {
    if (utf8_valid(word) && word.len <= LIMIT_PUBLISH_BYTES / 4) return 0;
    return report_set(report, ERR_INVALID, "a word is text in UTF-8 of at most %u bytes",
                      LIMIT_PUBLISH_BYTES / 4);
}

#define FILES (1u << SOURCE_FILE)
#define LINES (1u << SOURCE_FILE | 1u << SOURCE_STDIN)
#define SIMULATIONS (1u << SOURCE_SIMULATE)
#define MEMBER(member) OPTION_MEMBER(struct source_config, member)

// clang-format off
const struct option_row source_options[] = {
    {.path = "sources[].file", .kind = OPTION_TEXT, MEMBER(path), .variants = FILES,
     .help = "A log file to follow, a named pipe, or a pattern of files; it need not exist yet."},
    {.path = "sources[].topic", .kind = OPTION_TEXT, MEMBER(topic), .fallback = "logs/{name}",
     .help = "Topic of its events; {name}, {stem} and {path} stand for parts of the file's path."},
    {.path = "sources[].type", .kind = OPTION_TEXT, MEMBER(type), .fallback = "",
     .check = type_check,
     .help = "SSE event type; empty: none."},
    {.path = "sources[].backfill", .kind = OPTION_NUMBER, MEMBER(backfill_lines),
     .variants = FILES, .zero = true, .min = 1, .max = 1000000000, .choices = "all",
     .fallback = "1000",
     .help = "Lines that are read of a file never seen before: the newest N, or all."},
    // Leaves room for the mark of a cut line.
    {.path = "sources[].line_bytes", .kind = OPTION_SIZE, MEMBER(line_bytes_max),
     .variants = LINES, .min = 64, .max = LIMIT_DATA_BYTES - KB, .fallback = "1MB",
     .help = "Longer lines are cut there; at most limits.event_bytes, which is also the default "
             "if it is less."},
    {.path = "sources[].separate", .kind = OPTION_BOOL, MEMBER(separate), .variants = FILES,
     .fallback = "false",
     .help = "Whether files that are named like rotated parts of another one (app.1.log beside "
             "app.log) are logs of their own; otherwise only those that are written to."},
    {.path = "sources[].follow_symlinks", .kind = OPTION_BOOL, MEMBER(follow_symlinks),
     .variants = FILES, .fallback = "false",
     .help = "Whether symbolic links that a pattern finds are followed; a file that is named "
             "always is."},
    {.path = "sources[].simulate.words", .kind = OPTION_TEXTS,
     OPTION_MEMBERS(struct source_config, words), .variants = SIMULATIONS, .fallback = "[]",
     .check = check_word,
     .help = "What a simulation emits, one after the other."},
    {.path = "sources[].simulate.file", .kind = OPTION_TEXT, MEMBER(path), .variants = SIMULATIONS,
     .fallback = "",
     .help = "A file whose lines are emitted, in place of words."},
    // A simulation slower than a day is a mistake.
    {.path = "sources[].simulate.interval", .kind = OPTION_RANGE,
     OPTION_ENDS(struct source_config, interval_min_ms, interval_max_ms), .variants = SIMULATIONS,
     .min = 1, .max = DAY, .fallback = "5s..15s",
     .help = "Time between two events: 5s, or a random time from a range such as 5s..15s."},
    {.path = "sources[].simulate.order", .kind = OPTION_CHOICE, MEMBER(shuffle),
     .variants = SIMULATIONS, .choices = "sequence|shuffle", .fallback = "sequence",
     .help = "sequence: one after the other; shuffle: a random one each time."},
    {.path = "sources[].simulate.repeat", .kind = OPTION_BOOL, MEMBER(repeat),
     .variants = SIMULATIONS, .fallback = "true",
     .help = "Start again after the last one."},
    {.path = NULL},
};
// clang-format on

static const struct option_row *next_row(const struct option_row *row,
                                         const struct source_config *config) {
    row = row ? row + 1 : source_options;
    while (row->path && !option_applies(row, config->kind)) row++;
    return row->path ? row : NULL;
}

// --- the topic -----------------------------------------------------------------------------------

// The last `parts` parts of the path.
static struct str end_of_path(const char *path, unsigned parts) {
    const char *at = path + strlen(path);
    while (at > path && (at[-1] != '/' || --parts)) at--;
    return str_from(at);
}

// What the placeholder at `at` ("{name}…") stands for. Length of the placeholder, 0: not one.
static size_t placeholder(const char *at, const char *path, unsigned parts, struct str *value) {
    struct str name = end_of_path(path, parts), last = end_of_path(path, 1);
    if (strncmp(at, "{name}", 6) == 0) {
        *value = name;
        return 6;
    }
    if (strncmp(at, "{stem}", 6) == 0) {
        const char *dot = memrchr(last.ptr, '.', last.len);
        // Of a name such as "..log" nothing would be left that a topic may have.
        bool stem = dot && strspn(last.ptr, ".") < (size_t)(dot - last.ptr);
        *value = stem ? (struct str){name.ptr, (size_t)(dot - name.ptr)} : name;
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

// A path without its segments `.` and `..`, which no topic may have ("../shop/app.log"). It is a
// name here: where it leads does not matter.
static void append_path(struct buf *out, struct str path) {
    while (path.ptr) {
        struct str segment = str_cut(&path, '/');
        if (str_equal(segment, STR(".")) || str_equal(segment, STR(".."))) continue;
        append_file_name(out, segment);
        if (path.ptr) buf_append_char(out, '/');
    }
}

int source_topic(const char *template, const char *path, unsigned parts, char **out,
                 struct report *report) {
    struct buf topic;
    buf_init(&topic, 4 * 4096 + LIMIT_TOPIC_BYTES);
    int err = 0;
    while (*template) {
        struct str value;
        size_t len = *template == '{' ? placeholder(template, path, parts, &value) : 0;
        if (len)
            append_path(&topic, value);
        else
            buf_append_char(&topic, *template);
        template += len ? len : 1;
    }
    if (buf_failed(&topic)) err = report_set(report, ERR_NOMEM, "no memory for the topic");
    if (!err) err = topic_check_new(buf_str(&topic), report);
    if (!err) {
        *out = str_dup(buf_str(&topic));
        if (!*out) err = report_set(report, ERR_NOMEM, "no memory for the topic");
    }
    buf_fini(&topic);
    return err;
}

// --- checking ------------------------------------------------------------------------------------

bool source_is_series(const struct source_config *config) {
    return config->kind == SOURCE_FILE && glob_is_pattern(config->path) &&
           !strchr(config->topic, '{');
}

// Whether the files that a pattern matches may be one log. Their names must tell what follows what:
// log-*.txt and [0-9]*.log may, *.log and */app.log are the logs of several writers.
static bool may_be_series(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.'), *end = dot && dot > name ? dot : name + strlen(name);
    if (strchr(path, '{') || strcspn(path, "*?[") < (size_t)(name - path)) return false;
    for (const char *at = name; at < end; at++)
        if (!strchr("*?.-_", *at)) return true;
    return false;
}

static int check_topic(const struct source_config *config, struct report *report) {
    const char *topic = config->topic;
    size_t found = 0;
    for (const char *at = strchr(topic, '{'); at; at = strchr(at + 1, '{'), found++) {
        struct str value;
        if (config->kind != SOURCE_FILE) {
            return report_set(report, ERR_INVALID, "{name}, {stem} and {path} are only for files");
        }
        if (placeholder(at, "x", 1, &value)) continue;
        return report_set(report, ERR_INVALID,
                          "unknown placeholder; in the topic of a file { begins one of {name}, "
                          "{stem} and {path}");
    }
    if (config->kind == SOURCE_FILE && glob_is_pattern(config->path) && !found &&
        !may_be_series(config->path)) {
        return report_set(report, ERR_INVALID,
                          "a pattern of several files needs {name}, {stem} or {path} in its topic, "
                          "for example logs/{name}; only files that follow each other in time may "
                          "share one, as log-*.txt does for log-20261127.txt");
    }
    char *sample;
    int err = source_topic(topic, "x", 1, &sample, report);
    if (err) return err;
    bool reserved = topic_is_reserved(str_from(sample));
    free(sample);
    if (!reserved) return 0;
    return report_set(report, ERR_INVALID, "topics under $sys/ are reserved for the hub");
}

static int check_file(const struct source_config *config, struct report *report) {
    const char *path = config->path;
    if (!path || !path[0]) return report_set(report, ERR_INVALID, "the name of the file is empty");
    if (strlen(path) < 4096) return 0;
    return report_set(report, ERR_INVALID, "the path is longer than 4095 bytes");
}

static int wrong(char option[SOURCE_OPTION_BYTES], const char *name, int err) {
    if (err) snprintf(option, SOURCE_OPTION_BYTES, "%s", name);
    return err;
}

static int check_values(const struct source_config *config, char option[SOURCE_OPTION_BYTES],
                        struct report *report) {
    for (const struct option_row *row = next_row(NULL, config); row; row = next_row(row, config)) {
        int err = option_check(row, config, report);
        if (err) return wrong(option, option_name(row), err);
    }
    return 0;
}

static int check_simulate(const struct source_config *config, char option[SOURCE_OPTION_BYTES],
                          struct report *report) {
    bool has_path = config->path && config->path[0];
    if (has_path == (config->words_count > 0)) {
        return wrong(option, "simulate",
                     report_set(report, ERR_INVALID, "give exactly one of words and file"));
    }
    for (size_t i = 0; i < config->words_count; i++) {
        int err = check_word(str_from(config->words[i]), report);
        if (!err) continue;
        snprintf(option, SOURCE_OPTION_BYTES, "simulate.words[%zu]", i);
        return err;
    }
    return 0;
}

int source_check(const struct source_config *config, char option[SOURCE_OPTION_BYTES],
                 struct report *report) {
    int err = 0;
    option[0] = '\0';
    if (config->kind == SOURCE_FILE) err = wrong(option, "file", check_file(config, report));
    if (config->kind == SOURCE_SIMULATE) err = check_simulate(config, option, report);
    if (!err) err = check_values(config, option, report);
    if (err) return err;
    err = type_check(str_from(config->type ? config->type : ""), report);
    if (err) return wrong(option, "type", err);
    if (!config->topic || !config->topic[0]) {
        return wrong(option, "topic",
                     report_set(report, ERR_INVALID,
                                "a source needs a topic, for example "
                                "topic: status/demo"));
    }
    return wrong(option, "topic", check_topic(config, report));
}

// What is at the path now.
static int check_disk(const struct source_config *config, struct report *report) {
    struct stat st;
    const char *path = config->path;
    if (config->kind == SOURCE_FILE) {
        bool slash = path[strlen(path) - 1] == '/';
        if (!slash && (stat(path, &st) || !S_ISDIR(st.st_mode))) return 0;
        return report_set(report, ERR_INVALID,
                          "source %s is a directory; name a file in it, or all with %s%s*", path,
                          path, slash ? "" : "/");
    }
    if (config->kind != SOURCE_SIMULATE || !path || !path[0]) return 0;
    if (access(path, R_OK)) {
        return report_errno(report, ERR_INVALID, "simulation of %s: %s", config->topic, path);
    }
    if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0) {
        return report_set(report, ERR_INVALID, "simulation of %s: %s is not a file with lines",
                          config->topic, path);
    }
    return 0;
}

int source_config_check(const struct source_config *config, struct report *report) {
    char option[SOURCE_OPTION_BYTES];
    struct report why = {0};
    int err = source_check(config, option, &why);
    if (!err) return check_disk(config, report);
    const char *name = config->path && config->path[0] ? config->path
                       : config->topic                 ? config->topic
                                                       : "without a topic";
    return report_set(report, err, "source %.200s: %s%s%s", name, option, option[0] ? ": " : "",
                      why.text);
}

// --- copying, comparing --------------------------------------------------------------------------

int source_config_copy(struct source_config *to, const struct source_config *from) {
    *to = (struct source_config){.kind = from->kind};
    for (const struct option_row *row = next_row(NULL, from); row; row = next_row(row, from)) {
        if (!option_copy(row, to, from)) continue;
        source_config_free(to);
        return ERR_NOMEM;
    }
    return 0;
}

void source_config_free(struct source_config *config) {
    for (const struct option_row *row = next_row(NULL, config); row; row = next_row(row, config)) {
        option_free(row, config);
    }
    *config = (struct source_config){0};
}

bool source_config_equal(const struct source_config *a, const struct source_config *b) {
    if (a->kind != b->kind) return false;
    for (const struct option_row *row = next_row(NULL, a); row; row = next_row(row, a)) {
        if (!option_same(row, a, b)) return false;
    }
    return true;
}
