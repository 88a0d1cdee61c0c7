// SPDX-License-Identifier: MIT
// The hub: its life, that of its subscribers, and answers about topics.
#include "hub/hub.h"

#include <stdlib.h>

#include "base/limits.h"
#include "hub/fanout.h"
#include "hub/frame.h"
#include "hub/heartbeat.h"
#include "hub/hub_priv.h"
#include "hub/opening.h"
#include "hub/pump.h"
#include "hub/replay.h"
#include "hub/start.h"
#include "hub/subscriber.h"
#include "hub/topics.h"
#include "sys/hash.h"

// --- the hub -------------------------------------------------------------------------------------

// Encodings can be made again.
static void yield(void *context, size_t bytes) {
    struct hub *hub = context;
    while (!account_has_room(hub->account, bytes) && ring_strip(&hub->ring)) {
    }
}

int hub_new(struct hub **out, const struct hub_config *config, struct report *report) {
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) return report_set(report, ERR_NOMEM, "no memory for a hub");
    hub->epoch = config->epoch;
    budget_init(&hub->budget, config->clock_us, config->turn_ms * 1000);
    hub->position = hub->delivered = config->position;
    hub->pinned.bytes_max = LIMIT_PINNED_BYTES;
    hub_set_heartbeat(hub, config->heartbeat_ms);
    round_init(&hub->round, FRAME_BYTES_MAX + HUB_ROUND_BYTES);
    hub->own.most = SIZE_MAX;
    hub->account = config->account ? config->account : &hub->own;
    hub->account->yield = yield;
    hub->account->context = hub;
    directory_init(&hub->directory, hub->account);
    hub->directory.budget = &hub->budget;
    int err = ring_init(&hub->ring, config->ring_events, config->ring_bytes, config->position,
                        hub->account);
    if (!err) err = filter_matcher_new(&hub->directory.matcher, config->clock_us, config->cpu_us);
    if (!err) err = heartbeat_init(hub);
    if (err) {
        hub_free(hub);
        return report_set(report, err, "no memory for a hub");
    }
    hub->reading.store = config->store;
    if (config->store) hub->trims = store_reader_trims(config->store);
    *out = hub;
    return 0;
}

void hub_free(struct hub *hub) {
    if (!hub) return;
    hub->account->yield = NULL;
    ring_fini(&hub->ring);
    filter_matcher_free(hub->directory.matcher);
    directory_fini(&hub->directory);
    store_reader_close(hub->reading.store);
    round_fini(&hub->round);
    ASSERT(!hub->pinned.parcels);
    heartbeat_fini(hub);
    wheel_fini(&hub->wheel);
    free(hub);
}

int hub_load_topic(struct hub *hub, const struct topic_state *state) {
    struct topic *topic = directory_number(&hub->directory, state->topic_no, state->name);
    if (!topic) return ERR_NOMEM;
    topic->closed = state->closed;
    topic->marker = state->marker;
    topic->last_seq = state->last_seq;
    topic->last_ordinal = state->last_ordinal;
    topic->last_time_ms = state->last_time_ms;
    topic->bytes = state->bytes;
    if (state->last_time_ms > hub->last_time_ms) hub->last_time_ms = state->last_time_ms;
    directory_trimmed(&hub->directory, topic, state->trimmed_seq, state->trimmed_ordinal);
    return 0;
}

void hub_apply(struct hub *hub, struct batch *batch) {
    directory_apply(&hub->directory, batch);
    hub->trims = batch->trims;
    if (!batch->count) {
        batch_put(batch);
        return;
    }
    const struct event *newest = batch->events[batch->count - 1];
    hub->position = newest->seq;
    hub->last_time_ms = newest->time_ms;
    int err = ring_push(&hub->ring, batch);
    ASSERT(!err);
}

void hub_turn(struct hub *hub, uint64_t now_us) { budget_begin(&hub->budget, now_us); }

void hub_deliver(struct hub *hub, uint64_t now_ms) {
    hub->now_ms = now_ms;
    fanout_deliver(hub);
}

bool hub_continue(struct hub *hub, uint64_t now_ms) {
    hub->now_ms = now_ms;
    // However long the requests and the fan-out of this turn took, those that are behind get on.
    budget_extend(&hub->budget);
    return pump_all(hub);
}

