// SPDX-License-Identifier: MIT
// Gathering what follows a cursor: from a list of events (newest N of many topics), from the journal, from the ring. One mechanism
// for the newcomer's history, for a resume, and for the slow reader.
//
// Nothing is kept between turns but the cursor. Narrow selectors merge their topics' own chains, so that the cost is
// that of what is returned; wide ones read the journal in order and pass over what does not match.
#include <stdlib.h>

#include "hub/hub_priv.h"

// Seqs that a merge holds at once, shared out among its topics.
#define MERGE_SEQS 2048

int hub_read_begin(struct hub *hub) {
    if (hub->reading) return 0;
    int err = journal_reader_begin(hub->reader);
    if (!err) hub->reading = true;
    return err;
}

void hub_read_end(struct hub *hub) {
    if (!hub->reading) return;
    journal_reader_end(hub->reader);
    hub->reading = false;
}

static bool scratch_is_full(const struct hub *hub) {
    return hub->scratch.len >= PUMP_BYTES || hub->bounds_count >= PUMP_EVENTS;
}

// Encodes one event into the scratch. False when memory is out.
static bool add(struct hub *hub, const struct subscriber *subscriber,
                const struct frame_view *view) {
    const struct selector *selector = subscriber->selector;
    size_t start = hub->scratch.len;
    if (selector->format == FRAME_JSON) {
        if (hub->bounds_count || subscriber->flags & SUB_ELEMENTS)
            buf_append_char(&hub->scratch, ',');
        frame_encode(&hub->scratch, selector->format, view, hub->epoch, false);
        if (selector->chunked) frame_chunk(&hub->scratch, start);
    } else {
        frame_encode(&hub->scratch, selector->format, view, hub->epoch, selector->chunked);
    }
    return !buf_failed(&hub->scratch) && scratch_bound(hub, view->seq);
}

// A stored record, if it is wanted.
static bool add_record(struct hub *hub, const struct subscriber *subscriber,
                       const struct record *record) {
    const struct topic *topic = directory_topic(&hub->directory, record->topic_no);
    if (!topic || record->flags & EVENT_MARKER) return true;
    if (subscriber->selector->filter && !filter_match(subscriber->selector->filter, record->data))
        return true;
    struct frame_view view = frame_view_record(record, topic_name(topic));
    return add(hub, subscriber, &view);
}

static bool add_event(struct hub *hub, const struct subscriber *subscriber, struct event *event) {
    const struct selector *selector = subscriber->selector;
    if (event->flags & EVENT_MARKER) return true;
    if (selector->filter && !filter_match(selector->filter, event_data(event))) return true;
    if (selector->chunked && selector->format != FRAME_JSON) {
        const struct frame *frame = frame_of(event, selector->format, hub->epoch);
        if (!frame) return false;
        buf_append(&hub->scratch, frame->bytes, frame->size);
        return !buf_failed(&hub->scratch) && scratch_bound(hub, event->seq);
    }
    struct frame_view view = frame_view_event(event);
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
    int err = hub_read_begin(hub);
    if (!err) err = journal_read(hub->reader, seq, &record);
    if (err) return err;
    return add_record(hub, subscriber, &record) ? 0 : ERR_NOMEM;
}

