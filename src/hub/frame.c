// SPDX-License-Identifier: MIT
// Frames.
#include "hub/frame.h"

#include "base/limits.h"

// JSON escapes take at most six bytes for one, and a line end becomes a line `data: ` of seven. The
// fields around the data are short.
#define FRAME_BYTES_MAX ((size_t)LIMIT_DATA_BYTES * 7 + (size_t)LIMIT_TOPIC_BYTES * 6 + 4096)
// About what surrounds the data of most events.
#define FRAME_FIELDS 160

static struct encoding *make(struct event *event, enum frame_format format, struct wire wire,
                             const char *epoch) {
    struct buf out;
    buf_init(&out, FRAME_BYTES_MAX);
    struct encoding *made =
        (void *)buf_reserve(&out, sizeof *made + event->data_len + FRAME_FIELDS);
    if (!made) return NULL;
    out.len = sizeof *made;
    struct document_event view = document_event_of(event);
    document_event(&out, format, &view, true, epoch);
    wire_close(wire, &out, sizeof *made);
    if (buf_failed(&out)) {
        buf_fini(&out);
        return NULL;
    }
    made = (void *)out.data;
    made->size = (uint32_t)(out.len - sizeof *made);
    return made;
}

const struct encoding *frame_of(struct event *event, enum frame_format format, struct wire wire,
                                const char *epoch, struct ring *ring) {
    uint32_t kind = (uint32_t)format * WIRE_KINDS + wire_kind(wire);
    const struct encoding *known = event_encoding(event, kind);
    if (known) return known;
    struct encoding *made = make(event, format, wire, epoch);
    if (!made) return NULL;
    made->kind = kind;
    size_t bytes = sizeof *made + made->size;
    const struct encoding *frame = event_add_encoding(event, made);
    // Otherwise another worker was faster, and counts it.
    if (frame == made) ring_add_encoded(ring, event->seq, bytes);
    return frame;
}
