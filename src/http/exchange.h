// SPDX-License-Identifier: MIT
// An exchange: one request and its answer, whatever kind of connection it came by. Handlers see
// nothing else of a connection. Belongs to the worker's thread.
//
//                    ┌─ body, pause ─┐
//   route ─▶ begin ──┴───────────────┴─▶ end ─▶ … ─▶ answered ──────────────▶ gone
//                                             └────▶ stream … finish | abort ─▶ gone
//
// A handler answers with exchange_answer, once, from within begin, body or end or at any time
// later; or, when the request is whole and its connection has nothing else under way (always so in
// `begin` of a handler without `body` and `alongside`), it turns the exchange into a stream whose
// body it sends itself. `gone` is always the last call, and is never made from within a function of
// this header.
#ifndef TAILRACE_HTTP_EXCHANGE_H
#define TAILRACE_HTTP_EXCHANGE_H

#include <sys/types.h>

#include "http/answer.h"
#include "http/http.h"
#include "proto/wire.h"
#include "sys/net.h"

struct exchange;

// Who answers: static, one for each thing that can be asked for. NULL where a handler has nothing
// to do.
struct handler {
    // The request may be begun while earlier ones of its connection are not answered yet; otherwise
    // it waits for them. Answers leave in the order of their requests either way.
    bool alongside;
    // The head has come. For a handler without `body`, all of the request has.
    void (*begin)(struct exchange *exchange);
    // Bytes of the body as they come, valid during the call. NULL: the handler takes no body. A
    // small one is read and forgotten, and a GET with a larger one is refused with 413.
    void (*body)(struct exchange *exchange, struct str bytes);
    // All that has come so far was given to `body`.
    void (*pause)(struct exchange *exchange);
    // The body has ended; only with `body`. `cut` is NULL when it is whole. Otherwise it broke off
    // (malformed, or too slow), and the answer is that problem.
    void (*end)(struct exchange *exchange, const struct problem *cut);
    // Of a stream: it can take more, after exchange_want_writable.
    void (*writable)(struct exchange *exchange);
    // Of a stream, or a parked exchange: the time of exchange_wait_until has come.
    void (*timer)(struct exchange *exchange);
    // Of a stream, or a parked exchange: the hub is going away. What waits for something that may
    // never come ends now.
    void (*drain)(struct exchange *exchange);
    // The exchange is over: answered, finished, or its connection was lost at any point after
    // begin. The exchange must not be used any more; `state` is the handler's to free.
    void (*gone)(struct exchange *exchange);
};

enum exchange_kind { EXCHANGE_HTTP1, EXCHANGE_KINDS };

// A kind of connection: how it speaks.
struct exchange_ops {
    enum exchange_kind kind;
    const struct request *(*request)(struct exchange *exchange);
    void (*answer)(struct exchange *exchange, const struct answer *answer);
    void (*hold)(struct exchange *exchange, bool on);
    void (*abort)(struct exchange *exchange);
    // Streams.
    void (*park)(struct exchange *exchange);
    void (*stream)(struct exchange *exchange, const struct answer *answer, struct buf *head);
    void (*finish)(struct exchange *exchange);
    void (*want_writable)(struct exchange *exchange, bool on);
    void (*wait_until)(struct exchange *exchange, uint64_t at_ms);
    // What `write` knows the connection by, until the exchange is gone.
    intptr_t (*handle)(const struct exchange *exchange);
    // Takes 0..len bytes of a body; -1 when the connection is broken.
    ssize_t (*write)(intptr_t handle, const char *bytes, size_t len);
};

enum exchange_flags {
    EXCHANGE_SLOW_BODY = 1,  // set by the handler: the body may take its time, no time-out applies
    EXCHANGE_WATCHED = 2,    // set by the handler: a stream is lost when its peer closes its side
    EXCHANGE_KIND_FLAGS = 4, // this one and all above belong to the kind of connection
};

