// SPDX-License-Identifier: MIT
// What the files of server/ share about the server as a whole.
#ifndef TAILRACE_SERVER_SERVER_PRIV_H
#define TAILRACE_SERVER_SERVER_PRIV_H

#include "api/api.h"
#include "server/server.h"
#include "server/worker.h"

struct server {
    struct api_common common; // what the API of every worker sees
    struct admission *admission;
    struct site *site; // the main thread's; workers hold their own references
    struct worker **workers;
    unsigned workers_count;
    uint64_t batches;         // handed to workers so far; guarded by the journal's writer lock
    _Atomic(uint64_t) handed; // so many of them are with all workers
    char url[320], metrics_url[320]; // metrics_url: "" when /metrics is on the main listener
};

#endif
