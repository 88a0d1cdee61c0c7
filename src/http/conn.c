// SPDX-License-Identifier: MIT
// A connection of HTTP/1.1.
#include "http/conn.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/publish.h"
#include "api/router.h"
#include "api/stream.h"
#include "base/limits.h"
#include "server/server_priv.h"

// Answers that may wait on one connection: enough to keep a commit busy, few enough to be fair.
#define EXCHANGES_MAX 256
// Bytes of answers that may wait to be sent before no more requests are read.
#define OUT_BYTES_MAX ((size_t)256 * 1024)
// How long, and how much, a peer may go on sending after our last answer.
#define LINGER_MS 2000
#define LINGER_BYTES (1024u * 1024)
// A body that nobody wants is read and forgotten up to here, so that the connection can go on.
#define DISCARD_BYTES (64u * 1024)

static void conn_ready(struct loop_io *io, uint32_t events);
static void conn_timeout(struct loop_timer *timer);
static void advance(struct conn *conn);

static void on_body(void *context, struct str bytes) {
    struct conn *conn = context;
    if (conn->publishing) {
        publish_body(conn->publishing, bytes);
    } else if (conn->discarded < UINT32_MAX / 2) {
        conn->discarded += (uint32_t)bytes.len;
    }
}

void conn_accept(struct worker *worker, int fd, const struct net_address *address,
                 enum admission_answer admission, bool metrics) {
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) goto failed;
    conn->worker = worker;
    conn->io = (struct loop_io){.fd = fd, .ready = conn_ready};
    conn->timer.fire = conn_timeout;
    conn->address = *address;
    conn->admission = (uint8_t)admission;
    conn->flags = metrics ? CONN_METRICS : 0;
    conn->phase = PHASE_WRITE; // so that the idle timer is armed as a change
    if (loop_add(worker->loop, &conn->io, EPOLLIN | EPOLLRDHUP)) goto failed;
    conn->next = worker->conns;
    if (worker->conns) worker->conns->prev = conn;
    worker->conns = conn;
    worker->conns_count++;
    advance(conn);
    return;
failed:
    free(conn);
    close(fd);
    admission_leave(worker->server->admission, address);
}

static void release(struct loop_retired *retired) {
    free((struct conn *)(void *)((char *)retired - offsetof(struct conn, retired)));
}

static void free_buf(struct buf **buf) {
    if (!*buf) return;
    buf_fini(*buf);
    free(*buf);
    *buf = NULL;
}

static bool take_parser(struct conn *conn) {
    struct worker *worker = conn->worker;
    size_t head_bytes = worker->site->config->header_bytes_max;
    conn->parser = worker->spare_parser;
    worker->spare_parser = NULL;
    if (conn->parser) {
        http1_parser_renew(conn->parser, head_bytes, conn);
    } else {
        conn->parser = http1_parser_new(head_bytes, on_body, conn);
    }
    return conn->parser;
}

static void drop_parser(struct conn *conn) {
    struct worker *worker = conn->worker;
    if (worker->spare_parser) {
        http1_parser_free(conn->parser);
    } else {
        worker->spare_parser = conn->parser;
    }
    conn->parser = NULL;
}

static void set_busy(struct conn *conn, bool busy) {
    if (busy == !!(conn->flags & CONN_BUSY)) return;
    conn->flags ^= CONN_BUSY;
    atomic_fetch_add(&conn->worker->busy, busy ? 1 : (size_t)-1);
}

static void drop_exchange(struct conn *conn) {
    struct exchange *exchange = conn->first;
    conn->first = exchange->next;
    if (!conn->first) conn->last = NULL;
    conn->exchanges--;
    exchange->conn = NULL;
    // One that is not done is still worked on, and released then.
    if (exchange->done) exchange->release(exchange);
}

