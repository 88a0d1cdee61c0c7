// SPDX-License-Identifier: MIT
// A subscription over HTTP.
#include "server/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/topic.h"
#include "base/units.h"
#include "base/utf8.h"
#include "proto/sse.h"
#include "server/router.h"
#include "server/server_priv.h"
#include "server/topics.h"
#include "sys/clock.h"

// What forms other than streams give when they are not told where to start.
#define DEFAULT_LAST 100
// The longest a long poll may ask to wait.
#define WAIT_MS_MAX (10 * 60 * 1000)
// What a subscriber that cannot be served now is told to wait, with jitter.
#define TURNED_AWAY_RETRY_MS 30000

struct stream {
    struct subscriber subscriber; // first
    struct conn *conn;
    bool keep_alive; // it ends by itself, and the connection may go on afterwards
    bool waiting, chunked, snapshot;
    uint64_t question;
    uint64_t expires_ms, stalled_ms; // when it is ended, when it is given up; 0: not
    struct buf head; // of a long poll: the head's fields so far
    // Of a long poll: what is needed to list its topics when it is answered.
    struct str *names;
    uint32_t names_count;
    struct str *grants;
    uint32_t grants_count;
};

enum form { FORM_SSE, FORM_JSON, FORM_NDJSON, FORM_TEXT, FORM_HTML, FORM_NONE };

// A request as it is understood. Slices borrow from the params and the grant.
struct asked {
    struct conn *conn;
    const struct http1_request *http;
    struct params *params;
    const struct grant *grant;
    struct reply reply;
    struct str names[LIMIT_SELECTOR_TOPICS];
    struct str grants[LIMIT_SELECTOR_TOPICS];
    struct hub_request hub;
    enum form form;
    bool follow, one_topic;
    uint64_t wait_ms, age_ms;
    char problem[700]; // empty while all is well
    int status;
};

