// SPDX-License-Identifier: MIT
// A subscription while it is answered: the hub's subscriber, and the exchange that carries it.
//
//   stream_new ─▶ (hub_subscribe) ─▶ stream_begin ─▶ … hub finished or broken, timers ─▶ gone
//                                └─▶ stream_wait ──┘ a long poll that has nothing yet
#ifndef TAILRACE_API_STREAM_H
#define TAILRACE_API_STREAM_H

#include "api/api.h"
#include "auth/auth.h"

struct stream {
    struct subscriber subscriber;
    struct exchange *exchange;
    struct grant *grant; // what it may see, held while it lasts
    union {
        uint64_t expires_ms; // when it is ended; 0: not
        uint64_t question;   // of a tagged one that has not begun: a part of its ETag
    };
    uint64_t stalled_ms; // when it is given up, because its peer takes nothing; 0: not
    uint8_t format;      // enum frame_format
    uint8_t coding;      // enum wire_coding
    bool tagged;         // its head has an ETag
    char *known;         // the request's If-None-Match, until it begins; NULL: none
    bool endless;        // not a snapshot
    bool begun;          // its head has been written
};

// Becomes the exchange's state. `request`: what hub_subscribe will be asked for. `known`: the
// request's If-None-Match, if the answer's head is to have an ETag; when the client has what it
// would be given it is answered 304 (RFC 9110, 13.1.2). NULL when out of memory.
struct stream *stream_new(struct exchange *exchange, const struct hub_request *request,
                          struct grant *grant, struct str known);
// Before it begins or waits: takes it out of the hub, if it is in, and frees it.
void stream_discard(struct stream *stream);

// How the hub writes to streams of this kind of connection. Lives as long as the worker.
const struct hub_sink *stream_sink(const struct exchange *exchange);

// The subscriber is in the hub: the answer begins. `age_ms`: when it is ended; 0: never.
// ERR_NOMEM: nothing was written.
int stream_begin(struct stream *stream, uint64_t age_ms) MUST_CHECK;
// The subscriber is in the hub and has nothing to say: the answer begins when it has, or after
// `wait_ms`.
void stream_wait(struct stream *stream, uint64_t wait_ms);

// What the answer's head says, but for an ETag.
void stream_head(struct answer *answer, enum frame_format format, enum wire_coding coding,
                 bool endless);
// A handler's functions for an exchange that has become a stream, or may become one.
void stream_writable(struct exchange *exchange);
void stream_timer(struct exchange *exchange);
void stream_drain(struct exchange *exchange);
void stream_gone(struct exchange *exchange);

#endif
