// SPDX-License-Identifier: MIT
// The hub: life and death of subscribers, heartbeats, and answers about topics.
#include "hub/hub.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/limits.h"
#include "hub/hub_priv.h"

// How many heartbeats ahead memory is asked for.
#define AHEAD 12

static void build_heartbeats(struct hub *hub) {
    for (size_t i = 0; i < 4; i++) {
        struct buf *out = &hub->heartbeat[i];
        buf_init(out, 256);
        bool control = i & 2, chunked = i & 1;
        if (control) {
            frame_control(out, "ping", STR("{}"), hub->epoch, 0, chunked);
        } else {
            buf_append_str(out, STR(":\n\n"));
            if (chunked) frame_chunk(out, 0);
        }
    }
}

int hub_new(struct hub **out, const struct hub_config *config, struct report *report) {
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) return report_set(report, ERR_NOMEM, "no memory for a hub");
    hub->epoch = config->epoch;
    hub->sink = config->sink;
    hub->clock_us = config->clock_us;
    hub->position = hub->delivered = config->position;
    hub_set_heartbeat(hub, config->heartbeat_ms);
    directory_init(&hub->directory);
    buf_init(&hub->scratch, (size_t)LIMIT_DATA_BYTES * 8);
    build_heartbeats(hub);
    if (ring_init(&hub->ring, config->ring_events, config->ring_bytes, config->position)) {
        free(hub);
        return report_set(report, ERR_NOMEM, "no memory for a hub");
    }
    hub->reader = config->reader;
    *out = hub;
    return 0;
}

void hub_free(struct hub *hub) {
    if (!hub) return;
    ring_fini(&hub->ring);
    directory_fini(&hub->directory);
    journal_reader_close(hub->reader);
    buf_fini(&hub->scratch);
    for (size_t i = 0; i < 4; i++) buf_fini(&hub->heartbeat[i]);
    for (size_t i = 0; i < HUB_WHEEL_SLOTS; i++) free(hub->wheel[i].items);
    free(hub->bounds);
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
    hub_trimmed(hub, topic, state->trimmed_seq, state->trimmed_ordinal);
    return 0;
}

// Frees what a subscriber holds, whatever its state.
static void subscriber_release(struct hub *hub, struct subscriber *subscriber) {
    subscriber_detach(hub, subscriber);
    wheel_remove(hub, subscriber);
    pump_dequeue(hub, subscriber);
    replay_free(hub, subscriber);
    if (subscriber->tail) {
        buf_fini(subscriber->tail);
        free(subscriber->tail);
        subscriber->tail = NULL;
    }
    directory_release(&hub->directory, subscriber->selector);
    subscriber->selector = NULL;
    // The connection may still have word for it in this turn.
    subscriber->state = SUB_DEAD;
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
        .chunked = request->chunked,
    };
    hub->now_ms = now_ms;
    *waits = false;
    *subscriber = (struct subscriber){.state = SUB_NEW, .until = UINT64_MAX};
    int err = directory_select(&hub->directory, &spec, &subscriber->selector, report);
    if (err) return err;
    if (request->control) subscriber->flags |= SUB_CONTROL;
    if (request->mode != HUB_STREAM) {
        subscriber->flags |= SUB_SNAPSHOT;
        subscriber->until = hub->position;
    }
    // All that going live later needs is taken now, so that it cannot fail then.
    struct selector *selector = subscriber->selector;
    bool room = live_reserve(&selector->live, selector->refs) &&
                list_reserve(&selector->waiting, selector->refs);
    if (!room || (request->mode == HUB_STREAM && !wheel_add(hub, subscriber))) {
        err = report_set(report, ERR_NOMEM, "no memory for a subscription");
    }
    if (!err) err = start_resolve(hub, subscriber, request, report);
    if (err) {
        subscriber_release(hub, subscriber);
        return err;
    }
    // Its id may be ahead of us.
    if (subscriber->flags & SUB_SNAPSHOT && subscriber->cursor > subscriber->until)
        subscriber->until = subscriber->cursor;
    hub->counts.subscribers++;
    if (request->start != HUB_START_LIVE) hub->counts.replays_total++;
    if (request->mode == HUB_WAIT && !subscriber->tail && !pump_probe(hub, subscriber)) {
        hub_read_end(hub);
        subscriber->state = SUB_WAITING;
        list_add(&selector->waiting, subscriber);
        *waits = true;
    }
    hub_read_end(hub);
    return 0;
}