static int refuse(struct asked *asked, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int refuse(struct asked *asked, int status, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    asked->status = status;
    vsnprintf(asked->problem, sizeof asked->problem, fmt, args);
    va_end(args);
    return ERR_INVALID;
}

// --- which form -----------------------------------------------------------------------------------------------------

static enum form form_of(struct str media, bool one_topic) {
    static const struct {
        const char *media;
        enum form form;
    } forms[] = {
        {"text/event-stream", FORM_SSE},
        {"application/json", FORM_JSON},
        {"application/x-ndjson", FORM_NDJSON},
        {"text/plain", FORM_TEXT},
        {"text/html", FORM_HTML},
        {"application/xhtml+xml", FORM_HTML},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (str_equal_nocase(media, str_from(forms[i].media))) return forms[i].form;
    }
    if (str_equal_nocase(media, STR("text/*"))) return one_topic ? FORM_TEXT : FORM_SSE;
    if (str_equal_nocase(media, STR("application/*"))) return FORM_JSON;
    if (str_equal(media, STR("*/*"))) return one_topic ? FORM_TEXT : FORM_NDJSON;
    return FORM_NONE;
}

// The weight of a media range in thousandths (RFC 9110, 12.4.2).
static unsigned quality(struct str parameters) {
    while (parameters.ptr) {
        struct str part = str_trim(str_cut(&parameters, ';'));
        if (part.len < 3 || (part.ptr[0] | 0x20) != 'q' || part.ptr[1] != '=') continue;
        unsigned value = part.ptr[2] == '1' ? 1000 : 0, scale = 100;
        for (size_t i = 4; i < part.len && scale && part.ptr[3] == '.'; i++, scale /= 10) {
            if (part.ptr[i] >= '0' && part.ptr[i] <= '9')
                value += (unsigned)(part.ptr[i] - '0') * scale;
        }
        return value > 1000 ? 1000 : value;
    }
    return 1000;
}

// The first of the best.
static enum form accepted(const struct http1_request *request, bool one_topic) {
    enum form best = FORM_NONE;
    unsigned best_quality = 0;
    size_t index = 0;
    struct str list;
    bool any = false;
    while (http1_header_next(request, "Accept", &index, &list)) {
        any = true;
        while (list.ptr) {
            struct str parameters = str_cut(&list, ',');
            struct str media = str_trim(str_cut(&parameters, ';'));
            enum form form = form_of(media, one_topic);
            unsigned weight = quality(parameters);
            if (form == FORM_NONE || weight <= best_quality) continue;
            best = form;
            best_quality = weight;
        }
    }
    return any ? best : form_of(STR("*/*"), one_topic);
}

// --- what to give ---------------------------------------------------------------------------------------------------

static int add_name(struct asked *asked, struct str name) {
    struct report report = {0};
    if (asked->hub.names_count == LIMIT_SELECTOR_TOPICS) {
        return refuse(asked, 400, "at most %d topics may be subscribed to at once",
                      LIMIT_SELECTOR_TOPICS);
    }
    if (topic_check_pattern(name, &report)) return refuse(asked, 400, "%s", report.text);
    asked->names[asked->hub.names_count++] = name;
    return 0;
}

static int read_names(struct asked *asked, struct str topic) {
    asked->hub.names = asked->names;
    if (topic.ptr) return add_name(asked, topic);
    struct params_cursor cursor = {0};
    struct str name;
    int err;
    while ((err = params_next(asked->params, "topic", &cursor, &name)) == 0) {
        if (add_name(asked, name)) return ERR_INVALID;
    }
    if (err != ERR_NOT_FOUND) return refuse(asked, 400, "`topic` is not well percent-encoded");
    if (asked->hub.names_count) return 0;
    return refuse(asked, 400, "name at least one topic or pattern: /events?topic=builds/**");
}

// What the key may not see is left out of patterns; an exact topic that it may not see is refused.
static int check_grant(struct asked *asked) {
    bool covered = true;
    for (uint32_t i = 0; i < asked->hub.names_count; i++) {
        if (grant_may_subscribe(asked->grant, asked->names[i])) continue;
        if (!topic_is_pattern(asked->names[i]) || !grant_subscribes_some(asked->grant))
            return ERR_DENIED;
        covered = false;
    }
    if (covered) return 0;
    if (asked->grant->subscribe_count > LIMIT_SELECTOR_TOPICS) return ERR_DENIED;
    for (size_t i = 0; i < asked->grant->subscribe_count; i++)
        asked->grants[i] = str_from(asked->grant->subscribe[i]);
    asked->hub.grants = asked->grants;
    asked->hub.grants_count = (uint32_t)asked->grant->subscribe_count;
    return 0;
}

// An optional parameter: ptr NULL when it is not there.
static int optional(struct asked *asked, const char *name, struct str *value) {
    *value = (struct str){NULL, 0};
    int err = params_get(asked->params, name, value);
    if (err == 0 || err == ERR_NOT_FOUND) return 0;
    return refuse(asked, 400, "`%s` is not well percent-encoded", name);
}

// `<epoch>-<seq>`. False when it is not of that shape.
static bool read_id(struct asked *asked, struct str id) {
    const char *epoch = journal_epoch(asked->conn->worker->server->journal);
    const char *dash = id.len ? memrchr(id.ptr, '-', id.len) : NULL;
    if (!dash || dash == id.ptr || id.len > 100) return false;
    struct str mine = {id.ptr, (size_t)(dash - id.ptr)};
    for (size_t i = 0; i < mine.len; i++) {
        char c = mine.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))) return false;
    }
    if (!str_to_u64((struct str){dash + 1, id.len - mine.len - 1}, UINT64_MAX, &asked->hub.seq))
        return false;
    asked->hub.start = HUB_START_AFTER;
    asked->hub.foreign = !str_equal(mine, str_from(epoch));
    asked->hub.foreign_id = id;
    asked->hub.committed = journal_last_seq(asked->conn->worker->server->journal);
    return true;
}

static int bad_id(struct asked *asked, const char *where) {
    return refuse(asked, 400, "%s is not an event id of this hub, such as %s-1042", where,
                  journal_epoch(asked->conn->worker->server->journal));
}

static int read_since(struct asked *asked, struct str since) {
    uint64_t ms, now = clock_unix_ms();
    if (units_parse_duration(since, &ms) == 0) {
        asked->hub.start = HUB_START_TIME;
        asked->hub.time_ms = ms < now ? now - ms : 0;
        return 0;
    }
    if (units_parse_time(since, &ms) == 0) {
        asked->hub.start = HUB_START_TIME;
        asked->hub.time_ms = ms;
        return 0;
    }
    if (read_id(asked, since)) return 0;
    return refuse(asked, 400,
                  "`since` must be an event id, a duration such as 2h, or a time such as "
                  "2026-01-31T12:00:00Z");
}

