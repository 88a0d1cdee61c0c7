// SPDX-License-Identifier: MIT
// A connection of HTTP/1.1.
#include "http/http1_conn.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"
#include "base/limits.h"
#include "base/list.h"
#include "http/http1_conn_priv.h"

// Requests of one connection that may be under way: enough to keep a commit busy, few enough to be
// fair.
#define EXCHANGES_MAX 256
// Bytes of answers that may wait to be sent before no more requests are read.
#define OUT_BYTES_MAX ((size_t)256 * 1024)
// How long, and how much, a peer may go on sending after our last answer.
#define LINGER_MS 2000
#define LINGER_BYTES (1024u * 1024)
// A body must not only go on, but come at this rate on the whole, after one body_timeout of grace:
// slower than any line that is still in use. Else a byte now and then would hold what came before
// for as long as somebody likes.
#define BODY_BYTES_A_S 500
// What those who are turned away are asked to wait.
#define RETRY_AFTER_S 1
// A body that nobody wants is read and forgotten up to here, so that the connection can go on.
#define DISCARD_BYTES (64u * 1024)

static void advance(struct http1_conn *conn);
static void close_now(struct http1_conn *conn);

static void cut(struct http1_conn *conn, const struct problem *problem);

static struct loop *loop_of(const struct http1_conn *conn) { return http1_http(conn)->loop; }

// --- life ----------------------------------------------------------------------------------------

static void on_body(void *context, struct str bytes) {
    struct http1_conn *conn = context;
    struct http1_exchange *exchange = http1_reading(conn);
    unsigned flags = exchange->base.flags;
    if (conn->body_by_ms) conn->body_by_ms += bytes.len * 1000 / BODY_BYTES_A_S;
    if (flags & HTTP1_BEGUN && !(flags & HTTP1_ANSWERED)) {
        exchange->base.handler->body(&exchange->base, bytes);
    } else if (conn->discarded < UINT32_MAX / 2) {
        conn->discarded += (uint32_t)bytes.len;
    }
}

static bool take_parser(struct http1_conn *conn) {
    struct http *http = http1_http(conn);
    size_t head_bytes = http->settings->header_bytes_max;
    conn->parser = http->spare_parser;
    http->spare_parser = NULL;
    if (conn->parser) {
        http1_parser_renew(conn->parser, head_bytes, conn);
    } else {
        conn->parser = http1_parser_new(head_bytes, on_body, conn);
    }
    return conn->parser;
}

static void drop_parser(struct http1_conn *conn) {
    struct http *http = http1_http(conn);
    if (http->spare_parser) {
        http1_parser_free(conn->parser);
    } else {
        http->spare_parser = conn->parser;
    }
    conn->parser = NULL;
}

static void free_buf(struct buf **buf) {
    if (!*buf) return;
    buf_fini(*buf);
    free(*buf);
    *buf = NULL;
}

static void release(struct loop_retired *retired) {
    free(container_of(retired, struct http1_conn, retired));
}

static void close_now(struct http1_conn *conn) {
    struct http *http = http1_http(conn);
    if (conn->state == CONN_CLOSED) return;
    conn->state = CONN_CLOSED;
    while (conn->first) http1_exchange_drop(conn);
    http1_set_busy(conn, false);
    loop_timer_clear(http->loop, &conn->timer);
    loop_remove(http->loop, &conn->io);
    close(conn->io.fd);
    if (conn->parser) drop_parser(conn);
    free_buf(&conn->held);
    free_buf(&conn->out);
    account_release(&http->account, &conn->counted);
    DL_DELETE(http->conns, conn);
    http->conns_count--;
    admission_leave(http->admission, conn->visitor);
    if (!(conn->flags & CONN_DEFERRED)) loop_retire(http->loop, &conn->retired, release);
}

// --- what is waited for --------------------------------------------------------------------------

static void set_interest(struct http1_conn *conn) {
    uint32_t events = 0;
    if (conn->state == CONN_LINGER) {
        events = EPOLLIN | EPOLLRDHUP;
    } else {
        bool reads = !(conn->flags & (CONN_HELD | CONN_EOF | CONN_END));
        if (reads) events |= EPOLLIN | EPOLLRDHUP;
        if (conn->out) events |= EPOLLOUT;
    }
    loop_change(loop_of(conn), &conn->io, events);
}

