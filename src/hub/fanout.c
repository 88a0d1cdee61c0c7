// SPDX-License-Identifier: MIT
// The fan-out.
#include "hub/fanout.h"

#include "hub/frame.h"
#include "hub/hub_priv.h"
#include "hub/pump.h"
#include "hub/subscriber.h"

// One of the live ones has not taken the whole round; it leaves the list.
static void leave(struct hub *hub, struct subscriber *subscriber, ssize_t taken, uint64_t before) {
    if (taken < 0) {
        subscriber_break(subscriber);
        return;
    }
    subscriber->written_tick = hub->wheel.tick;
    if (subscriber_settle(hub, subscriber, (size_t)taken, before))
        subscriber_block(hub, subscriber);
}

// Writes the round to all live subscribers of the selector, which have everything up to `before`.
static void write_all(struct hub *hub, struct selector *selector, uint64_t before) {
    const struct live_list *live = &selector->live;
    ssize_t (*write)(intptr_t, const char *, size_t) = selector->sink->write;
    struct str bytes = round_bytes(&hub->round);
    uint64_t writes = 0, part_bytes = 0;
    uint32_t i = 0;
    while (i < live->count) {
        ssize_t taken = write(live->items[i].handle, bytes.ptr, bytes.len);
        writes++;
        if (taken == (ssize_t)bytes.len) {
            i++;
            continue;
        }
        if (taken > 0) part_bytes += (uint64_t)taken;
        // Another takes its place in the list.
        leave(hub, live->items[i].subscriber, taken, before);
    }
    round_release(&hub->round, &hub->pinned);
    selector->written_tick = hub->wheel.tick;
    hub->counts.sent_writes_total += writes;
    hub->counts.sent_bytes_total += part_bytes + (uint64_t)i * bytes.len;
    hub->counts.deliveries_total += (uint64_t)i * hub->round.count;
}

// Adds one event to the round. The only one of a round is not copied. False: out of memory.
static bool add(struct hub *hub, const struct selector *selector, struct event *event) {
    struct round *round = &hub->round;
    enum frame_format format = (enum frame_format)selector->format;
    if (selector->pending_count == 1) {
        const struct encoding *frame =
            frame_of(event, format, selector->wire, hub->epoch, &hub->ring);
        if (frame) return round_share(round, (struct str){frame->bytes, frame->size}, event->seq);
    }
    frame_append(&round->bytes, event, format, selector->wire, hub->epoch, &hub->ring);
    return round_add(round, event->seq);
}

// There is no memory for what follows `before`. Its live subscribers are told, and come again with
// the id that they have: nothing is lost but the connection.
static void give_up(struct hub *hub, struct selector *selector, uint64_t before) {
    const struct notice leave = {.kind = NOTICE_LEAVE, .name = "memory"};
    round_clear(&hub->round);
    while (selector->live.count) {
        struct subscriber *subscriber = selector->live.items[0].subscriber;
        subscriber->cursor = before;
        subscriber_finish(hub, subscriber, &leave, NULL);
    }
}

// Sends a round of pending events from `from` on; returns where the next round begins.
static uint32_t deliver_round(struct hub *hub, struct selector *selector, uint32_t from,
                              uint64_t *before) {
    uint32_t to = from;
    round_clear(&hub->round);
    while (to < selector->pending_count && hub->round.bytes.len < HUB_ROUND_BYTES) {
        if (!add(hub, selector, selector->pending[to++])) {
            give_up(hub, selector, *before);
            return selector->pending_count;
        }
    }
    write_all(hub, selector, *before);
    *before = selector->pending[to - 1]->seq;
    return to;
}

// What it takes of what follows is not known: the pump finds out. Its live subscribers have
// everything up to `before`, and want nothing up to `lags_after`.
static void fall_behind(struct hub *hub, struct selector *selector, uint64_t before) {
    bool gave_up = filter_gave_up(selector->filter);
    while (selector->live.count) {
        struct subscriber *subscriber = selector->live.items[0].subscriber;
        subscriber_detach(subscriber);
        subscriber->state = SUB_PUMPED;
        subscriber->cursor = gave_up ? before : selector->lags_after;
        if (gave_up) {
            pump_give_up(hub, subscriber, selector->lags_after);
        } else {
            ready_add(&hub->ready, subscriber);
        }
    }
}

static void deliver(struct hub *hub, struct selector *selector) {
    uint64_t before = hub->delivered;
    for (uint32_t at = 0; at < selector->pending_count && selector->live.count;)
        at = deliver_round(hub, selector, at, &before);
    if (selector->lags) fall_behind(hub, selector, before);
    if (selector->pending_count || selector->ending || selector->lags) {
        while (selector->waiting.count) pump_wake(hub, selector->waiting.items[0]);
    }
    if (selector->ending && directory_last_closed(&hub->directory, selector)) {
        while (selector->live.count)
            subscriber_finish_closed(hub, selector->live.items[0].subscriber);
    }
    selector->pending_count = 0;
    selector->ending = selector->lags = false;
}

// What leaves the ring of topics that are in memory only is gone.
static void forget(struct hub *hub, struct batch *old) {
    for (uint32_t i = 0; i < old->count; i++) {
        const struct event *event = old->events[i];
        struct topic *topic = directory_topic(&hub->directory, event->topic_no);
        if (topic && event->flags & EVENT_MEMORY)
            directory_trimmed(&hub->directory, topic, event->seq, event->ordinal);
    }
    batch_put(old);
}

static void evict(struct hub *hub) {
    for (struct batch *old = ring_evict(&hub->ring); old; old = ring_evict(&hub->ring))
        forget(hub, old);
}

void fanout_forget_recent(struct hub *hub) {
    ASSERT(!hub->directory.touched);
    for (struct batch *old = ring_take_oldest(&hub->ring); old; old = ring_take_oldest(&hub->ring))
        forget(hub, old);
}

void fanout_deliver(struct hub *hub) {
    for (struct selector *selector; (selector = directory_take_touched(&hub->directory));) {
        deliver(hub, selector);
        directory_release(&hub->directory, selector);
    }
    hub->delivered = hub->position;
    evict(hub);
}