void conn_close(struct conn *conn) {
    struct worker *worker = conn->worker;
    if (conn->state == CONN_CLOSED) return;
    conn->state = CONN_CLOSED;
    if (conn->stream) stream_closed(conn->stream);
    conn->stream = NULL;
    while (conn->first) drop_exchange(conn);
    if (conn->publishing) publish_abandon(conn->publishing);
    conn->publishing = NULL;
    set_busy(conn, false);
    loop_timer_clear(worker->loop, &conn->timer);
    loop_remove(worker->loop, &conn->io);
    close(conn->io.fd);
    drop_parser(conn);
    free_buf(&conn->held);
    free_buf(&conn->out);
    if (conn->prev) conn->prev->next = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
    if (worker->conns == conn) worker->conns = conn->next;
    worker->conns_count--;
    admission_leave(worker->server->admission, &conn->address);
    if (!(conn->flags & CONN_DEFERRED)) loop_retire(worker->loop, &conn->retired, release);
}

// --- what is waited for ---------------------------------------------------------------------------------------------

static void set_interest(struct conn *conn) {
    uint32_t events = 0;
    if (conn->state == CONN_LINGER) {
        events = EPOLLIN | EPOLLRDHUP;
    } else {
        bool reads = !(conn->flags & (CONN_HELD | CONN_EOF | CONN_END));
        if (reads) events |= EPOLLIN | EPOLLRDHUP;
        if (conn->out) events |= EPOLLOUT;
    }
    loop_change(conn->worker->loop, &conn->io, events);
}

static uint64_t phase_timeout(const struct conn *conn) {
    const struct config *config = conn->worker->site->config;
    switch (conn->phase) {
        case PHASE_IDLE: return config->idle_timeout_ms;
        case PHASE_HEAD: return config->header_timeout_ms;
        case PHASE_BODY: return conn->flags & CONN_UNTIMED_BODY ? 0 : config->body_timeout_ms;
        case PHASE_WRITE: return config->write_timeout_ms;
        default: return 0;
    }
}

static void arm(struct conn *conn) {
    struct loop *loop = conn->worker->loop;
    uint64_t timeout = phase_timeout(conn);
    if (timeout) {
        if (loop_timer_set(loop, &conn->timer, loop_now(loop) + timeout)) conn_close(conn);
    } else {
        loop_timer_clear(loop, &conn->timer);
    }
}

static enum conn_phase phase_of(const struct conn *conn) {
    if (conn->out) return PHASE_WRITE;
    if (conn->flags & CONN_HELD) return PHASE_WAIT;
    if (conn->parser && http1_parser_in_head(conn->parser)) return PHASE_HEAD;
    if (conn->parser && http1_parser_in_message(conn->parser)) return PHASE_BODY;
    return conn->first ? PHASE_WAIT : PHASE_IDLE;
}

// `progress`: bytes of a body came or bytes of an answer left, so that time counts anew; `answered`: a request was, so that it counts anew
// for the next one. A head must be there in time as a whole.
static void set_phase(struct conn *conn, bool progress, bool answered) {
    enum conn_phase phase = phase_of(conn);
    bool anew = (progress && (phase == PHASE_BODY || phase == PHASE_WRITE)) ||
                (answered && (phase == PHASE_IDLE || phase == PHASE_HEAD));
    set_busy(conn, phase != PHASE_IDLE);
    if (phase != PHASE_IDLE || answered) conn->flags |= CONN_USED;
    if (phase == conn->phase && !anew) return;
    conn->phase = (uint8_t)phase;
    arm(conn);
}

// --- sending --------------------------------------------------------------------------------------------------------

static void linger(struct conn *conn) {
    struct loop *loop = conn->worker->loop;
    shutdown(conn->io.fd, SHUT_WR);
    conn->state = CONN_LINGER;
    conn->discarded = 0;
    set_busy(conn, false);
    if (loop_timer_set(loop, &conn->timer, loop_now(loop) + LINGER_MS)) conn_close(conn);
}

// Sends what waits. False when the connection is gone.
static bool flush(struct conn *conn) {
    if (!conn->out) return true;
    ssize_t sent = net_send(conn->io.fd, conn->out->data, conn->out->len);
    if (sent < 0) {
        conn_close(conn);
        return false;
    }
    buf_consume(conn->out, (size_t)sent);
    if (conn->out->len == 0) free_buf(&conn->out);
    return true;
}

