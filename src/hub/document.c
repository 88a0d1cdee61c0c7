// SPDX-License-Identifier: MIT
// The forms in which events are given.
#include "hub/document.h"

#include "base/units.h"
#include "proto/sse.h"

// Data of a notice: ids and counters, and the client's own id at most.
#define NOTICE_BYTES_MAX 4096

void document_id(struct buf *out, const char *epoch, uint64_t seq) {
    buf_append(out, epoch, strlen(epoch));
    buf_append_char(out, '-');
    buf_append_u64(out, seq);
}

// From the time of publishing on.
static uint64_t expiry(uint64_t time_ms, uint32_t expires_s) {
    return expires_s ? time_ms + (uint64_t)expires_s * 1000 : 0;
}

struct document_event document_event_of(const struct event *event) {
    return (struct document_event){.seq = event->seq,
                                   .time_ms = event->time_ms,
                                   .expires_ms = expiry(event->time_ms, event_expires_s(event)),
                                   .topic = event_topic(event),
                                   .type = event_type(event),
                                   .data = event_data(event),
                                   .rotated = event->flags & EVENT_ROTATED};
}

struct document_event document_event_of_record(const struct record *record, struct str topic) {
    return (struct document_event){.seq = record->seq,
                                   .time_ms = record->time_ms,
                                   .expires_ms = expiry(record->time_ms, record->expires_s),
                                   .topic = topic,
                                   .type = record->type,
                                   .data = record->data,
                                   .rotated = record->flags & EVENT_ROTATED};
}

// --- events --------------------------------------------------------------------------------------

static void json_members(struct json *json, const struct document_event *event) {
    char time[32];
    json_str(json, "topic", event->topic);
    json_str(json, "type", event->type.len ? event->type : STR("message"));
    json_str(json, "time", str_from(units_format_time(event->time_ms, time)));
    if (event->expires_ms)
        json_str(json, "expires", str_from(units_format_time(event->expires_ms, time)));
    if (event->rotated) json_bool(json, "rotated", true);
    json_str(json, "data", event->data);
}

static void json_event(struct buf *out, const struct document_event *event, const char *epoch) {
    struct json json = JSON(out);
    json_object(&json, NULL);
    json_id(&json, "id", epoch, event->seq);
    json_members(&json, event);
    json_end(&json);
}

static void ndjson_event(struct buf *out, const struct document_event *event, const char *epoch) {
    json_event(out, event, epoch);
    buf_append_char(out, '\n');
}

static void text_event(struct buf *out, const struct document_event *event, const char *epoch) {
    (void)epoch;
    buf_append_str(out, event->data);
    buf_append_char(out, '\n');
}

static void sse_id(struct buf *out, const char *epoch, uint64_t seq) {
    buf_append_str(out, STR("id: "));
    document_id(out, epoch, seq);
    buf_append_char(out, '\n');
}

static void plain_event(struct buf *out, const struct document_event *event, const char *epoch) {
    sse_id(out, epoch, event->seq);
    if (event->type.len) sse_field(out, "event", event->type);
    sse_data(out, event->data);
    sse_end(out);
}

static void meta_event(struct buf *out, const struct document_event *event, const char *epoch) {
    char time[32];
    sse_id(out, epoch, event->seq);
    if (event->type.len) sse_field(out, "event", event->type);
    sse_field(out, "topic", event->topic);
    sse_field(out, "time", str_from(units_format_time(event->time_ms, time)));
    if (event->expires_ms)
        sse_field(out, "expires", str_from(units_format_time(event->expires_ms, time)));
    sse_data(out, event->data);
    sse_end(out);
}

static void envelope_event(struct buf *out, const struct document_event *event, const char *epoch) {
    struct json json = JSON(out);
    sse_id(out, epoch, event->seq);
    // JSON has no raw line ends, so it is one data line.
    buf_append_str(out, STR("data: "));
    json_object(&json, NULL);
    json_members(&json, event);
    json_end(&json);
    buf_append_str(out, STR("\n\n"));
}

// --- notices -------------------------------------------------------------------------------------

static const char *notice_name(const struct notice *notice) {
    static const char *const names[NOTICES] = {
        [NOTICE_HELLO] = "hello", [NOTICE_PING] = "ping",         [NOTICE_GAP] = "gap",
        [NOTICE_END] = "end",     [NOTICE_PROGRESS] = "progress", [NOTICE_DONE] = "done",
    };
    return notice->kind == NOTICE_LEAVE ? notice->name : names[notice->kind];
}

