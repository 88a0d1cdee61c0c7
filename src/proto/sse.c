// SPDX-License-Identifier: MIT
// Server-Sent Events: see sse.h.
//
// Writing and parsing share one task, finding the next line end, which must be fast. LF and CR are
// each found by memchr, and each result is kept until it has been passed. So every byte is looked
// at no more than twice.
#include "proto/sse.h"

#include <string.h>

static const char BOM[3] = "\xEF\xBB\xBF";

struct line_ends {
    const char *lf; // the first one at or after the last place looked at; end: there is none
    const char *cr;
    const char *end;
};

static inline const char *find(const char *from, const char *end, char c) {
    const char *at = memchr(from, c, (size_t)(end - from));
    return at ? at : end;
}

// The first LF or CR at or after `from`, which never moves back; the end when there is none.
static inline const char *line_ends_next(struct line_ends *ends, const char *from) {
    if (!ends->lf || ends->lf < from) ends->lf = find(from, ends->end, '\n');
    if (!ends->cr || ends->cr < from) ends->cr = find(from, ends->end, '\r');
    return ends->lf < ends->cr ? ends->lf : ends->cr;
}

static inline void append_line(struct buf *out, const char *from, size_t len) {
    char *to = buf_reserve(out, len + 7);
    if (!to) return;
    memcpy(to, "data: ", 6);
    if (len) memcpy(to + 6, from, len);
    to[6 + len] = '\n';
    out->len += len + 7;
}

void sse_data(struct buf *out, struct str data) {
    if (data.len == 0) {
        append_line(out, NULL, 0);
        return;
    }
    const char *from = data.ptr;
    struct line_ends ends = {.end = data.ptr + data.len};
    for (;;) {
        const char *to = line_ends_next(&ends, from);
        append_line(out, from, (size_t)(to - from));
        if (to == ends.end) break;
        from = to + 1;
        if (*to == '\r' && from < ends.end && *from == '\n') from++;
    }
}

static bool is_one_line(struct str s) {
    return s.len == 0 || (!memchr(s.ptr, '\n', s.len) && !memchr(s.ptr, '\r', s.len) &&
                          !memchr(s.ptr, '\0', s.len));
}

void sse_field(struct buf *out, const char *name, struct str value) {
    ASSERT(is_one_line(value));
    buf_append_str(out, str_from(name));
    buf_append_str(out, STR(": "));
    buf_append_str(out, value);
    buf_append_char(out, '\n');
}

void sse_retry(struct buf *out, uint64_t ms) {
    buf_append_str(out, STR("retry: "));
    buf_append_u64(out, ms);
    buf_append_char(out, '\n');
}

void sse_comment(struct buf *out, struct str text) {
    ASSERT(is_one_line(text));
    buf_append_char(out, ':');
    if (text.len) buf_append_char(out, ' ');
    buf_append_str(out, text);
    buf_append_char(out, '\n');
}

void sse_end(struct buf *out) { buf_append_char(out, '\n'); }

void sse_parser_init(struct sse_parser *parser, size_t event_bytes_max, sse_event_fn *on_event,
                     void *context) {
    *parser = (struct sse_parser){.on_event = on_event, .context = context};
    buf_init(&parser->line, event_bytes_max);
    // Every line of data adds its LF. The LF of the last line is removed again.
    buf_init(&parser->data, event_bytes_max + 1);
    buf_init(&parser->type, event_bytes_max);
    buf_init(&parser->topic, event_bytes_max);
    buf_init(&parser->time, event_bytes_max);
    buf_init(&parser->id, event_bytes_max);
    buf_init(&parser->last_id, event_bytes_max);
}

void sse_parser_fini(struct sse_parser *parser) {
    buf_fini(&parser->line);
    buf_fini(&parser->data);
    buf_fini(&parser->type);
    buf_fini(&parser->topic);
    buf_fini(&parser->time);
    buf_fini(&parser->id);
    buf_fini(&parser->last_id);
}

static void forget_event(struct sse_parser *parser) {
    buf_clear(&parser->data);
    buf_clear(&parser->type);
    buf_clear(&parser->topic);
    buf_clear(&parser->time);
    parser->has_topic = false;
    parser->has_time = false;
}

static int append(struct buf *to, struct str s) {
    if (s.len > to->max - to->len) return ERR_TOO_LONG;
    buf_append_str(to, s);
    return buf_failed(to) ? ERR_NOMEM : 0;
}

