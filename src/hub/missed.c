// SPDX-License-Identifier: MIT
// What a hub has missed.
#include "hub/missed.h"

#include <stdlib.h>

#include "hub/fanout.h"
#include "hub/hub_priv.h"

// Where the batches leave a topic.
struct missed_topic {
    UT_hash_handle hh; // by number
    uint32_t no;
    bool gone;
    bool replaces; // another one that had its number is gone
    bool closed;
    bool closed_known;   // an event or a change has said it
    bool bytes_known;    // `bytes` are all there are, not what has been added
    bool marker, memory; // of the newest event
    uint64_t last_seq;   // 0: there was no event
    uint64_t last_ordinal, last_time_ms;
    uint64_t trimmed_seq, trimmed_ordinal, bytes;
    uint16_t name_len; // 0: there was no event
    char name[];
};

static struct missed_topic *find(const struct missed *missed, uint32_t no) {
    struct missed_topic *topic;
    HASH_FIND(hh, missed->topics, &no, sizeof no, topic);
    return topic;
}

static struct missed_topic *add(struct missed *missed, uint32_t no, struct str name) {
    struct missed_topic *topic = calloc(1, sizeof *topic + name.len);
    ASSERT(topic);
    topic->no = no;
    topic->name_len = (uint16_t)name.len;
    if (name.len) memcpy(topic->name, name.ptr, name.len);
    HASH_ADD(hh, missed->topics, no, sizeof no, topic);
    return topic;
}

static void drop(struct missed *missed, struct missed_topic *topic) {
    HASH_DEL(missed->topics, topic);
    free(topic);
}

static void add_event(struct missed *missed, const struct event *event) {
    struct missed_topic *topic = find(missed, event->topic_no);
    // What only a change has named so far gets its name. The number of one that is gone may have
    // been given again.
    if (!topic || !topic->name_len || topic->gone) {
        struct missed_topic *named = add(missed, event->topic_no, event_topic(event));
        if (topic) named->replaces = topic->replaces || topic->gone;
        if (topic && topic->gone) {
            drop(missed, topic);
        } else if (topic) {
            named->trimmed_seq = topic->trimmed_seq;
            named->trimmed_ordinal = topic->trimmed_ordinal;
            named->bytes_known = topic->bytes_known;
            named->bytes = topic->bytes;
            drop(missed, topic);
        }
        topic = named;
    }
    topic->closed_known = true;
    topic->closed = event->flags & EVENT_CLOSE;
    topic->marker = event->flags & EVENT_MARKER;
    topic->memory = event->flags & EVENT_MEMORY;
    topic->last_seq = event->seq;
    topic->last_ordinal = event->ordinal;
    topic->last_time_ms = event->time_ms;
    topic->bytes += event->data_len;
    missed->last_seq = event->seq;
    missed->last_time_ms = event->time_ms;
}

static void add_change(struct missed *missed, const struct topic_change *change) {
    struct missed_topic *topic = find(missed, change->topic_no);
    if (!topic) topic = add(missed, change->topic_no, STR(""));
    topic->gone = change->gone;
    if (change->gone) return;
    topic->closed_known = true;
    topic->closed = change->closed;
    topic->bytes_known = true;
    topic->bytes = change->bytes;
    if (change->trimmed_seq > topic->trimmed_seq) topic->trimmed_seq = change->trimmed_seq;
    if (change->trimmed_ordinal > topic->trimmed_ordinal)
        topic->trimmed_ordinal = change->trimmed_ordinal;
}

void missed_add(struct missed *missed, const struct batch *batch) {
    for (uint32_t i = 0; i < batch->count; i++) add_event(missed, batch->events[i]);
    for (uint32_t i = 0; i < batch->changes_count; i++) add_change(missed, &batch->changes[i]);
    missed->trims = batch->trims;
}

void missed_fini(struct missed *missed) {
    struct missed_topic *topic, *next;
    HASH_ITER(hh, missed->topics, topic, next) { drop(missed, topic); }
    *missed = (struct missed){0};
}

// `after`: the hub has delivered everything up to here.
static void apply(struct hub *hub, const struct missed_topic *missed, uint64_t after) {
    struct directory *directory = &hub->directory;
    struct topic *topic = directory_topic(directory, missed->no);
    if (topic && missed->replaces) {
        directory_trimmed(directory, topic, topic->last_seq, topic->last_ordinal);
        directory_drop(directory, topic);
        topic = NULL;
    }
    if (!topic && missed->name_len)
        topic =
            directory_number(directory, missed->no, (struct str){missed->name, missed->name_len});
    ASSERT(topic || !missed->name_len);
    if (!topic) return;
    if (missed->last_seq) {
        topic->last_seq = missed->last_seq;
        topic->last_ordinal = missed->last_ordinal;
        topic->last_time_ms = missed->last_time_ms;
        topic->marker = missed->marker;
        topic->memory = missed->memory;
    }
    directory_set_closed(directory, topic, missed->closed_known ? missed->closed : topic->closed,
                         missed->last_seq);
    topic->bytes = missed->bytes + (missed->bytes_known ? 0 : topic->bytes);
    directory_trimmed(directory, topic, missed->trimmed_seq, missed->trimmed_ordinal);
    // Not in the ring, and nowhere else.
    if (missed->gone || (missed->last_seq && missed->memory))
        directory_trimmed(directory, topic, topic->last_seq, topic->last_ordinal);
    if (missed->last_seq) directory_lag(directory, topic, after);
    if (missed->gone) directory_drop(directory, topic);
}

void missed_apply(struct missed *missed, struct hub *hub, uint64_t now_ms) {
    struct missed_topic *topic, *next;
    if (!missed->topics) return;
    hub_deliver(hub, now_ms);
    uint64_t after = hub->position;
    if (missed->last_seq) {
        fanout_forget_recent(hub);
        hub->ring.floor = missed->last_seq;
    }
    HASH_ITER(hh, missed->topics, topic, next) { apply(hub, topic, after); }
    if (missed->last_seq) {
        hub->position = missed->last_seq;
        hub->last_time_ms = missed->last_time_ms;
    }
    hub->trims = missed->trims;
    hub->counts.missed_total++;
    missed_fini(missed);
}
