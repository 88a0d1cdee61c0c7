// SPDX-License-Identifier: MIT
// The fan-out: a committed batch to every live subscriber that asked for some of it, in one write each; and how a
// subscriber is written to, blocked, broken off and finished.
//
// The live subscribers of a selector are all at the same place, so what they get is put together once, and a delivery is
// one send() of shared bytes.
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "hub/hub_priv.h"

// Frames are put together up to about this much before they are written: bounds the scratch buffer whatever a turn brings.
#define ROUND_BYTES ((size_t)1024 * 1024)

bool scratch_bound(struct hub *hub, uint64_t seq) {
    if (hub->bounds_count == hub->bounds_cap) {
        size_t cap = hub->bounds_cap ? hub->bounds_cap * 2 : 256;
        struct bound *bounds = realloc(hub->bounds, cap * sizeof *bounds);
        if (!bounds) return false;
        hub->bounds = bounds;
        hub->bounds_cap = cap;
    }
    hub->bounds[hub->bounds_count++] = (struct bound){seq, hub->scratch.len};
    return true;
}

// --- one subscriber -------------------------------------------------------------------------------------------------

void subscriber_detach(struct hub *hub, struct subscriber *subscriber) {
    (void)hub;
    if (subscriber->state == SUB_LIVE) live_remove(&subscriber->selector->live, subscriber);
    if (subscriber->state == SUB_WAITING) list_remove(&subscriber->selector->waiting, subscriber);
}

void subscriber_break(struct hub *hub, struct subscriber *subscriber) {
    if (subscriber->state == SUB_DEAD) return;
    subscriber_detach(hub, subscriber);
    subscriber->state = SUB_DEAD;
    hub->sink->broken(subscriber);
}

void subscriber_block(struct hub *hub, struct subscriber *subscriber) {
    subscriber_detach(hub, subscriber);
    if (subscriber->state != SUB_ENDING) subscriber->state = SUB_BLOCKED;
    hub->counts.blocked_total++;
    hub->sink->want_writable(subscriber, true);
}

bool subscriber_write(struct hub *hub, struct subscriber *subscriber, struct str bytes,
                      size_t *taken) {
    intptr_t handle = subscriber->state == SUB_LIVE
                          ? subscriber->selector->live.items[subscriber->place].handle
                          : hub->sink->handle(subscriber);
    ssize_t n = hub->sink->write(handle, bytes.ptr, bytes.len);
    if (n < 0) {
        subscriber_break(hub, subscriber);
        return false;
    }
    *taken = (size_t)n;
    subscriber->written_tick = hub->tick;
    hub->counts.writes_total++;
    hub->counts.bytes_total += (uint64_t)n;
    return true;
}

void subscriber_settle(struct hub *hub, struct subscriber *subscriber, size_t taken,
                       uint64_t before) {
    size_t whole = 0;
    while (whole < hub->bounds_count && hub->bounds[whole].end <= taken) whole++;
    hub->counts.deliveries_total += whole;
    size_t start = whole ? hub->bounds[whole - 1].end : 0;
    if (whole) {
        subscriber->flags |= SUB_ELEMENTS;
        before = hub->bounds[whole - 1].seq;
    }
    subscriber->cursor = before;
    subscriber->partial_seq = taken > start ? hub->bounds[whole].seq : 0;
    subscriber->partial_sent = (uint32_t)(taken - start);
}

bool subscriber_flush(struct hub *hub, struct subscriber *subscriber) {
    if (!subscriber->tail) return true;
    size_t taken = 0;
    if (subscriber->tail->len &&
        !subscriber_write(hub, subscriber, buf_str(subscriber->tail), &taken))
        return false;
    buf_consume(subscriber->tail, taken);
    if (subscriber->tail->len) {
        subscriber_block(hub, subscriber);
        return false;
    }
    buf_fini(subscriber->tail);
    free(subscriber->tail);
    subscriber->tail = NULL;
    return true;
}

bool subscriber_say(struct hub *hub, struct subscriber *subscriber, struct str bytes) {
    if (!subscriber->tail) {
        subscriber->tail = malloc(sizeof *subscriber->tail);
        if (subscriber->tail) buf_init(subscriber->tail, LIMIT_TAIL_BYTES);
    }
    if (subscriber->tail) buf_append_str(subscriber->tail, bytes);
    if (subscriber->tail && !buf_failed(subscriber->tail)) return true;
    subscriber_break(hub, subscriber);
    return false;
}

