// SPDX-License-Identifier: MIT
// The API of the hub as one worker serves it: what its handlers work with. Embedded in the worker;
// belongs to the worker's thread.
#ifndef TAILRACE_API_API_H
#define TAILRACE_API_API_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/site.h"
#include "base/container.h"
#include "http/exchange.h"
#include "hub/hub.h"
#include "journal/journal.h"
#include "source/source.h"

// Counters of one worker: name (of the metric tailrace_NAME too), level, help.
#define API_COUNTERS(X)                                                                            \
    X(published_total, counter, "events accepted over HTTP")                                       \
    X(duplicates_total, counter, "events whose idempotency key had been used")

struct api_counts {
#define X(name, level, help) uint64_t name;
    API_COUNTERS(X)
#undef X
};

// All that one worker counts.
struct api_said {
    struct http_counts http;
    struct api_counts api;
    struct hub_counts hub;
    struct loop_turns turns;
    uint64_t held_bytes, held_bytes_max; // what its account holds, and may
};

// What all workers share. Set before they run, but for the atomics.
struct api_common {
    struct journal *journal;
    struct sources *sources; // good once `attached` is set
    struct api **workers;
    unsigned workers_count;
    uint64_t started_unix_ms;
    _Atomic(bool) draining;
    _Atomic(bool) attached; // sources have looked at their files
};

struct api {
    struct http http;
    struct hub *hub;
    struct site *site; // the worker's reference; replaced by a reload
    struct api_common *common;
    unsigned index; // in common->workers
    // journal_publish for the worker's own thread: all publishes of a turn go to the journal
    // together, and so into one commit. Errors as of journal_publish.
    int (*publish)(struct api *api, struct publish *publish);
    struct hub_sink sinks[EXCHANGE_KINDS]; // stream.c's
    struct api_counts counts;
    // What it has said of itself when it was asked last: other threads read it.
    pthread_mutex_t said_lock;
    struct api_said said;
};

static inline struct api *api_of(const struct exchange *exchange) {
    return container_of(exchange->http, struct api, http);
}
static inline const char *api_epoch(const struct api *api) {
    return journal_epoch(api->common->journal);
}
static inline uint64_t api_now(const struct api *api) { return loop_now(api->http.loop); }

#endif