size_t hub_retired_bytes(const struct hub *hub) { return hub->ring.retired_bytes; }

struct encoding *hub_take_retired(struct hub *hub) {
    return ring_take_retired(&hub->ring);
}

uint64_t hub_next_due(const struct hub *hub) { return ready_next_due(&hub->ready); }

uint64_t hub_tick_ms(const struct hub *hub) {
    uint64_t tick_ms = hub->heartbeat_ms / HUB_WHEEL_SLOTS;
    return tick_ms ? tick_ms : 1;
}

void hub_set_heartbeat(struct hub *hub, uint64_t heartbeat_ms) { hub->heartbeat_ms = heartbeat_ms; }

void hub_set_turn_time(struct hub *hub, uint64_t turn_ms) { hub->budget.turn_us = turn_ms * 1000; }

void hub_tick(struct hub *hub, uint64_t now_ms) {
    hub->now_ms = now_ms;
    heartbeat_tick(hub);
}

// --- subscribers ---------------------------------------------------------------------------------

// All that going live or waiting takes later is taken now, so that it cannot fail then.
static bool reserve(struct hub *hub, struct subscriber *subscriber, enum hub_mode mode) {
    struct selector *selector = subscriber->selector;
    switch (mode) {
        case HUB_STREAM:
            return list_reserve_live(&selector->live, selector->refs) &&
                   wheel_add(&hub->wheel, subscriber);
        case HUB_WAIT: return list_reserve(&selector->waiting, selector->refs);
        case HUB_SNAPSHOT: break;
    }
    return true;
}

int hub_subscribe(struct hub *hub, struct subscriber *subscriber, const struct hub_request *request,
                  uint64_t now_ms, bool *waits, struct report *report) {
    struct selector_spec spec = {
        .names = request->names,
        .names_count = request->names_count,
        .grants = request->grants,
        .grants_count = request->grants_count,
        .filter = request->filter,
        .format = request->format,
        .wire = request->wire,
        .sink = request->sink,
    };
    hub->now_ms = now_ms;
    *waits = false;
    *subscriber = (struct subscriber){.state = SUB_NEW, .until = UINT64_MAX};
    int err = directory_select(&hub->directory, &spec, &subscriber->selector, report);
    if (err) return err;
    subscriber->retry_ms =
        request->retry_ms < UINT32_MAX ? (uint32_t)request->retry_ms : UINT32_MAX;
    if (request->control) subscriber->flags |= SUB_CONTROL;
    if (request->quiet) subscriber->flags |= SUB_QUIET;
    if (request->mode != HUB_STREAM) {
        subscriber->flags |= SUB_SNAPSHOT;
        subscriber->until = hub->position;
    }
    err = pump_resolve(hub, subscriber);
    if (!err && !reserve(hub, subscriber, request->mode)) err = ERR_NOMEM;
    if (err)
        report_set(report, err, err == ERR_LIMIT ? SELECTION_FULL : "no memory for a subscription");
    if (!err) err = start_resolve(hub, subscriber, request, report);
    if (err) {
        subscriber_release(hub, subscriber);
        return err;
    }
    // Its id may be ahead of the hub's position.
    if (subscriber->flags & SUB_SNAPSHOT && subscriber->cursor > subscriber->until)
        subscriber->until = subscriber->cursor;
    hub->counts.subscribers++;
    if (request->start != HUB_START_LIVE) hub->counts.replays_total++;
    if (request->mode == HUB_WAIT) *waits = pump_wait(hub, subscriber);
    reading_end(&hub->reading);
    return 0;
}

int hub_begin(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms) {
    hub->now_ms = now_ms;
    if (subscriber->state != SUB_NEW) return 0; // it broke before it began
    int err = pump_begin(hub, subscriber);
    if (err || subscriber->state != SUB_PUMPED) return err;
    if (budget_spent(&hub->budget)) {
        ready_add(&hub->ready, subscriber);
    } else {
        (void)pump_turn(hub, subscriber);
        reading_end(&hub->reading);
    }
    return 0;
}

