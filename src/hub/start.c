// SPDX-License-Identifier: MIT
// Where a subscriber begins.
#include "hub/start.h"

#include "hub/history.h"
#include "hub/hub_priv.h"
#include "hub/lookup.h"
#include "hub/replay.h"
#include "hub/subscriber.h"

// The newest `count` of each topic: a window, whose merge finds in slices where each topic's begin.
static int start_last(struct hub *hub, struct subscriber *subscriber, uint64_t count) {
    subscriber->cursor = count ? 0 : hub->position;
    // Everything there is: a cursor at the beginning says it.
    if (count == 0 || count == UINT64_MAX) return 0;
    if (!replay_make(subscriber, REPLAY_PLAIN)) return ERR_NOMEM;
    subscriber->replay->window = (struct replay_window){.newest = count, .then = hub->position};
    return 0;
}

// The highest seq in the ring whose time is before `time_ms`, 0: there is none. The time never goes
// back from one seq to the next.
static uint64_t recent_before_time(const struct hub *hub, uint64_t time_ms) {
    uint64_t low = hub->ring.floor, high = hub->position, found = 0;
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        const struct event *event = ring_before(&hub->ring, middle + 1);
        if (event && event->seq > low && event->time_ms >= time_ms) {
            high = event->seq - 1;
            continue;
        }
        if (event && event->seq > low) found = event->seq;
        low = middle;
    }
    return found;
}

static int start_time(struct hub *hub, struct subscriber *subscriber, uint64_t time_ms) {
    int err = reading_begin(&hub->reading);
    if (!err) err = store_reader_seq_before_time(hub->reading.store, time_ms, &subscriber->cursor);
    if (subscriber->cursor > hub->position) subscriber->cursor = hub->position;
    // The store does not know of topics that are in memory only.
    uint64_t recent = recent_before_time(hub, time_ms);
    if (recent > subscriber->cursor) subscriber->cursor = recent;
    return err;
}

// Whether no event with data of the topic comes after `seq`.
static bool has_all(struct hub *hub, const struct topic *topic, uint64_t seq) {
    struct lookup last;
    if (topic->last_seq <= seq) return true;
    return topic->marker && !lookup_event(hub, topic->last_seq, &last) && last.record.prev <= seq;
}

// Whether an id's owner has all of topics that are closed for good. Who is told nothing of the end
// (quiet) may know the last event's id only, and not that of what has closed the topic.
static bool has_all_of_closed(struct hub *hub, const struct selector *selector, uint64_t seq,
                              bool quiet) {
    if (!directory_last_closed(&hub->directory, selector)) return false;
    const struct selection *selection = selector->selection;
    if (selection->newest_seq <= seq) return true;
    for (uint32_t i = 0; quiet && i < selection->links_count; i++)
        if (!has_all(hub, selection->links[i].topic, seq)) return false;
    return quiet;
}

static int start_after(struct hub *hub, struct subscriber *subscriber,
                       const struct hub_request *request) {
    bool ahead =
        !request->foreign && request->seq > hub->position && request->seq > request->committed;
    if (!request->foreign && !ahead) {
        if (request->mode == HUB_STREAM &&
            has_all_of_closed(hub, subscriber->selector, request->seq, request->quiet)) {
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
        subscriber->flags |= ahead ? SUB_OTHER_ID : SUB_OTHER_EPOCH;
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
        case HUB_START_LIVE:
            subscriber->cursor = hub->position;
            // Without tailrace.end nothing else would tell it not to come again.
            if (request->quiet && directory_last_closed(&hub->directory, subscriber->selector))
                err = ERR_NOT_FOUND;
            break;
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
