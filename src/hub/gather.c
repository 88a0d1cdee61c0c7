// SPDX-License-Identifier: MIT
// Gathering what follows a cursor.
#include "hub/gather.h"

#include "base/limits.h"
#include "hub/frame.h"
#include "hub/hub_priv.h"
#include "hub/lookup.h"
#include "hub/merge.h"
#include "hub/replay.h"
#include "hub/subscriber.h"

// Events of a merge that are listed at once where nobody knows how many a filter takes.
#define FILTERED_EVENTS 2048
// How often the clock is looked at, in events; with a filter after each.
#define CLOCK_EVENTS 16

static bool is_full(const struct round *round) {
    return round->bytes.len >= GATHER_BYTES || round->count >= GATHER_EVENTS;
}

// --- one event -----------------------------------------------------------------------------------
// Adding one that the subscriber takes. Those that look whether it does give 0 also when it does
// not.

// Encodes one event. ERR_NOMEM.
static int add(struct hub *hub, const struct subscriber *subscriber,
               const struct document_event *event) {
    const struct selector *selector = subscriber->selector;
    struct round *round = &hub->round;
    size_t start = round->bytes.len;
    bool first = !round->count && !(subscriber->flags & SUB_ELEMENTS);
    document_event(&round->bytes, selector->format, event, first, hub->epoch);
    wire_close(selector->wire, &round->bytes, start);
    return round_add(round, event->seq) ? 0 : ERR_NOMEM;
}

static int add_stored(struct hub *hub, const struct subscriber *subscriber,
                      const struct record *record) {
    const struct topic *topic = directory_topic(&hub->directory, record->topic_no);
    if (!topic) return 0;
    struct document_event view = document_event_of_record(record, topic_name(topic));
    return add(hub, subscriber, &view);
}

static int add_recent(struct hub *hub, const struct subscriber *subscriber, struct event *event) {
    const struct selector *selector = subscriber->selector;
    if (frame_is_shared(selector->format)) {
        frame_append(&hub->round.bytes, event, selector->format, selector->wire, hub->epoch,
                     &hub->ring);
        return round_add(&hub->round, event->seq) ? 0 : ERR_NOMEM;
    }
    struct document_event view = document_event_of(event);
    return add(hub, subscriber, &view);
}

static int add_found(struct hub *hub, const struct subscriber *subscriber,
                     const struct lookup *found) {
    return found->event ? add_recent(hub, subscriber, found->event)
                        : add_stored(hub, subscriber, &found->record);
}

// Whether the subscriber takes an event. Its aliases come next, and are not worth asking a filter
// again.
static bool takes(const struct hub *hub, struct gathering *gathering, const struct record *record) {
    if (gathering->asked == record->seq) return gathering->takes;
    gathering->asked = record->seq;
    gathering->takes = directory_takes(&hub->directory, gathering->subscriber->selector,
                                       record->flags, record->data);
    return gathering->takes;
}

// Adds what an alias stands for, unless the subscriber has it. ERR_NOT_FOUND: it is gone;
// ERR_CORRUPT: it is damaged; `gone` says what.
static int add_target(struct hub *hub, struct gathering *gathering, uint64_t seq, struct str data) {
    const struct round *round = &hub->round;
    uint64_t target = event_target(data);
    struct lookup found;
    gathering->gone = target ? target : seq;
    if (gathering->gone <= gathering->subscriber->cursor) return 0;
    // Whatever else stands for it came directly before.
    if (round->count && round->pieces[round->count - 1].seq == target) return 0;
    int err = lookup_target(hub, data, &found);
    if (!err && !directory_topic(&hub->directory, found.record.topic_no)) err = ERR_NOT_FOUND;
    if (err || !takes(hub, gathering, &found.record)) return err;
    return add_found(hub, gathering->subscriber, &found);
}

static int add_record(struct hub *hub, struct gathering *gathering, const struct record *record) {
    if (record->flags & EVENT_ALIAS) return add_target(hub, gathering, record->seq, record->data);
    if (!takes(hub, gathering, record)) return 0;
    return add_stored(hub, gathering->subscriber, record);
}

static int add_event(struct hub *hub, struct gathering *gathering, struct event *event) {
    if (event->flags & EVENT_ALIAS)
        return add_target(hub, gathering, event->seq, event_data(event));
    struct record record = lookup_record(event);
    if (!takes(hub, gathering, &record)) return 0;
    return add_recent(hub, gathering->subscriber, event);
}

// --- one after the other -------------------------------------------------------------------------

