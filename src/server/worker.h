// SPDX-License-Identifier: MIT
// A worker: one thread with its loop, its listening socket, its connections and its hub. Workers
// share nothing on the way of an event; what one must know of another goes as a message.
#ifndef TAILRACE_SERVER_WORKER_H
#define TAILRACE_SERVER_WORKER_H

#include <pthread.h>

#include "api/api.h"
#include "hub/missed.h"

struct server;

struct worker {
    struct api api;
    struct loop *loop;
    struct server *server;
    pthread_t thread;
    bool running;
    struct loop_io listener, metrics_listener; // fd -1: none
    struct loop_timer tick, turn, accept_again, drain;
    uint64_t full_said_ms; // when it was last said that there are no descriptors; 0: never
    bool published;        // something was enqueued at the journal in this turn
    bool to_wake; // guarded by the journal's writer lock: it has a batch that it was not woken for
    _Atomic(size_t) lag_bytes; // of batches that it was given and has not taken
    // It is too far behind to be given more: what it misses is kept together until it comes back.
    _Atomic(bool) misses;
    pthread_mutex_t missed_lock; // for both below
    struct missed missed;
    uint64_t missed_number; // of the last of the batches in it
    uint64_t drain_until_ms, drain_step_ms;
    size_t drain_share; // streams that are ended in one step
};

// Makes it, with its hub loaded from the journal (which must not have been started). `listener` and
// `metrics_listener` are taken over on success (-1: none).
int worker_new(struct worker **out, struct server *server, unsigned index, int listener,
               int metrics_listener, struct report *report) MUST_CHECK;
// Starts its thread.
int worker_run(struct worker *worker, struct report *report) MUST_CHECK;
// Ends all connections of all workers, joins the threads, frees. All publishes under way must have
// been answered (journal_stop).
void worker_stop(struct worker *const *workers, unsigned count);

// Called under the journal's writer lock. A batch is with all workers before any of them is woken
// for it, and one that is awake already waits until `number` has been handed to the others: what
// one worker has delivered, none of the others may answer without. A worker that has more than its
// share of LIMIT_LAG_BYTES before it is not given the batch: it learns later what it has missed
// (hub/missed.h). Takes over a reference.
void worker_committed(struct worker *worker, struct batch *batch, uint64_t number);
void worker_wake(struct worker *worker);
// Any thread.
void worker_set_site(struct worker *worker, struct site *site); // takes over a reference
void worker_drain(struct worker *worker);

#endif
