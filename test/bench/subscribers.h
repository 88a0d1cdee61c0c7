// SPDX-License-Identifier: MIT
// The subscribers of one process: opens them, reads their streams, accounts for what comes.
//
// The stream is not parsed as SSE: the marker that every event carries is looked for; so any framing and any transfer coding
// does, and the client costs little beside the hub.
#ifndef TAILRACE_BENCH_SUBSCRIBERS_H
#define TAILRACE_BENCH_SUBSCRIBERS_H

#include "ledger.h"

struct subscribers;

// Those with a number that leaves `process` when divided by options->processes. Events of `epoll` that are theirs have a
// data.ptr for which subscribers_own says so.
struct subscribers *subscribers_new(struct ledger *ledger, uint32_t process, int epoll);
bool subscribers_own(const struct subscribers *subscribers, const void *ptr);
void subscribers_ready(struct subscribers *subscribers, void *ptr);
// Starts as many connections as may be on their way at once. True when all have been started.
bool subscribers_connect(struct subscribers *subscribers);
// What did not come, into the share; and closes all, without leaving the kernel anything to remember.
void subscribers_end(struct subscribers *subscribers);

#endif
