// SPDX-License-Identifier: MIT
// Dense lists of subscribers: walking one is reading an array, and each subscriber knows its place
// in it, so that leaving costs the same however long the list is.
#ifndef TAILRACE_HUB_LIST_H
#define TAILRACE_HUB_LIST_H

#include <stdbool.h>
#include <stdint.h>

struct subscriber;

// A subscriber is in one of these two at most; its `place` is where.
struct subscriber_list {
    struct subscriber **items;
    uint32_t count, cap;
};

// With what the sink needs to write, so that a delivery reads the list and nothing of the
// subscriber.
struct live {
    struct subscriber *subscriber;
    intptr_t handle; // as in struct hub_sink
};
struct live_list {
    struct live *items;
    uint32_t count, cap;
};

// Room for `count` in all. False: out of memory, nothing has changed.
bool list_reserve(struct subscriber_list *list, uint32_t count);
bool list_reserve_live(struct live_list *list, uint32_t count);
// There must be room.
void list_add(struct subscriber_list *list, struct subscriber *subscriber);
void list_add_live(struct live_list *list, struct subscriber *subscriber, intptr_t handle);
void list_remove(struct subscriber_list *list, struct subscriber *subscriber);
void list_remove_live(struct live_list *list, struct subscriber *subscriber);

#endif