// False, for those who return it.
static bool stop(struct gathering *gathering, enum gathered got) {
    gathering->got = gathering->lost && got != GATHER_FAILED ? GATHER_LOST : got;
    return false;
}

// Whether the turn has taken its time; after at least one event.
static bool is_late(const struct hub *hub, const struct gathering *gathering) {
    bool filtered = gathering->subscriber->selector->filter;
    if (!gathering->looked || (!filtered && gathering->looked % CLOCK_EVENTS)) return false;
    return budget_spent(&hub->budget);
}

// False: the turn ends before the next event.
static bool has_room(const struct hub *hub, struct gathering *gathering) {
    if (filter_gave_up(gathering->subscriber->selector->filter))
        return stop(gathering, GATHER_GAVE_UP);
    if (is_full(&hub->round) || hub->round.count >= gathering->events_max ||
        is_late(hub, gathering))
        return stop(gathering, GATHER_MORE);
    return true;
}

// An event is looked at.
static void count_looked(struct hub *hub, struct gathering *gathering) {
    hub->looked_total++;
    gathering->looked++;
}

// The turn ends before this event: and before its aliases, by which it is (or was) to be given.
static void end_before(struct gathering *gathering, uint64_t seq) {
    if (gathering->reached >= seq) gathering->reached = seq - 1;
}

// `gone` cannot be given. False: the turn ends here.
static bool lose(struct hub *hub, struct gathering *gathering, bool damaged) {
    if (gathering->gone <= gathering->lost) return true;
    // What has been gathered goes out before a loss is told, and that before what follows.
    if (hub->round.count || (gathering->lost && gathering->damaged != damaged)) {
        end_before(gathering, gathering->gone);
        return stop(gathering, GATHER_MORE);
    }
    gathering->lost = gathering->gone;
    gathering->damaged = damaged;
    if (damaged) hub->counts.damaged_total++;
    return true;
}

// The event with this seq was looked at, and adding it gave `err`. False: the turn ends here.
static bool go_on(struct hub *hub, struct gathering *gathering, uint64_t seq, int err) {
    struct round *round = &hub->round;
    if (err == ERR_NOT_FOUND || err == ERR_CORRUPT) {
        if (!lose(hub, gathering, err == ERR_CORRUPT)) return false;
    } else if (err) {
        return stop(gathering, GATHER_FAILED);
    } else if (gathering->lost && round->count) {
        // An event before a damaged alias of it is lost with that: a client has passed it.
        if (round->pieces[0].seq > gathering->lost) end_before(gathering, round->pieces[0].seq);
        round_clear(round);
        return stop(gathering, GATHER_LOST);
    }
    gathering->reached = seq;
    return true;
}

// An event and its aliases are looked at in one turn: a cursor between them says that the
// subscriber has the event.
static bool may_end_before(uint8_t flags) { return !(flags & EVENT_ALIAS); }

static bool from_ring(struct hub *hub, struct gathering *gathering, uint64_t limit) {
    const struct selector *selector = gathering->subscriber->selector;
    struct ring_place place = ring_find(&hub->ring, gathering->subscriber->cursor);
    for (int steps = 0;; steps++) {
        struct event *event = ring_next(&hub->ring, &place);
        int err = 0;
        if (!event || event->seq > limit) break;
        if (may_end_before(event->flags)) {
            if (steps >= GATHER_SKIPS) return stop(gathering, GATHER_MORE);
            if (!has_room(hub, gathering)) return false;
        }
        count_looked(hub, gathering);
        if (directory_matches(selector, event->topic_no)) {
            const struct topic *topic = directory_topic(&hub->directory, event->topic_no);
            // What was forgotten (DELETE) is not given out of memory either.
            if (event->seq > topic->trimmed_seq) err = add_event(hub, gathering, event);
        }
        if (!go_on(hub, gathering, event->seq, err)) return false;
    }
    gathering->reached = limit;
    return stop(gathering, GATHER_ALL);
}

// Adds an event of a scan. ERR_CORRUPT: it is damaged, and may be one for the subscriber.
static int add_scanned(struct hub *hub, struct gathering *gathering, const struct record *record,
                       bool damaged) {
    const struct selector *selector = gathering->subscriber->selector;
    gathering->gone = record->seq;
    if (damaged && record->topic_no == RECORD_TOPIC_UNKNOWN) return ERR_CORRUPT;
    if (!directory_matches(selector, record->topic_no)) return 0;
    const struct topic *topic = directory_topic(&hub->directory, record->topic_no);
    if (record->seq <= topic->trimmed_seq) return 0;
    return damaged ? ERR_CORRUPT : add_record(hub, gathering, record);
}

