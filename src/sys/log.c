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

// Of one line, so that each value still has a readable share of it.
#define FIELDS_MAX 32

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

static void field_key(struct buf *line, bool json, bool *first, const char *key) {
    if (json) {
        json_key(line, first, key);
        return;
    }
    buf_printf(line, "%s%s=", *first ? "" : " ", key);
    *first = false;
}

// Appends at most `share` bytes for the value: what is longer when written is cut and marked.
static void field_text(struct buf *line, bool json, struct str text, size_t share) {
    struct buf clean, value;
    buf_init(&clean, (size_t)LIMIT_LOG_LINE_BYTES * 4);
    buf_init(&value, share);
    for (size_t max = share;; max /= 2) {
        struct str cut = utf8_cut(text, max);
        buf_clear(&clean);
        buf_clear(&value);
        utf8_repair(&clean, cut);
        if (cut.len < text.len) buf_append_str(&clean, STR("…"));
        if (json) {
            json_string(&value, buf_str(&clean));
        } else {
            logfmt_value(&value, buf_str(&clean));
        }
        if (!buf_failed(&value) || max == 0) break;
    }
    if (!buf_failed(&value)) buf_append_str(line, buf_str(&value));
    buf_fini(&clean);
    buf_fini(&value);
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                size_t count) {
    if (!log_enabled(level)) return;
    ASSERT(count <= FIELDS_MAX);
    bool json = atomic_load(&current_format) == LOG_JSON, first = true;
    // The message and each value get an equal part of what time, level and keys leave.
    size_t share = (LIMIT_LOG_LINE_BYTES - 64 - count * 24) / count;
    char time[32];
    struct buf line;
    buf_init(&line, (size_t)LIMIT_LOG_LINE_BYTES * 2);
    if (json) buf_append_char(&line, '{');
    field_key(&line, json, &first, "time");
    field_text(&line, json, str_from(units_format_time(clock_unix_ms(), time)), share);
    field_key(&line, json, &first, "level");
    field_text(&line, json, str_from(level_names[level]), share);
    field_key(&line, json, &first, "msg");
    field_text(&line, json, str_from(message), share);
    for (size_t i = 1; i < count; i++) {
        field_key(&line, json, &first, fields[i].key);
        if (fields[i].text.ptr) {
            field_text(&line, json, fields[i].text, share);
        } else {
            buf_append_u64(&line, fields[i].number);
        }
    }
    if (json) buf_append_char(&line, '}');
    buf_append_char(&line, '\n');
    // A log that cannot be written has nowhere to say so.
    if (!buf_failed(&line)) (void)!write(STDERR_FILENO, line.data, line.len);
    buf_fini(&line);
}