static uint64_t phase_timeout(const struct http1_conn *conn) {
    const struct http_settings *settings = http1_http(conn)->settings;
    const struct http1_exchange *exchange = http1_reading(conn);
    switch (conn->phase) {
        case PHASE_IDLE: return settings->idle_timeout_ms;
        case PHASE_HEAD: return settings->header_timeout_ms;
        case PHASE_BODY:
            return exchange && exchange->base.flags & EXCHANGE_SLOW_BODY
                       ? 0
                       : settings->body_timeout_ms;
        case PHASE_WRITE: return settings->write_timeout_ms;
        default: return 0;
    }
}

static void arm(struct http1_conn *conn) {
    struct loop *loop = loop_of(conn);
    uint64_t timeout = phase_timeout(conn);
    uint64_t at = loop_now(loop) + timeout;
    if (conn->phase != PHASE_BODY || !timeout) {
        conn->body_by_ms = 0;
    } else if (!conn->body_by_ms) {
        conn->body_by_ms = at;
    } else if (conn->body_by_ms < at) {
        at = conn->body_by_ms;
    }
    if (timeout) {
        if (loop_timer_set(loop, &conn->timer, at)) close_now(conn);
    } else {
        loop_timer_clear(loop, &conn->timer);
    }
}

static enum http1_conn_phase phase_of(const struct http1_conn *conn) {
    if (conn->out) return PHASE_WRITE;
    bool waits = conn->flags & CONN_HELD || (conn->flags & CONN_END && conn->first);
    if (waits) return PHASE_WAIT;
    if (conn->parser && http1_parser_in_head(conn->parser)) return PHASE_HEAD;
    if (conn->parser && http1_parser_in_message(conn->parser)) return PHASE_BODY;
    return conn->first ? PHASE_WAIT : PHASE_IDLE;
}

// `progress`: bytes of a body came or bytes of an answer left, so that time counts anew.
// `answered`: a request was, so that it counts anew for the next one. A head must be there in time
// as a whole.
static void set_phase(struct http1_conn *conn, bool progress, bool answered) {
    enum http1_conn_phase phase = phase_of(conn);
    bool anew = (progress && (phase == PHASE_BODY || phase == PHASE_WRITE)) ||
                (answered && (phase == PHASE_IDLE || phase == PHASE_HEAD));
    http1_set_busy(conn, phase != PHASE_IDLE);
    if (phase != PHASE_IDLE || answered) conn->flags |= CONN_STARTED;
    if (phase == conn->phase && !anew) return;
    conn->phase = (uint8_t)phase;
    arm(conn);
}

// --- reading -------------------------------------------------------------------------------------

// Nothing is under way before `exchange`.
static bool is_quiet(const struct http1_conn *conn, const struct http1_exchange *exchange) {
    return conn->first == exchange && !conn->out;
}

static bool may_start_request(struct http1_conn *conn) {
    if (conn->exchanges < EXCHANGES_MAX && (!conn->out || conn->out->len < OUT_BYTES_MAX))
        return true;
    conn->flags |= CONN_HELD_ROOM;
    return false;
}

static void begin(struct http1_exchange *exchange) {
    exchange->base.flags |= HTTP1_BEGUN;
    exchange->base.handler->begin(&exchange->base);
}

// The body is not read: it is too large, nobody knows how large it is, or the peer waits with it.
static bool is_large(const struct http1_head *head) {
    const struct request *request = &head->request;
    return request->has_body && (!request->length_known || head->expect_continue ||
                                 request->content_length > DISCARD_BYTES);
}

// The head is there, and the request may be begun.
static void begin_head(struct http1_conn *conn, const struct http1_head *head) {
    struct http1_exchange *exchange = conn->last;
    enum method method = head->request.method;
    if (exchange->base.handler->body) {
        if (is_large(head)) exchange->base.flags |= HTTP1_LARGE;
        begin(exchange);
        if (!(exchange->base.flags & HTTP1_ANSWERED) && head->expect_continue)
            http1_append_out(conn, STR(HTTP1_CONTINUE));
    } else if (is_large(head)) {
        exchange->base.flags |= HTTP1_WHOLE;
        conn->flags |= CONN_END;
        if (method == METHOD_GET || method == METHOD_HEAD) {
            exchange_refuse(&exchange->base, 413,
                            "this request takes no body, and the body is too large to be ignored");
        } else {
            begin(exchange);
        }
    }
}

