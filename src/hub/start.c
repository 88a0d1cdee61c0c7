// SPDX-License-Identifier: MIT
// Where a subscriber begins.
#include "hub/start.h"

#include <stdlib.h>

#include "base/array.h"
#include "hub/gather.h"
#include "hub/history.h"
#include "hub/hub_priv.h"
#include "hub/replay.h"
#include "hub/subscriber.h"

// Events in the list of one start. Beyond it the oldest are left out, and a gap says so: 8 MB while
// it lasts.
#define LIST_EVENTS_MAX 1000000

static int compare_seqs(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// The newest `count` of a topic that is kept in memory only.
static int list_memory(struct hub *hub, struct replay_list *list, const struct topic *topic,
                       uint64_t count) {
    uint64_t first = topic->last_ordinal - count + 1;
    struct ring_place place = ring_find(&hub->ring, hub->ring.floor);
    for (struct event *event; (event = ring_next(&hub->ring, &place)) != NULL;) {
        if (event->topic_no != topic->no || event->ordinal < first ||
            event->seq <= topic->trimmed_seq)
            continue;
        if (!array_reserve(list->seqs, list->cap, list->count + 1)) return ERR_NOMEM;
        list->seqs[list->count++] = event->seq;
    }
    return 0;
}

static int list_stored(struct hub *hub, struct replay_list *list, const struct topic *topic,
                       uint64_t count) {
    uint64_t start;
    int err = reading_begin(&hub->reading);
    if (!err)
        err = store_reader_topic_at(hub->reading.store, topic->last_seq,
                                    topic->last_ordinal - count + 1, &start);
    // Trimmed just now: everything that is left then.
    if (err == ERR_NOT_FOUND) {
        start = topic->trimmed_seq + 1;
        err = 0;
    }
    if (err) return err;
    if (!array_reserve(list->seqs, list->cap, list->count + count)) return ERR_NOMEM;
    size_t got;
    bool lost;
    err = store_reader_topic_after(hub->reading.store, topic->last_seq, start - 1,
                                   list->seqs + list->count, count, &got, &lost);
    if (err == ERR_NOT_FOUND) return 0;
    if (!err) list->count += got;
    return err;
}

// How many records of the topic make its newest `count` events.
static uint64_t records_for(const struct topic *topic, uint64_t count) {
    uint64_t stored = topic->last_ordinal - topic->trimmed_ordinal;
    uint64_t wanted = count + (topic->marker ? 1 : 0);
    return wanted < stored ? wanted : stored;
}

static int start_last(struct hub *hub, struct subscriber *subscriber, uint64_t count) {
    const struct selector *selector = subscriber->selector;
    struct replay_list list = {0};
    int err = 0;
    if (count == 0) {
        subscriber->cursor = hub->position;
        return 0;
    }
    // Everything there is: a cursor at the beginning says it. Not for a wide selector: it would
    // read the whole store for it.
    bool all = selector->topics_count <= GATHER_MERGE_TOPICS;
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        const struct topic *topic = directory_topic(&hub->directory, selector->topics[i]);
        if (records_for(topic, count) < topic->last_ordinal - topic->trimmed_ordinal) all = false;
    }
    if (all || count == UINT64_MAX) {
        subscriber->cursor = 0;
        return 0;
    }
    bool cut = false;
    uint64_t share = LIST_EVENTS_MAX / (selector->topics_count ? selector->topics_count : 1);
    for (uint32_t i = 0; i < selector->topics_count && !err; i++) {
        const struct topic *topic = directory_topic(&hub->directory, selector->topics[i]);
        uint64_t records = records_for(topic, count < share ? count : share);
        if (records < records_for(topic, count)) cut = true;
        if (!records) continue;
        err = topic->memory ? list_memory(hub, &list, topic, records)
                            : list_stored(hub, &list, topic, records);
    }
    if (!err && !replay_make(subscriber, REPLAY_LIST)) err = ERR_NOMEM;
    if (err) {
        free(list.seqs);
        return err;
    }
    if (list.count) qsort(list.seqs, list.count, sizeof *list.seqs, compare_seqs);
    if (list.count && cut) {
        uint64_t to = list.seqs[0] - 1;
        subscriber_gap(hub, subscriber,
                       &(struct subscriber_loss){
                           .to_seq = to,
                           .seq = to,
                           .reason = "more events asked for than a start may list",
                       });
    }
    list.then = hub->position;
    subscriber->replay->list = list;
    subscriber->cursor = 0;
    return 0;
}