static void gap_members(struct json *json, const struct notice *notice, const char *epoch) {
    if (notice->gap.from.ptr) {
        json_str(json, "from", notice->gap.from);
    } else {
        json_id(json, "from", epoch, notice->gap.from_seq);
    }
    json_id(json, "to", epoch, notice->gap.to_seq);
    json_str(json, "reason", str_from(notice->gap.reason));
}

static void notice_data(struct buf *out, const struct notice *notice, const char *epoch) {
    struct json json = JSON(out);
    char duration[32];
    json_object(&json, NULL);
    switch (notice->kind) {
        case NOTICE_HELLO:
            json_str(&json, "epoch", str_from(epoch));
            json_id(&json, "position", epoch, notice->hello.position);
            json_str(&json, "heartbeat",
                     str_from(units_format_duration(notice->hello.heartbeat_ms, duration)));
            break;
        case NOTICE_GAP: gap_members(&json, notice, epoch); break;
        case NOTICE_END: json_str(&json, "topic", notice->end.topic); break;
        case NOTICE_PROGRESS: json_u64(&json, "scanned", notice->search.scanned); break;
        case NOTICE_DONE:
            json_u64(&json, "scanned", notice->search.scanned);
            json_u64(&json, "hits", notice->search.hits);
            json_bool(&json, "complete", notice->search.complete);
            break;
        case NOTICE_PING:
        case NOTICE_LEAVE:
        case NOTICES: break;
    }
    json_end(&json);
}

static void sse_notice(struct buf *out, const struct notice *notice, const char *epoch) {
    if (notice->seq) sse_id(out, epoch, notice->seq);
    buf_append_str(out, STR("event: tailrace."));
    buf_append_str(out, str_from(notice_name(notice)));
    buf_append_str(out, STR("\ndata: "));
    notice_data(out, notice, epoch);
    buf_append_str(out, STR("\n\n"));
}

static void sse_aside(struct buf *out, const struct notice *notice, const char *epoch) {
    buf_append_str(out, STR(": tailrace."));
    buf_append_str(out, str_from(notice_name(notice)));
    buf_append_char(out, ' ');
    // JSON has no raw line ends.
    notice_data(out, notice, epoch);
    buf_append_char(out, '\n');
    if (notice->seq) sse_id(out, epoch, notice->seq);
    sse_end(out);
}

static void json_notice(struct buf *out, const struct notice *notice, const char *epoch) {
    struct buf type, data;
    buf_init(&type, 64);
    buf_init(&data, NOTICE_BYTES_MAX);
    buf_append_str(&type, STR("tailrace."));
    buf_append_str(&type, str_from(notice_name(notice)));
    notice_data(&data, notice, epoch);
    json_event(out,
               &(struct document_event){.seq = notice->seq,
                                        .time_ms = notice->time_ms,
                                        .topic = notice->topic,
                                        .type = buf_str(&type),
                                        .data = buf_str(&data)},
               epoch);
    if (buf_failed(&type) || buf_failed(&data)) out->failed = true;
    buf_fini(&type);
    buf_fini(&data);
}

static void ndjson_notice(struct buf *out, const struct notice *notice, const char *epoch) {
    json_notice(out, notice, epoch);
    buf_append_char(out, '\n');
}

// --- openings ------------------------------------------------------------------------------------

// A comment at once, the time to wait before a reconnect, the greeting.
static void open_sse(struct buf *out, const struct document_opening *opening) {
    sse_comment(out, STR("tailrace"));
    sse_retry(out, opening->retry_ms);
    sse_end(out);
    if (!opening->control) return;
    sse_notice(
        out,
        &(struct notice){.kind = NOTICE_HELLO, .hello = {opening->position, opening->heartbeat_ms}},
        opening->epoch);
}

// The array of topics is left open; document_end_topics closes it.
static void open_json(struct buf *out, const struct document_opening *opening) {
    struct json json = JSON(out);
    (void)opening;
    json_object(&json, NULL);
    json_array(&json, "topics");
}

struct json document_topics(struct buf *out, bool first) {
    return (struct json){
        .out = out, .depth = 2, .arrays = 1u << 2, .filled = 1u << 1 | (first ? 0u : 1u << 2)};
}

// The array of events is left open; document_close closes it.
void document_end_topics(struct buf *out) {
    struct json json = document_topics(out, true);
    json_end(&json);
    json_array(&json, "events");
}

// --- closings ------------------------------------------------------------------------------------