// A head has come whole.
static void on_head(struct http1_conn *conn) {
    struct http1_head *head = http1_parser_head(conn->parser);
    struct http1_exchange *exchange = http1_exchange_new(conn, head);
    if (!exchange || (exchange->base.cors == CORS_ORIGIN && !exchange->origin)) {
        conn->flags |= CONN_END | CONN_BROKEN;
        return;
    }
    conn->discarded = 0;
    exchange_route(&exchange->base, visitor_address(conn->visitor));
    // An interim answer would leave before those of earlier requests.
    bool alongside = exchange->base.handler->alongside && !head->expect_continue;
    if (!alongside && !is_quiet(conn, exchange)) {
        conn->flags |= CONN_HELD_HEAD;
    } else {
        begin_head(conn, head);
    }
}

// A request has come whole.
static void on_complete(struct http1_conn *conn) {
    struct http1_exchange *exchange = conn->last;
    const struct http1_head *head = http1_parser_head(conn->parser);
    unsigned flags = exchange->base.flags;
    exchange->base.flags |= HTTP1_WHOLE;
    if (!(flags & HTTP1_BEGUN) && !(flags & HTTP1_ANSWERED)) {
        begin(exchange);
    } else if (!(flags & HTTP1_ANSWERED)) {
        exchange->base.handler->end(&exchange->base, NULL);
    }
    // Nothing that comes after a request that closes the connection is a request (RFC 9112, 9.6).
    if (!head->keep_alive) conn->flags |= CONN_END;
}

// The request that is being read cannot go on.
static void cut(struct http1_conn *conn, const struct problem *problem) {
    struct http1_exchange *exchange = http1_reading(conn);
    conn->flags |= CONN_END;
    // A head that waits for the answers before it is not begun any more.
    conn->flags &= (uint16_t)~CONN_HELD_HEAD;
    if (!exchange) exchange = http1_exchange_new(conn, NULL);
    if (!exchange) {
        conn->flags |= CONN_BROKEN;
        return;
    }
    unsigned flags = exchange->base.flags;
    exchange->base.flags |= HTTP1_WHOLE;
    if (flags & HTTP1_ANSWERED) return;
    if (flags & HTTP1_BEGUN) {
        exchange->base.handler->end(&exchange->base, problem);
    } else {
        exchange_problem(&exchange->base, problem);
    }
}

// Keeps what the parser may not have yet.
static bool keep(struct http1_conn *conn, const char *bytes, size_t len) {
    if (!len) return true;
    if (!conn->held) {
        conn->held = malloc(sizeof *conn->held);
        if (!conn->held) return false;
        buf_init(conn->held, HTTP_READ_BYTES * 2);
    }
    buf_append(conn->held, bytes, len);
    return !buf_failed(conn->held);
}

static bool is_parsing(const struct http1_conn *conn) {
    return conn->state == CONN_REQUESTS && !(conn->flags & (CONN_HELD | CONN_END | CONN_BROKEN));
}

// All that there is for now has been parsed.
static void pause_body(struct http1_conn *conn) {
    struct http1_exchange *exchange = http1_reading(conn);
    if (!exchange || !(exchange->base.flags & HTTP1_BEGUN)) return;
    if (exchange->base.flags & HTTP1_ANSWERED || !exchange->base.handler->pause) return;
    exchange->base.handler->pause(&exchange->base);
}