static void append_out(struct conn *conn, const struct buf *response) {
    if (!conn->out) {
        conn->out = malloc(sizeof *conn->out);
        if (conn->out) buf_init(conn->out, LIMIT_TAIL_BYTES);
    }
    if (conn->out && !conn->out->data) (void)buf_reserve(conn->out, response->len);
    if (conn->out) buf_append_str(conn->out, buf_str(response));
    // Half an answer is worse than none.
    if (!conn->out || buf_failed(conn->out) || buf_failed(response))
        conn->flags |= CONN_END | CONN_BROKEN;
}

static void release_ready(struct exchange *exchange) {
    buf_fini(&exchange->response);
    free(exchange);
}

void conn_answer(struct conn *conn, struct buf *response, bool close_after) {
    if (close_after) conn->flags |= CONN_END;
    if (!conn->first) {
        append_out(conn, response);
        return;
    }
    // Answers leave in the order of their requests: a refusal must not overtake a publish that is being committed.
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    exchange->done = true;
    exchange->release = release_ready;
    exchange->reply.keep_alive = !close_after;
    exchange->response = *response;
    *response = (struct buf){0};
    conn_exchange_add(conn, exchange);
}

void conn_interim(struct conn *conn, struct str response) {
    const struct buf bytes = {.data = (char *)(uintptr_t)response.ptr, .len = response.len};
    append_out(conn, &bytes);
}

void conn_exchange_add(struct conn *conn, struct exchange *exchange) {
    exchange->conn = conn;
    exchange->next = NULL;
    if (conn->last) {
        conn->last->next = exchange;
    } else {
        conn->first = exchange;
    }
    conn->last = exchange;
    conn->exchanges++;
}

void conn_exchange_done(struct exchange *exchange) {
    struct conn *conn = exchange->conn;
    exchange->done = true;
    if (!conn) {
        exchange->release(exchange);
        return;
    }
    bool any = false;
    while (conn->first && conn->first->done) {
        append_out(conn, &conn->first->response);
        if (!conn->first->reply.keep_alive) conn->flags |= CONN_END;
        drop_exchange(conn);
        any = true;
    }
    if (any) conn_defer(conn, 0);
}

// --- reading --------------------------------------------------------------------------------------------------------

static bool may_start_request(struct conn *conn) {
    if (conn->exchanges < EXCHANGES_MAX && (!conn->out || conn->out->len < OUT_BYTES_MAX))
        return true;
    conn->flags |= CONN_HELD_ROOM;
    return false;
}

static bool quiet(const struct conn *conn) { return !conn->first && !conn->out; }

static void end_refused(struct conn *conn);

static void fail_request(struct conn *conn) {
    const char *detail;
    int status = http1_parser_error(conn->parser, &detail);
    if (conn->publishing) {
        publish_fail(conn->publishing, status, detail);
        end_refused(conn);
        return;
    }
    router_problem(conn, NULL, status, detail, 0);
    conn->flags |= CONN_END;
}

static void on_head(struct conn *conn) {
    const struct http1_request *request = http1_parser_request(conn->parser);
    if (router_waits(request) && !quiet(conn)) {
        conn->flags |= CONN_HELD_HEAD;
        return;
    }
    conn->worker->counts.requests_total++;
    router_head(conn, request);
    if (conn->publishing || conn->flags & CONN_END) return;
    if (conn->flags & CONN_ANSWERED) {
        // A small body is read and forgotten, and the connection goes on.
        if (request->chunked || request->content_length > DISCARD_BYTES || request->expect_continue)
            conn->flags |= CONN_END;
        return;
    }
    if (!request->chunked && request->content_length <= DISCARD_BYTES) return;
    if (request->method == HTTP1_GET || request->method == HTTP1_HEAD) {
        router_problem(conn, request, 413,
                       "this request takes no body, and what came is too large to be ignored", 0);
    } else {
        router_request(conn, request);
    }
    conn->flags |= CONN_END;
}

