// SPDX-License-Identifier: MIT
// A store in memory.
#include "memory_store.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/container.h"
#include "base/pattern.h"
#include "hub/lookup.h"

struct stored_topic {
    char *name;
    const struct journal_topic_rule *rule;
    bool closed, changed;
    uint64_t *seqs; // by ordinal, from 1 on: seqs[ordinal - 1]
    size_t count, cap;
    size_t trimmed; // ordinal
    uint64_t bytes;
};

struct memory_store {
    struct store_reader reader;
    bool open;
    int failure;
    uint64_t reads;
    const struct journal_policy *policy;
    bool late;
    uint64_t last_stored; // the seq of the newest one that is not in memory only
    uint64_t trims;
    uint64_t time_ms;
    struct event **events; // by seq, from 1 on: copies of our own
    enum damage *damages;  // by seq
    bool damaged;          // some are
    size_t count, cap, damages_cap;
    struct stored_topic *topics; // by number
    size_t topics_count, topics_cap;
};

static struct memory_store *of(struct store_reader *reader) {
    return container_of(reader, struct memory_store, reader);
}

static uint64_t floor_of(const struct stored_topic *topic) {
    return topic->trimmed ? topic->seqs[topic->trimmed - 1] : 0;
}

// The stored event, NULL when there is none (any more).
static const struct event *stored(const struct memory_store *store, uint64_t seq) {
    if (!seq || seq > store->count) return NULL;
    const struct event *event = store->events[seq - 1];
    if (event->flags & EVENT_MEMORY) return NULL;
    return seq > floor_of(&store->topics[event->topic_no]) ? event : NULL;
}

static int read_record(struct memory_store *store, const struct event *event, struct record *out) {
    enum damage damage = store->damages[event->seq - 1];
    store->reads++;
    *out = lookup_record(event);
    if (damage == DAMAGE_TEXTS) out->type = out->key = out->data = STR("damaged");
    if (damage == DAMAGE_ALL)
        *out = (struct record){.seq = event->seq, .topic_no = RECORD_TOPIC_UNKNOWN};
    return damage ? ERR_CORRUPT : 0;
}

// Whether a damaged record stands between two of a topic, or is one of them.
static bool is_cut(const struct memory_store *store, const struct stored_topic *topic,
                   uint64_t from, uint64_t to) {
    for (uint64_t seq = from; store->damaged && seq <= to; seq++) {
        if (store->damages[seq - 1] == DAMAGE_ALL &&
            &store->topics[store->events[seq - 1]->topic_no] == topic)
            return true;
    }
    return false;
}

// --- the reader ----------------------------------------------------------------------------------

static int begin(struct store_reader *reader) {
    cr_assert(!of(reader)->open);
    if (of(reader)->failure) return of(reader)->failure;
    of(reader)->open = true;
    return 0;
}

static void end(struct store_reader *reader) {
    cr_assert(of(reader)->open);
    of(reader)->open = false;
}

// Every operation between begin and end.
static struct memory_store *opened(struct store_reader *reader) {
    cr_assert(of(reader)->open, "read between begin and end only");
    return of(reader);
}

static int read_one(struct store_reader *reader, uint64_t seq, struct record *out) {
    struct memory_store *store = opened(reader);
    const struct event *event = stored(store, seq);
    return event ? read_record(store, event, out) : ERR_NOT_FOUND;
}

static int next(struct store_reader *reader, uint64_t after, struct record *out) {
    struct memory_store *store = opened(reader);
    for (uint64_t seq = after + 1; seq <= store->count; seq++) {
        if (stored(store, seq)) return read_record(store, stored(store, seq), out);
    }
    return ERR_NOT_FOUND;
}

static int previous(struct store_reader *reader, uint64_t *before, struct record *out) {
    struct memory_store *store = opened(reader);
    uint64_t seq = *before > store->count ? store->count : *before - 1;
    // Records of memory topics were never there; forgotten ones are stepped on and not shown.
    while (seq && store->events[seq - 1]->flags & EVENT_MEMORY) seq--;
    *before = seq;
    const struct event *event = stored(store, seq);
    return event ? read_record(store, event, out) : ERR_NOT_FOUND;
}

static const struct stored_topic *topic_of(const struct memory_store *store, uint64_t tail) {
    const struct event *event = stored(store, tail);
    return event ? &store->topics[event->topic_no] : NULL;
}

