// SPDX-License-Identifier: MIT
// Events and batches.
#include "journal/event.h"

#include <stdlib.h>

#include "base/limits.h"

struct event *event_new(struct str topic, struct str type, struct str key, struct str data,
                        uint8_t flags) {
    ASSERT(topic.len <= LIMIT_TOPIC_BYTES && type.len <= LIMIT_TYPE_BYTES);
    ASSERT(key.len <= LIMIT_KEY_BYTES && data.len <= LIMIT_DATA_BYTES);
    struct event *event = malloc(sizeof *event + topic.len + type.len + key.len + data.len);
    if (!event) return NULL;
    *event = (struct event){
        .topic_len = (uint16_t)topic.len,
        .type_len = (uint8_t)type.len,
        .key_len = (uint8_t)key.len,
        .data_len = (uint32_t)data.len,
        .flags = flags,
    };
    char *to = event->bytes;
    const struct str parts[] = {topic, type, key, data};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len) memcpy(to, parts[i].ptr, parts[i].len);
        to += parts[i].len;
    }
    return event;
}

void event_free(struct event *event) {
    if (!event) return;
    for (size_t i = 0; i < EVENT_FRAMES; i++) free(atomic_load(&event->frames[i]));
    free(event);
}

void batch_put(struct batch *batch) {
    if (atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < batch->count; i++) event_free(batch->events[i]);
    free(batch->events);
    free(batch->changes);
    free(batch);
}