void hub_send(struct hub *hub, struct subscriber *subscriber, struct str bytes) {
    struct buf *behind = subscriber->tail;
    subscriber->tail = NULL;
    if (subscriber_say(hub, subscriber, bytes) && behind)
        (void)subscriber_say(hub, subscriber, buf_str(behind));
    if (behind) {
        buf_fini(behind);
        free(behind);
    }
}

void hub_begin(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms) {
    hub->now_ms = now_ms;
    if (subscriber->state != SUB_NEW) return;
    subscriber->state = SUB_PUMPED;
    (void)pump_turn(hub, subscriber);
    hub_read_end(hub);
}

void hub_wake(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms) {
    if (subscriber->state != SUB_WAITING) return;
    hub->now_ms = now_ms;
    subscriber_detach(hub, subscriber);
    subscriber->state = SUB_PUMPED;
    // Its id may still be ahead of us.
    subscriber->until = subscriber->cursor > hub->position ? subscriber->cursor : hub->position;
    // Whatever it had wanted of what has been delivered would have woken it.
    if (subscriber->cursor < hub->delivered) subscriber->cursor = hub->delivered;
    if (!hub->sink->begin(subscriber)) subscriber_break(hub, subscriber);
    if (subscriber->state == SUB_PUMPED) pump_enqueue(hub, subscriber);
}

void hub_remove(struct hub *hub, struct subscriber *subscriber) {
    ASSERT(subscriber->selector);
    subscriber_release(hub, subscriber);
    hub->counts.subscribers--;
}

void hub_writable(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms) {
    hub->now_ms = now_ms;
    if (subscriber->state != SUB_BLOCKED && subscriber->state != SUB_ENDING) return;
    hub->sink->want_writable(subscriber, false);
    if (subscriber->state == SUB_ENDING) {
        if (!subscriber_flush(hub, subscriber)) return;
        hub_remove(hub, subscriber);
        hub->sink->finished(subscriber);
        return;
    }
    // By the ready queue: many that become writable together must not make one long turn.
    subscriber->state = SUB_PUMPED;
    pump_enqueue(hub, subscriber);
}

void hub_end(struct hub *hub, struct subscriber *subscriber, const char *control) {
    const struct selector *selector = subscriber->selector;
    struct buf words;
    if (subscriber->flags & SUB_SNAPSHOT) return; // ends by itself
    buf_init(&words, 1024);
    if (control && frame_is_sse(selector->format)) {
        frame_control(&words, control, STR("{}"), hub->epoch, 0, selector->chunked);
    }
    if (subscriber->state == SUB_NEW) subscriber->state = SUB_PUMPED;
    subscriber_finish(hub, subscriber, buf_str(&words));
    buf_fini(&words);
}

