// SPDX-License-Identifier: MIT
// The hub's own log: one line per event on stderr, as logfmt or JSON. Layers from source/ upwards
// write to it; the layers below report to their caller. Values never contain secrets: callers
// redact them.
//
// Any thread. Each line is one write(2), so that lines of threads do not mix.
#ifndef TAILRACE_SYS_LOG_H
#define TAILRACE_SYS_LOG_H

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_LOGFMT, LOG_JSON };

// Takes effect for all threads at once. Before the first call: LOG_WARN, LOG_LOGFMT.
void log_configure(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

// A field of a line: LOG_STR("topic", name), LOG_U64("bytes", n).
struct log_field {
    const char *key;
    struct str text; // ptr NULL: the number is meant
    uint64_t number;
};
#define LOG_STR(key, str) ((struct log_field){(key), (str), 0})
#define LOG_TEXT(key, cstr) ((struct log_field){(key), str_from(cstr), 0})
#define LOG_U64(key, value) ((struct log_field){(key), {NULL, 0}, (uint64_t)(value)})

// Level, message, then any number of fields:
//
// log_write(LOG_WARN, "file is gone", LOG_STR("path", path));
#define log_write(level, message, ...)                                                             \
    log_fields(level, message, (const struct log_field[]){{NULL, {NULL, 0}, 0}, ##__VA_ARGS__},    \
               sizeof((const struct log_field[]){{NULL, {NULL, 0}, 0}, ##__VA_ARGS__}) /           \
                   sizeof(struct log_field))
// Use log_write. `fields[0]` is a placeholder.
void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                size_t count);

#endif
