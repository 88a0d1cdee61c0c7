// SPDX-License-Identifier: MIT
// The exchanges of a connection of HTTP/1.1: in the order of their requests, which is that of their
// answers; and what their handlers ask of the connection.
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/container.h"
#include "base/limits.h"
#include "http/http1_conn_priv.h"

static struct http1_exchange *of(struct exchange *exchange) {
    return container_of(exchange, struct http1_exchange, base);
}

struct http1_exchange *http1_reading(const struct http1_conn *conn) {
    return conn->last && !(conn->last->base.flags & HTTP1_WHOLE) ? conn->last : NULL;
}

static enum cors_answer check_origin(struct http1_conn *conn, const struct request *request,
                                     struct http1_exchange *exchange) {
    struct str origin = request_field(request, "Origin");
    enum cors_answer cors = cors_check(http1_http(conn)->settings->cors, origin);
    // The request is gone when an answer comes late.
    if (cors == CORS_ORIGIN) exchange->origin = str_dup(origin);
    return cors;
}

struct http1_exchange *http1_exchange_new(struct http1_conn *conn, const struct http1_head *head) {
    bool own_is_free = !(conn->flags & CONN_OWN_USED);
    struct http1_exchange *exchange = own_is_free ? &conn->own : malloc(sizeof *exchange);
    if (!exchange) return NULL;
    conn->flags |= CONN_OWN_USED;
    *exchange = (struct http1_exchange){
        .base = {.ops = &http1_exchange_ops,
                 .http = http1_http(conn),
                 .admission = conn->own.base.admission,
                 .listener = conn->own.base.listener},
        .conn = conn,
    };
    unsigned flags = head ? 0 : HTTP1_WHOLE;
    if (head) {
        exchange->base.framing = head->minor ? WIRE_CHUNKED : WIRE_RAW;
        exchange->base.cors = (uint8_t)check_origin(conn, &head->request, exchange);
        if (head->keep_alive) flags |= HTTP1_KEEP_ALIVE;
        if (!head->minor) flags |= HTTP1_OLD;
        if (head->request.method == METHOD_HEAD) flags |= HTTP1_HEAD_ONLY;
    }
    exchange->base.flags = (uint16_t)flags;
    if (conn->last) {
        conn->last->next = exchange;
    } else {
        conn->first = exchange;
    }
    conn->last = exchange;
    if (!conn->due) conn->due = exchange;
    conn->exchanges++;
    return exchange;
}

static void late_free(struct http1_exchange *exchange) {
    if (exchange->base.flags & HTTP1_LATE) {
        buf_fini(exchange->late);
        free(exchange->late);
    } else {
        free(exchange->origin);
    }
    exchange->base.flags &= (uint16_t)~HTTP1_LATE;
    exchange->origin = NULL;
}

void http1_exchange_drop(struct http1_conn *conn) {
    struct http1_exchange *exchange = conn->first;
    conn->first = exchange->next;
    if (!conn->first) conn->last = NULL;
    if (conn->due == exchange) conn->due = exchange->next;
    conn->exchanges--;
    const struct handler *handler = exchange->base.handler;
    if (exchange->base.flags & HTTP1_BEGUN && handler->gone) handler->gone(&exchange->base);
    late_free(exchange);
    if (exchange == &conn->own) {
        conn->flags &= (uint16_t)~CONN_OWN_USED;
    } else {
        free(exchange);
    }
}

void http1_settle(struct http1_conn *conn) {
    while (conn->first && conn->first->base.flags & HTTP1_ANSWERED) {
        // The rest of a body that is read and forgotten is still this exchange's.
        if (!(conn->first->base.flags & HTTP1_WHOLE) && !(conn->flags & CONN_END)) return;
        http1_exchange_drop(conn);
    }
}

// --- the connection, as its exchanges need it ----------------------------------------------------

void http1_set_busy(struct http1_conn *conn, bool busy) {
    if (busy == !!(conn->flags & CONN_BUSY)) return;
    conn->flags ^= CONN_BUSY;
    atomic_fetch_add(&http1_http(conn)->busy, busy ? 1 : (size_t)-1);
}

void http1_defer(struct http1_conn *conn, unsigned flag) {
    struct http *http = http1_http(conn);
    conn->flags |= (uint16_t)flag;
    if (conn->flags & CONN_DEFERRED) return;
    conn->flags |= CONN_DEFERRED;
    conn->next_deferred = http->deferred;
    http->deferred = conn;
    http->schedule(http);
}

void http1_stream_interest(struct http1_conn *conn, bool write) {
    uint32_t events = EPOLLIN | EPOLLRDHUP;
    if (conn->first->base.flags & HTTP1_ENDS) events = conn->flags & CONN_HALF ? 0 : EPOLLRDHUP;
    loop_change(http1_http(conn)->loop, &conn->io, events | (write ? EPOLLOUT : 0));
}

// --- what exchanges ask for ----------------------------------------------------------------------

