// SPDX-License-Identifier: MIT
// What the files of server/ share about the server as a whole.
#ifndef TAILRACE_SERVER_SERVER_PRIV_H
#define TAILRACE_SERVER_SERVER_PRIV_H

#include "api/site.h"
#include "http/admission.h"
#include "journal/journal.h"
#include "server/server.h"
#include "server/worker.h"
#include "source/source.h"

struct server {
    struct journal *journal;
    struct sources *sources;
    struct admission *admission;
    struct site *site; // the main thread's; workers hold their own references
    struct worker **workers;
    unsigned workers_count;
    uint64_t started_unix_ms;
    _Atomic(size_t) lag_bytes; // given to workers and not taken yet
    pthread_mutex_t lag_lock;  // only for who must wait
    pthread_cond_t lag_moved;
    uint64_t batches;         // handed to the workers so far: of who has the journal's turn
    _Atomic(uint64_t) handed; // and are with all of them
    _Atomic(bool) draining;
    _Atomic(bool) attached;          // sources have looked at their files
    char url[320], metrics_url[320]; // metrics_url is empty when /metrics is on the main listener
};

// A worker has taken a batch of so many bytes.
void server_taken(struct server *server, size_t bytes);

#endif
