// SPDX-License-Identifier: MIT
// Which subscribers the pump is to serve.
#include "hub/ready.h"

#include "base/list.h"
#include "hub/subscriber.h"

void ready_add(struct ready *ready, struct subscriber *subscriber) {
    if (subscriber->flags & SUB_READY) return;
    subscriber->flags |= SUB_READY;
    DL_APPEND2(ready->queue, subscriber, prev_ready, next_ready);
    ready->count++;
}

void ready_remove(struct ready *ready, struct subscriber *subscriber) {
    if (!(subscriber->flags & SUB_READY)) return;
    subscriber->flags &= (uint16_t)~SUB_READY;
    DL_DELETE2(ready->queue, subscriber, prev_ready, next_ready);
    ready->count--;
}

struct subscriber *ready_take(struct ready *ready) {
    struct subscriber *first = ready->queue;
    if (first) ready_remove(ready, first);
    return first;
}

void ready_add_due(struct ready *ready, struct ready_due *due) {
    if (due->listed) return;
    due->listed = true;
    DL_PREPEND(ready->due, due);
}

void ready_remove_due(struct ready *ready, struct ready_due *due) {
    if (!due->listed) return;
    due->listed = false;
    DL_DELETE(ready->due, due);
}

void ready_wake(struct ready *ready, uint64_t now_ms) {
    struct ready_due *due, *next;
    DL_FOREACH_SAFE(ready->due, due, next) {
        if (due->at_ms > now_ms) continue;
        ready_remove_due(ready, due);
        ready_add(ready, due->subscriber);
    }
}

uint64_t ready_next_due(const struct ready *ready) {
    uint64_t at_ms = UINT64_MAX;
    const struct ready_due *due;
    DL_FOREACH(ready->due, due) {
        if (due->at_ms < at_ms) at_ms = due->at_ms;
    }
    return at_ms;
}