void subscriber_finish(struct hub *hub, struct subscriber *subscriber, struct str last_words) {
    if (subscriber->state == SUB_DEAD || subscriber->state == SUB_ENDING) return;
    if (subscriber->partial_seq) {
        // Half an event is out; what follows it would be read as its rest.
        subscriber_break(hub, subscriber);
        return;
    }
    bool chunked = subscriber->selector->chunked;
    if (!subscriber_say(hub, subscriber, last_words)) return;
    if (chunked && !subscriber_say(hub, subscriber, STR("0\r\n\r\n"))) return;
    subscriber_detach(hub, subscriber);
    subscriber->state = SUB_ENDING;
    if (!subscriber_flush(hub, subscriber)) return;
    hub_remove(hub, subscriber);
    hub->sink->finished(subscriber);
}

// The closed topic that was finished last, NULL when one of them goes on.
static const struct topic *last_closed(const struct hub *hub, const struct selector *selector) {
    const struct topic *last = NULL;
    if (!selector->exact || selector->topics_count < selector->names_count) return NULL;
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        const struct topic *topic = directory_topic(&hub->directory, selector->topics[i]);
        if (!topic->closed) return NULL;
        if (!last || topic->last_seq > last->last_seq) last = topic;
    }
    return last;
}

bool selector_finished(const struct hub *hub, const struct selector *selector) {
    return last_closed(hub, selector) != NULL;
}

void subscriber_finish_closed(struct hub *hub, struct subscriber *subscriber) {
    const struct selector *selector = subscriber->selector;
    const struct topic *topic = last_closed(hub, selector);
    struct buf words, data;
    buf_init(&words, LIMIT_TAIL_BYTES);
    buf_init(&data, LIMIT_TAIL_BYTES);
    if (frame_is_sse(selector->format)) {
        bool first = true;
        buf_append_char(&data, '{');
        json_pair_str(&data, &first, "topic", topic_name(topic));
        buf_append_char(&data, '}');
        frame_control(&words, "end", buf_str(&data), hub->epoch, topic->last_seq,
                      selector->chunked);
    }
    subscriber_finish(hub, subscriber, buf_str(&words));
    buf_fini(&words);
    buf_fini(&data);
}

// --- all of them ----------------------------------------------------------------------------------------------------

void hub_trimmed(struct hub *hub, struct topic *topic, uint64_t seq, uint64_t ordinal) {
    if (ordinal > topic->trimmed_ordinal) topic->trimmed_ordinal = ordinal;
    if (seq <= topic->trimmed_seq) return;
    topic->trimmed_seq = seq;
    topic->trimmed_at = ++hub->directory.trims;
}

static void touch(struct hub *hub, struct selector *selector) {
    if (selector->touched) return;
    selector->touched = true;
    // Its last subscriber may leave before the delivery.
    selector->refs++;
    selector->next_touched = hub->touched;
    hub->touched = selector;
}

static void add_pending(struct selector *selector, struct event *event) {
    if (selector->pending_count == selector->pending_cap) {
        uint32_t cap = selector->pending_cap ? selector->pending_cap * 2 : 4;
        struct event **pending = realloc(selector->pending, cap * sizeof(struct event *));
        // Without this memory an event would be lost without a word; a restart loses nothing.
        ASSERT(pending);
        selector->pending = pending;
        selector->pending_cap = cap;
    }
    selector->pending[selector->pending_count++] = event;
}

static void apply_event(struct hub *hub, struct event *event) {
    struct topic *topic = directory_number(&hub->directory, event->topic_no, event_topic(event));
    ASSERT(topic);
    topic->last_seq = event->seq;
    topic->last_ordinal = event->ordinal;
    topic->last_time_ms = event->time_ms;
    topic->bytes += event->data_len;
    topic->closed = event->flags & EVENT_CLOSE;
    topic->marker = event->flags & EVENT_MARKER;
    topic->memory = event->flags & EVENT_MEMORY;
    hub->position = event->seq;
    hub->last_time_ms = event->time_ms;
    for (uint32_t i = 0; i < topic->selectors_count; i++) {
        struct selector *selector = topic->selectors[i];
        if (!selector->live.count && !selector->waiting.count) continue;
        if (topic->closed) {
            selector->ending = true;
            touch(hub, selector);
        }
        if (topic->marker) continue;
        if (selector->filter && !filter_match(selector->filter, event_data(event))) continue;
        add_pending(selector, event);
        touch(hub, selector);
    }
}

static void apply_change(struct hub *hub, const struct topic_change *change) {
    struct topic *topic = directory_topic(&hub->directory, change->topic_no);
    if (!topic) return;
    if (change->gone) {
        hub_trimmed(hub, topic, topic->last_seq, topic->last_ordinal);
        directory_drop(&hub->directory, topic);
        return;
    }
    hub_trimmed(hub, topic, change->trimmed_seq, change->trimmed_ordinal);
    topic->closed = change->closed;
    topic->bytes = change->bytes;
}

