// SPDX-License-Identifier: MIT
// The forms in which events are given: how a document of each format is opened, how its events,
// the hub's own notices, and its end are written. One table in document.c, a row for each format;
// a further dialect is a further row, and nothing outside of document.c asks for a format by name.
//
// Pure text: what is appended here is framed and coded by proto/wire.h. All buffers fail when they
// run over their maximum.
#ifndef TAILRACE_HUB_DOCUMENT_H
#define TAILRACE_HUB_DOCUMENT_H

#include "base/json.h"
#include "journal/event.h"
#include "journal/store_reader.h"

enum frame_format {
    FRAME_PLAIN,    // SSE: id, event, data
    FRAME_META,     // SSE: also topic and time fields
    FRAME_ENVELOPE, // SSE of type message: data is a JSON object with topic, type, time, data
    FRAME_TEXT,     // the bare data and a newline
    FRAME_NDJSON,   // a JSON object and a newline
    FRAME_JSON,     // one JSON object: topics, events, where to go on
    FRAME_FORMATS
};

// The media type, with its parameters. Static storage.
const char *document_content_type(enum frame_format format);
// Whether it is an event stream (SSE): it is kept alive by heartbeats, and a reconnecting client
// comes back with an id.
bool document_is_event_stream(enum frame_format format);
// Whether elements need to know of those before them. An event's bytes are then not the same in
// every document, and are not shared.
bool document_has_separators(enum frame_format format);

// `<epoch>-<seq>`
void document_id(struct buf *out, const char *epoch, uint64_t seq);

// --- the opening ---------------------------------------------------------------------------------

struct document_opening {
    const char *epoch;
    uint64_t position; // the newest event's seq
    uint64_t heartbeat_ms, retry_ms;
    bool control; // the client has asked for notices
};
void document_open(struct buf *out, enum frame_format format,
                   const struct document_opening *opening);
// Whether an array of topics follows, which may come in pieces and must be ended.
bool document_lists_topics(enum frame_format format);
// For adding their objects. `first`: there is none yet.
struct json document_topics(struct buf *out, bool first);
void document_end_topics(struct buf *out);

// --- elements: events and notices ----------------------------------------------------------------

// An event, from a live one or from a stored record. Borrowed.
struct document_event {
    uint64_t seq, time_ms;
    uint64_t expires_ms; // when what it says is worth nothing any more; 0: that is not said
    struct str topic, type, data;
    bool rotated; // EVENT_ROTATED
};
struct document_event document_event_of(const struct event *event);
struct document_event document_event_of_record(const struct record *record, struct str topic);

// Appends an event. `first`: the document has no element yet.
void document_event(struct buf *out, enum frame_format format, const struct document_event *event,
                    bool first, const char *epoch);

enum notice_kind {
    NOTICE_HELLO,    // (in an opening)
    NOTICE_PING,     // a heartbeat for a client that has asked for notices
    NOTICE_GAP,      // events are missing
    NOTICE_END,      // all topics are closed
    NOTICE_PROGRESS, // how far a search is
    NOTICE_DONE,     // what came of a search
    NOTICE_LEAVE,    // the stream ends for a reason of the hub's own, which `name` says
    NOTICES
};

// A word of the hub's own: an event `tailrace.NAME` with JSON as its data.
struct notice {
    enum notice_kind kind;
    const char *name; // of NOTICE_LEAVE only
    // What stands for it where it is an element: the id that a client goes on from (0 in an event
    // stream: the client keeps the id that it has), a topic and a time.
    uint64_t seq, time_ms;
    struct str topic;
    union {
        struct {
            struct str from; // the id that the client gave; ptr NULL: `from_seq`
            uint64_t from_seq, to_seq;
            const char *reason;
        } gap;
        struct {
            struct str topic;
        } end;
        struct {
            uint64_t scanned, hits;
            bool complete;
        } search; // PROGRESS, DONE
        struct {
            uint64_t position, heartbeat_ms;
        } hello;
    };
};

// Appends a notice. False: documents of this format have no place for it, nothing was appended.
bool document_notice(struct buf *out, enum frame_format format, const struct notice *notice,
                     bool first, const char *epoch);

// The same for a client that hands every event to its application: a comment stands for the notice
// in an event stream, and an `id` by itself for its id, which makes no event (WHATWG HTML, 9.2.6:
// a block without data). Nothing where there are no comments.
void document_aside(struct buf *out, enum frame_format format, const struct notice *notice,
                    const char *epoch);

// Appends what keeps an idle document alive, nothing where that is not needed: a ping, or a comment
// for a client that has not asked for notices.
void document_heartbeat(struct buf *out, enum frame_format format, bool control, const char *epoch);

// --- the end -------------------------------------------------------------------------------------

enum document_previous {
    PREVIOUS_UNSAID, // the answer does not go backwards
    PREVIOUS_NONE,   // nothing older is stored
    PREVIOUS_ID,     // `previous_seq` is where the next older page begins
};
struct document_closing {
    uint64_t next_seq; // where a client goes on
    bool more;         // a limit left events out
    enum document_previous previous;
    uint64_t previous_seq;
};
void document_close(struct buf *out, enum frame_format format,
                    const struct document_closing *closing, const char *epoch);

#endif
