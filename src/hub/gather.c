// SPDX-License-Identifier: MIT
// Gathering what follows a cursor.
#include "hub/gather.h"

#include "base/limits.h"
#include "hub/frame.h"
#include "hub/hub_priv.h"
#include "hub/replay.h"
#include "hub/subscriber.h"

// Seqs that a merge holds at once, shared out among its topics.
#define MERGE_SEQS 2048

static bool is_full(const struct round *round) {
    return round->bytes.len >= GATHER_BYTES || round->count >= GATHER_EVENTS;
}

// Encodes one event. False: out of memory.
static bool add(struct hub *hub, const struct subscriber *subscriber,
                const struct document_event *event) {
    const struct selector *selector = subscriber->selector;
    struct round *round = &hub->round;
    size_t start = round->bytes.len;
    bool first = !round->count && !(subscriber->flags & SUB_ELEMENTS);
    document_event(&round->bytes, selector->format, event, first, hub->epoch);
    wire_close(selector->wire, &round->bytes, start);
    return round_add(round, event->seq);
}

// A stored record, if it is wanted.
static bool add_record(struct hub *hub, const struct subscriber *subscriber,
                       const struct record *record) {
    const struct topic *topic = directory_topic(&hub->directory, record->topic_no);
    if (!topic || !directory_takes(subscriber->selector, record->flags, record->data)) return true;
    struct document_event view = document_event_of_record(record, topic_name(topic));
    return add(hub, subscriber, &view);
}

static bool add_event(struct hub *hub, const struct subscriber *subscriber, struct event *event) {
    const struct selector *selector = subscriber->selector;
    if (!directory_takes(selector, event->flags, event_data(event))) return true;
    if (frame_is_shared(selector->format)) {
        const struct encoding *frame =
            frame_of(event, selector->format, selector->wire, hub->epoch, &hub->ring);
        if (!frame) return false;
        buf_append(&hub->round.bytes, frame->bytes, frame->size);
        return round_add(&hub->round, event->seq);
    }
    struct document_event view = document_event_of(event);
    return add(hub, subscriber, &view);
}

// The event with this seq from wherever it is. ERR_NOT_FOUND: it is gone.
static int add_seq(struct hub *hub, const struct subscriber *subscriber, uint64_t seq) {
    if (seq > hub->ring.floor) {
        struct ring_place place = ring_find(&hub->ring, seq - 1);
        struct event *event = ring_next(&hub->ring, &place);
        if (!event || event->seq != seq) return ERR_NOT_FOUND;
        const struct topic *topic = directory_topic(&hub->directory, event->topic_no);
        if (!topic || seq <= topic->trimmed_seq) return ERR_NOT_FOUND;
        return add_event(hub, subscriber, event) ? 0 : ERR_NOMEM;
    }
    struct record record;
    int err = reading_begin(&hub->reading);
    if (!err) err = store_reader_read(hub->reading.store, seq, &record);
    if (err) return err;
    return add_record(hub, subscriber, &record) ? 0 : ERR_NOMEM;
}

static enum gathered from_ring(struct hub *hub, const struct subscriber *subscriber, uint64_t after,
                               uint64_t limit, size_t events_max, uint64_t *reached) {
    struct ring_place place = ring_find(&hub->ring, after);
    for (int steps = 0;; steps++) {
        if (is_full(&hub->round) || hub->round.count >= events_max || steps == GATHER_SKIPS)
            return GATHER_MORE;
        struct event *event = ring_next(&hub->ring, &place);
        if (!event || event->seq > limit) break;
        hub->looked_total++;
        if (directory_matches(subscriber->selector, event->topic_no)) {
            const struct topic *topic = directory_topic(&hub->directory, event->topic_no);
            // What was forgotten (DELETE) is not given out of memory either.
            if (event->seq > topic->trimmed_seq && !add_event(hub, subscriber, event))
                return GATHER_FAILED;
        }
        *reached = event->seq;
    }
    *reached = limit;
    return GATHER_ALL;
}