static enum gathered from_ring(struct hub *hub, const struct subscriber *subscriber, uint64_t after,
                               uint64_t limit, size_t events_max, uint64_t *reached) {
    struct ring_place place = ring_find(&hub->ring, after);
    for (int steps = 0;; steps++) {
        if (scratch_is_full(hub) || hub->bounds_count >= events_max || steps == PUMP_SKIPS)
            return GATHER_MORE;
        struct event *event = ring_next(&hub->ring, &place);
        if (!event || event->seq > limit) break;
        hub->looked_total++;
        if (selector_matches(subscriber->selector, event->topic_no)) {
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
    for (int steps = 0; steps < PUMP_SKIPS; steps++) {
        if (scratch_is_full(hub) || hub->bounds_count >= events_max) return GATHER_MORE;
        hub->looked_total++;
        int err = journal_read_next(hub->reader, after, &record);
        if (err && err != ERR_NOT_FOUND) return GATHER_FAILED;
        if (err || record.seq > limit) {
            *reached = limit;
            return GATHER_ALL;
        }
        if (selector_matches(subscriber->selector, record.topic_no)) {
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

// Reads the next seqs of a topic. False: some are gone that the directory thought were there; it knows better now.
static bool fill_chain(struct hub *hub, struct chain *chain, uint64_t after, size_t max, int *err) {
    struct topic *topic = chain->topic;
    bool lost = false;
    if (topic->trimmed_seq > after) after = topic->trimmed_seq;
    *err = journal_topic_after(hub->reader, topic->last_seq, after, chain->seqs, max, &chain->count,
                               &lost);
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
    hub_trimmed(hub, topic, gone, topic->trimmed_ordinal);
    return false;
}

static enum gathered merge(struct hub *hub, const struct subscriber *subscriber,
                           struct chain *chains, size_t count, uint64_t limit, size_t events_max,
                           uint64_t *reached) {
    while (!scratch_is_full(hub) && hub->bounds_count < events_max) {
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
        int err = journal_read(hub->reader, seq, &record);
        if (err == ERR_NOT_FOUND) {
            hub_trimmed(hub, lowest->topic, seq, lowest->topic->trimmed_ordinal);
            return GATHER_AGAIN;
        }
        if (err || !add_record(hub, subscriber, &record)) return GATHER_FAILED;
        *reached = seq;
    }
    return GATHER_MORE;
}

static enum gathered from_journal(struct hub *hub, const struct subscriber *subscriber,
                                  uint64_t after, uint64_t limit, size_t events_max,
                                  uint64_t *reached) {
    const struct selector *selector = subscriber->selector;
    uint64_t seqs[MERGE_SEQS];
    struct chain chains[MERGE_TOPICS];
    size_t count = 0;
    if (hub_read_begin(hub)) return GATHER_FAILED;
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        struct topic *topic = directory_topic(&hub->directory, selector->topics[i]);
        if (topic->memory || topic->last_seq <= after || topic->last_seq <= topic->trimmed_seq)
            continue;
        if (count == MERGE_TOPICS)
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
static enum gathered from_list(struct hub *hub, struct subscriber *subscriber, uint64_t after,
                               size_t events_max, uint64_t *reached) {
    struct replay *replay = subscriber->replay;
    while (replay->next < replay->count && replay->seqs[replay->next] <= after) replay->next++;
    for (size_t i = replay->next; i < replay->count; i++) {
        if (scratch_is_full(hub) || hub->bounds_count >= events_max) return GATHER_MORE;
        int err = add_seq(hub, subscriber, replay->seqs[i]);
        // Gone since the list was made: the gap is told by way of the topic's trimmed_seq, against `told`.
        if (err && err != ERR_NOT_FOUND) return GATHER_FAILED;
        *reached = replay->seqs[i];
    }
    *reached = replay->then;
    return GATHER_MORE;
}

bool gather_seqs(struct hub *hub, struct subscriber *subscriber, const uint64_t *seqs, size_t count,
                 size_t *gathered) {
    size_t i = 0;
    buf_clear(&hub->scratch);
    hub->bounds_count = 0;
    for (; i < count && !scratch_is_full(hub); i++) {
        int err = add_seq(hub, subscriber, seqs[i]);
        bool half_sent = subscriber->partial_seq == seqs[i];
        if (err && (err != ERR_NOT_FOUND || half_sent)) return false;
    }
    *gathered = i;
    return true;
}

// A frame that is half sent comes first, whole; the caller skips what has gone out.
static bool add_partial(struct hub *hub, const struct subscriber *subscriber) {
    if (!subscriber->partial_seq) return true;
    return add_seq(hub, subscriber, subscriber->partial_seq) == 0 && hub->bounds_count == 1;
}

static enum gathered gather_some(struct hub *hub, struct subscriber *subscriber, size_t events_max,
                                 uint64_t *reached) {
    uint64_t limit = subscriber->until < hub->position ? subscriber->until : hub->position;
    uint64_t after =
        subscriber->cursor > subscriber->partial_seq ? subscriber->cursor : subscriber->partial_seq;
    *reached = after;
    if (subscriber->replay && subscriber->replay->seqs)
        return from_list(hub, subscriber, after, events_max, reached);
    if (after >= limit) return GATHER_ALL;
    if (after >= hub->ring.floor)
        return from_ring(hub, subscriber, after, limit, events_max, reached);
    if (limit <= hub->ring.floor)
        return from_journal(hub, subscriber, after, limit, events_max, reached);
    enum gathered got = from_journal(hub, subscriber, after, hub->ring.floor, events_max, reached);
    return got == GATHER_ALL ? GATHER_MORE : got; // the ring is still to come
}

// Original pace: when the event that was gathered is due.
static uint64_t original_due(struct hub *hub, const struct replay *replay, uint64_t seq,
                             uint64_t *time_ms) {
    struct record record;
    *time_ms = replay->sent_time_ms;
    if (seq > hub->ring.floor) {
        struct ring_place place = ring_find(&hub->ring, seq - 1);
        const struct event *event = ring_next(&hub->ring, &place);
        if (event) *time_ms = event->time_ms;
    } else if (!hub_read_begin(hub) && !journal_read(hub->reader, seq, &record)) {
        *time_ms = record.time_ms;
    }
    if (!replay->sent_at_ms) return 0;
    uint64_t distance = *time_ms > replay->sent_time_ms ? *time_ms - replay->sent_time_ms : 0;
    return replay->sent_at_ms + distance / replay->speed;
}

static enum gathered gather_paced(struct hub *hub, struct subscriber *subscriber,
                                  uint64_t *reached) {
    struct replay *replay = subscriber->replay;
    if (subscriber->partial_seq) {
        // The rest of an event does not wait.
        *reached = subscriber->partial_seq;
        return GATHER_MORE;
    }
    if (hub->now_ms < replay->due_ms) return GATHER_LATER;
    enum gathered got = gather_some(hub, subscriber, 1, reached);
    if (!hub->bounds_count) return got;
    uint64_t time_ms = 0;
    if (replay->pace_ms == HUB_PACE_ORIGINAL) {
        uint64_t due = original_due(hub, replay, hub->bounds[0].seq, &time_ms);
        if (hub->now_ms < due) {
            replay->due_ms = due;
            buf_clear(&hub->scratch);
            hub->bounds_count = 0;
            return GATHER_LATER;
        }
    } else {
        replay->due_ms = hub->now_ms + replay->pace_ms;
    }
    replay->sent_at_ms = hub->now_ms;
    replay->sent_time_ms = time_ms;
    return got == GATHER_ALL ? GATHER_MORE : got;
}

enum gathered gather(struct hub *hub, struct subscriber *subscriber, uint64_t *reached) {
    buf_clear(&hub->scratch);
    hub->bounds_count = 0;
    if (!add_partial(hub, subscriber)) return GATHER_FAILED;
    if (subscriber->replay && subscriber->replay->pace_ms)
        return gather_paced(hub, subscriber, reached);
    size_t events_max = PUMP_EVENTS;
    if (subscriber->replay && subscriber->replay->limited) {
        uint64_t left = subscriber->replay->left;
        if (left < events_max) events_max = left ? (size_t)left : 1; // whether there is one more
    }
    return gather_some(hub, subscriber, events_max, reached);
}