static bool from_scan(struct hub *hub, struct gathering *gathering, uint64_t limit) {
    uint64_t after = gathering->subscriber->cursor;
    if (reading_begin(&hub->reading)) return stop(gathering, GATHER_FAILED);
    // What retention has taken and not announced yet would be passed over without a word.
    if (store_reader_trims(hub->reading.store) != hub->trims) return stop(gathering, GATHER_MORE);
    for (int steps = 0;; steps++) {
        struct record record;
        int err = store_reader_next(hub->reading.store, after, &record);
        bool damaged = err == ERR_CORRUPT && record.seq;
        if (err == ERR_AGAIN && record.seq <= limit) {
            // Behind the last of them its aliases would be passed over.
            gathering->reached = record.seq - 1;
            steps += STORE_READER_AGAIN;
            hub->looked_total += STORE_READER_AGAIN;
            if (steps >= GATHER_SKIPS || budget_spent(&hub->budget))
                return stop(gathering, GATHER_MORE);
            after = record.seq;
            continue;
        }
        if (err && err != ERR_NOT_FOUND && err != ERR_AGAIN && !damaged)
            return stop(gathering, GATHER_FAILED);
        if (err == ERR_NOT_FOUND || record.seq > limit) break;
        if (may_end_before(record.flags)) {
            if (steps >= GATHER_SKIPS) return stop(gathering, GATHER_MORE);
            if (!has_room(hub, gathering)) return false;
        }
        count_looked(hub, gathering);
        err = add_scanned(hub, gathering, &record, damaged);
        if (!go_on(hub, gathering, record.seq, err)) return false;
        after = record.seq;
    }
    gathering->reached = limit;
    return stop(gathering, GATHER_ALL);
}

// Adds an event that a merge has listed. False: the turn ends here.
static bool take(struct hub *hub, struct gathering *gathering, const struct merge_item *item) {
    struct topic *topic = directory_topic(&hub->directory, item->topic_no);
    struct lookup found;
    int err = 0;
    count_looked(hub, gathering);
    // What is gone is passed over: a gap says so.
    if (topic && item->seq > topic->trimmed_seq) {
        err = lookup_event(hub, item->seq, &found);
        gathering->gone = item->seq;
        if (err == ERR_NOT_FOUND) {
            directory_trimmed(&hub->directory, topic, item->seq, topic->trimmed_ordinal);
            return stop(gathering, GATHER_AGAIN);
        }
        if (!err)
            err = found.event ? add_event(hub, gathering, found.event)
                              : add_record(hub, gathering, &found.record);
    }
    return go_on(hub, gathering, item->seq, err);
}

static bool after_merge(struct hub *hub, struct gathering *gathering, enum merge_step step) {
    struct replay *replay = gathering->subscriber->replay;
    switch (step) {
        case MERGE_END: gathering->reached = merge_limit(replay->merge); break;
        case MERGE_WIDE:
            merge_free(hub, replay->merge);
            replay->merge = NULL;
            replay->scans = true;
            return stop(gathering, GATHER_MORE);
        case MERGE_MORE: return stop(gathering, GATHER_MORE);
        case MERGE_BEGINS: return stop(gathering, GATHER_BEGINS);
        case MERGE_AGAIN: return stop(gathering, GATHER_AGAIN);
        case MERGE_FAILED: return stop(gathering, GATHER_FAILED);
    }
    return stop(gathering, GATHER_ALL);
}

static bool from_merge(struct hub *hub, struct gathering *gathering,
                       const struct merge_from *from) {
    const struct subscriber *subscriber = gathering->subscriber;
    struct replay *replay = subscriber->replay;
    enum merge_step step = MERGE_MORE;
    size_t count;
    if (!replay->merge) {
        // Those that hold the memory can go on, and come before it in the queue.
        if (hub->counts.merge_bytes >= LIMIT_MERGE_BYTES) return stop(gathering, GATHER_MORE);
        replay->merge = merge_new(hub, from);
        if (!replay->merge) return stop(gathering, GATHER_FAILED);
    }
    const struct merge_item *items = merge_listed(replay->merge, subscriber->cursor, &count);
    if (!items) {
        size_t max = subscriber->selector->filter ? FILTERED_EVENTS : gathering->events_max;
        merge_budget budget = GATHER_SKIPS;
        step = merge_list(hub, replay->merge, subscriber->selector, max, &budget);
        hub->looked_total += (uint64_t)(GATHER_SKIPS - budget);
        items = merge_listed(replay->merge, subscriber->cursor, &count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!has_room(hub, gathering) || !take(hub, gathering, &items[i])) return false;
    }
    return after_merge(hub, gathering, step);
}