size_t hub_end_some(struct hub *hub, size_t count, const char *control) {
    size_t left = 0;
    for (size_t slot = 0; slot < HUB_WHEEL_SLOTS; slot++) {
        struct subscriber_list *list = &hub->wheel[slot];
        // Backwards: an ended one leaves the list, or stays behind us until its connection has taken the end.
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

uint64_t hub_tick_ms(const struct hub *hub) { return hub->tick_ms; }

void hub_set_heartbeat(struct hub *hub, uint64_t heartbeat_ms) {
    hub->tick_ms = heartbeat_ms / HUB_WHEEL_SLOTS;
    if (!hub->tick_ms) hub->tick_ms = 1;
}

static void beat(struct hub *hub, struct subscriber *subscriber) {
    const struct selector *selector = subscriber->selector;
    bool live = subscriber->state == SUB_LIVE;
    bool idle = hub->tick - subscriber->written_tick >= HUB_WHEEL_SLOTS / 4 &&
                (!live || hub->tick - selector->written_tick >= HUB_WHEEL_SLOTS / 4);
    bool free_to_speak = live || subscriber->state == SUB_PUMPED;
    if (!idle || !free_to_speak || subscriber->partial_seq || !frame_is_sse(selector->format))
        return;
    const struct buf *bytes =
        &hub->heartbeat[(subscriber->flags & SUB_CONTROL ? 2 : 0) | (selector->chunked ? 1 : 0)];
    struct str rest = buf_str(bytes);
    if (!subscriber->tail) {
        size_t taken;
        if (!subscriber_write(hub, subscriber, rest, &taken) || taken == rest.len) return;
        rest = (struct str){rest.ptr + taken, rest.len - taken};
    }
    // Being live means having everything up to here; the cursor must say so where it ends.
    if (live) subscriber->cursor = hub->delivered;
    if (subscriber_say(hub, subscriber, rest)) (void)subscriber_flush(hub, subscriber);
}

void hub_tick(struct hub *hub, uint64_t now_ms) {
    hub->now_ms = now_ms;
    struct subscriber_list *list = &hub->wheel[hub->tick % HUB_WHEEL_SLOTS];
    hub->tick++;
    for (uint32_t i = list->count; i-- > 0;) {
        if (i >= list->count) continue;
        if (i >= AHEAD) {
            // Subscribers lie all over memory; what a heartbeat reads of one may straddle two lines of the cache.
            const struct subscriber *next = list->items[i - AHEAD];
            __builtin_prefetch(next, 1);
            __builtin_prefetch(&next->tail, 1);
        }
        beat(hub, list->items[i]);
    }
}

void hub_counts(const struct hub *hub, struct hub_counts *out) {
    *out = hub->counts;
    out->selectors = HASH_COUNT(hub->directory.selectors);
    out->topics = hub->directory.topics_count;
    out->ring_events = hub->ring.events;
    out->ring_bytes = hub->ring.bytes;
}

uint64_t hub_position(const struct hub *hub) { return hub->position; }

void hub_fingerprint(struct hub *hub, const struct subscriber *subscriber, uint64_t *newest,
                     uint64_t *sum) {
    const struct selector *selector = subscriber->selector;
    *newest = 0;
    *sum = XXH3_64bits(selector->key, selector->key_len);
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        const struct topic *topic = directory_topic(&hub->directory, selector->topics[i]);
        if (topic->last_seq > *newest) *newest = topic->last_seq;
        *sum += topic->trimmed_seq * 2 + topic->closed;
    }
}

uint64_t hub_topic_subscribers(const struct hub *hub, uint32_t topic_no) {
    const struct topic *topic = directory_topic(&hub->directory, topic_no);
    uint64_t count = 0;
    for (uint32_t i = 0; topic && i < topic->selectors_count; i++)
        count += topic->selectors[i]->refs;
    return count;
}

static void tell_topic(const struct hub *hub, const struct topic *topic,
                       void (*each)(void *context, const struct hub_topic *topic), void *context) {
    struct hub_topic view = {
        .name = topic_name(topic),
        .no = topic->no,
        .last_seq = topic->last_seq,
        .last_time_ms = topic->last_time_ms,
        .events = topic_events(topic),
        .bytes = topic->bytes,
        .subscribers = hub_topic_subscribers(hub, topic->no),
        .closed = topic->closed,
    };
    each(context, &view);
}

void hub_topics(struct hub *hub, const struct pattern *names, uint32_t names_count,
                const struct pattern *grants, uint32_t grants_count,
                void (*each)(void *context, const struct hub_topic *topic), void *context) {
    if (names_count == 1 && names[0].kind == PATTERN_EXACT) {
        struct str name = names[0].text;
        const struct topic *topic = directory_find(&hub->directory, name);
        bool seen = !grants_count || pattern_match_any(grants, grants_count, name);
        if (topic && topic->no != TOPIC_UNNUMBERED && seen &&
            (topic->closed || topic_events(topic)))
            tell_topic(hub, topic, each, context);
        return;
    }
    for (uint32_t no = 0; no < hub->directory.by_no_cap; no++) {
        const struct topic *topic = hub->directory.by_no[no];
        // Nothing is left of it (forgotten, or trimmed to the end): not worth a line until it has events again.
        if (topic && !topic->closed && !topic_events(topic)) continue;
        if (!topic || !pattern_match_any(names, names_count, topic_name(topic))) continue;
        if (grants_count && !pattern_match_any(grants, grants_count, topic_name(topic))) continue;
        tell_topic(hub, topic, each, context);
    }
}
