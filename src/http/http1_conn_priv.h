// SPDX-License-Identifier: MIT
// A connection of HTTP/1.1, for the files http1_*.c.
//
//   accept ──▶ REQUESTS ◀──────────────────────▶ STREAM   a handler sends the body itself
//                 │       a body that has ended     │
//                 ▼                                 │ a body without end was ended
//              LINGER ◀─────────────────────────────┘     all is sent; what still comes is dropped
//                 │
//                 ▼
//              CLOSED                                     from any state; waits for the turn's end
#ifndef TAILRACE_HTTP_HTTP1_CONN_PRIV_H
#define TAILRACE_HTTP_HTTP1_CONN_PRIV_H

#include "http/exchange.h"
#include "proto/http1.h"
#include "sys/net.h"

enum http1_conn_state { CONN_REQUESTS, CONN_STREAM, CONN_LINGER, CONN_CLOSED };

// Within CONN_REQUESTS: what is waited for, and so which time-out applies.
enum http1_conn_phase { PHASE_IDLE, PHASE_HEAD, PHASE_BODY, PHASE_WAIT, PHASE_WRITE };

enum http1_conn_flags {
    // Why no more is parsed for now.
    CONN_HELD_HEAD = 1, // a request waits until earlier ones are answered
    CONN_HELD_ROOM = 2, // too many answers are pending
    CONN_HELD_BODY = 4, // a handler wants no more of the body
    // What has been decided.
    CONN_END = 8,   // no more requests are read; close when everything is sent
    CONN_EOF = 16,  // the peer sends no more
    CONN_HALF = 32, // the peer of a stream that ends has closed its side
    // What is to be done when the turn is over.
    CONN_DEFERRED = 64,   // it is in http->deferred
    CONN_FINISHED = 128,  // the stream's body was sent
    CONN_BROKEN = 256,    // nothing more can be sent
    CONN_BUSY = 512,      // it is counted in http->busy
    CONN_OWN_USED = 1024, // `own` is one of its exchanges
    CONN_STARTED = 2048,  // a request has begun on it
};
#define CONN_HELD (CONN_HELD_HEAD | CONN_HELD_ROOM | CONN_HELD_BODY)

// Flags of an exchange that are HTTP/1.1's.
enum http1_exchange_flags {
    HTTP1_BEGUN = EXCHANGE_KIND_FLAGS, // the handler has it
    HTTP1_WHOLE = 8,                   // all of the request has come
    HTTP1_ANSWERED = 16,               // its answer has been given
    HTTP1_KEEP_ALIVE = 32,             // the peer lets the connection go on
    HTTP1_OLD = 64,                    // HTTP/1.0: keep-alive must be said
    HTTP1_HEAD_ONLY = 128,             // the answer has no body, whatever its head says
    HTTP1_LATE = 256,                  // `late` is set, not `origin`
    HTTP1_ENDS = 512,                  // a stream that ends by itself: requests may follow it
    HTTP1_PARKED = 2048,               // nobody knows when its answer comes
    HTTP1_LARGE = 1024,                // its body is not worth reading when nobody wants it
};

struct http1_exchange {
    struct exchange base;
    struct http1_conn *conn;
    struct http1_exchange *next; // the request that came after it
    union {
        char *origin;     // until the answer: the request's, where cors is CORS_ORIGIN
        struct buf *late; // an answer that waits for earlier ones
    };
};

struct http1_conn {
    struct loop_io io;
    union {
        struct loop_timer timer;
        struct loop_retired retired; // when it is closed
    };
    struct http1_conn *next, *prev, *next_deferred;
    struct http1_parser *parser;
    struct buf *held;                    // bytes that were read and not parsed
    struct buf *out;                     // bytes that wait to be sent
    struct http1_exchange *first, *last; // not over yet, in the order of their requests
    struct http1_exchange *due;          // the first of them whose answer has not been written
    struct visitor *visitor;
    size_t counted;      // of what it holds, in the worker's account
    uint64_t body_by_ms; // when the body must have ended that is being read; 0: no such time
    uint32_t discarded;  // bytes of bodies that nobody wants
    uint16_t exchanges, flags;
    uint8_t state, phase;
    struct http1_exchange own; // is used when it is free: most connections have one at a time
};

extern const struct exchange_ops http1_exchange_ops;

static inline struct http *http1_http(const struct http1_conn *conn) { return conn->own.base.http; }

// --- http1_exchange.c: the exchanges of a connection ---------------------------------------------

// A new one after all others. `head` is NULL for a request that could not be read. NULL when out of
// memory.
struct http1_exchange *http1_exchange_new(struct http1_conn *conn, const struct http1_head *head);
// The one whose request is being read, NULL between two requests.
struct http1_exchange *http1_reading(const struct http1_conn *conn);
// Takes the first one off the connection and tells its handler.
void http1_exchange_drop(struct http1_conn *conn);
// Drops the exchanges at the front that are over.
void http1_settle(struct http1_conn *conn);
// The connection is looked at again when the turn is over. `flag`: CONN_FINISHED, CONN_BROKEN or 0.
void http1_defer(struct http1_conn *conn, unsigned flag);
// Whether draining waits for it.
void http1_set_busy(struct http1_conn *conn, bool busy);
// What the socket of a stream is watched for. Its peer has nothing to say to a stream without end:
// what it sends is thrown away, and its end is the stream's. Behind a stream that ends there may be
// further requests: they stay in the socket until it is over, and a peer that has closed its side
// still gets all of it.
void http1_stream_interest(struct http1_conn *conn, bool write);

// --- http1_answer.c: answers become bytes --------------------------------------------------------

// Appends to what is to be sent; when that is impossible the connection is broken.
void http1_append_out(struct http1_conn *conn, struct str bytes);
// Whether the connection can go on after the exchange, unless its answer says otherwise.
bool http1_keeps_alive(const struct http1_exchange *exchange);
// Writes the answer's head, and its body unless the length is left open. Whether the connection
// goes on after it.
bool http1_write_answer(struct buf *out, const struct http1_exchange *exchange,
                        const struct answer *answer);

#endif
