// SPDX-License-Identifier: MIT
// A worker: one thread with its loop, its listening socket, its connections and its hub. Workers share nothing on the way of an
// event; what one must know of another goes as a message.
#ifndef TAILRACE_SERVER_WORKER_H
#define TAILRACE_SERVER_WORKER_H

#include <pthread.h>

#include "api/site.h"
#include "hub/hub.h"
#include "sys/loop.h"

struct conn;
struct server;

// Counters of one worker; read by others only through a survey (server/survey.h).
#define WORKER_COUNTERS(X)                                                                         \
    X(connections_total, "connections accepted")                                                   \
    X(refused_total, "connections or requests refused for want of room")                           \
    X(requests_total, "requests")                                                                  \
    X(errors_4xx_total, "answers with a 4xx status")                                               \
    X(errors_5xx_total, "answers with a 5xx status")                                               \
    X(published_total, "events accepted over HTTP")                                                \
    X(duplicates_total, "events whose idempotency key had been used")

struct worker_counts {
#define X(name, help) uint64_t name;
    WORKER_COUNTERS(X)
#undef X
};

// Bytes read from a socket at once.
#define WORKER_READ_BYTES ((size_t)64 * 1024)

struct worker {
    struct server *server;
    struct loop *loop;
    struct hub *hub;
    struct site *site;
    pthread_t thread;
    bool running;
    unsigned index;
    struct loop_io listener, metrics_listener;
    struct loop_timer tick, turn, accept_again, drain;
    struct conn *conns;    // all
    struct conn *deferred; // to be looked at when the turn is over
    size_t conns_count;
    bool draining, stopping;
    bool published; // something was enqueued in this turn
    bool to_wake;   // of who has the journal's turn
    uint64_t drain_until_ms, drain_step_ms;
    size_t drain_share;
    uint64_t random;
    uint64_t date_s;
    char date[32];
    struct worker_counts counts;
    _Atomic(size_t) busy; // connections that draining waits for
    char *read_buffer;
    struct http1_parser
        *spare_parser; // NULL: none; most requests come alone, and are parsed by this one
};

// Makes it, with its hub loaded from the journal (which must not have been started). `listener` and `metrics_listener` are taken over on success (-1: none).
int worker_new(struct worker **out, struct server *server, unsigned index, int listener,
               int metrics_listener, struct report *report) MUST_CHECK;
// Starts its thread.
int worker_run(struct worker *worker, struct report *report) MUST_CHECK;
// Ends all connections of all workers, joins the threads, frees. All publishes under way must have been answered (journal_stop).
void worker_stop(struct worker *const *workers, unsigned count);

// Who has the journal's turn. What one worker has delivered, none of the others may answer without: a batch is with all of them before any is
// woken for it, and one that is awake waits until `number` has been handed to the others.
void worker_committed(struct worker *worker, struct batch *batch,
                      uint64_t number); // takes over a reference
void worker_wake(struct worker *worker);
// Any thread.
void worker_set_site(struct worker *worker, struct site *site); // takes over a reference
void worker_drain(struct worker *worker);

// The worker's own thread.
// `ms` made longer or shorter by up to a quarter, so that clients do not come in step.
uint64_t worker_jitter(struct worker *worker, uint64_t ms);
struct str worker_date(struct worker *worker);
// journal_publish for the worker's own thread: all publishes of a turn go to the journal together, and so into one commit.
int worker_publish(struct worker *worker, struct publish *publish) MUST_CHECK;
// The worker's turn will not end before the hub has gone on with what is pending.
void worker_schedule(struct worker *worker);

#endif