static void on_complete(struct conn *conn) {
    // Nothing that comes behind a request that closes the connection is a request (RFC 9112, section 9.6).
    bool last = !http1_parser_request(conn->parser)->keep_alive;
    if (last && (conn->publishing || conn->flags & CONN_ANSWERED)) conn->flags |= CONN_END;
    if (conn->publishing) {
        struct publishing *publishing = conn->publishing;
        conn->publishing = NULL;
        conn->flags &= (uint16_t)~CONN_UNTIMED_BODY;
        publish_end(publishing);
        return;
    }
    if (conn->flags & CONN_ANSWERED) {
        conn->flags &= (uint16_t)~CONN_ANSWERED;
        return;
    }
    router_request(conn, http1_parser_request(conn->parser));
}

// Keeps what the parser may not have yet.
static bool keep(struct conn *conn, const char *bytes, size_t len) {
    if (!len) return true;
    if (!conn->held) {
        conn->held = malloc(sizeof *conn->held);
        if (!conn->held) return false;
        buf_init(conn->held, WORKER_READ_BYTES * 2);
    }
    buf_append(conn->held, bytes, len);
    return !buf_failed(conn->held);
}

static bool parsing(const struct conn *conn) {
    return conn->state == CONN_HTTP && !(conn->flags & (CONN_HELD | CONN_END | CONN_BROKEN));
}

// A publish that was refused before its body has come whole: what is left of the body is not read.
static void end_refused(struct conn *conn) {
    struct publishing *publishing = conn->publishing;
    conn->publishing = NULL;
    conn->flags |= CONN_END;
    publish_end(publishing);
}

static void feed(struct conn *conn, const char *bytes, size_t len) {
    bool step_due = conn->parser && http1_parser_in_message(conn->parser) &&
                    !http1_parser_in_head(conn->parser);
    if (!conn->parser) {
        if (!take_parser(conn)) {
            conn_close(conn);
            return;
        }
    }
    while (parsing(conn) && (len || step_due)) {
        size_t consumed = 0;
        if (!http1_parser_in_message(conn->parser) && !may_start_request(conn)) break;
        enum http1_step step = http1_parser_feed(conn->parser, bytes, len, &consumed);
        bytes += consumed;
        len -= consumed;
        step_due = step == HTTP1_HEADERS;
        if (conn->publishing && step == HTTP1_MORE) publish_pause(conn->publishing);
        if (step == HTTP1_HEADERS) on_head(conn);
        if (step == HTTP1_COMPLETE) on_complete(conn);
        if (step == HTTP1_FAILED) {
            fail_request(conn);
            break;
        }
        if (conn->publishing && publish_failed(conn->publishing)) end_refused(conn);
        if (step == HTTP1_MORE && !len) break;
    }
    bool goes_on =
        conn->state == CONN_HTTP || (conn->state == CONN_STREAM && stream_ends(conn->stream));
    if (goes_on && !(conn->flags & CONN_END) && !keep(conn, bytes, len)) conn_close(conn);
}

// What was held goes on when what it waited for has happened. False when there was nothing to go on with.
static bool resume(struct conn *conn) {
    if (conn->flags & CONN_HELD_HEAD && quiet(conn)) {
        conn->flags &= (uint16_t)~CONN_HELD_HEAD;
        on_head(conn);
        feed(conn, "", 0);
        return true;
    }
    if (conn->flags & CONN_HELD_ROOM && conn->exchanges < EXCHANGES_MAX && !conn->out) {
        conn->flags &= (uint16_t)~CONN_HELD_ROOM;
    }
    if (!parsing(conn) || !conn->held) return false;
    struct buf *held = conn->held;
    conn->held = NULL;
    feed(conn, held->data, held->len);
    buf_fini(held);
    free(held);
    return true;
}