static int read_last(struct asked *asked, struct str last) {
    asked->hub.start = HUB_START_LAST;
    if (str_equal(last, STR("all"))) {
        asked->hub.count = UINT64_MAX;
        return 0;
    }
    if (str_to_u64(last, UINT64_MAX - 1, &asked->hub.count)) return 0;
    return refuse(asked, 400, "`last` must be a number of events or `all`");
}

static int last_event_id(struct asked *asked, struct str *id) {
    static const char *const names[] = {"lastEventId", "last_event_id", "lastEventID",
                                        "Last-Event-ID"};
    *id = http1_header(asked->http, "Last-Event-ID");
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !id->len; i++) {
        if (optional(asked, names[i], id)) return ERR_INVALID;
    }
    return 0;
}

// In the order of precedence of API.md, section 3, from the last to the first: each overrides what came before it, which
// stays as the fallback of an id that is not of this journal.
static int read_start(struct asked *asked) {
    struct str id, since, last;
    bool sse = asked->form == FORM_SSE;
    asked->hub.start = sse || asked->follow ? HUB_START_LIVE : HUB_START_LAST;
    if (asked->follow && asked->form != FORM_SSE) asked->hub.start = HUB_START_LAST;
    asked->hub.count = DEFAULT_LAST;
    if (optional(asked, "last", &last) || optional(asked, "since", &since) ||
        last_event_id(asked, &id)) {
        return ERR_INVALID;
    }
    if (last.ptr && read_last(asked, last)) return ERR_INVALID;
    asked->hub.fallback = last.ptr ? HUB_START_LAST : HUB_START_AFTER;
    if (since.ptr && read_since(asked, since)) return ERR_INVALID;
    if (asked->hub.start == HUB_START_TIME) asked->hub.fallback = HUB_START_TIME;
    if (id.len && !read_id(asked, id)) return bad_id(asked, "the last event id");
    return 0;
}

static int read_format(struct asked *asked) {
    struct str format;
    if (optional(asked, "format", &format)) return ERR_INVALID;
    switch (asked->form) {
        case FORM_JSON: asked->hub.format = FRAME_JSON; return 0;
        case FORM_NDJSON: asked->hub.format = FRAME_NDJSON; return 0;
        case FORM_TEXT: asked->hub.format = FRAME_TEXT; return 0;
        default: break;
    }
    if (!format.ptr || str_equal(format, STR("plain"))) {
        asked->hub.format = FRAME_PLAIN;
    } else if (str_equal(format, STR("meta"))) {
        asked->hub.format = FRAME_META;
    } else if (str_equal(format, STR("envelope"))) {
        asked->hub.format = FRAME_ENVELOPE;
    } else {
        return refuse(asked, 400, "`format` must be plain, meta or envelope");
    }
    return 0;
}

static int read_pace(struct asked *asked) {
    struct str pace;
    uint64_t speed;
    if (optional(asked, "pace", &pace)) return ERR_INVALID;
    if (!pace.ptr) return 0;
    asked->hub.pace_speed = 1;
    if (str_starts(pace, STR("original"))) {
        struct str factor = {pace.ptr + 8, pace.len - 8};
        asked->hub.pace_ms = HUB_PACE_ORIGINAL;
        if (!factor.len) return 0;
        if (factor.ptr[0] == '*' &&
            str_to_u64((struct str){factor.ptr + 1, factor.len - 1}, 1000000, &speed) && speed) {
            asked->hub.pace_speed = (uint32_t)speed;
            return 0;
        }
    } else if (units_parse_duration(pace, &asked->hub.pace_ms) == 0 &&
               asked->hub.pace_ms < HUB_PACE_ORIGINAL) {
        return 0;
    }
    return refuse(asked, 400, "`pace` must be a duration such as 2s, `original`, or `original*10`");
}

static int read_wait(struct asked *asked) {
    struct str wait;
    if (optional(asked, "wait", &wait)) return ERR_INVALID;
    if (!wait.ptr || asked->form != FORM_JSON) return 0;
    if (units_parse_duration(wait, &asked->wait_ms) || asked->wait_ms > WAIT_MS_MAX) {
        return refuse(asked, 400, "`wait` must be a duration of at most 10m, such as 30s");
    }
    if (asked->wait_ms) asked->hub.mode = HUB_WAIT;
    return 0;
}

