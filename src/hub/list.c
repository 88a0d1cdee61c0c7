// SPDX-License-Identifier: MIT
// Dense lists of subscribers.
#include "hub/list.h"

#include <stdlib.h>

#include "hub/hub.h"

// Not array_reserve, which begins with room for four: most selectors have one subscriber, and there
// may be a million of them.
static void *reserve(void *items, uint32_t *cap, uint32_t count, size_t size) {
    uint32_t more = *cap ? *cap : 1;
    while (more < count) more *= 2;
    items = realloc(items, more * size);
    if (items) *cap = more;
    return items;
}

bool list_reserve(struct subscriber_list *list, uint32_t count) {
    if (count <= list->cap) return true;
    void *items = reserve(list->items, &list->cap, count, sizeof *list->items);
    if (items) list->items = items;
    return items;
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

bool list_reserve_live(struct live_list *list, uint32_t count) {
    if (count <= list->cap) return true;
    void *items = reserve(list->items, &list->cap, count, sizeof *list->items);
    if (items) list->items = items;
    return items;
}

void list_add_live(struct live_list *list, struct subscriber *subscriber, intptr_t handle) {
    ASSERT(list->count < list->cap);
    subscriber->place = list->count;
    list->items[list->count++] = (struct live){subscriber, handle};
}

void list_remove_live(struct live_list *list, struct subscriber *subscriber) {
    ASSERT(list->items[subscriber->place].subscriber == subscriber);
    struct live last = list->items[--list->count];
    list->items[subscriber->place] = last;
    last.subscriber->place = subscriber->place;
}