// Does all that can be done now: sends, resumes, closes; then says what to wait for.
static void advance(struct conn *conn) {
    bool answered = conn->out != NULL;
    bool progress = answered || (conn->parser && http1_parser_in_message(conn->parser));
    if (conn->publishing && publish_failed(conn->publishing)) end_refused(conn);
    do {
        if (conn->flags & CONN_BROKEN) {
            conn_close(conn);
            return;
        }
        if (conn->state != CONN_HTTP || !flush(conn)) return;
    } while (resume(conn) || (conn->flags & CONN_BROKEN));
    if (conn->state != CONN_HTTP) return;
    bool all_sent = !conn->out && !conn->first && !conn->publishing;
    if (all_sent && conn->flags & CONN_END) {
        linger(conn);
    } else if (all_sent && conn->flags & CONN_EOF) {
        conn_close(conn);
        return;
    } else {
        set_phase(conn, progress, answered);
    }
    if (conn->state == CONN_CLOSED) return;
    // A connection without a request holds no parser.
    if (conn->parser && conn->phase == PHASE_IDLE && !conn->held) {
        drop_parser(conn);
        if (conn->worker->draining) {
            conn_close(conn);
            return;
        }
    }
    set_interest(conn);
}

static void end_of_input(struct conn *conn) {
    bool cut = conn->parser && http1_parser_in_message(conn->parser) && !(conn->flags & CONN_HELD);
    if (cut || (!conn->first && !conn->out && !(conn->flags & CONN_HELD))) {
        conn_close(conn);
        return;
    }
    // It has said all; it still wants our answers.
    conn->flags |= CONN_EOF;
}

static void read_requests(struct conn *conn) {
    struct worker *worker = conn->worker;
    ssize_t got = net_receive(conn->io.fd, worker->read_buffer, WORKER_READ_BYTES);
    if (got == -2) return;
    if (got < 0) {
        conn_close(conn);
    } else if (got == 0) {
        end_of_input(conn);
    } else {
        feed(conn, worker->read_buffer, (size_t)got);
    }
    if (conn->state == CONN_HTTP) advance(conn);
}

// The peer of a stream without end has nothing to say: what it says is thrown away, and its end is the stream's. Behind a snapshot there
// may be further requests: they stay where they are until it is over, and who has closed his side still gets all of it.
static void stream_interest(struct conn *conn, bool write) {
    uint32_t events = EPOLLIN | EPOLLRDHUP;
    if (stream_is_snapshot(conn->stream)) events = conn->flags & CONN_HALF ? 0 : EPOLLRDHUP;
    loop_change(conn->worker->loop, &conn->io, events | (write ? EPOLLOUT : 0));
}

static void snapshot_hangup(struct conn *conn, uint32_t events) {
    // Who waits for something that may never come, or looks for it, would not be found out by a write.
    if (events & EPOLLHUP || stream_is_waiting(conn->stream) || stream_is_search(conn->stream)) {
        conn_close(conn);
    } else {
        conn->flags |= CONN_HALF;
        stream_interest(conn, conn->io.events & EPOLLOUT);
    }
}

static void read_and_discard(struct conn *conn, uint32_t bytes_max) {
    struct worker *worker = conn->worker;
    ssize_t got = net_receive(conn->io.fd, worker->read_buffer, WORKER_READ_BYTES);
    if (got == -2) return;
    if (got > 0) conn->discarded += (uint32_t)got;
    if (got <= 0 || conn->discarded > bytes_max) conn_close(conn);
}

static void conn_ready(struct loop_io *io, uint32_t events) {
    struct conn *conn = (struct conn *)(void *)((char *)io - offsetof(struct conn, io));
    if (events & EPOLLERR) {
        conn_close(conn);
        return;
    }
    switch (conn->state) {
        case CONN_HTTP:
            if (events & (EPOLLIN | EPOLLRDHUP)) {
                read_requests(conn);
            } else if (events & EPOLLHUP) {
                conn_close(conn);
            }
            if (conn->state == CONN_HTTP && events & EPOLLOUT) advance(conn);
            break;
        case CONN_STREAM:
            if (stream_is_snapshot(conn->stream)) {
                if (events & (EPOLLRDHUP | EPOLLHUP)) snapshot_hangup(conn, events);
            } else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) {
                read_and_discard(conn, DISCARD_BYTES);
            }
            if (conn->state == CONN_STREAM && events & EPOLLOUT) stream_writable(conn->stream);
            break;
        case CONN_LINGER: read_and_discard(conn, LINGER_BYTES); break;
        default: break;
    }
}