struct exchange {
    const struct exchange_ops *ops;
    struct http *http;
    const struct handler *handler;
    void *state; // the handler's own
    uint16_t flags;
    uint8_t framing;   // enum wire_framing of a body whose length is not known
    uint8_t cors;      // enum cors_answer
    uint8_t admission; // enum admission_answer of its connection
    uint8_t listener;  // enum http_listener
};

// The request. Good from route until the end of the request (`end`, or `begin` without a body).
static inline const struct request *exchange_request(struct exchange *exchange) {
    return exchange->ops->request(exchange);
}

// Gives the answer. Before the request is whole: what is left of its body is not read, unless it is
// small, and the connection ends.
void exchange_answer(struct exchange *exchange, const struct answer *answer);
// Answers with 200 and a body that is good for now only: nobody is to store it.
void exchange_answer_now(struct exchange *exchange, const char *type, struct str body);
// Answers with problem+json.
void exchange_problem(struct exchange *exchange, const struct problem *problem);
// The same for the usual case.
void exchange_refuse(struct exchange *exchange, int status, const char *detail);
// The same when memory is out, but for this answer.
void exchange_refuse_no_memory(struct exchange *exchange);

// Back-pressure: no more of the body is read while it is on.
static inline void exchange_hold(struct exchange *exchange, bool on) {
    exchange->ops->hold(exchange, on);
}

// Nothing can be answered (memory is out, a stream's body cannot go on): the connection is closed
// when the turn is over.
static inline void exchange_abort(struct exchange *exchange) { exchange->ops->abort(exchange); }

// --- streams -------------------------------------------------------------------------------------

// How the bytes of a body are to be framed whose length is not known.
static inline struct wire exchange_wire(const struct exchange *exchange) {
    return (struct wire){.framing = (enum wire_framing)exchange->framing};
}

// The answer waits for something that may never come: until exchange_stream, the exchange is lost
// when its peer closes its side. Only when the request is whole.
static inline void exchange_park(struct exchange *exchange) { exchange->ops->park(exchange); }

// Turns the exchange into a stream. What must leave before the body is appended to `head`; the
// handler sends it, and then the body, through ops->write. The answer's length says whether it
// ends.
void exchange_stream(struct exchange *exchange, const struct answer *answer, struct buf *head);
// All of the body has been sent, its end included.
static inline void exchange_finish(struct exchange *exchange) { exchange->ops->finish(exchange); }

static inline void exchange_want_writable(struct exchange *exchange, bool on) {
    exchange->ops->want_writable(exchange, on);
}
// Calls handler->timer at that time of the loop's clock. 0: not at all.
static inline void exchange_wait_until(struct exchange *exchange, uint64_t at_ms) {
    exchange->ops->wait_until(exchange, at_ms);
}

// --- for kinds of connections --------------------------------------------------------------------

// A kind of connection makes the exchanges and calls their handlers, in the order that the drawing
// at the top shows. What else it owes:
//  * http->conns_count counts its connections; http->busy those with a request that has begun and
//    is not answered whole (draining waits for them); admission_leave when a connection is gone
//  * answers leave in the order of their requests; `end` is called for a handler with `body` also
//    when there is no body; 204, 304 and answers to HEAD have none
//  * `gone` is called once for each exchange that was begun, from the loop or when the turn is over
//  * the time-outs of struct http_settings; EXCHANGE_SLOW_BODY and a held body are exempt
//  * a peer that closes its side is lost when its stream has no end, is parked or EXCHANGE_WATCHED;
//    otherwise it still gets its answers
// http1_conn.c and http1_exchange.c show each.

// The request's head is there: counts it, logs it, and sets exchange->handler.
void exchange_route(struct exchange *exchange, const struct net_address *client);

#define EXCHANGE_COMMON_FIELDS_MAX 5
// The fields that every answer has, in their order: X-Content-Type-Options and CORS. `origin`: of
// the request, where exchange->cors is CORS_ORIGIN. How many.
unsigned exchange_common_fields(const struct exchange *exchange, struct str origin,
                                struct field out[EXCHANGE_COMMON_FIELDS_MAX]);

#endif
