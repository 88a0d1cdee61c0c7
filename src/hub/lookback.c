// SPDX-License-Identifier: MIT
// Walking backwards.
#include "hub/lookback.h"

#include <stdlib.h>

#include "base/limits.h"
#include "hub/hub_priv.h"
#include "hub/lookup.h"

// What finding a place in a long topic costs, in budget: some hundred records looked at along its
// jumps.
#define SEEK_COST 64
// Bytes of data that cost as much as an event.
#define COST_BYTES 512

// The next event of one topic.
struct walked {
    uint64_t seq; // at or above `before`: its place is still to be found
    uint32_t topic_no;
};

struct lookback {
    uint64_t before;
    struct lookback_place place;
    bool scans;         // reads the whole journal
    bool memory;        // some of the topics may be kept in memory only
    uint64_t stored_at; // a scan: everything in the store from here on was looked at
    uint64_t ring_at;   // everything in the ring from here on was looked at
    uint32_t count;
    struct walked chains[]; // a heap, the highest seq on top
};

static void sift_down(struct lookback *lookback, uint32_t at) {
    struct walked *chains = lookback->chains, moved = chains[at];
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= lookback->count) break;
        if (child + 1 < lookback->count && chains[child + 1].seq > chains[child].seq) child++;
        if (chains[child].seq <= moved.seq) break;
        chains[at] = chains[child];
        at = child;
    }
    chains[at] = moved;
}

// The top goes on at this seq; 0: its topic has no more.
static void replace_top(struct lookback *lookback, uint64_t seq) {
    if (seq) {
        lookback->chains[0].seq = seq;
    } else {
        lookback->chains[0] = lookback->chains[--lookback->count];
    }
    if (lookback->count) sift_down(lookback, 0);
}

struct lookback *lookback_new(struct hub *hub, const struct selector *selector, uint64_t before) {
    const struct number_set *topics = &selector->selection->topics;
    bool scans = topics->count > LIMIT_LOOKBACK_TOPICS;
    uint32_t count = scans ? 0 : topics->count;
    struct lookback *lookback = calloc(1, sizeof *lookback + count * sizeof(struct walked));
    if (!lookback) return NULL;
    lookback->before = lookback->stored_at = lookback->ring_at = before;
    lookback->place.seq = before;
    lookback->scans = lookback->memory = scans;
    for (uint32_t no = 0; !scans && number_set_from(topics, &no); no++) {
        const struct topic *topic = directory_topic(&hub->directory, no);
        if (topic->memory) {
            lookback->memory = true;
        } else if (topic->last_seq > topic->trimmed_seq) {
            lookback->chains[lookback->count++] = (struct walked){topic->last_seq, topic->no};
        }
    }
    for (uint32_t i = lookback->count / 2; i-- > 0;) sift_down(lookback, i);
    return lookback;
}

void lookback_free(struct lookback *lookback) { free(lookback); }

struct lookback_place lookback_place(const struct lookback *lookback) {
    return lookback->place;
}

// Whether an event may still be given: nothing of what the directory knows as gone.
static bool is_kept(const struct hub *hub, uint32_t topic_no, uint64_t seq) {
    const struct topic *topic = directory_topic(&hub->directory, topic_no);
    return topic && seq > topic->trimmed_seq;
}

// --- the store -----------------------------------------------------------------------------------

// A damaged record has cut a chain: everything below this seq is read.
static void begin_scan(struct lookback *lookback, uint64_t seq) {
    lookback->scans = true;
    lookback->stored_at = seq;
    lookback->count = 0;
}

// The newest event of the store that is not looked at yet: LOOKBACK_EVENT (or _DAMAGED) and the
// record, whose seq is below every other's.
static enum lookback_step peek_chains(struct hub *hub, struct lookback *lookback,
                                      lookback_budget *budget, struct record *out) {
    while (lookback->count) {
        if (*budget <= 0) return LOOKBACK_PAUSE;
        struct walked top = lookback->chains[0];
        const struct topic *topic = directory_topic(&hub->directory, top.topic_no);
        int err = is_kept(hub, top.topic_no, top.seq) ? 0 : ERR_NOT_FOUND;
        if (!err && top.seq >= lookback->before) {
            *budget -= SEEK_COST;
            err = store_reader_topic_before(hub->reading.store, topic->last_seq, lookback->before,
                                            &top.seq);
            if (!err) {
                replace_top(lookback, top.seq);
                continue;
            }
        } else if (!err) {
            *budget -= 1;
            err = store_reader_read(hub->reading.store, top.seq, out);
        }
        if (!err) return LOOKBACK_EVENT;
        if (err == ERR_CORRUPT && top.seq < lookback->before) return LOOKBACK_DAMAGED;
        if (err == ERR_CORRUPT) {
            begin_scan(lookback, lookback->before);
            break;
        }
        if (err != ERR_NOT_FOUND) return LOOKBACK_FAILED;
        // A topic loses its oldest events first: with this one all before it are gone.
        replace_top(lookback, 0);
    }
    return LOOKBACK_END;
}

