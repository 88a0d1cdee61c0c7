// SPDX-License-Identifier: MIT
// The heartbeat wheel: all streams, shared out among the ticks of one heartbeat. Only the lists and
// the time: what is done at a tick is heartbeat.c.
#ifndef TAILRACE_HUB_WHEEL_H
#define TAILRACE_HUB_WHEEL_H

#include "hub/hub.h"
#include "hub/list.h"

struct wheel {
    struct subscriber_list slots[HUB_WHEEL_SLOTS];
    uint32_t tick; // counts on; slots[tick % HUB_WHEEL_SLOTS] is next
};

void wheel_fini(struct wheel *wheel);
// Its first heartbeat is a whole round away. False: out of memory.
bool wheel_add(struct wheel *wheel, struct subscriber *subscriber) MUST_CHECK;
// Takes it out if it is in it.
void wheel_remove(struct wheel *wheel, struct subscriber *subscriber);

#endif