static void conn_timeout(struct loop_timer *timer) {
    struct conn *conn = (struct conn *)(void *)((char *)timer - offsetof(struct conn, timer));
    if (conn->state == CONN_STREAM) {
        stream_timeout(conn->stream);
        return;
    }
    bool slow =
        conn->state == CONN_HTTP && (conn->phase == PHASE_HEAD || conn->phase == PHASE_BODY);
    if (!slow || !quiet(conn)) {
        if (slow && conn->publishing) {
            publish_fail(conn->publishing, 408, "the request's body did not come in time");
            end_refused(conn);
            advance(conn);
            return;
        }
        conn_close(conn);
        return;
    }
    router_problem(conn, NULL, 408, "the request did not come in time", 0);
    conn->flags |= CONN_END;
    advance(conn);
}

// --- streams --------------------------------------------------------------------------------------------------------

void conn_stream(struct conn *conn, struct stream *stream) {
    struct loop *loop = conn->worker->loop;
    conn->state = CONN_STREAM;
    conn->stream = stream;
    conn->discarded = 0;
    loop_timer_clear(loop, &conn->timer);
    set_busy(conn, true);
    stream_interest(conn, false);
    // What was pipelined behind a stream is kept for when it has ended (a snapshot); the parser must outlive this call.
    conn_defer(conn, 0);
}

void conn_want_writable(struct conn *conn, bool on) {
    if (conn->state != CONN_STREAM) return;
    stream_interest(conn, on);
}

void conn_wait_until(struct conn *conn, uint64_t at_ms) {
    struct loop *loop = conn->worker->loop;
    if (!at_ms) {
        loop_timer_clear(loop, &conn->timer);
    } else if (loop_timer_set(loop, &conn->timer, at_ms)) {
        conn_defer(conn, CONN_BROKEN);
    }
}

void conn_hold_body(struct conn *conn, bool hold) {
    if (hold || !(conn->flags & CONN_HELD_BODY)) {
        if (hold) conn->flags |= CONN_HELD_BODY;
        return;
    }
    conn->flags &= (uint16_t)~CONN_HELD_BODY;
    conn_defer(conn, 0);
}

void conn_defer(struct conn *conn, unsigned flag) {
    conn->flags |= (uint16_t)flag;
    if (conn->flags & CONN_DEFERRED) return;
    conn->flags |= CONN_DEFERRED;
    conn->next_deferred = conn->worker->deferred;
    conn->worker->deferred = conn;
    worker_schedule(conn->worker);
}

void conn_after_turn(struct conn *conn) {
    conn->flags &= (uint16_t)~CONN_DEFERRED;
    if (conn->state == CONN_CLOSED) {
        loop_retire(conn->worker->loop, &conn->retired, release);
        return;
    }
    if (conn->flags & CONN_BROKEN) {
        conn_close(conn);
        return;
    }
    if (conn->flags & CONN_FINISHED) {
        conn->flags &= (uint16_t) ~(CONN_FINISHED | CONN_HALF);
        bool goes_on = stream_finish(conn->stream);
        conn->stream = NULL;
        conn->state = CONN_HTTP;
        conn->phase = PHASE_WRITE;
        if (!goes_on) conn->flags |= CONN_END;
    }
    if (conn->state == CONN_HTTP) {
        advance(conn);
    } else if (conn->state == CONN_STREAM && conn->parser &&
               !http1_parser_in_message(conn->parser) && !conn->held) {
        drop_parser(conn);
    }
}

void conn_drain(struct conn *conn) {
    if (conn->state == CONN_HTTP && conn->phase == PHASE_IDLE) {
        // The first request of a new connection may be under way; it is to be answered.
        if (conn->flags & CONN_USED) conn_close(conn);
    } else if (conn->state == CONN_STREAM && stream_is_waiting(conn->stream)) {
        stream_timeout(conn->stream);
    }
}
