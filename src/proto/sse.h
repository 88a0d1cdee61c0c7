// SPDX-License-Identifier: MIT
// Server-Sent Events on the wire (WHATWG HTML, section 9.2): writing fields, and an incremental
// parser for clients. No I/O: bytes in, bytes or events out.
#ifndef TAILRACE_PROTO_SSE_H
#define TAILRACE_PROTO_SSE_H

#include "base/buf.h"
#include "base/str.h"

// Appends `data` as `data: ` lines, split at LF, CR and CRLF, always with one space after the
// colon. Empty data is one empty line; a line end at the end of the data gives one more empty line.
// So a client gets the data back byte for byte, except that each CR and CRLF has become LF. Takes
// at most 7 bytes for each line in addition to the data (6 for the name, 1 for the end).
void sse_data(struct buf *out, struct str data);

// Appends `name: value` and LF, for id, event, topic and time. The value has no CR, LF or NUL
// (asserted: the hub checks its input). An empty value is written as such.
void sse_field(struct buf *out, const char *name, struct str value);
// Appends `retry: MS` and LF.
void sse_retry(struct buf *out, uint64_t ms);
// Appends a comment line. The text has no CR, LF or NUL either.
void sse_comment(struct buf *out, struct str text);
// Appends the empty line that dispatches the event before it.
void sse_end(struct buf *out);

// An event as a client sees it. All slices are valid until the callback returns.
struct sse_event {
    struct str id;    // the last event id after this event; empty: none was ever given
    struct str type;  // "message" when the stream named none
    struct str data;  // lines joined by LF, without the last one
    struct str topic; // of format=meta; ptr NULL: not given
    struct str time;  // of format=meta; ptr NULL: not given
};

// Called for every dispatched event. A value other than 0 stops the parser; sse_parser_feed then
// returns it.
typedef int sse_event_fn(void *context, const struct sse_event *event);

// In the caller's memory. The fields belong to the parser, except those marked as readable. One
// thread.
struct sse_parser {
    sse_event_fn *on_event;
    void *context;
    struct buf line; // the beginning of a line whose end has not come yet
    struct buf data;
    struct buf type;
    struct buf topic;
    struct buf time;
    struct buf id;      // the last id field
    struct buf last_id; // readable: the last event id; survives sse_parser_restart
    uint64_t retry_ms;  // readable: the last `retry`, 0 when none came; survives too
    uint32_t bom_seen;  // bytes of a byte order mark at the start so far; 3: decided
    bool after_cr;      // a LF that comes now belongs to the CR before it
    bool has_topic;
    bool has_time;
    int err; // sticks
};

// `event_bytes_max` bounds each line and the data of each event. So memory is at most about twice
// that.
void sse_parser_init(struct sse_parser *parser, size_t event_bytes_max, sse_event_fn *on_event,
                     void *context);
void sse_parser_fini(struct sse_parser *parser);
// For a new connection: forgets what was not dispatched, keeps last_id and retry_ms.
void sse_parser_restart(struct sse_parser *parser);

// Takes any piece of a stream. Returns 0, the value that on_event returned, ERR_TOO_LONG for a line
// or an event over the bound, or ERR_NOMEM. An error sticks until sse_parser_restart. NUL and
// ill-formed UTF-8 are passed on as they are, but an id with NUL is ignored, as the standard says.
// An event that the end of the stream cuts off is never dispatched.
int sse_parser_feed(struct sse_parser *parser, struct str bytes) MUST_CHECK;

#endif