static enum gathered from_scan(struct hub *hub, const struct subscriber *subscriber, uint64_t after,
                               uint64_t limit, size_t events_max, uint64_t *reached) {
    struct record record;
    for (int steps = 0; steps < GATHER_SKIPS; steps++) {
        if (is_full(&hub->round) || hub->round.count >= events_max) return GATHER_MORE;
        hub->looked_total++;
        int err = store_reader_next(hub->reading.store, after, &record);
        if (err && err != ERR_NOT_FOUND) return GATHER_FAILED;
        if (err || record.seq > limit) {
            *reached = limit;
            return GATHER_ALL;
        }
        if (directory_matches(subscriber->selector, record.topic_no)) {
            const struct topic *topic = directory_topic(&hub->directory, record.topic_no);
            if (record.seq > topic->trimmed_seq && !add_record(hub, subscriber, &record))
                return GATHER_FAILED;
        }
        *reached = after = record.seq;
    }
    return GATHER_MORE;
}

// One topic's part in a merge.
struct chain {
    struct topic *topic;
    uint64_t *seqs;
    size_t count, at;
    bool cut; // there may be more than what is in seqs
};

// Reads the next seqs of a topic. False: some are gone that the directory thought were there; it
// knows better now.
static bool fill_chain(struct hub *hub, struct chain *chain, uint64_t after, size_t max, int *err) {
    struct topic *topic = chain->topic;
    bool lost = false;
    if (topic->trimmed_seq > after) after = topic->trimmed_seq;
    *err = store_reader_topic_after(hub->reading.store, topic->last_seq, after, chain->seqs, max,
                                    &chain->count, &lost);
    if (*err == ERR_NOT_FOUND) {
        *err = 0;
        lost = true;
        chain->count = 0;
    }
    chain->cut = chain->count == max;
    if (*err || !lost) return true;
    // Retention was faster than its announcement.
    uint64_t gone = chain->count ? chain->seqs[0] - 1 : topic->last_seq;
    if (gone <= after) return true;
    directory_trimmed(&hub->directory, topic, gone, topic->trimmed_ordinal);
    return false;
}

static enum gathered merge(struct hub *hub, const struct subscriber *subscriber,
                           struct chain *chains, size_t count, uint64_t limit, size_t events_max,
                           uint64_t *reached) {
    while (!is_full(&hub->round) && hub->round.count < events_max) {
        struct chain *lowest = NULL;
        for (size_t i = 0; i < count; i++) {
            struct chain *chain = &chains[i];
            if (chain->at == chain->count) {
                if (chain->cut) return GATHER_MORE; // what comes next there is not known yet
                continue;
            }
            if (!lowest || chain->seqs[chain->at] < lowest->seqs[lowest->at]) lowest = chain;
        }
        if (!lowest || lowest->seqs[lowest->at] > limit) {
            *reached = limit;
            return GATHER_ALL;
        }
        uint64_t seq = lowest->seqs[lowest->at++];
        struct record record;
        hub->looked_total++;
        int err = store_reader_read(hub->reading.store, seq, &record);
        if (err == ERR_NOT_FOUND) {
            directory_trimmed(&hub->directory, lowest->topic, seq, lowest->topic->trimmed_ordinal);
            return GATHER_AGAIN;
        }
        if (err || !add_record(hub, subscriber, &record)) return GATHER_FAILED;
        *reached = seq;
    }
    return GATHER_MORE;
}

static enum gathered from_store(struct hub *hub, const struct subscriber *subscriber,
                                uint64_t after, uint64_t limit, size_t events_max,
                                uint64_t *reached) {
    const struct selector *selector = subscriber->selector;
    uint64_t seqs[MERGE_SEQS];
    struct chain chains[GATHER_MERGE_TOPICS];
    size_t count = 0;
    if (reading_begin(&hub->reading)) return GATHER_FAILED;
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        struct topic *topic = directory_topic(&hub->directory, selector->topics[i]);
        if (topic->memory || topic->last_seq <= after || topic->last_seq <= topic->trimmed_seq)
            continue;
        if (count == GATHER_MERGE_TOPICS)
            return from_scan(hub, subscriber, after, limit, events_max, reached);
        chains[count++] = (struct chain){.topic = topic};
    }
    size_t each = count ? MERGE_SEQS / count : 0;
    // With a filter nobody knows how many must be looked at for one that is given.
    if (!selector->filter && each > events_max) each = events_max;
    for (size_t i = 0; i < count; i++) {
        int err;
        chains[i].seqs = seqs + i * each;
        if (!fill_chain(hub, &chains[i], after, each, &err)) return GATHER_AGAIN;
        if (err) return GATHER_FAILED;
    }
    return merge(hub, subscriber, chains, count, limit, events_max, reached);
}

