// SPDX-License-Identifier: MIT
// The subscribers of one process: opens them, reads their streams, and accounts for what they get.
//
// The stream is not parsed as SSE: the client only looks for the marker that every event carries.
// So any framing and any transfer coding work, and the client costs little compared with the hub.
#ifndef TAILRACE_BENCH_SUBSCRIBERS_H
#define TAILRACE_BENCH_SUBSCRIBERS_H

#include "ledger.h"

struct subscribers;

// The subscribers whose number modulo options->processes is `process`. For events of `epoll` that
// are theirs, subscribers_own is true of the event's data.ptr.
struct subscribers *subscribers_new(struct ledger *ledger, uint32_t process, int epoll);
bool subscribers_own(const struct subscribers *subscribers, const void *ptr);
void subscribers_ready(struct subscribers *subscribers, void *ptr);
// Starts as many connections as may be opened at once. True when all have been started.
bool subscribers_connect(struct subscribers *subscribers);
// Counts the events that did not come, in the share. Closes all connections, so that the kernel
// keeps nothing of them.
void subscribers_end(struct subscribers *subscribers);

#endif
