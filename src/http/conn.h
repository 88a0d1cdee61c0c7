// SPDX-License-Identifier: MIT
// A connection of HTTP/1.1: reads requests, keeps their answers in order, ends what is too slow. What a request means is said in
// router.c and behind it.
//
// A connection that has become an idle stream holds no parser and no buffers.
#ifndef TAILRACE_HTTP_CONN_H
#define TAILRACE_HTTP_CONN_H

#include "http/admission.h"
#include "http/reply.h"
#include "hub/hub.h"
#include "proto/http1.h"
#include "server/worker.h"
#include "sys/net.h"

enum conn_state {
    CONN_HTTP,   // reads requests
    CONN_STREAM, // is a subscriber
    CONN_LINGER, // everything was sent; what still comes is thrown away for a moment, so that the peer can read our answer
    CONN_CLOSED, // waits for the end of the turn
};

enum conn_phase { PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_WAIT, PHASE_WRITE };

enum conn_flags {
    CONN_HELD_HEAD = 1,  // a request's head waits for earlier answers
    CONN_HELD_ROOM = 4,  // too many answers are pending
    CONN_HELD_BODY = 8,  // the body comes faster than it can be committed
    CONN_END = 16,       // close when everything is sent
    CONN_EOF = 32,       // the peer sends no more
    CONN_METRICS = 64,   // came in by the metrics listener
    CONN_BUSY = 128,     // counted in worker->busy
    CONN_FINISHED = 256, // deferred: the stream was finished
    CONN_BROKEN = 512,   // deferred: the stream broke
    CONN_DEFERRED = 1024,
    CONN_ANSWERED = 2,        // the request whose body is coming has its answer already
    CONN_UNTIMED_BODY = 2048, // the body may take its time (lines as they are written)
    CONN_HALF = 4096,         // the peer of a snapshot sends no more, as far as we have read
    CONN_USED = 8192,         // a request has begun on it
};
#define CONN_HELD (CONN_HELD_HEAD | CONN_HELD_ROOM | CONN_HELD_BODY)

// An answer that is not ready at once; answers leave in the order of their requests. Embedded in what works on it. Owned by the worker that made it
// until `done`, also when the connection goes first (conn is NULL then).
struct exchange {
    struct exchange *next;
    struct conn *conn;
    struct reply reply;
    bool done;
    struct buf response;
    void (*release)(struct exchange *exchange);
};

struct publishing;
struct stream;

struct conn {
    struct loop_io io;
    struct loop_retired retired;
    struct loop_timer timer;
    struct worker *worker;
    struct conn *next, *prev, *next_deferred;
    struct http1_parser *parser;
    struct buf *held; // bytes that were read and not parsed
    struct buf *out;  // bytes that wait to be sent
    struct exchange *first, *last;
    struct publishing *publishing; // the request whose body is coming
    struct stream *stream;
    struct net_address address;
    uint32_t discarded; // bytes of bodies that nobody wants
    uint16_t exchanges, flags;
    uint8_t state, phase, admission;
};

// Takes over the descriptor. Nothing when memory is out (the descriptor is closed).
void conn_accept(struct worker *worker, int fd, const struct net_address *address,
                 enum admission_answer admission, bool metrics);
// At the end of the turn the memory is gone.
void conn_close(struct conn *conn);
// Looks at it when the turn is over (CONN_FINISHED, CONN_BROKEN).
void conn_defer(struct conn *conn, unsigned flag);
void conn_after_turn(struct conn *conn);
// Idle ones go now, but for new ones whose first request may be under way; long polls are answered.
// The others go when they have been answered.
void conn_drain(struct conn *conn);

// An answer that is ready: it leaves when those of earlier requests have left. `close`: the connection ends with it, no more requests are
// read. May take the buffer's memory.
void conn_answer(struct conn *conn, struct buf *response, bool close);
// An interim answer (100 Continue): leaves at once. Only when no earlier request's answer is pending.
void conn_interim(struct conn *conn, struct str response);
// A pending answer, queued; conn_exchange_done sends it (and those behind it) when it is its turn, then calls release.
void conn_exchange_add(struct conn *conn, struct exchange *exchange);
void conn_exchange_done(struct exchange *exchange);
// Reading goes on or waits (backpressure of a body).
void conn_hold_body(struct conn *conn, bool hold);
// Becomes a stream: parser and buffers go.
void conn_stream(struct conn *conn, struct stream *stream);
void conn_want_writable(struct conn *conn, bool on);
// Sets the timer of a stream, by the loop's clock: stream_timeout is called then. 0: not at all.
void conn_wait_until(struct conn *conn, uint64_t at_ms);

#endif