static int start_time(struct hub *hub, struct subscriber *subscriber, uint64_t time_ms) {
    int err = reading_begin(&hub->reading);
    if (!err) err = store_reader_seq_before_time(hub->reading.store, time_ms, &subscriber->cursor);
    if (subscriber->cursor > hub->position) subscriber->cursor = hub->position;
    // The store does not know of topics that are in memory only.
    uint64_t from = subscriber->cursor > hub->ring.floor ? subscriber->cursor : hub->ring.floor;
    struct ring_place place = ring_find(&hub->ring, from);
    const struct event *event;
    while ((event = ring_next(&hub->ring, &place)) != NULL && event->time_ms < time_ms)
        subscriber->cursor = event->seq;
    return err;
}

// Whether an id's owner has all of topics that are closed for good.
static bool has_all_of_closed(const struct hub *hub, const struct selector *selector,
                              uint64_t seq) {
    if (!directory_last_closed(&hub->directory, selector)) return false;
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        if (directory_topic(&hub->directory, selector->topics[i])->last_seq > seq) return false;
    }
    return true;
}

static int start_after(struct hub *hub, struct subscriber *subscriber,
                       const struct hub_request *request) {
    bool ahead =
        !request->foreign && request->seq > hub->position && request->seq > request->committed;
    if (!request->foreign && !ahead) {
        if (request->mode == HUB_STREAM &&
            has_all_of_closed(hub, subscriber->selector, request->seq)) {
            return ERR_NOT_FOUND;
        }
        subscriber->cursor = request->seq;
        subscriber->told = 0; // a gap is sent for what was lost after that id
        return 0;
    }
    int err = 0;
    switch (request->fallback) {
        case HUB_START_TIME: err = start_time(hub, subscriber, request->time_ms); break;
        case HUB_START_LAST: err = start_last(hub, subscriber, request->count); break;
        case HUB_START_LIVE:
        case HUB_START_BEFORE:
        case HUB_START_AFTER: subscriber->cursor = 0; break;
    }
    if (!err) {
        subscriber_gap(hub, subscriber,
                       &(struct subscriber_loss){
                           .from = request->foreign_id,
                           .to_seq = subscriber->cursor,
                           .seq = subscriber->cursor,
                           .reason = ahead ? "unknown id" : "unknown epoch",
                       });
    }
    return err;
}

static int set_limit(struct subscriber *subscriber, const struct hub_request *request) {
    if (!request->limit) return 0;
    if (!replay_make(subscriber, REPLAY_LIMIT)) return ERR_NOMEM;
    subscriber->replay->left = request->limit;
    return 0;
}

static int set_pace(struct subscriber *subscriber, const struct hub_request *request) {
    if (request->pace_ms == HUB_PACE_NONE) return 0;
    if (!replay_make(subscriber, REPLAY_PACED)) return ERR_NOMEM;
    subscriber->replay->pace.every_ms = request->pace_ms;
    subscriber->replay->pace.speed = request->pace_speed ? request->pace_speed : 1;
    return 0;
}

int start_resolve(struct hub *hub, struct subscriber *subscriber, const struct hub_request *request,
                  struct report *report) {
    int err = set_pace(subscriber, request);
    if (!err) err = set_limit(subscriber, request);
    // What is already gone is no loss to a subscriber that begins now.
    subscriber->told = hub->directory.trims;
    switch (request->start) {
        case HUB_START_LIVE: subscriber->cursor = hub->position; break;
        case HUB_START_AFTER:
            if (!err) err = start_after(hub, subscriber, request);
            break;
        case HUB_START_TIME:
            if (!err) err = start_time(hub, subscriber, request->time_ms);
            break;
        case HUB_START_LAST:
            if (!err) err = start_last(hub, subscriber, request->count);
            break;
        case HUB_START_BEFORE:
            if (!err) err = history_start(hub, subscriber, request);
            break;
    }
    reading_end(&hub->reading);
    if (err && err != ERR_NOT_FOUND)
        report_set(report, err, "the history cannot be read: %s", err_text(err));
    return err;
}
