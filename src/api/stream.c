// SPDX-License-Identifier: MIT
// A subscription over HTTP.
#include "api/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/router.h"
#include "api/subscription.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/units.h"
#include "proto/sse.h"
#include "server/server_priv.h"
#include "sys/net.h"

// What a subscriber that cannot be served now is told to wait, with jitter.
#define TURNED_AWAY_RETRY_MS 30000

struct stream {
    struct subscriber subscriber; // first
    struct conn *conn;
    bool keep_alive; // it ends by itself, and the connection may go on afterwards
    bool snapshot;
    bool search;                     // it may look for long and find nothing
    uint64_t expires_ms, stalled_ms; // when it is ended, when it is given up; 0: not
    struct poll *poll;               // while it is a long poll that has nothing to say
};

// What a long poll's answer will need. Apart, so that a stream stays small.
struct poll {
    struct buf head; // its fields so far
    uint64_t question;
};

// --- the head -------------------------------------------------------------------------------------------------------

static void write_head(struct buf *out, const struct subscription *asked) {
    bool snapshot = asked->hub.mode != HUB_STREAM;
    struct reply reply = asked->reply;
    // A stream's connection ends with it; a body of unknown length needs chunks to go on after it.
    if (!snapshot || !reply.chunked) reply.keep_alive = false;
    reply_head(out, asked->conn->worker, &reply, 200);
    http1_field_text(out, "Vary", "Accept");
    http1_field_text(out, "Content-Type", hub_content_type(asked->hub.format));
    http1_field_text(out, "Cache-Control", snapshot ? "no-cache" : "no-cache, no-transform");
    if (!snapshot) http1_field_text(out, "X-Accel-Buffering", "no");
    if (reply.chunked) http1_field_text(out, "Transfer-Encoding", "chunked");
}

// --- answering ------------------------------------------------------------------------------------------------------

static void answer_problem(struct subscription *asked, int status, const char *detail,
                           unsigned retry_after_s) {
    router_problem(asked->conn, asked->http, status, detail, retry_after_s);
}