static const struct request *exchange_head(struct exchange *base) {
    struct http1_head *head = http1_parser_head(of(base)->conn->parser);
    ASSERT(head);
    return &head->request;
}

// The answers that have waited for the one that was just written.
static void write_late(struct http1_conn *conn) {
    while ((conn->due = conn->due->next) && conn->due->base.flags & HTTP1_LATE) {
        http1_append_out(conn, buf_str(conn->due->late));
        late_free(conn->due);
    }
}

static void answer(struct exchange *base, const struct answer *given) {
    struct http1_exchange *exchange = of(base);
    struct http1_conn *conn = exchange->conn;
    ASSERT(!(base->flags & HTTP1_ANSWERED));
    bool goes_on = false;
    if (conn->due == exchange) {
        if (!conn->out) http1_append_out(conn, STR(""));
        if (conn->out) goes_on = http1_write_answer(conn->out, exchange, given);
        if (conn->out && buf_failed(conn->out)) conn->flags |= CONN_END | CONN_BROKEN;
        late_free(exchange);
        write_late(conn);
    } else {
        // Answers leave in the order of their requests.
        struct buf *late = malloc(sizeof *late);
        if (late) {
            buf_init(late, LIMIT_TAIL_BYTES);
            goes_on = http1_write_answer(late, exchange, given);
        }
        if (!late || buf_failed(late)) conn->flags |= CONN_END | CONN_BROKEN;
        late_free(exchange);
        exchange->late = late;
        if (late) base->flags |= HTTP1_LATE;
    }
    base->flags |= HTTP1_ANSWERED;
    // What is left of the body is read and forgotten.
    if (http1_reading(conn) == exchange) conn->flags &= (uint16_t)~CONN_HELD_BODY;
    if (!goes_on) conn->flags |= CONN_END;
    http1_defer(conn, 0);
}

static void hold(struct exchange *base, bool on) {
    struct http1_conn *conn = of(base)->conn;
    // Behind it the body of a later request may be on its way.
    if (http1_reading(conn) != of(base)) return;
    if (on == !!(conn->flags & CONN_HELD_BODY)) return;
    conn->flags ^= CONN_HELD_BODY;
    if (!on) http1_defer(conn, 0);
}

static void abort_exchange(struct exchange *base) { http1_defer(of(base)->conn, CONN_BROKEN); }

// The connection is this exchange's alone from now on.
static void enter_stream(struct http1_conn *conn, const struct http1_exchange *exchange) {
    ASSERT(conn->state == CONN_REQUESTS && !conn->out);
    ASSERT(conn->first == exchange && conn->last == exchange);
    conn->state = CONN_STREAM;
    conn->discarded = 0;
    loop_timer_clear(http1_http(conn)->loop, &conn->timer);
    http1_set_busy(conn, true);
    http1_stream_interest(conn, false);
    // The parser must outlive this call: it is dropped when the turn is over. What was pipelined
    // behind a stream that ends is kept for then.
    http1_defer(conn, 0);
}

static void park(struct exchange *base) {
    // What comes in the end is an answer that ends.
    base->flags |= HTTP1_ENDS | HTTP1_PARKED;
    enter_stream(of(base)->conn, of(base));
}

static void stream(struct exchange *base, const struct answer *given, struct buf *head) {
    struct http1_exchange *exchange = of(base);
    (void)http1_write_answer(head, exchange, given);
    late_free(exchange);
    if (given->length == ANSWER_ENDS) base->flags |= HTTP1_ENDS;
    if (base->flags & HTTP1_PARKED) {
        base->flags &= (uint16_t)~HTTP1_PARKED;
    } else {
        enter_stream(exchange->conn, exchange);
    }
}

static void finish(struct exchange *base) { http1_defer(of(base)->conn, CONN_FINISHED); }

static void want_writable(struct exchange *base, bool on) {
    struct http1_conn *conn = of(base)->conn;
    if (conn->state == CONN_STREAM) http1_stream_interest(conn, on);
}

static void wait_until(struct exchange *base, uint64_t at_ms) {
    struct http1_conn *conn = of(base)->conn;
    if (!at_ms) {
        loop_timer_clear(http1_http(conn)->loop, &conn->timer);
    } else if (loop_timer_set(http1_http(conn)->loop, &conn->timer, at_ms)) {
        http1_defer(conn, CONN_BROKEN);
    }
}

static intptr_t handle(const struct exchange *base) {
    return container_of(base, struct http1_exchange, base)->conn->io.fd;
}

static ssize_t write_body(intptr_t fd, const char *bytes, size_t len) {
    return net_send((int)fd, bytes, len);
}

const struct exchange_ops http1_exchange_ops = {
    .kind = EXCHANGE_HTTP1,
    .request = exchange_head,
    .answer = answer,
    .hold = hold,
    .abort = abort_exchange,
    .park = park,
    .stream = stream,
    .finish = finish,
    .want_writable = want_writable,
    .wait_until = wait_until,
    .handle = handle,
    .write = write_body,
};