static enum lookback_step peek_journal(struct hub *hub, struct lookback *lookback,
                                       const struct selector *selector, lookback_budget *budget,
                                       struct record *out) {
    while (lookback->stored_at) {
        if (*budget <= 0) return LOOKBACK_PAUSE;
        *budget -= 1;
        uint64_t at = lookback->stored_at;
        int err = store_reader_previous(hub->reading.store, &at, out);
        bool damaged = err == ERR_CORRUPT && at;
        if (err && err != ERR_NOT_FOUND && !damaged) return LOOKBACK_FAILED;
        if (damaged && out->topic_no == RECORD_TOPIC_UNKNOWN) return LOOKBACK_DAMAGED;
        if (err != ERR_NOT_FOUND && directory_matches(selector, out->topic_no) &&
            is_kept(hub, out->topic_no, at))
            return damaged ? LOOKBACK_DAMAGED : LOOKBACK_EVENT;
        lookback->stored_at = at;
    }
    return LOOKBACK_END;
}

static enum lookback_step peek_stored(struct hub *hub, struct lookback *lookback,
                                      const struct selector *selector, lookback_budget *budget,
                                      struct record *out) {
    if (!lookback->scans) {
        enum lookback_step step = peek_chains(hub, lookback, budget, out);
        if (!lookback->scans) return step;
    }
    return peek_journal(hub, lookback, selector, budget, out);
}

static void take_stored(struct lookback *lookback, const struct record *record) {
    if (lookback->scans) {
        lookback->stored_at = record->seq;
    } else if (record->topic_no == RECORD_TOPIC_UNKNOWN) {
        begin_scan(lookback, record->seq);
    } else {
        replace_top(lookback, record->prev);
    }
}

// --- the ring ------------------------------------------------------------------------------------

static enum lookback_step peek_ring(struct hub *hub, struct lookback *lookback,
                                    const struct selector *selector, lookback_budget *budget,
                                    struct event **out) {
    while (lookback->memory) {
        if (*budget <= 0) return LOOKBACK_PAUSE;
        *budget -= 1;
        struct event *event = ring_before(&hub->ring, lookback->ring_at);
        if (!event) break;
        if (event->flags & EVENT_MEMORY && directory_matches(selector, event->topic_no) &&
            is_kept(hub, event->topic_no, event->seq)) {
            *out = event;
            return LOOKBACK_EVENT;
        }
        lookback->ring_at = event->seq;
    }
    lookback->memory = false;
    return LOOKBACK_END;
}

// --- both ----------------------------------------------------------------------------------------

// The next older one of the store and the ring.
static enum lookback_step step_back(struct hub *hub, struct lookback *lookback,
                                    const struct selector *selector, lookback_budget *budget,
                                    struct lookup *out) {
    enum lookback_step kept = peek_ring(hub, lookback, selector, budget, &out->event);
    if (kept == LOOKBACK_PAUSE) return kept;
    enum lookback_step stored = peek_stored(hub, lookback, selector, budget, &out->record);
    if (stored == LOOKBACK_PAUSE || stored == LOOKBACK_FAILED) return stored;
    if (kept == LOOKBACK_END && stored == LOOKBACK_END) return LOOKBACK_END;
    if (kept == LOOKBACK_EVENT && (stored == LOOKBACK_END || out->event->seq > out->record.seq)) {
        lookback->ring_at = out->event->seq;
        out->record = lookup_record(out->event);
        return LOOKBACK_EVENT;
    }
    take_stored(lookback, &out->record);
    return stored;
}

enum lookback_step lookback_next(struct hub *hub, struct lookback *lookback,
                                 const struct selector *selector, lookback_budget *budget,
                                 struct lookback_event *out) {
    for (;;) {
        struct lookup found;
        enum lookback_step step = step_back(hub, lookback, selector, budget, &found);
        if (step != LOOKBACK_EVENT && step != LOOKBACK_DAMAGED) return step;
        bool gone = false, damaged = step == LOOKBACK_DAMAGED;
        struct lookback_place place = {found.record.seq, found.record.time_ms};
        if (!damaged && found.record.flags & EVENT_ALIAS) {
            *budget -= 1;
            int err = lookup_target(hub, found.record.data, &found);
            if (err && err != ERR_NOT_FOUND && err != ERR_CORRUPT) return LOOKBACK_FAILED;
            gone = err == ERR_NOT_FOUND;
            damaged = err == ERR_CORRUPT;
            if (!gone) place.seq = found.record.seq;
        }
        // By another of its topics it was returned already.
        if (place.seq >= lookback->place.seq) continue;
        if (!place.time_ms) place.time_ms = lookback->place.time_ms;
        lookback->place = place;
        if (gone) continue;
        *out = (struct lookback_event){.seq = place.seq};
        if (damaged) return LOOKBACK_DAMAGED;
        *out = (struct lookback_event){found.record.seq, found.record.data};
        *budget -= (lookback_budget)(out->data.len / COST_BYTES);
        if (!(found.record.flags & EVENT_MARKER)) return LOOKBACK_EVENT;
    }
}
