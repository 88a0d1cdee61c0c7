// SPDX-License-Identifier: MIT
// One worker's HTTP: what its connections and exchanges share. Belongs to the worker's thread.
#ifndef TAILRACE_HTTP_HTTP_H
#define TAILRACE_HTTP_HTTP_H

#include <stdatomic.h>

#include "base/account.h"
#include "base/random.h"
#include "http/admission.h"
#include "http/cors.h"
#include "sys/loop.h"

struct exchange;
struct handler;
struct http1_conn;
struct http1_parser;

// Counters of one worker: name (of the metric tailrace_NAME too), level, help. Read by others only
// through a survey (api/survey.h).
#define HTTP_COUNTERS(X)                                                                           \
    X(connections_total, counter, "connections accepted")                                          \
    X(refused_total, counter, "connections or requests refused for want of room")                  \
    X(requests_total, counter, "requests")                                                         \
    X(errors_4xx_total, counter, "answers with a 4xx status")                                      \
    X(errors_5xx_total, counter, "answers with a 5xx status")

struct http_counts {
#define X(name, level, help) uint64_t name;
    HTTP_COUNTERS(X)
#undef X
};

// What a reload may change. Immutable while it is in use.
struct http_settings {
    size_t header_bytes_max;
    uint64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms; // 0: none
    uint32_t connections_max, connections_per_address_max;
    const struct cors *cors;
};

// Which socket a connection came in by.
enum http_listener { HTTP_LISTENER_MAIN, HTTP_LISTENER_METRICS };

// Bytes read from a socket at once.
#define HTTP_READ_BYTES ((size_t)64 * 1024)

struct http {
    struct loop *loop;
    struct admission *admission;          // of all workers; borrowed
    const struct http_settings *settings; // borrowed; may be replaced between two turns
    // Chooses who answers a request, once for each; sets request->rest and preset. Never NULL.
    const struct handler *(*route)(struct exchange *exchange);
    // The turn has something left to do when all that was ready has been handled.
    void (*schedule)(struct http *http);
    bool draining; // connections end with their next answer
    bool stopping; // no timer fires any more
    struct http_counts counts;
    struct account account; // of what all clients of the worker have begun and not ended
    _Atomic(size_t) busy;   // connections that draining waits for; read by any thread

    struct http1_conn *conns; // all
    size_t conns_count;
    struct http1_conn *deferred;       // to be looked at when the turn is over
    char *read_buffer;                 // HTTP_READ_BYTES, for whichever connection reads now
    struct http1_parser *spare_parser; // NULL: none. Most requests come alone
    struct random random;
    uint64_t date_s;
    char date[32];
};

// Zeroed memory, with loop, admission, settings, route, schedule and the account's bound set.
// ERR_NOMEM.
int http_init(struct http *http) MUST_CHECK;
// All connections must be closed.
void http_fini(struct http *http);

// `ms` made longer or shorter by up to a quarter, so that clients do not come in step.
uint64_t http_jitter(struct http *http, uint64_t ms);
// The date of an answer, made once a second. Borrowed until the next call.
struct str http_date(struct http *http);

#endif