static int replace(struct buf *to, struct str s) {
    buf_clear(to);
    return append(to, s);
}

void sse_parser_restart(struct sse_parser *parser) {
    forget_event(parser);
    buf_clear(&parser->line);
    parser->bom_seen = 0;
    parser->after_cr = false;
    parser->err = replace(&parser->id, buf_str(&parser->last_id));
}

static int dispatch(struct sse_parser *parser) {
    int err = replace(&parser->last_id, buf_str(&parser->id));
    if (err == 0 && parser->data.len > 0) {
        struct sse_event event = {
            .id = buf_str(&parser->last_id),
            .type = parser->type.len ? buf_str(&parser->type) : STR("message"),
            .data = {parser->data.data, parser->data.len - 1},
        };
        if (parser->has_topic)
            event.topic = (struct str){buf_cstr(&parser->topic), parser->topic.len};
        if (parser->has_time) event.time = (struct str){buf_cstr(&parser->time), parser->time.len};
        err = parser->on_event(parser->context, &event);
    }
    forget_event(parser);
    return err;
}

static int take_data(struct sse_parser *parser, struct str value) {
    int err = append(&parser->data, value);
    return err ? err : append(&parser->data, STR("\n"));
}

static int take_id(struct sse_parser *parser, struct str value) {
    if (value.len && memchr(value.ptr, '\0', value.len)) return 0;
    return replace(&parser->id, value);
}

// Takes a line without its ending (9.2.6, "interpreting an event stream").
static int take_line(struct sse_parser *parser, struct str line) {
    if (line.len == 0) return dispatch(parser);
    struct str value = line;
    struct str name = str_cut(&value, ':');
    if (!value.ptr) value = STR("");
    if (value.len && value.ptr[0] == ' ') value = (struct str){value.ptr + 1, value.len - 1};
    if (str_equal(name, STR("data"))) return take_data(parser, value);
    if (str_equal(name, STR("id"))) return take_id(parser, value);
    if (str_equal(name, STR("event"))) return replace(&parser->type, value);
    if (str_equal(name, STR("retry"))) {
        uint64_t ms;
        if (str_to_u64(value, UINT64_MAX, &ms)) parser->retry_ms = ms;
        return 0;
    }
    if (str_equal(name, STR("topic"))) {
        parser->has_topic = true;
        return replace(&parser->topic, value);
    }
    if (str_equal(name, STR("time"))) {
        parser->has_time = true;
        return replace(&parser->time, value);
    }
    return 0;
}

// Skips a byte order mark at the start of the stream. Bytes that only looked like one belong to the
// first line.
static int skip_bom(struct sse_parser *parser, const char **at, const char *end) {
    while (parser->bom_seen < sizeof BOM && *at < end) {
        if (**at != BOM[parser->bom_seen]) {
            uint32_t seen = parser->bom_seen;
            parser->bom_seen = sizeof BOM;
            return append(&parser->line, (struct str){BOM, seen});
        }
        parser->bom_seen++;
        (*at)++;
    }
    return 0;
}

static int finish_line(struct sse_parser *parser, struct str tail) {
    // Most lines are whole within the piece and need no copy.
    if (parser->line.len == 0) {
        return tail.len > parser->line.max ? ERR_TOO_LONG : take_line(parser, tail);
    }
    int err = append(&parser->line, tail);
    if (err == 0) err = take_line(parser, buf_str(&parser->line));
    buf_clear(&parser->line);
    return err;
}

int sse_parser_feed(struct sse_parser *parser, struct str bytes) {
    if (parser->err || bytes.len == 0) return parser->err;
    const char *at = bytes.ptr;
    struct line_ends ends = {.end = bytes.ptr + bytes.len};
    int err = skip_bom(parser, &at, ends.end);
    while (err == 0 && at < ends.end) {
        if (parser->after_cr) {
            parser->after_cr = false;
            if (*at == '\n') {
                at++;
                continue;
            }
        }
        const char *to = line_ends_next(&ends, at);
        struct str part = {at, (size_t)(to - at)};
        if (to == ends.end) {
            err = append(&parser->line, part);
            break;
        }
        parser->after_cr = *to == '\r';
        at = to + 1;
        err = finish_line(parser, part);
    }
    parser->err = err;
    return err;
}
