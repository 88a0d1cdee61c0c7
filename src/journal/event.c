// SPDX-License-Identifier: MIT
// Events and batches.
#include "journal/event.h"

#include <stdlib.h>

#include "base/limits.h"

struct event *event_new_expiring(struct str topic, struct str type, struct str key, struct str data,
                                 uint8_t flags, uint32_t expires_s) {
    ASSERT(topic.len <= LIMIT_TOPIC_BYTES && type.len <= LIMIT_TYPE_BYTES);
    ASSERT(key.len <= LIMIT_KEY_BYTES && data.len <= LIMIT_DATA_BYTES);
    flags = (uint8_t)(expires_s ? flags | EVENT_EXPIRES : flags & ~EVENT_EXPIRES);
    struct str seconds = {(const char *)&expires_s, event_between(flags)};
    struct event *event =
        malloc(sizeof *event + topic.len + type.len + key.len + seconds.len + data.len);
    if (!event) return NULL;
    *event = (struct event){
        .topic_len = (uint16_t)topic.len,
        .type_len = (uint8_t)type.len,
        .key_len = (uint8_t)key.len,
        .data_len = (uint32_t)data.len,
        .flags = flags,
    };
    char *to = event->bytes;
    const struct str parts[] = {topic, type, key, seconds, data};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len) memcpy(to, parts[i].ptr, parts[i].len);
        to += parts[i].len;
    }
    return event;
}

struct event *event_new(struct str topic, struct str type, struct str key, struct str data,
                        uint8_t flags) {
    return event_new_expiring(topic, type, key, data, flags, 0);
}

struct event *event_new_alias(struct str topic) {
    static const char no_seq[sizeof(uint64_t)];
    return event_new(topic, STR(""), STR(""), (struct str){no_seq, sizeof no_seq}, EVENT_ALIAS);
}

static void free_list(struct encoding *encoding) {
    for (struct encoding *next; encoding; encoding = next) {
        next = encoding->next;
        free(encoding);
    }
}

void event_free(struct event *event) {
    if (!event) return;
    free_list(atomic_load(&event->encodings));
    free(event);
}

struct encoding *event_take_encodings(struct event *event) {
    return atomic_exchange_explicit(&event->encodings, NULL, memory_order_acq_rel);
}

void encodings_free(struct encoding *retired) {
    for (struct encoding *next; retired; retired = next) {
        next = retired->next_retired;
        free_list(retired);
    }
}

// The first of that kind before `end`, which may have been taken off meanwhile.
static struct encoding *find(struct encoding *from, const struct encoding *end, uint32_t kind) {
    while (from && from != end && from->kind != kind) from = from->next;
    return from == end ? NULL : from;
}

static struct encoding *newest(struct event *event) {
    return atomic_load_explicit(&event->encodings, memory_order_acquire);
}

const struct encoding *event_encoding(struct event *event, uint32_t kind) {
    return find(newest(event), NULL, kind);
}

const struct encoding *event_add_encoding(struct event *event, struct encoding *made) {
    struct encoding *looked_at = NULL, *head = newest(event);
    do {
        // Only what came since the last look.
        struct encoding *other = find(head, looked_at, made->kind);
        if (other) {
            free(made);
            return other;
        }
        made->next = looked_at = head;
    } while (!atomic_compare_exchange_weak_explicit(&event->encodings, &head, made,
                                                    memory_order_acq_rel, memory_order_acquire));
    return made;
}

void batch_put(struct batch *batch) {
    if (atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < batch->count; i++) event_free(batch->events[i]);
    free(batch->events);
    free(batch->changes);
    if (batch->watch && atomic_exchange(&batch->watch->done, true)) free(batch->watch);
    free(batch);
}
