// SPDX-License-Identifier: MIT
// Frames: an event encoded for the wire in one format. A live event is encoded once for each format, by whoever needs
// it first, and shared by all subscribers of all workers (DESIGN invariant 4).
#ifndef TAILRACE_HUB_FRAME_H
#define TAILRACE_HUB_FRAME_H

#include "base/buf.h"
#include "journal/event.h"
#include "journal/journal.h"

enum frame_format {
    FRAME_PLAIN,    // SSE: id, event, data
    FRAME_META,     // SSE: also topic and time fields
    FRAME_ENVELOPE, // SSE: data is a JSON object with topic, type, time, data; always of type message
    FRAME_TEXT,     // the bare data and a newline
    FRAME_NDJSON,   // a JSON object and a newline
    FRAME_JSON,     // a JSON object, an element of a snapshot's array
    FRAME_FORMATS
};
_Static_assert(FRAME_FORMATS <= EVENT_FRAMES, "an event carries a slot for each format");

static inline bool frame_is_sse(enum frame_format format) { return format <= FRAME_ENVELOPE; }

// What a frame is made of, from a live event or from a stored record. Borrowed.
struct frame_view {
    uint64_t seq, time_ms;
    struct str topic, type, data;
    bool rotated; // EVENT_ROTATED
};
struct frame_view frame_view_event(const struct event *event);
struct frame_view frame_view_record(const struct record *record, struct str topic);

// Appends the frame. `chunked`: as one HTTP/1.1 chunk (RFC 9112 section 7.1), so that it can go to a socket as it is.
// The buffer fails when it runs over its maximum.
void frame_encode(struct buf *out, enum frame_format format, const struct frame_view *view,
                  const char *epoch, bool chunked);

// An event's encoding, chunked; `head` and `tail` bytes of chunk framing surround the payload.
struct frame {
    uint32_t size;
    uint32_t head;
    char bytes[];
};
#define FRAME_TAIL 2

// The shared frame of a live event; lives as long as the event. NULL when out of memory. Any thread.
const struct frame *frame_of(struct event *event, enum frame_format format, const char *epoch);

// Appends the hub's own SSE event: `tailrace.NAME` with `data` (JSON, one line), with an id unless seq is 0.
void frame_control(struct buf *out, const char *name, struct str data, const char *epoch,
                   uint64_t seq, bool chunked);
// Wraps what was appended to `out` since `start` as one chunk.
void frame_chunk(struct buf *out, size_t start);
// `<epoch>-<seq>`
void frame_id(struct buf *out, const char *epoch, uint64_t seq);

#endif
