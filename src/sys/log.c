// SPDX-License-Identifier: MIT
// The hub's own log.
#include "sys/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "sys/clock.h"

static _Atomic(int) current_level = LOG_WARN;
static _Atomic(int) current_format = LOG_LOGFMT;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_configure(enum log_level level, enum log_format format) {
    atomic_store(&current_level, (int)level);
    atomic_store(&current_format, (int)format);
}

bool log_enabled(enum log_level level) {
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

int log_level_parse(struct str text, enum log_level *out) {
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (!str_equal(text, str_from(level_names[i]))) continue;
        *out = (enum log_level)i;
        return 0;
    }
    return ERR_INVALID;
}

// A logfmt value: bare when it is a plain word, otherwise quoted as in JSON.
static void logfmt_value(struct buf *line, struct str text) {
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len && plain; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        plain = c > ' ' && c < 0x7F && c != '"' && c != '=' && c != '\\';
    }
    if (plain) {
        buf_append_str(line, text);
    } else {
        json_string(line, text);
    }
}

static void field(struct buf *line, bool json, bool *first, const char *key, struct str text) {
    struct buf clean;
    buf_init(&clean, LIMIT_LOG_LINE_BYTES * 3);
    utf8_repair(&clean, utf8_cut(text, LIMIT_LOG_LINE_BYTES / 2));
    if (json) {
        json_pair_str(line, first, key, buf_str(&clean));
    } else {
        if (!*first) buf_append_char(line, ' ');
        *first = false;
        buf_printf(line, "%s=", key);
        logfmt_value(line, buf_str(&clean));
    }
    buf_fini(&clean);
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                size_t count) {
    if (!log_enabled(level)) return;
    bool json = atomic_load(&current_format) == LOG_JSON, first = true;
    char time[32];
    struct buf line;
    buf_init(&line, (size_t)LIMIT_LOG_LINE_BYTES * 16);
    if (json) buf_append_char(&line, '{');
    field(&line, json, &first, "time", str_from(units_format_time(clock_unix_ms(), time)));
    field(&line, json, &first, "level", str_from(level_names[level]));
    field(&line, json, &first, "msg", str_from(message));
    for (size_t i = 1; i < count; i++) {
        char digits[24];
        struct str text = fields[i].text;
        if (!text.ptr) {
            struct buf number = {.data = digits, .cap = sizeof digits, .max = sizeof digits};
            buf_append_u64(&number, fields[i].number);
            text = buf_str(&number);
        }
        field(&line, json, &first, fields[i].key, text);
    }
    if (json) buf_append_char(&line, '}');
    buf_append_char(&line, '\n');
    // A log that cannot be written has nowhere to say so.
    if (!buf_failed(&line)) (void)!write(STDERR_FILENO, line.data, line.len);
    buf_fini(&line);
}