void hub_apply(struct hub *hub, struct batch *batch) {
    for (uint32_t i = 0; i < batch->count; i++) apply_event(hub, batch->events[i]);
    for (uint32_t i = 0; i < batch->changes_count; i++) apply_change(hub, &batch->changes[i]);
    if (batch->count) {
        int err = ring_push(&hub->ring, batch);
        ASSERT(!err);
    } else {
        batch_put(batch);
    }
}

// Writes the scratch (or one frame) to all live subscribers of the selector, who have everything up to `before`.
static void write_all(struct hub *hub, struct selector *selector, const char *bytes, size_t len,
                      uint64_t before) {
    const struct live_list *live = &selector->live;
    ssize_t (*write)(intptr_t, const char *, size_t) = hub->sink->write;
    uint64_t writes = 0, part_bytes = 0;
    uint32_t i = 0;
    while (i < live->count) {
        ssize_t taken = write(live->items[i].handle, bytes, len);
        writes++;
        if (taken == (ssize_t)len) {
            i++;
            continue;
        }
        // It leaves the list: another stands here.
        struct subscriber *subscriber = live->items[i].subscriber;
        if (taken < 0) {
            subscriber_break(hub, subscriber);
            continue;
        }
        part_bytes += (uint64_t)taken;
        subscriber->written_tick = hub->tick;
        subscriber_settle(hub, subscriber, (size_t)taken, before);
        subscriber_block(hub, subscriber);
    }
    selector->written_tick = hub->tick;
    hub->counts.writes_total += writes;
    hub->counts.bytes_total += part_bytes + (uint64_t)i * len;
    hub->counts.deliveries_total += (uint64_t)i * hub->bounds_count;
}

// Sends a round of pending events from `from` on; returns where the next round begins.
static uint32_t deliver_round(struct hub *hub, struct selector *selector, uint32_t from,
                              uint64_t *before) {
    buf_clear(&hub->scratch);
    hub->bounds_count = 0;
    uint32_t to = from;
    const struct frame *frame = NULL;
    for (; to < selector->pending_count && hub->scratch.len < ROUND_BYTES; to++) {
        struct event *event = selector->pending[to];
        frame = frame_of(event, selector->format, hub->epoch);
        ASSERT(frame);
        size_t skip = selector->chunked ? 0 : frame->head;
        size_t len = selector->chunked ? frame->size : frame->size - frame->head - FRAME_TAIL;
        if (selector->pending_count == 1) {
            // The usual case at a low rate: the shared frame itself, no copy.
            hub->bounds_count = 0;
            hub->scratch.len = len;
            bool bounded = scratch_bound(hub, event->seq);
            ASSERT(bounded);
            hub->scratch.len = 0;
            write_all(hub, selector, frame->bytes + skip, len, *before);
            *before = event->seq;
            return to + 1;
        }
        buf_append(&hub->scratch, frame->bytes + skip, len);
        bool bounded = scratch_bound(hub, event->seq);
        ASSERT(bounded && !buf_failed(&hub->scratch));
    }
    write_all(hub, selector, hub->scratch.data, hub->scratch.len, *before);
    *before = selector->pending[to - 1]->seq;
    return to;
}

// Long polls have something now.
static void answer_waiting(struct hub *hub, struct selector *selector) {
    while (selector->waiting.count) hub_wake(hub, selector->waiting.items[0], hub->now_ms);
}

void hub_deliver(struct hub *hub, uint64_t now_ms) {
    hub->now_ms = now_ms;
    uint64_t before = hub->delivered;
    while (hub->touched) {
        struct selector *selector = hub->touched;
        hub->touched = selector->next_touched;
        uint64_t selector_before = before;
        for (uint32_t at = 0; at < selector->pending_count && selector->live.count;) {
            at = deliver_round(hub, selector, at, &selector_before);
        }
        if (selector->pending_count || selector->ending) answer_waiting(hub, selector);
        if (selector->ending && selector_finished(hub, selector)) {
            while (selector->live.count)
                subscriber_finish_closed(hub, selector->live.items[0].subscriber);
        }
        selector->pending_count = 0;
        selector->touched = selector->ending = false;
        directory_release(&hub->directory, selector);
    }
    hub->delivered = hub->position;
    for (struct batch *old = ring_evict(&hub->ring); old; old = ring_evict(&hub->ring)) {
        for (uint32_t i = 0; i < old->count; i++) {
            const struct event *event = old->events[i];
            struct topic *topic = directory_topic(&hub->directory, event->topic_no);
            if (topic && event->flags & EVENT_MEMORY)
                hub_trimmed(hub, topic, event->seq, event->ordinal);
        }
        batch_put(old);
    }
}