const char *hub_missing(const struct hub *hub, const struct subscriber *subscriber) {
    if (subscriber->flags & SUB_OTHER_EPOCH) return "unknown epoch";
    if (subscriber->flags & SUB_OTHER_ID) return "unknown id";
    return pump_lacks(hub, subscriber) ? "retention" : NULL;
}

void hub_wake(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms) {
    // One whose topics are still being found is answered when they are.
    subscriber->flags &= (uint16_t)~SUB_POLL;
    if (subscriber->state != SUB_WAITING) return;
    hub->now_ms = now_ms;
    pump_wake(hub, subscriber);
}

void hub_remove(struct hub *hub, struct subscriber *subscriber) {
    ASSERT(subscriber->selector);
    subscriber_release(hub, subscriber);
    hub->counts.subscribers--;
}

void hub_writable(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms) {
    hub->now_ms = now_ms;
    if (subscriber->state != SUB_BLOCKED && subscriber->state != SUB_ENDING) return;
    subscriber->selector->sink->want_writable(subscriber, false);
    if (subscriber->state == SUB_ENDING) {
        subscriber_end(hub, subscriber);
        return;
    }
    // By the ready queue: many that become writable together must not make one long turn.
    subscriber->state = SUB_PUMPED;
    ready_add(&hub->ready, subscriber);
}

void hub_end(struct hub *hub, struct subscriber *subscriber, const char *control) {
    const struct notice leave = {.kind = NOTICE_LEAVE, .name = control};
    if (subscriber->flags & SUB_SNAPSHOT) return; // ends by itself
    subscriber_finish(hub, subscriber, control ? &leave : NULL, NULL);
}

size_t hub_end_some(struct hub *hub, size_t count, const char *control) {
    size_t left = 0;
    for (size_t slot = 0; slot < HUB_WHEEL_SLOTS; slot++) {
        struct subscriber_list *list = &hub->wheel.slots[slot];
        // Backwards: an ended one leaves the list, or stays behind until its connection has taken
        // the end.
        for (uint32_t i = list->count; i-- > 0;) {
            if (i >= list->count || list->items[i]->state == SUB_ENDING) continue;
            if (count) {
                count--;
                hub_end(hub, list->items[i], control);
            } else {
                left++;
            }
        }
    }
    return left;
}

// --- counters ------------------------------------------------------------------------------------

void hub_counts(const struct hub *hub, struct hub_counts *out) {
    *out = hub->counts;
    out->selectors = HASH_COUNT(hub->directory.selectors);
    out->topics = hub->directory.topics_count;
    out->ring_events = hub->ring.events;
    out->ring_bytes = hub->ring.bytes;
    out->encoded_bytes = hub->ring.encoded;
    out->pinned_parcels = hub->pinned.parcels;
    out->pinned_bytes = hub->pinned.bytes;
}

#define add_sum(total, value) ((total) += (value))
#define add_same(total, value) ((total) = (value))

void hub_counts_add(struct hub_counts *total, const struct hub_counts *counts) {
#define X(name, level, over_workers, help) add_##over_workers(total->name, counts->name);
    HUB_COUNTERS(X)
#undef X
}

// --- answers about topics ------------------------------------------------------------------------

uint64_t hub_position(const struct hub *hub) { return hub->position; }

void hub_fingerprint(struct hub *hub, const struct subscriber *subscriber, uint64_t *newest,
                     uint64_t *sum) {
    const struct selector *selector = subscriber->selector;
    const struct selection *selection = selector->selection;
    (void)hub;
    *newest = selection->newest_seq;
    *sum = hash_content(selector->key + DIRECTORY_KEY_WAY, selector->key_len - DIRECTORY_KEY_WAY) +
           hash_content(selection->key, selection->key_len) + selection->changes +
           selection->gone_seq;
}

uint64_t hub_topic_subscribers(const struct hub *hub, uint32_t topic_no) {
    const struct topic *topic = directory_topic(&hub->directory, topic_no);
    return topic ? directory_subscribers(&hub->directory, topic) : 0;
}

void hub_topic_write(struct json *json, const struct hub_topic *topic, const char *epoch,
                     const uint64_t *subscribers) {
    topics_write(json, topic, epoch, subscribers);
}
