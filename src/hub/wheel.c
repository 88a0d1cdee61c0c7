// SPDX-License-Identifier: MIT
// The heartbeat wheel.
#include "hub/wheel.h"

#include <stdlib.h>

#include "hub/subscriber.h"

void wheel_fini(struct wheel *wheel) {
    for (size_t i = 0; i < HUB_WHEEL_SLOTS; i++) free(wheel->slots[i].items);
}

bool wheel_add(struct wheel *wheel, struct subscriber *subscriber) {
    // The slot that comes up last.
    uint8_t slot = (uint8_t)((wheel->tick + HUB_WHEEL_SLOTS - 1) % HUB_WHEEL_SLOTS);
    struct subscriber_list *list = &wheel->slots[slot];
    if (!list_reserve(list, list->count + 1)) return false;
    subscriber->wheel_slot = slot;
    subscriber->wheel_place = list->count;
    list->items[list->count++] = subscriber;
    subscriber->flags |= SUB_WHEEL;
    return true;
}

void wheel_remove(struct wheel *wheel, struct subscriber *subscriber) {
    if (!(subscriber->flags & SUB_WHEEL)) return;
    struct subscriber_list *list = &wheel->slots[subscriber->wheel_slot];
    ASSERT(subscriber->wheel_place < list->count);
    struct subscriber *last = list->items[--list->count];
    list->items[subscriber->wheel_place] = last;
    last->wheel_place = subscriber->wheel_place;
    subscriber->flags &= (uint16_t)~SUB_WHEEL;
}