static bool from_store(struct hub *hub, struct gathering *gathering, uint64_t limit) {
    struct subscriber *subscriber = gathering->subscriber;
    if (!replay_make(subscriber, REPLAY_PLAIN)) return stop(gathering, GATHER_FAILED);
    if (subscriber->replay->scans) return from_scan(hub, gathering, limit);
    return from_merge(hub, gathering,
                      &(struct merge_from){.after = subscriber->cursor,
                                           .limit = limit,
                                           .newest = MERGE_ALL,
                                           .topics_max = GATHER_MERGE_TOPICS});
}

bool gather_seqs(struct hub *hub, struct subscriber *subscriber, const uint64_t *seqs, size_t count,
                 size_t *gathered) {
    size_t i = 0;
    round_clear(&hub->round);
    for (; i < count && !is_full(&hub->round); i++) {
        struct lookup found;
        int err = lookup_event(hub, seqs[i], &found);
        if (!err) err = add_found(hub, subscriber, &found);
        if (err && err != ERR_NOT_FOUND) return false;
    }
    *gathered = i;
    return true;
}

static struct gathering gather_some(struct hub *hub, struct subscriber *subscriber,
                                    size_t events_max) {
    const struct replay_window *window = replay_window_of(subscriber);
    uint64_t after = subscriber->cursor, floor = hub->ring.floor;
    uint64_t limit = subscriber->until < hub->position ? subscriber->until : hub->position;
    struct gathering gathering = {
        .subscriber = subscriber, .events_max = events_max, .reached = after};
    if (window) {
        (void)from_merge(
            hub, &gathering,
            &(struct merge_from){.after = after, .limit = window->then, .newest = window->newest});
    } else if (after >= limit) {
        (void)stop(&gathering, GATHER_ALL);
    } else if (after >= floor) {
        (void)from_ring(hub, &gathering, limit);
    } else {
        (void)from_store(hub, &gathering, limit < floor ? limit : floor);
    }
    if (gathering.got == GATHER_ALL && gathering.reached < limit) gathering.got = GATHER_MORE;
    return gathering;
}

// Original pace: when the event that was gathered is due.
static uint64_t original_due(struct hub *hub, const struct replay_pace *pace, uint64_t seq,
                             uint64_t *time_ms) {
    struct lookup found;
    *time_ms = lookup_event(hub, seq, &found) ? pace->sent_time_ms : found.record.time_ms;
    if (!pace->sent_at_ms) return 0;
    uint64_t distance = *time_ms > pace->sent_time_ms ? *time_ms - pace->sent_time_ms : 0;
    return pace->sent_at_ms + distance / pace->speed;
}

static struct gathering gather_paced(struct hub *hub, struct subscriber *subscriber,
                                     struct replay_pace *pace) {
    if (hub->now_ms < pace->due.at_ms) return (struct gathering){.got = GATHER_LATER};
    struct gathering gathering = gather_some(hub, subscriber, 1);
    if (!hub->round.count) return gathering;
    uint64_t time_ms = 0;
    if (pace->every_ms == HUB_PACE_ORIGINAL) {
        uint64_t due = original_due(hub, pace, hub->round.pieces[0].seq, &time_ms);
        if (hub->now_ms < due) {
            pace->due.at_ms = due;
            round_clear(&hub->round);
            gathering.got = GATHER_LATER;
            return gathering;
        }
    } else {
        pace->due.at_ms = hub->now_ms + pace->every_ms;
    }
    pace->sent_at_ms = hub->now_ms;
    pace->sent_time_ms = time_ms;
    if (gathering.got == GATHER_ALL) gathering.got = GATHER_MORE;
    return gathering;
}

struct gathering gather_next(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    size_t events_max = GATHER_EVENTS;
    ASSERT(!subscriber->parcel);
    round_clear(&hub->round);
    if (replay && replay->kind == REPLAY_PACED) return gather_paced(hub, subscriber, &replay->pace);
    // One when there is nothing left: whether there is one more.
    if (replay && replay->kind == REPLAY_LIMIT && replay->left < events_max)
        events_max = replay->left ? (size_t)replay->left : 1;
    return gather_some(hub, subscriber, events_max);
}
