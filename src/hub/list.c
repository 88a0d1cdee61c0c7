// SPDX-License-Identifier: MIT
// Dense lists of subscribers: the fan-out walks arrays, and each subscriber knows its place in them.
#include <stdlib.h>

#include "hub/hub_priv.h"

// The items, with room for `count` of `size` bytes each. NULL: out of memory, they are as they were.
static void *reserve(void *items, uint32_t *cap, uint32_t count, size_t size) {
    if (count <= *cap) return items;
    uint32_t more = *cap ? *cap : 2;
    while (more < count) more *= 2;
    items = realloc(items, more * size);
    if (items) *cap = more;
    return items;
}

bool list_reserve(struct subscriber_list *list, uint32_t count) {
    struct subscriber **items =
        reserve(list->items, &list->cap, count, sizeof(struct subscriber *));
    if (items) list->items = items;
    return items || !count;
}

void list_add(struct subscriber_list *list, struct subscriber *subscriber) {
    ASSERT(list->count < list->cap);
    subscriber->place = list->count;
    list->items[list->count++] = subscriber;
}

void list_remove(struct subscriber_list *list, struct subscriber *subscriber) {
    ASSERT(list->items[subscriber->place] == subscriber);
    struct subscriber *last = list->items[--list->count];
    list->items[subscriber->place] = last;
    last->place = subscriber->place;
}

bool live_reserve(struct live_list *list, uint32_t count) {
    struct live *items = reserve(list->items, &list->cap, count, sizeof *items);
    if (items) list->items = items;
    return items || !count;
}

void live_add(struct live_list *list, struct subscriber *subscriber, intptr_t handle) {
    ASSERT(list->count < list->cap);
    subscriber->place = list->count;
    list->items[list->count++] = (struct live){subscriber, handle};
}

void live_remove(struct live_list *list, struct subscriber *subscriber) {
    ASSERT(subscriber->place < list->count);
    struct live last = list->items[--list->count];
    list->items[subscriber->place] = last;
    last.subscriber->place = subscriber->place;
}

bool wheel_add(struct hub *hub, struct subscriber *subscriber) {
    // The slot that comes up last: the first heartbeat is a whole round away.
    uint8_t slot = (uint8_t)((hub->tick + HUB_WHEEL_SLOTS - 1) % HUB_WHEEL_SLOTS);
    struct subscriber_list *list = &hub->wheel[slot];
    if (!list_reserve(list, list->count + 1)) return false;
    subscriber->wheel_slot = slot;
    subscriber->wheel_place = list->count;
    list->items[list->count++] = subscriber;
    subscriber->flags |= SUB_WHEEL;
    return true;
}

void wheel_remove(struct hub *hub, struct subscriber *subscriber) {
    if (!(subscriber->flags & SUB_WHEEL)) return;
    struct subscriber_list *list = &hub->wheel[subscriber->wheel_slot];
    ASSERT(subscriber->wheel_place < list->count);
    struct subscriber *last = list->items[--list->count];
    list->items[subscriber->wheel_place] = last;
    last->wheel_place = subscriber->wheel_place;
    subscriber->flags &= (uint8_t)~SUB_WHEEL;
}
