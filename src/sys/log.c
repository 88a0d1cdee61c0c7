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

// Fields of one line: with more, the share of each value would be too short to read.
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

// One line while it is written.
struct line {
    enum log_format format;
    struct buf text;
    struct json json; // LOG_JSON: the object that is the line
    size_t share;     // bytes that each value may take
};

static void begin_field(struct line *line, const char *key) {
    if (line->text.len) buf_append_char(&line->text, ' ');
    buf_printf(&line->text, "%s=", key);
}

// The beginning of `text`, as valid UTF-8, that takes at most the share when it is written. Adds a
// mark where it cuts.
static void fit(const struct line *line, struct str text, struct buf *out) {
    struct buf written;
    buf_init(&written, line->share);
    for (size_t max = line->share;; max /= 2) {
        struct str cut = utf8_cut(text, max);
        buf_clear(out);
        buf_clear(&written);
        utf8_repair(out, cut);
        if (cut.len < text.len) buf_append_str(out, STR("…"));
        if (line->format == LOG_JSON) {
            json_string(&written, buf_str(out));
        } else {
            logfmt_value(&written, buf_str(out));
        }
        if (!buf_failed(&written) || max == 0) break;
    }
    buf_fini(&written);
}

static void text_field(struct line *line, const char *key, struct str text) {
    struct buf value;
    buf_init(&value, (size_t)LIMIT_LOG_LINE_BYTES * 4);
    fit(line, text, &value);
    if (line->format == LOG_JSON) {
        json_str(&line->json, key, buf_str(&value));
    } else {
        begin_field(line, key);
        logfmt_value(&line->text, buf_str(&value));
    }
    buf_fini(&value);
}

static void number_field(struct line *line, const char *key, uint64_t number) {
    if (line->format == LOG_JSON) {
        json_u64(&line->json, key, number);
    } else {
        begin_field(line, key);
        buf_append_u64(&line->text, number);
    }
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                size_t count) {
    if (!log_enabled(level)) return;
    ASSERT(count <= FIELDS_MAX);
    char time[32];
    // Time, level and keys come first; the message and the values get equal parts of the rest.
    struct line line = {
        .format = (enum log_format)atomic_load(&current_format),
        .share = (LIMIT_LOG_LINE_BYTES - 64 - count * 24) / count,
    };
    buf_init(&line.text, (size_t)LIMIT_LOG_LINE_BYTES * 2);
    line.json = JSON(&line.text);
    if (line.format == LOG_JSON) json_object(&line.json, NULL);
    text_field(&line, "time", str_from(units_format_time(clock_unix_ms(), time)));
    text_field(&line, "level", str_from(level_names[level]));
    text_field(&line, "msg", str_from(message));
    for (size_t i = 1; i < count; i++) {
        if (fields[i].text.ptr) {
            text_field(&line, fields[i].key, fields[i].text);
        } else {
            number_field(&line, fields[i].key, fields[i].number);
        }
    }
    if (line.format == LOG_JSON) json_end(&line.json);
    buf_append_char(&line.text, '\n');
    // When the log cannot be written, there is nowhere to report that.
    if (!buf_failed(&line.text)) (void)!write(STDERR_FILENO, line.text.data, line.text.len);
    buf_fini(&line.text);
}