static int understand(struct asked *asked, struct str topic) {
    struct worker *worker = asked->conn->worker;
    uint64_t age = worker->site->config->max_stream_age_ms;
    if (params_flag(asked->params, "follow", &asked->follow)) return refuse(asked, 400, "`follow` must be 1 or 0");
    if (params_flag(asked->params, "control", &asked->hub.control)) {
        return refuse(asked, 400, "`control` must be 1 or 0");
    }
    asked->hub.chunked = asked->reply.chunked;
    bool streams = asked->form == FORM_SSE || (asked->follow && asked->form != FORM_JSON);
    asked->hub.mode = streams ? HUB_STREAM : HUB_SNAPSHOT;
    if (streams && age) asked->age_ms = worker_jitter(worker, age);
    if (optional(asked, "filter", &asked->hub.filter)) return ERR_INVALID;
    int err = read_names(asked, topic);
    if (!err) err = read_start(asked);
    if (!err) err = read_format(asked);
    if (!err) err = read_pace(asked);
    if (!err) err = read_wait(asked);
    return err;
}

// --- the head -------------------------------------------------------------------------------------------------------

static const char *content_type(enum frame_format format) {
    switch (format) {
        case FRAME_JSON: return "application/json";
        case FRAME_NDJSON: return "application/x-ndjson";
        case FRAME_TEXT: return "text/plain; charset=utf-8";
        default: return "text/event-stream";
    }
}

static void write_head(struct buf *out, const struct asked *asked) {
    bool snapshot = asked->hub.mode != HUB_STREAM;
    struct reply reply = asked->reply;
    // A stream's connection ends with it; a body of unknown length needs chunks to go on after it.
    if (!snapshot || !reply.chunked) reply.keep_alive = false;
    reply_head(out, asked->conn->worker, &reply, 200);
    http1_field_text(out, "Vary", "Accept");
    http1_field_text(out, "Content-Type", content_type(asked->hub.format));
    http1_field_text(out, "Cache-Control", snapshot ? "no-cache" : "no-cache, no-transform");
    if (!snapshot) http1_field_text(out, "X-Accel-Buffering", "no");
    if (reply.chunked) http1_field_text(out, "Transfer-Encoding", "chunked");
}

// What opens an SSE stream: a comment at once, the time to wait before a reconnect, the greeting.
static void write_opening(struct buf *out, const struct asked *asked) {
    struct worker *worker = asked->conn->worker;
    const struct config *config = worker->site->config;
    size_t start = out->len;
    sse_comment(out, STR("tailrace"));
    sse_retry(out, worker_jitter(worker, config->retry_ms));
    sse_end(out);
    if (asked->hub.control) {
        struct buf hello;
        bool first = true;
        char duration[32];
        const char *epoch = journal_epoch(worker->server->journal);
        buf_init(&hello, 1024);
        buf_append_char(&hello, '{');
        json_pair_str(&hello, &first, "epoch", str_from(epoch));
        json_key(&hello, &first, "position");
        buf_append_char(&hello, '"');
        frame_id(&hello, epoch, hub_position(worker->hub));
        buf_append_char(&hello, '"');
        json_pair_str(&hello, &first, "heartbeat",
                      str_from(units_format_duration(config->heartbeat_ms, duration)));
        buf_append_char(&hello, '}');
        frame_control(out, "hello", buf_str(&hello), epoch, 0, false);
        buf_fini(&hello);
    }
    if (asked->hub.chunked) frame_chunk(out, start);
}

// --- answering ------------------------------------------------------------------------------------------------------

static void answer_problem(struct asked *asked, int status, const char *detail,
                           unsigned retry_after_s) {
    router_problem(asked->conn, asked->http, status, detail, retry_after_s);
}

// An EventSource gives up for good on anything but 200: who cannot be served now is asked to come again later.
static void turn_away(struct asked *asked, const char *why) {
    struct worker *worker = asked->conn->worker;
    struct buf out, body;
    buf_init(&out, 8192);
    buf_init(&body, 1024);
    worker->counts.refused_total++;
    sse_comment(&body, str_from(why));
    sse_retry(&body, worker_jitter(worker, TURNED_AWAY_RETRY_MS));
    sse_end(&body);
    asked->reply.keep_alive = false;
    reply_body(&out, worker, &asked->reply, 200, "text/event-stream",
               STR("Cache-Control: no-cache, no-transform\r\n"), buf_str(&body));
    conn_answer(asked->conn, &out, true);
    buf_fini(&out);
    buf_fini(&body);
}

