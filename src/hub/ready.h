// SPDX-License-Identifier: MIT
// Which subscribers the pump is to serve: a queue of those that can go on now, and those whose next
// event is due at a time of its own. Only the lists: the pump is pump.c.
#ifndef TAILRACE_HUB_READY_H
#define TAILRACE_HUB_READY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subscriber;

// A subscriber that is served at a time. Embedded.
struct ready_due {
    struct ready_due *prev, *next;
    struct subscriber *subscriber;
    uint64_t at_ms;
    bool listed;
};

struct ready {
    struct subscriber *queue;
    size_t count; // of the queue
    struct ready_due *due;
};

// Appends it, unless it is in the queue already.
void ready_add(struct ready *ready, struct subscriber *subscriber);
// Takes it out if it is in the queue.
void ready_remove(struct ready *ready, struct subscriber *subscriber);
// The first, taken out. NULL: the queue is empty.
struct subscriber *ready_take(struct ready *ready);

// Unless it is listed already.
void ready_add_due(struct ready *ready, struct ready_due *due);
void ready_remove_due(struct ready *ready, struct ready_due *due);
// Moves those whose time has come to the queue.
void ready_wake(struct ready *ready, uint64_t now_ms);
// The earliest time of one that is listed, UINT64_MAX: none is.
uint64_t ready_next_due(const struct ready *ready);

#endif