static void feed(struct http1_conn *conn, const char *bytes, size_t len) {
    if (!conn->parser && !take_parser(conn)) {
        close_now(conn);
        return;
    }
    // The end of a request without a body comes by a step of its own.
    bool step_due = http1_parser_in_message(conn->parser) && !http1_parser_in_head(conn->parser);
    while (is_parsing(conn) && (len || step_due)) {
        size_t consumed = 0;
        if (!http1_parser_in_message(conn->parser) && !may_start_request(conn)) break;
        enum http1_step step = http1_parser_feed(conn->parser, bytes, len, &consumed);
        bytes += consumed;
        len -= consumed;
        step_due = step == HTTP1_HEADERS;
        if (step == HTTP1_MORE) pause_body(conn);
        if (step == HTTP1_HEADERS) on_head(conn);
        if (step == HTTP1_COMPLETE) on_complete(conn);
        if (step == HTTP1_FAILED) {
            struct problem problem = {0};
            problem.status = http1_parser_error(conn->parser, &problem.detail);
            cut(conn, &problem);
            break;
        }
        if (conn->state == CONN_REQUESTS) http1_settle(conn);
        if (step == HTTP1_MORE && !len) break;
    }
    bool goes_on = conn->state == CONN_REQUESTS ||
                   (conn->state == CONN_STREAM && http1_keeps_alive(conn->first) &&
                    conn->first->base.flags & HTTP1_ENDS);
    if (goes_on && !(conn->flags & CONN_END) && !keep(conn, bytes, len)) close_now(conn);
}

// What was held goes on when what it waited for has happened. False when nothing could go on.
static bool resume(struct http1_conn *conn) {
    if (conn->flags & CONN_HELD_HEAD && is_quiet(conn, conn->last)) {
        conn->flags &= (uint16_t)~CONN_HELD_HEAD;
        begin_head(conn, http1_parser_head(conn->parser));
        http1_settle(conn);
        feed(conn, "", 0);
        return true;
    }
    if (conn->flags & CONN_HELD_ROOM && conn->exchanges < EXCHANGES_MAX && !conn->out)
        conn->flags &= (uint16_t)~CONN_HELD_ROOM;
    if (!is_parsing(conn) || !conn->held) return false;
    struct buf *held = conn->held;
    conn->held = NULL;
    feed(conn, held->data, held->len);
    buf_fini(held);
    free(held);
    return true;
}

// --- going on ------------------------------------------------------------------------------------

static void linger(struct http1_conn *conn) {
    struct loop *loop = loop_of(conn);
    shutdown(conn->io.fd, SHUT_WR);
    conn->state = CONN_LINGER;
    conn->discarded = 0;
    http1_set_busy(conn, false);
    if (loop_timer_set(loop, &conn->timer, loop_now(loop) + LINGER_MS)) close_now(conn);
}

// The peer says no more, and the request that is being read lacks its end. What is held back may
// still have it.
static bool is_cut_off(const struct http1_conn *conn) {
    return conn->flags & CONN_EOF && !(conn->flags & (CONN_HELD | CONN_END)) && conn->parser &&
           http1_parser_in_message(conn->parser);
}

// Sends what waits. False when the connection is gone.
static bool flush(struct http1_conn *conn) {
    if (!conn->out) return true;
    ssize_t sent = net_send(conn->io.fd, conn->out->data, conn->out->len);
    if (sent < 0) {
        close_now(conn);
        return false;
    }
    buf_consume(conn->out, (size_t)sent);
    if (conn->out->len == 0) free_buf(&conn->out);
    return true;
}

// Counts what it holds until the next turn. False: there is no room for that.
static bool count(struct http1_conn *conn) {
    size_t bytes = 0;
    if (conn->held) bytes += conn->held->cap;
    if (conn->out) bytes += conn->out->cap;
    // With nothing more to be read, a head is only for the answer that is on its way.
    if (conn->parser && !(conn->flags & CONN_END)) bytes += http1_parser_bytes(conn->parser);
    return account_hold(&http1_http(conn)->account, &conn->counted, bytes);
}

// There is no room for what it holds. What it asks for is answered with that, unless what it holds
// is an answer that it does not read.
static void turn_away(struct http1_conn *conn) {
    http1_http(conn)->counts.refused_total++;
    if (conn->out || conn->flags & CONN_END) {
        close_now(conn);
        return;
    }
    free_buf(&conn->held);
    cut(conn, &(struct problem){
                  .status = 503,
                  .detail = "the hub holds as much of unfinished requests as it may "
                            "(limits.held_bytes); try again",
                  .retry_after_s = RETRY_AFTER_S,
              });
    advance(conn);
}