static bool no_room(struct asked *asked) {
    const char *why = NULL;
    unsigned status = 503;
    if (asked->conn->worker->draining) why = "the hub is shutting down";
    if (asked->conn->admission == ADMIT_FULL)
        why = "the hub has as many connections as it may (limits.connections)";
    if (asked->conn->admission == ADMIT_FULL_ADDRESS) {
        why = "too many connections from your address (limits.connections_per_address)";
        status = 429;
    }
    if (!why) return false;
    if (asked->form == FORM_SSE && asked->http->method == HTTP1_GET) {
        turn_away(asked, why);
    } else {
        answer_problem(asked, (int)status, why, 5);
    }
    return true;
}

// `question` tells answers of different starts apart.
static void write_etag(struct buf *out, struct worker *worker, struct subscriber *subscriber, uint64_t question) {
    uint64_t newest, sum;
    char tag[64];
    hub_fingerprint(worker->hub, subscriber, &newest, &sum);
    snprintf(tag, sizeof tag, "\"%s-%llx-%llx\"", journal_epoch(worker->server->journal),
             (unsigned long long)newest, (unsigned long long)(sum + question));
    http1_field_text(out, "ETag", tag);
}

static uint64_t question_of(const struct asked *asked) {
    const uint64_t parts[] = {asked->hub.start, asked->hub.seq, asked->hub.count, asked->hub.foreign};
    return XXH3_64bits(parts, sizeof parts);
}

static bool matches_etag(struct asked *asked, struct subscriber *subscriber) {
    struct buf tag;
    struct str list = http1_header(asked->http, "If-None-Match");
    bool found = false;
    if (!list.ptr) return false;
    buf_init(&tag, 128);
    write_etag(&tag, asked->conn->worker, subscriber, question_of(asked));
    // "ETag: " before and CRLF behind it.
    struct str mine = {tag.data + 6, tag.len - 8};
    while (list.ptr && !found) {
        struct str one = str_trim(str_cut(&list, ','));
        if (str_starts(one, STR("W/"))) one = (struct str){one.ptr + 2, one.len - 2};
        found = str_equal(one, STR("*")) || str_equal(one, mine);
    }
    buf_fini(&tag);
    return found;
}

static void write_snapshot_opening(struct buf *out, struct worker *worker, const struct str *names,
                                   uint32_t names_count, const struct str *grants,
                                   uint32_t grants_count, bool chunked) {
    size_t start = out->len;
    buf_append_str(out, STR("{\"topics\":"));
    topics_write(out, worker, names, names_count, grants, grants_count);
    buf_append_str(out, STR(",\"events\":["));
    if (chunked) frame_chunk(out, start);
}

static void free_stream(struct stream *stream) {
    buf_fini(&stream->head);
    free(stream->names);
    free(stream);
}

// Copies of names and grants, for when a long poll is answered.
static int keep_names(struct stream *stream, const struct asked *asked) {
    uint32_t total = asked->hub.names_count + asked->hub.grants_count;
    size_t bytes = 0;
    for (uint32_t i = 0; i < asked->hub.names_count; i++) bytes += asked->names[i].len;
    for (uint32_t i = 0; i < asked->hub.grants_count; i++) bytes += asked->grants[i].len;
    stream->names = malloc(total * sizeof *stream->names + bytes);
    if (!stream->names) return ERR_NOMEM;
    stream->grants = stream->names + asked->hub.names_count;
    stream->names_count = asked->hub.names_count;
    stream->grants_count = asked->hub.grants_count;
    char *to = (char *)(stream->names + total);
    for (uint32_t i = 0; i < total; i++) {
        bool name = i < stream->names_count;
        struct str from = name ? asked->names[i] : asked->grants[i - stream->names_count];
        memcpy(to, from.ptr, from.len);
        stream->names[i] = (struct str){to, from.len};
        to += from.len;
    }
    return 0;
}

// Sets the connection's timer to whichever comes first.
static void arm(struct stream *stream) {
    uint64_t at = stream->expires_ms;
    if (stream->stalled_ms && (!at || stream->stalled_ms < at)) at = stream->stalled_ms;
    conn_wait_until(stream->conn, at);
}