// How many of the topic's seqs are at or below `seq`.
static size_t ordinal_of(const struct stored_topic *topic, uint64_t seq) {
    size_t low = 0, high = topic->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (topic->seqs[middle] <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int topic_after(struct store_reader *reader, uint64_t tail, uint64_t after, uint64_t *seqs,
                       size_t max, size_t *count, bool *lost) {
    struct memory_store *store = opened(reader);
    const struct stored_topic *topic = topic_of(store, tail);
    *count = 0;
    *lost = false;
    if (tail <= after || !max) return 0;
    store->reads++;
    *lost = !topic || floor_of(topic) > after;
    if (!topic) return 0;
    size_t at = ordinal_of(topic, after);
    for (size_t i = at > topic->trimmed ? at : topic->trimmed; i < topic->count; i++) {
        if (*count == max || topic->seqs[i] > tail) break;
        seqs[(*count)++] = topic->seqs[i];
    }
    store->reads += *count;
    if (*count && is_cut(store, topic, seqs[0], tail)) {
        *count = 0;
        return ERR_CORRUPT;
    }
    return 0;
}

static int topic_at(struct store_reader *reader, uint64_t tail, uint64_t ordinal, uint64_t *seq) {
    struct memory_store *store = opened(reader);
    const struct stored_topic *topic = topic_of(store, tail);
    store->reads++;
    if (!topic || !ordinal || ordinal <= topic->trimmed || ordinal > topic->count ||
        topic->seqs[ordinal - 1] > tail)
        return ERR_NOT_FOUND;
    *seq = topic->seqs[ordinal - 1];
    return is_cut(store, topic, *seq, tail) ? ERR_CORRUPT : 0;
}

static int topic_before(struct store_reader *reader, uint64_t tail, uint64_t before,
                        uint64_t *seq) {
    struct memory_store *store = opened(reader);
    const struct stored_topic *topic = topic_of(store, tail);
    store->reads++;
    if (!topic || !before) return ERR_NOT_FOUND;
    size_t at = ordinal_of(topic, before - 1 < tail ? before - 1 : tail);
    if (at <= topic->trimmed) return ERR_NOT_FOUND;
    *seq = topic->seqs[at - 1];
    return is_cut(store, topic, *seq + 1, tail) ? ERR_CORRUPT : 0;
}

static int seq_before_time(struct store_reader *reader, uint64_t time_ms, uint64_t *seq) {
    const struct memory_store *store = opened(reader);
    *seq = 0;
    for (uint64_t at = store->last_stored; at; at--) {
        if (!stored(store, at) || store->events[at - 1]->time_ms >= time_ms) continue;
        *seq = at;
        break;
    }
    return 0;
}

static uint64_t trims(struct store_reader *reader) { return of(reader)->trims; }

static void close_reader(struct store_reader *reader) { cr_assert(!of(reader)->open); }

static const struct store_reader_ops ops = {
    .begin = begin,
    .end = end,
    .read = read_one,
    .next = next,
    .previous = previous,
    .topic_after = topic_after,
    .topic_at = topic_at,
    .topic_before = topic_before,
    .seq_before_time = seq_before_time,
    .trims = trims,
    .close = close_reader,
};

// --- life ----------------------------------------------------------------------------------------

struct memory_store *memory_store_new(const struct journal_policy *policy) {
    struct memory_store *store = calloc(1, sizeof *store);
    cr_assert(store);
    store->reader.ops = &ops;
    store->policy = policy;
    return store;
}

void memory_store_free(struct memory_store *store) {
    for (size_t i = 0; i < store->count; i++) event_free(store->events[i]);
    for (size_t i = 0; i < store->topics_count; i++) {
        free(store->topics[i].name);
        free(store->topics[i].seqs);
    }
    free(store->events);
    free(store->damages);
    free(store->topics);
    free(store);
}

struct store_reader *memory_store_reader(struct memory_store *store) {
    return &store->reader;
}

void memory_store_set_time(struct memory_store *store, uint64_t time_ms) {
    cr_assert_geq(time_ms, store->time_ms);
    store->time_ms = time_ms;
}

void memory_store_announce_late(struct memory_store *store, bool late) { store->late = late; }

void memory_store_fail(struct memory_store *store, int err) { store->failure = err; }

void memory_store_damage(struct memory_store *store, uint64_t seq, enum damage damage) {
    cr_assert(stored(store, seq));
    store->damages[seq - 1] = damage;
    store->damaged = true;
}

uint64_t memory_store_reads(const struct memory_store *store) { return store->reads; }

uint64_t memory_store_last_seq(const struct memory_store *store) { return store->count; }

// --- commits -------------------------------------------------------------------------------------

static const struct journal_topic_rule *rule_of(const struct memory_store *store, struct str name) {
    for (size_t i = 0; i < store->policy->rules_count; i++) {
        struct pattern pattern;
        int err = pattern_read(&pattern, str_from(store->policy->rules[i].pattern), NULL);
        cr_assert_eq(err, 0);
        if (pattern_match(&pattern, name)) return &store->policy->rules[i];
    }
    return NULL;
}

static struct stored_topic *find(struct memory_store *store, struct str name) {
    for (size_t i = 0; i < store->topics_count; i++) {
        if (str_equal(str_from(store->topics[i].name), name)) return &store->topics[i];
    }
    return NULL;
}

static struct stored_topic *find_or_make(struct memory_store *store, struct str name) {
    struct stored_topic *topic = find(store, name);
    if (topic) return topic;
    bool room = array_reserve(store->topics, store->topics_cap, store->topics_count + 1);
    cr_assert(room);
    topic = &store->topics[store->topics_count++];
    *topic = (struct stored_topic){.name = str_dup(name), .rule = rule_of(store, name)};
    return topic;
}

static struct event *copy_of(const struct event *event) {
    struct event *copy = event_new(event_topic(event), event_type(event), event_key(event),
                                   event_data(event), event->flags);
    cr_assert(copy);
    copy->seq = event->seq;
    copy->prev = event->prev;
    copy->ordinal = event->ordinal;
    copy->time_ms = event->time_ms;
    copy->topic_no = event->topic_no;
    return copy;
}

static void set_target(const struct memory_store *store, struct event *event) {
    uint64_t target = store->count;
    while (target && store->events[target - 1]->flags & EVENT_ALIAS) target--;
    cr_assert(target && event->data_len == sizeof target);
    memcpy(event->bytes + event->topic_len, &target, sizeof target);
}

static void commit_event(struct memory_store *store, struct event *event) {
    struct stored_topic *topic = find_or_make(store, event_topic(event));
    cr_assert(!topic->closed, "published to a closed topic");
    bool room = array_reserve(store->events, store->cap, store->count + 1) &&
                array_reserve(store->damages, store->damages_cap, store->count + 1) &&
                array_reserve(topic->seqs, topic->cap, topic->count + 1);
    cr_assert(room);
    if (event->flags & EVENT_ALIAS) set_target(store, event);
    event->seq = store->count + 1;
    event->time_ms = store->time_ms;
    event->topic_no = (uint32_t)(topic - store->topics);
    event->prev = topic->count ? topic->seqs[topic->count - 1] : 0;
    topic->seqs[topic->count++] = event->seq;
    event->ordinal = topic->count;
    if (topic->rule && topic->rule->memory) event->flags |= EVENT_MEMORY;
    if (!(event->flags & EVENT_MEMORY)) store->last_stored = event->seq;
    topic->closed = event->flags & EVENT_CLOSE;
    topic->bytes += event->data_len;
    store->damages[store->count] = DAMAGE_NONE;
    store->events[store->count++] = copy_of(event);
}

static void trim_to(struct memory_store *store, struct stored_topic *topic, size_t ordinal) {
    for (; topic->trimmed < ordinal; topic->trimmed++)
        topic->bytes -= store->events[topic->seqs[topic->trimmed] - 1]->data_len;
    topic->changed = true;
    store->trims++;
}

static struct batch *batch_new(const struct memory_store *store, uint32_t count) {
    struct batch *batch = calloc(1, sizeof *batch);
    cr_assert(batch);
    atomic_init(&batch->refs, 1);
    batch->events = calloc(count + 1, sizeof(struct event *));
    batch->changes = calloc(store->topics_count + 1, sizeof *batch->changes);
    cr_assert(batch->events && batch->changes);
    batch->count = count;
    return batch;
}

static void add_changes(struct memory_store *store, struct batch *batch) {
    batch->trims = store->trims;
    for (size_t i = 0; i < store->topics_count; i++) {
        struct stored_topic *topic = &store->topics[i];
        if (!topic->changed) continue;
        topic->changed = false;
        batch->changes[batch->changes_count++] =
            (struct topic_change){.topic_no = (uint32_t)i,
                                  .closed = topic->closed,
                                  .trimmed_seq = floor_of(topic),
                                  .trimmed_ordinal = topic->trimmed,
                                  .bytes = topic->bytes};
    }
}

static void apply_retention(struct memory_store *store) {
    for (size_t i = 0; i < store->topics_count; i++) {
        struct stored_topic *topic = &store->topics[i];
        size_t max = topic->rule ? topic->rule->retention.count_max : 0;
        if (max && topic->count - topic->trimmed > max) trim_to(store, topic, topic->count - max);
    }
}

struct batch *memory_store_publish(struct memory_store *store, struct event **events,
                                   uint32_t count) {
    for (uint32_t i = 0; i < count; i++) commit_event(store, events[i]);
    struct batch *batch = batch_new(store, count);
    for (uint32_t i = 0; i < count; i++) {
        batch->events[i] = events[i];
        batch->bytes += sizeof *events[i] + events[i]->topic_len + events[i]->data_len;
    }
    if (store->late) add_changes(store, batch);
    apply_retention(store);
    if (!store->late) add_changes(store, batch);
    return batch;
}

struct batch *memory_store_forget(struct memory_store *store, const char *name) {
    struct stored_topic *topic = find(store, str_from(name));
    cr_assert(topic && topic->count > topic->trimmed, "nothing to forget");
    trim_to(store, topic, topic->count);
    topic->closed = false;
    struct batch *batch = batch_new(store, 0);
    add_changes(store, batch);
    return batch;
}