// An EventSource gives up for good on anything but 200: who cannot be served now is asked to come again later.
static void turn_away(struct subscription *asked, const char *why) {
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

static bool no_room(struct subscription *asked) {
    struct worker *worker = asked->conn->worker;
    int status = 503;
    const char *why = admission_problem(asked->conn->admission, &status);
    if (!why && worker->draining) why = "the hub is shutting down";
    if (!why) return false;
    if (asked->form == FORM_SSE && asked->http->method == HTTP1_GET) {
        turn_away(asked, why);
    } else {
        worker->counts.refused_total++;
        answer_problem(asked, status, why, 5);
    }
    return true;
}

// `question` tells answers of different starts apart.
static void write_etag(struct buf *out, struct worker *worker, struct subscriber *subscriber,
                       uint64_t question) {
    uint64_t newest, sum;
    char tag[64];
    hub_fingerprint(worker->hub, subscriber, &newest, &sum);
    snprintf(tag, sizeof tag, "\"%s-%llx-%llx\"", journal_epoch(worker->server->journal),
             (unsigned long long)newest, (unsigned long long)(sum + question));
    http1_field_text(out, "ETag", tag);
}

static bool matches_etag(struct subscription *asked, struct subscriber *subscriber) {
    struct buf tag;
    struct str list = http1_header(asked->http, "If-None-Match");
    bool found = false;
    if (!list.ptr) return false;
    buf_init(&tag, 128);
    write_etag(&tag, asked->conn->worker, subscriber, subscription_fingerprint(asked));
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

static void free_poll(struct stream *stream) {
    if (!stream->poll) return;
    buf_fini(&stream->poll->head);
    free(stream->poll);
    stream->poll = NULL;
}

static void free_stream(struct stream *stream) {
    free_poll(stream);
    free(stream);
}

static int make_poll(struct stream *stream, const struct subscription *asked) {
    stream->poll = calloc(1, sizeof *stream->poll);
    if (!stream->poll) return ERR_NOMEM;
    stream->poll->question = subscription_fingerprint(asked);
    return 0;
}

// Sets the connection's timer to whichever comes first.
static void arm(struct stream *stream) {
    uint64_t at = stream->expires_ms;
    if (stream->stalled_ms && (!at || stream->stalled_ms < at)) at = stream->stalled_ms;
    conn_wait_until(stream->conn, at);
}

// Everything is known and the subscriber is in the hub.
static void begin(struct subscription *asked, struct stream *stream, bool waits) {
    struct worker *worker = asked->conn->worker;
    struct buf head;
    buf_init(&head, LIMIT_TAIL_BYTES);
    write_head(&head, asked);
    stream->snapshot = asked->hub.mode != HUB_STREAM;
    stream->search = asked->hub.start == HUB_START_BEFORE && asked->hub.filter.ptr;
    stream->keep_alive =
        asked->hub.mode != HUB_STREAM && asked->reply.keep_alive && asked->reply.chunked;
    if (waits) {
        stream->poll->head = head;
        conn_stream(asked->conn, stream);
        conn_wait_until(asked->conn, loop_now(worker->loop) + asked->wait_ms);
        return;
    }
    if (asked->form == FORM_JSON)
        write_etag(&head, worker, &stream->subscriber, subscription_fingerprint(asked));
    http1_head_end(&head);
    enum conn_state state = asked->conn->state;
    conn_stream(asked->conn, stream);
    free_poll(stream);
    if (asked->age_ms) stream->expires_ms = loop_now(worker->loop) + asked->age_ms;
    arm(stream);
    int err = hub_begin(worker->hub, &stream->subscriber, buf_str(&head), loop_now(worker->loop));
    buf_fini(&head);
    if (err) {
        asked->conn->state = state;
        asked->conn->stream = NULL;
        conn_wait_until(asked->conn, 0);
        hub_remove(worker->hub, &stream->subscriber);
        free_stream(stream);
        answer_problem(asked, 503, "its topics are too many for one answer; ask for fewer", 0);
        return;
    }
    worker_schedule(worker);
}

static void subscribe(struct subscription *asked) {
    struct worker *worker = asked->conn->worker;
    struct report report = {0};
    bool waits = false;
    struct stream *stream = calloc(1, sizeof *stream);
    int err = stream ? 0 : ERR_NOMEM;
    if (stream) stream->conn = asked->conn;
    if (!err && asked->hub.mode == HUB_WAIT) err = make_poll(stream, asked);
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
        write_etag(&fields, worker, &stream->subscriber, subscription_fingerprint(asked));
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
static void answer_head(struct subscription *asked) {
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
    struct subscription asked = {.conn = conn,
                                 .http = request,
                                 .params = params,
                                 .grant = grant,
                                 .one_topic = topic.ptr != NULL};
    if (reply_init(&asked.reply, conn->worker, request)) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    asked.form = subscription_form(request, asked.one_topic);
    if (asked.form == FORM_NONE || asked.form == FORM_HTML) {
        answer_problem(&asked, 406,
                       "this can be had as text/event-stream, application/json, "
                       "application/x-ndjson or text/plain",
                       0);
    } else if (subscription_read(&asked, topic)) {
        answer_problem(&asked, asked.status, asked.problem, 0);
    } else if (subscription_grant(&asked)) {
        router_forbidden(conn, request, grant, "subscribe to this");
    } else if (request->method == HTTP1_HEAD) {
        answer_head(&asked);
    } else if (!no_room(&asked)) {
        subscribe(&asked);
    }
    reply_fini(&asked.reply);
}

bool stream_wants_page(const struct http1_request *request, bool one_topic) {
    return subscription_form(request, one_topic) == FORM_HTML;
}

// --- the hub's side -------------------------------------------------------------------------------------------------

static struct stream *of(struct subscriber *subscriber) {
    return (struct stream *)(void *)subscriber;
}

static intptr_t sink_handle(struct subscriber *subscriber) { return of(subscriber)->conn->io.fd; }

static ssize_t sink_write(intptr_t handle, const char *bytes, size_t len) {
    return net_send((int)handle, bytes, len);
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

static bool sink_begin(struct subscriber *subscriber, struct buf *head) {
    struct stream *stream = of(subscriber);
    struct worker *worker = stream->conn->worker;
    struct poll *poll = stream->poll;
    write_etag(&poll->head, worker, subscriber, poll->question);
    http1_head_end(&poll->head);
    bool whole = !buf_failed(&poll->head);
    buf_append_str(head, buf_str(&poll->head));
    free_poll(stream);
    conn_wait_until(stream->conn, 0);
    worker_schedule(worker);
    return whole;
}

const struct hub_sink stream_sink = {
    .handle = sink_handle,
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
    if (stream->poll) {
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

bool stream_is_waiting(const struct stream *stream) { return stream->poll; }

bool stream_is_search(const struct stream *stream) { return stream->search; }

bool stream_finish(struct stream *stream) {
    bool goes_on = stream->keep_alive;
    ASSERT(!stream->subscriber.selector);
    free_stream(stream);
    return goes_on;
}