// Does all that can be done now: sends, resumes, closes; then says what to wait for.
static void advance(struct http1_conn *conn) {
    bool answered = conn->out != NULL;
    bool progress = answered || (conn->parser && http1_parser_in_message(conn->parser));
    do {
        if (conn->state == CONN_REQUESTS) http1_settle(conn);
        if (conn->flags & CONN_BROKEN) {
            close_now(conn);
            return;
        }
        if (conn->state != CONN_REQUESTS || !flush(conn)) return;
    } while (resume(conn) || (conn->flags & CONN_BROKEN));
    if (conn->state != CONN_REQUESTS) return;
    if (is_cut_off(conn)) {
        close_now(conn);
        return;
    }
    bool all_sent = !conn->out && !conn->first;
    if (all_sent && conn->flags & CONN_END) {
        linger(conn);
    } else if (all_sent && conn->flags & CONN_EOF) {
        close_now(conn);
        return;
    } else {
        set_phase(conn, progress, answered);
    }
    if (conn->state == CONN_CLOSED) return;
    // A connection without a request holds no parser.
    if (conn->parser && conn->phase == PHASE_IDLE && !conn->held) {
        drop_parser(conn);
        if (http1_http(conn)->draining) {
            close_now(conn);
            return;
        }
    }
    if (count(conn)) {
        set_interest(conn);
    } else {
        turn_away(conn);
    }
}

static void end_of_input(struct http1_conn *conn) {
    // The peer has said all; it may still want our answers.
    conn->flags |= CONN_EOF;
    if (!conn->first && !conn->out && !(conn->flags & CONN_HELD)) close_now(conn);
}

static void read_requests(struct http1_conn *conn) {
    char *buffer = http1_http(conn)->read_buffer;
    ssize_t got = net_receive(conn->io.fd, buffer, HTTP_READ_BYTES);
    if (got == -2) return;
    if (got < 0) {
        close_now(conn);
    } else if (got == 0) {
        end_of_input(conn);
    } else {
        feed(conn, buffer, (size_t)got);
    }
    if (conn->state == CONN_REQUESTS) advance(conn);
}

static void read_and_discard(struct http1_conn *conn, uint32_t bytes_max) {
    ssize_t got = net_receive(conn->io.fd, http1_http(conn)->read_buffer, HTTP_READ_BYTES);
    if (got == -2) return;
    if (got > 0) conn->discarded += (uint32_t)got;
    if (got <= 0 || conn->discarded > bytes_max) close_now(conn);
}

static void stream_hangup(struct http1_conn *conn, uint32_t events) {
    // A stream that may never be written to would not find out by a write.
    if (events & EPOLLHUP || conn->first->base.flags & (EXCHANGE_WATCHED | HTTP1_PARKED)) {
        close_now(conn);
    } else {
        conn->flags |= CONN_HALF;
        http1_stream_interest(conn, conn->io.events & EPOLLOUT);
    }
}

static void stream_ready(struct http1_conn *conn, uint32_t events) {
    struct exchange *exchange = &conn->first->base;
    if (exchange->flags & HTTP1_ENDS) {
        if (events & (EPOLLRDHUP | EPOLLHUP)) stream_hangup(conn, events);
    } else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) {
        read_and_discard(conn, DISCARD_BYTES);
    }
    if (conn->state == CONN_STREAM && events & EPOLLOUT) exchange->handler->writable(exchange);
}

static void ready(struct loop_io *io, uint32_t events) {
    struct http1_conn *conn = container_of(io, struct http1_conn, io);
    if (events & EPOLLERR) {
        close_now(conn);
        return;
    }
    switch (conn->state) {
        case CONN_REQUESTS:
            if (events & (EPOLLIN | EPOLLRDHUP)) {
                read_requests(conn);
            } else if (events & EPOLLHUP) {
                close_now(conn);
            }
            if (conn->state == CONN_REQUESTS && events & EPOLLOUT) advance(conn);
            break;
        case CONN_STREAM: stream_ready(conn, events); break;
        case CONN_LINGER: read_and_discard(conn, LINGER_BYTES); break;
        default: break;
    }
}