// The list of a special start.
static enum gathered from_list(struct hub *hub, const struct subscriber *subscriber,
                               struct replay_list *list, size_t events_max, uint64_t *reached) {
    while (list->next < list->count && list->seqs[list->next] <= subscriber->cursor) list->next++;
    for (size_t i = list->next; i < list->count; i++) {
        if (is_full(&hub->round) || hub->round.count >= events_max) return GATHER_MORE;
        int err = add_seq(hub, subscriber, list->seqs[i]);
        // Gone since the list was made: the topic's trimmed_seq says so, and the gap is sent when
        // it is compared with `told`.
        if (err && err != ERR_NOT_FOUND) return GATHER_FAILED;
        *reached = list->seqs[i];
    }
    *reached = list->then;
    return GATHER_MORE;
}

bool gather_seqs(struct hub *hub, struct subscriber *subscriber, const uint64_t *seqs, size_t count,
                 size_t *gathered) {
    size_t i = 0;
    round_clear(&hub->round);
    for (; i < count && !is_full(&hub->round); i++) {
        int err = add_seq(hub, subscriber, seqs[i]);
        if (err && err != ERR_NOT_FOUND) return false;
    }
    *gathered = i;
    return true;
}

static enum gathered gather_some(struct hub *hub, struct subscriber *subscriber, size_t events_max,
                                 uint64_t *reached) {
    uint64_t limit = subscriber->until < hub->position ? subscriber->until : hub->position;
    uint64_t after = subscriber->cursor;
    struct replay_list *list = replay_list_of(subscriber);
    *reached = after;
    if (list) return from_list(hub, subscriber, list, events_max, reached);
    if (after >= limit) return GATHER_ALL;
    if (after >= hub->ring.floor)
        return from_ring(hub, subscriber, after, limit, events_max, reached);
    if (limit <= hub->ring.floor)
        return from_store(hub, subscriber, after, limit, events_max, reached);
    enum gathered got = from_store(hub, subscriber, after, hub->ring.floor, events_max, reached);
    return got == GATHER_ALL ? GATHER_MORE : got; // the ring is still to come
}

// Original pace: when the event that was gathered is due.
static uint64_t original_due(struct hub *hub, const struct replay_pace *pace, uint64_t seq,
                             uint64_t *time_ms) {
    struct record record;
    *time_ms = pace->sent_time_ms;
    if (seq > hub->ring.floor) {
        struct ring_place place = ring_find(&hub->ring, seq - 1);
        const struct event *event = ring_next(&hub->ring, &place);
        if (event) *time_ms = event->time_ms;
    } else if (!reading_begin(&hub->reading) &&
               !store_reader_read(hub->reading.store, seq, &record)) {
        *time_ms = record.time_ms;
    }
    if (!pace->sent_at_ms) return 0;
    uint64_t distance = *time_ms > pace->sent_time_ms ? *time_ms - pace->sent_time_ms : 0;
    return pace->sent_at_ms + distance / pace->speed;
}

static enum gathered gather_paced(struct hub *hub, struct subscriber *subscriber,
                                  struct replay_pace *pace, uint64_t *reached) {
    if (hub->now_ms < pace->due.at_ms) return GATHER_LATER;
    enum gathered got = gather_some(hub, subscriber, 1, reached);
    if (!hub->round.count) return got;
    uint64_t time_ms = 0;
    if (pace->every_ms == HUB_PACE_ORIGINAL) {
        uint64_t due = original_due(hub, pace, hub->round.pieces[0].seq, &time_ms);
        if (hub->now_ms < due) {
            pace->due.at_ms = due;
            round_clear(&hub->round);
            return GATHER_LATER;
        }
    } else {
        pace->due.at_ms = hub->now_ms + pace->every_ms;
    }
    pace->sent_at_ms = hub->now_ms;
    pace->sent_time_ms = time_ms;
    return got == GATHER_ALL ? GATHER_MORE : got;
}

enum gathered gather_next(struct hub *hub, struct subscriber *subscriber, uint64_t *reached) {
    struct replay *replay = subscriber->replay;
    size_t events_max = GATHER_EVENTS;
    ASSERT(!subscriber->parcel);
    round_clear(&hub->round);
    if (replay && replay->kind == REPLAY_PACED)
        return gather_paced(hub, subscriber, &replay->pace, reached);
    // One when there is nothing left: whether there is one more.
    if (replay && replay->kind == REPLAY_LIMIT && replay->left < events_max)
        events_max = replay->left ? (size_t)replay->left : 1;
    return gather_some(hub, subscriber, events_max, reached);
}