// Everything is known and the subscriber is in the hub.
static void begin(struct asked *asked, struct stream *stream, bool waits) {
    struct worker *worker = asked->conn->worker;
    struct buf head;
    buf_init(&head, LIMIT_TAIL_BYTES);
    write_head(&head, asked);
    stream->conn = asked->conn;
    stream->question = question_of(asked);
    stream->chunked = asked->hub.chunked;
    stream->snapshot = asked->hub.mode != HUB_STREAM;
    stream->keep_alive =
        asked->hub.mode != HUB_STREAM && asked->reply.keep_alive && asked->reply.chunked;
    if (waits) {
        stream->waiting = true;
        stream->head = head;
        conn_stream(asked->conn, stream);
        conn_wait_until(asked->conn, loop_now(worker->loop) + asked->wait_ms);
        return;
    }
    if (asked->form == FORM_JSON) {
        write_etag(&head, worker, &stream->subscriber, question_of(asked));
        http1_head_end(&head);
        write_snapshot_opening(&head, worker, asked->hub.names, asked->hub.names_count,
                               asked->hub.grants, asked->hub.grants_count, asked->hub.chunked);
    } else {
        http1_head_end(&head);
        if (asked->form == FORM_SSE) write_opening(&head, asked);
    }
    if (buf_failed(&head)) {
        buf_fini(&head);
        hub_remove(worker->hub, &stream->subscriber);
        free_stream(stream);
        answer_problem(asked, 503, "its topics are too many for one answer; ask for fewer", 0);
        return;
    }
    conn_stream(asked->conn, stream);
    if (asked->age_ms) stream->expires_ms = loop_now(worker->loop) + asked->age_ms;
    arm(stream);
    hub_send(worker->hub, &stream->subscriber, buf_str(&head));
    buf_fini(&head);
    hub_begin(worker->hub, &stream->subscriber, loop_now(worker->loop));
    worker_schedule(worker);
}

static void subscribe(struct asked *asked) {
    struct worker *worker = asked->conn->worker;
    struct report report = {0};
    bool waits = false;
    struct stream *stream = calloc(1, sizeof *stream);
    int err = stream ? 0 : ERR_NOMEM;
    if (!err && asked->hub.mode == HUB_WAIT) err = keep_names(stream, asked);
    if (!err)
        err = hub_subscribe(worker->hub, &stream->subscriber, &asked->hub, loop_now(worker->loop),
                            &waits, &report);
    if (err) {
        if (stream) free_stream(stream);
        if (err == ERR_NOT_FOUND) {
            struct buf out;
            buf_init(&out, 8192);
            reply_empty(&out, worker, &asked->reply, 204, STR("Cache-Control: no-store\r\n"));
            conn_answer(asked->conn, &out, !asked->reply.keep_alive);
            buf_fini(&out);
        } else if (err == ERR_INVALID) {
            answer_problem(asked, 400, report.text, 0);
        } else if (asked->form == FORM_SSE) {
            turn_away(asked, report.text);
        } else {
            answer_problem(asked, 503, report.text[0] ? report.text : "out of memory", 5);
        }
        return;
    }
    if (asked->form == FORM_JSON && asked->http->method == HTTP1_GET && !waits &&
        matches_etag(asked, &stream->subscriber)) {
        struct buf out, fields;
        buf_init(&out, 8192);
        buf_init(&fields, 256);
        write_etag(&fields, worker, &stream->subscriber, question_of(asked));
        reply_empty(&out, worker, &asked->reply, 304, buf_str(&fields));
        conn_answer(asked->conn, &out, !asked->reply.keep_alive);
        buf_fini(&fields);
        buf_fini(&out);
        hub_remove(worker->hub, &stream->subscriber);
        free_stream(stream);
        return;
    }
    begin(asked, stream, waits);
}

// HEAD: what a GET would begin with, and nothing else.
static void answer_head(struct asked *asked) {
    struct buf out;
    buf_init(&out, 16384);
    asked->reply.keep_alive = asked->reply.keep_alive && asked->reply.chunked;
    write_head(&out, asked);
    http1_head_end(&out);
    conn_answer(asked->conn, &out, !asked->reply.keep_alive || asked->hub.mode == HUB_STREAM);
    buf_fini(&out);
}