static void close_json(struct buf *out, const struct document_closing *closing, const char *epoch) {
    // What open_json has left open.
    struct json json = {.out = out, .depth = 2, .arrays = 1u << 2, .filled = 1u << 1};
    json_end(&json);
    json_id(&json, "next", epoch, closing->next_seq);
    if (closing->more) json_bool(&json, "more", true);
    switch (closing->previous) {
        case PREVIOUS_UNSAID: break;
        case PREVIOUS_NONE: json_null(&json, "previous"); break;
        case PREVIOUS_ID: json_id(&json, "previous", epoch, closing->previous_seq); break;
    }
    json_end(&json);
    buf_append_char(out, '\n');
}

// --- the table -----------------------------------------------------------------------------------

#define BIT(kind) (1u << (kind))
#define SSE_NOTICES                                                                                \
    (BIT(NOTICE_HELLO) | BIT(NOTICE_PING) | BIT(NOTICE_GAP) | BIT(NOTICE_END) | BIT(NOTICE_LEAVE))
#define JSON_NOTICES (BIT(NOTICE_GAP) | BIT(NOTICE_PROGRESS) | BIT(NOTICE_DONE))

struct document {
    const char *content_type;
    bool event_stream;
    const char *separator; // between elements; NULL: none
    unsigned notices;      // those that there is a place for
    bool topics;           // it begins with an array of them
    void (*open)(struct buf *out, const struct document_opening *opening); // NULL: nothing
    void (*event)(struct buf *out, const struct document_event *event, const char *epoch);
    void (*notice)(struct buf *out, const struct notice *notice, const char *epoch);
    // NULL: nothing
    void (*close)(struct buf *out, const struct document_closing *closing, const char *epoch);
};

#define SSE_DOCUMENT(encode)                                                                       \
    {                                                                                              \
        .content_type = "text/event-stream", .event_stream = true, .notices = SSE_NOTICES,         \
        .open = open_sse, .event = (encode), .notice = sse_notice                                  \
    }

static const struct document documents[FRAME_FORMATS] = {
    [FRAME_PLAIN] = SSE_DOCUMENT(plain_event),
    [FRAME_META] = SSE_DOCUMENT(meta_event),
    [FRAME_ENVELOPE] = SSE_DOCUMENT(envelope_event),
    // Bare data has no place for notices.
    [FRAME_TEXT] = {.content_type = "text/plain; charset=utf-8", .event = text_event},
    [FRAME_NDJSON] = {.content_type = "application/x-ndjson",
                      .notices = JSON_NOTICES,
                      .event = ndjson_event,
                      .notice = ndjson_notice},
    [FRAME_JSON] = {.content_type = "application/json",
                    .separator = ",",
                    .notices = JSON_NOTICES,
                    .topics = true,
                    .open = open_json,
                    .event = json_event,
                    .notice = json_notice,
                    .close = close_json},
};

const char *document_content_type(enum frame_format format) {
    return documents[format].content_type;
}

bool document_is_event_stream(enum frame_format format) { return documents[format].event_stream; }

bool document_has_separators(enum frame_format format) {
    return documents[format].separator != NULL;
}

bool document_lists_topics(enum frame_format format) { return documents[format].topics; }

void document_open(struct buf *out, enum frame_format format,
                   const struct document_opening *opening) {
    if (documents[format].open) documents[format].open(out, opening);
}

static void separate(struct buf *out, const struct document *document, bool first) {
    if (!first && document->separator) buf_append_str(out, str_from(document->separator));
}

void document_event(struct buf *out, enum frame_format format, const struct document_event *event,
                    bool first, const char *epoch) {
    separate(out, &documents[format], first);
    documents[format].event(out, event, epoch);
}

bool document_notice(struct buf *out, enum frame_format format, const struct notice *notice,
                     bool first, const char *epoch) {
    const struct document *document = &documents[format];
    if (!(document->notices & BIT(notice->kind))) return false;
    separate(out, document, first);
    document->notice(out, notice, epoch);
    return true;
}

void document_aside(struct buf *out, enum frame_format format, const struct notice *notice,
                    const char *epoch) {
    if (documents[format].event_stream && documents[format].notices & BIT(notice->kind))
        sse_aside(out, notice, epoch);
}

void document_heartbeat(struct buf *out, enum frame_format format, bool control,
                        const char *epoch) {
    const struct document *document = &documents[format];
    if (!document->event_stream) return;
    if (control) {
        document->notice(out, &(struct notice){.kind = NOTICE_PING}, epoch);
    } else {
        sse_comment(out, STR(""));
        sse_end(out);
    }
}

void document_close(struct buf *out, enum frame_format format,
                    const struct document_closing *closing, const char *epoch) {
    if (documents[format].close) documents[format].close(out, closing, epoch);
}
