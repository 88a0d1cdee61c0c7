// SPDX-License-Identifier: MIT
// Frames.
#include "hub/frame.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/units.h"
#include "proto/sse.h"

// A frame's bytes over its data's: JSON escapes take at most six for one, and the fields around it are short.
#define FRAME_BYTES_MAX ((size_t)LIMIT_DATA_BYTES * 6 + LIMIT_TOPIC_BYTES * 6 + 4096)

struct frame_view frame_view_event(const struct event *event) {
    return (struct frame_view){.seq = event->seq,
                               .time_ms = event->time_ms,
                               .topic = event_topic(event),
                               .type = event_type(event),
                               .data = event_data(event),
                               .rotated = event->flags & EVENT_ROTATED};
}

struct frame_view frame_view_record(const struct record *record, struct str topic) {
    return (struct frame_view){.seq = record->seq,
                               .time_ms = record->time_ms,
                               .topic = topic,
                               .type = record->type,
                               .data = record->data,
                               .rotated = record->flags & EVENT_ROTATED};
}

void frame_id(struct buf *out, const char *epoch, uint64_t seq) {
    buf_append(out, epoch, strlen(epoch));
    buf_append_char(out, '-');
    buf_append_u64(out, seq);
}

static void json_members(struct buf *out, const struct frame_view *view) {
    char time[32];
    bool first = true;
    json_pair_str(out, &first, "topic", view->topic);
    json_pair_str(out, &first, "type", view->type.len ? view->type : STR("message"));
    json_pair_str(out, &first, "time", str_from(units_format_time(view->time_ms, time)));
    if (view->rotated) json_pair_bool(out, &first, "rotated", true);
    json_pair_str(out, &first, "data", view->data);
}

static void element(struct buf *out, const struct frame_view *view, const char *epoch) {
    buf_append_str(out, STR("{\"id\":\""));
    frame_id(out, epoch, view->seq);
    buf_append_str(out, STR("\","));
    json_members(out, view);
    buf_append_char(out, '}');
}

static void sse_event(struct buf *out, enum frame_format format, const struct frame_view *view,
                      const char *epoch) {
    buf_append_str(out, STR("id: "));
    frame_id(out, epoch, view->seq);
    buf_append_char(out, '\n');
    if (format == FRAME_ENVELOPE) {
        // JSON has no raw line ends, so it is one data line.
        buf_append_str(out, STR("data: {"));
        json_members(out, view);
        buf_append_str(out, STR("}\n\n"));
        return;
    }
    if (view->type.len) sse_field(out, "event", view->type);
    if (format == FRAME_META) {
        char time[32];
        sse_field(out, "topic", view->topic);
        sse_field(out, "time", str_from(units_format_time(view->time_ms, time)));
    }
    sse_data(out, view->data);
    buf_append_char(out, '\n');
}

void frame_chunk(struct buf *out, size_t start) {
    char head[16];
    static const char hex[] = "0123456789abcdef";
    size_t payload = out->len - start, at = sizeof head;
    if (out->failed) return;
    head[--at] = '\n';
    head[--at] = '\r';
    for (size_t rest = payload; rest || at == sizeof head - 2; rest >>= 4)
        head[--at] = hex[rest & 15];
    size_t head_len = sizeof head - at;
    if (!buf_reserve(out, head_len + FRAME_TAIL)) return;
    memmove(out->data + start + head_len, out->data + start, payload);
    memcpy(out->data + start, head + at, head_len);
    out->len += head_len;
    buf_append_str(out, STR("\r\n"));
}

void frame_encode(struct buf *out, enum frame_format format, const struct frame_view *view,
                  const char *epoch, bool chunked) {
    size_t start = out->len;
    switch (format) {
        case FRAME_PLAIN:
        case FRAME_META:
        case FRAME_ENVELOPE: sse_event(out, format, view, epoch); break;
        case FRAME_TEXT:
            buf_append_str(out, view->data);
            buf_append_char(out, '\n');
            break;
        case FRAME_NDJSON:
            element(out, view, epoch);
            buf_append_char(out, '\n');
            break;
        case FRAME_JSON: element(out, view, epoch); break;
        case FRAME_FORMATS: ASSERT(format != FRAME_FORMATS);
    }
    if (chunked) frame_chunk(out, start);
}

const struct frame *frame_of(struct event *event, enum frame_format format, const char *epoch) {
    struct frame *frame = atomic_load_explicit(&event->frames[format], memory_order_acquire);
    if (frame) return frame;
    struct buf out;
    buf_init(&out, FRAME_BYTES_MAX);
    if (!buf_reserve(&out, sizeof *frame + event->data_len + 160)) return NULL;
    out.len = sizeof *frame;
    struct frame_view view = frame_view_event(event);
    frame_encode(&out, format, &view, epoch, true);
    if (buf_failed(&out)) {
        buf_fini(&out);
        return NULL;
    }
    frame = (struct frame *)(void *)out.data;
    frame->size = (uint32_t)(out.len - sizeof *frame);
    frame->head = (uint32_t)((char *)memchr(frame->bytes, '\n', frame->size) + 1 - frame->bytes);
    void *other = NULL;
    if (atomic_compare_exchange_strong_explicit(&event->frames[format], &other, frame,
                                                memory_order_acq_rel, memory_order_acquire)) {
        return frame;
    }
    free(frame); // another worker was faster
    return other;
}

void frame_control(struct buf *out, const char *name, struct str data, const char *epoch,
                   uint64_t seq, bool chunked) {
    size_t start = out->len;
    if (seq) {
        buf_append_str(out, STR("id: "));
        frame_id(out, epoch, seq);
        buf_append_char(out, '\n');
    }
    buf_append_str(out, STR("event: tailrace."));
    buf_append(out, name, strlen(name));
    buf_append_str(out, STR("\ndata: "));
    buf_append_str(out, data);
    buf_append_str(out, STR("\n\n"));
    if (chunked) frame_chunk(out, start);
}