void stream_start(struct conn *conn, const struct http1_request *request, struct params *params,
                  struct str topic, const struct grant *grant) {
    struct asked asked = {.conn = conn,
                          .http = request,
                          .params = params,
                          .grant = grant,
                          .one_topic = topic.ptr != NULL};
    if (reply_init(&asked.reply, conn->worker, request)) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    asked.form = accepted(request, asked.one_topic);
    if (asked.form == FORM_NONE || asked.form == FORM_HTML) {
        answer_problem(&asked, 406,
                       "this can be had as text/event-stream, application/json, "
                       "application/x-ndjson or text/plain",
                       0);
    } else if (understand(&asked, topic)) {
        answer_problem(&asked, asked.status, asked.problem, 0);
    } else if (check_grant(&asked)) {
        router_forbidden(conn, request, grant, "subscribe to this");
    } else if (request->method == HTTP1_HEAD) {
        answer_head(&asked);
    } else if (!no_room(&asked)) {
        subscribe(&asked);
    }
    reply_fini(&asked.reply);
}

bool stream_wants_page(const struct http1_request *request, bool one_topic) {
    return accepted(request, one_topic) == FORM_HTML;
}

// --- the hub's side -------------------------------------------------------------------------------------------------

static struct stream *of(struct subscriber *subscriber) {
    return (struct stream *)(void *)subscriber;
}

static ssize_t sink_write(struct subscriber *subscriber, const char *bytes, size_t len) {
    return conn_write(of(subscriber)->conn, bytes, len);
}

static void sink_want_writable(struct subscriber *subscriber, bool on) {
    struct stream *stream = of(subscriber);
    struct worker *worker = stream->conn->worker;
    uint64_t patience = worker->site->config->write_timeout_ms;
    stream->stalled_ms = on && patience ? loop_now(worker->loop) + patience : 0;
    arm(stream);
    conn_want_writable(stream->conn, on);
}

static void sink_finished(struct subscriber *subscriber) {
    conn_defer(of(subscriber)->conn, CONN_FINISHED);
}

static void sink_broken(struct subscriber *subscriber) {
    conn_defer(of(subscriber)->conn, CONN_BROKEN);
}

static void sink_begin(struct subscriber *subscriber) {
    struct stream *stream = of(subscriber);
    struct worker *worker = stream->conn->worker;
    stream->waiting = false;
    write_etag(&stream->head, worker, subscriber, stream->question);
    http1_head_end(&stream->head);
    write_snapshot_opening(&stream->head, worker, stream->names, stream->names_count,
                           stream->grants, stream->grants_count, stream->chunked);
    // Half a head is worse than none.
    if (buf_failed(&stream->head)) conn_defer(stream->conn, CONN_BROKEN);
    hub_send(worker->hub, subscriber, buf_str(&stream->head));
    buf_fini(&stream->head);
    conn_wait_until(stream->conn, 0);
    worker_schedule(worker);
}

const struct hub_sink stream_sink = {
    .write = sink_write,
    .want_writable = sink_want_writable,
    .finished = sink_finished,
    .broken = sink_broken,
    .begin = sink_begin,
};

void stream_closed(struct stream *stream) {
    // A finished one has left the hub by itself.
    if (stream->subscriber.selector) hub_remove(stream->conn->worker->hub, &stream->subscriber);
    free_stream(stream);
}

void stream_writable(struct stream *stream) {
    struct worker *worker = stream->conn->worker;
    hub_writable(worker->hub, &stream->subscriber, loop_now(worker->loop));
    worker_schedule(worker);
}

void stream_timeout(struct stream *stream) {
    struct worker *worker = stream->conn->worker;
    uint64_t now = loop_now(worker->loop);
    if (stream->waiting) {
        hub_wake(worker->hub, &stream->subscriber, now);
    } else if (stream->stalled_ms && now >= stream->stalled_ms) {
        conn_close(stream->conn);
    } else if (stream->subscriber.selector) {
        stream->expires_ms = 0;
        arm(stream);
        hub_end(worker->hub, &stream->subscriber, NULL);
    }
}

bool stream_ends(const struct stream *stream) { return stream->keep_alive; }

bool stream_is_snapshot(const struct stream *stream) { return stream->snapshot; }

bool stream_is_waiting(const struct stream *stream) { return stream->waiting; }

bool stream_finish(struct stream *stream) {
    bool goes_on = stream->keep_alive;
    ASSERT(!stream->subscriber.selector);
    free_stream(stream);
    return goes_on;
}
