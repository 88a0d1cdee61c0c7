// SPDX-License-Identifier: MIT
// Frames.
#include "hub/frame.h"

#include <stdlib.h>

// About what surrounds the data of most events.
#define FRAME_FIELDS 160

static void encode(struct buf *out, const struct event *event, enum frame_format format,
                   struct wire wire, const char *epoch) {
    size_t start = out->len;
    struct document_event view = document_event_of(event);
    document_event(out, format, &view, true, epoch);
    wire_close(wire, out, start);
}

static struct encoding *make(const struct event *event, enum frame_format format, struct wire wire,
                             const char *epoch) {
    struct buf out;
    buf_init(&out, sizeof(struct encoding) + FRAME_BYTES_MAX);
    struct encoding *made =
        (void *)buf_reserve(&out, sizeof *made + event->data_len + FRAME_FIELDS);
    if (!made) return NULL;
    out.len = sizeof *made;
    encode(&out, event, format, wire, epoch);
    if (buf_failed(&out)) {
        buf_fini(&out);
        return NULL;
    }
    // What line ends become has grown by doubling.
    made = out.cap - out.len > out.len / 4 ? realloc(out.data, out.len) : NULL;
    if (!made) made = (void *)out.data;
    made->size = (uint32_t)(out.len - sizeof *made);
    return made;
}

const struct encoding *frame_of(struct event *event, enum frame_format format, struct wire wire,
                                const char *epoch, struct ring *ring) {
    uint32_t kind = (uint32_t)format * WIRE_KINDS + wire_kind(wire);
    const struct encoding *known = event_encoding(event, kind);
    if (known) return known;
    if (!account_fits(ring->account, sizeof *known + event->data_len + FRAME_FIELDS)) return NULL;
    struct encoding *made = make(event, format, wire, epoch);
    if (!made) return NULL;
    made->kind = kind;
    size_t bytes = sizeof *made + made->size;
    if (!account_take(ring->account, bytes)) {
        free(made);
        return NULL;
    }
    const struct encoding *frame = event_add_encoding(event, made);
    if (frame == made) {
        ring_add_encoded(ring, event->seq, bytes);
    } else {
        // Another worker was faster, and counts it.
        account_give(ring->account, bytes);
    }
    return frame;
}

void frame_append(struct buf *out, struct event *event, enum frame_format format, struct wire wire,
                  const char *epoch, struct ring *ring) {
    const struct encoding *frame = frame_of(event, format, wire, epoch, ring);
    if (frame) {
        buf_append(out, frame->bytes, frame->size);
    } else {
        encode(out, event, format, wire, epoch);
    }
}