static void timeout(struct loop_timer *timer) {
    struct http1_conn *conn = container_of(timer, struct http1_conn, timer);
    if (conn->state == CONN_STREAM) {
        conn->first->base.handler->timer(&conn->first->base);
        return;
    }
    bool slow =
        conn->state == CONN_REQUESTS && (conn->phase == PHASE_HEAD || conn->phase == PHASE_BODY);
    struct http1_exchange *exchange = http1_reading(conn);
    bool begun = exchange && exchange->base.flags & HTTP1_BEGUN;
    // Earlier answers that are not out yet would come before a 408; nobody waits for them any more.
    if (!slow || !(begun || is_quiet(conn, exchange))) {
        close_now(conn);
        return;
    }
    cut(conn, &(struct problem){
                  .status = 408,
                  .detail = begun ? "the request's body did not come in time"
                                  : "the request did not come in time",
              });
    advance(conn);
}

void http1_conn_accept(struct http *http, int fd, enum http_listener listener,
                       struct visitor *visitor, enum admission_answer admission) {
    struct http1_conn *conn = calloc(1, sizeof *conn);
    if (!conn) goto failed;
    conn->own.base.http = http;
    conn->own.base.listener = (uint8_t)listener;
    conn->own.base.admission = (uint8_t)admission;
    conn->io = (struct loop_io){.fd = fd, .ready = ready};
    conn->timer.fire = timeout;
    conn->visitor = visitor;
    conn->phase = PHASE_WRITE; // so that the idle timer is armed as a change
    if (loop_add(http->loop, &conn->io, EPOLLIN | EPOLLRDHUP)) goto failed;
    DL_PREPEND(http->conns, conn);
    http->conns_count++;
    advance(conn);
    return;
failed:
    free(conn);
    close(fd);
    admission_leave(http->admission, visitor);
}

// --- when the turn is over -----------------------------------------------------------------------

static void stream_finished(struct http1_conn *conn) {
    struct http1_exchange *exchange = conn->first;
    bool framed = exchange->base.framing != WIRE_RAW;
    bool goes_on = exchange->base.flags & HTTP1_ENDS && framed && http1_keeps_alive(exchange);
    conn->flags &= (uint16_t) ~(CONN_FINISHED | CONN_HALF);
    if (!goes_on) conn->flags |= CONN_END;
    http1_exchange_drop(conn);
    conn->state = CONN_REQUESTS;
    conn->phase = PHASE_WRITE;
}

static void after_turn(struct http1_conn *conn) {
    conn->flags &= (uint16_t)~CONN_DEFERRED;
    if (conn->state == CONN_CLOSED) {
        loop_retire(loop_of(conn), &conn->retired, release);
        return;
    }
    if (conn->flags & CONN_BROKEN) {
        close_now(conn);
        return;
    }
    if (conn->flags & CONN_FINISHED) stream_finished(conn);
    if (conn->state == CONN_REQUESTS) {
        advance(conn);
    } else if (conn->state == CONN_STREAM && conn->parser &&
               !http1_parser_in_message(conn->parser) && !conn->held) {
        drop_parser(conn);
        (void)count(conn);
    }
}

void http1_conn_after_turn(struct http *http) {
    while (http->deferred) {
        struct http1_conn *conn = http->deferred;
        http->deferred = conn->next_deferred;
        after_turn(conn);
    }
}

bool http1_conn_are_due(const struct http *http) { return http->deferred; }

void http1_conn_drain(struct http *http) {
    struct http1_conn *conn, *next;
    DL_FOREACH_SAFE(http->conns, conn, next) {
        if (conn->state == CONN_REQUESTS && conn->phase == PHASE_IDLE) {
            // The first request of a new connection may be under way; it is to be answered.
            if (conn->flags & CONN_STARTED) close_now(conn);
        } else if (conn->state == CONN_STREAM && conn->first->base.handler->drain) {
            conn->first->base.handler->drain(&conn->first->base);
        }
    }
}

void http1_conn_close_all(struct http *http) {
    while (http->conns) close_now(http->conns);
}
