// SPDX-License-Identifier: MIT
// The directory: one worker's own view of all topics and of the selectors that match them. It is a replica, kept by
// applying committed batches in order, so that no worker asks another (or takes a lock) to deliver an event.
//
// A topic that is subscribed to but has no event yet is in it without a number.
#ifndef TAILRACE_HUB_DIRECTORY_H
#define TAILRACE_HUB_DIRECTORY_H

#include "base/pattern.h"
#include "sys/hash.h"

#include "hub/filter.h"
#include "hub/frame.h"
#include "journal/journal.h"

#define TOPIC_UNNUMBERED UINT32_MAX

struct selector;
struct subscriber;

struct topic {
    UT_hash_handle hh; // by name
    uint32_t no;
    bool closed;
    bool marker; // the newest event carries no data
    bool memory; // events are in the ring only
    uint64_t last_seq, last_ordinal, last_time_ms;
    uint64_t trimmed_seq, trimmed_ordinal, bytes;
    uint64_t trimmed_at;         // directory->trims when trimmed_seq was last raised
    struct selector **selectors; // those that match it
    uint32_t selectors_count, selectors_cap;
    uint16_t name_len;
    char name[];
};

static inline struct str topic_name(const struct topic *topic) {
    return (struct str){topic->name, topic->name_len};
}
// Events with data that can still be had.
static inline uint64_t topic_events(const struct topic *topic) {
    uint64_t left = topic->last_ordinal - topic->trimmed_ordinal;
    return left - (left && topic->marker ? 1 : 0);
}

// Dense lists of subscribers; each knows its own place.
struct subscriber_list {
    struct subscriber **items;
    uint32_t count, cap;
};

// With what the sink needs to write, so that a delivery reads the list and nothing of the subscriber.
struct live_list {
    struct live {
        struct subscriber *subscriber;
        intptr_t handle; // as in struct hub_sink
    } * items;
    uint32_t count, cap;
};

// What a subscriber asked for, interned: all who ask for the same share it, and what is computed for it is computed once.
struct selector {
    UT_hash_handle hh; // by key
    uint32_t refs;     // subscribers
    enum frame_format format;
    bool chunked;
    bool exact; // no patterns: it can end when its topics are closed
    struct filter *filter;
    uint32_t *topics; // numbers of the topics that match, ascending
    uint32_t topics_count, topics_cap;
    struct pattern *names; // point into key
    uint32_t names_count;
    struct pattern *grants; // that a topic must match too; none: no restriction
    uint32_t grants_count;
    struct live_list live;          // at the hub's position: written to by the fan-out
    struct subscriber_list waiting; // long polls that have nothing yet
    uint64_t gone_seq, gone_at;     // as trimmed_seq and trimmed_at, of topics that are gone
    uint32_t written_tick;          // when all the live ones were last written to
    // The fan-out's, within one turn:
    bool touched;
    bool ending; // a topic was closed in this turn
    struct event **pending;
    uint32_t pending_count, pending_cap;
    struct selector *next_touched;
    struct selector *next_pattern, *prev_pattern; // all that are not exact
    uint32_t key_len;
    char key[];
};

struct directory {
    struct topic *by_name;
    struct topic **by_no;
    uint32_t by_no_cap;
    uint32_t topics_count; // numbered ones
    struct selector *selectors;
    struct selector *patterns;
    uint64_t
        trims; // how often a topic lost events: who remembers the number sees what was lost since
};

void directory_init(struct directory *directory);
void directory_fini(struct directory *directory);

// Topics. NULL when not known (or without a number).
struct topic *directory_topic(const struct directory *directory, uint32_t no);
struct topic *directory_find(const struct directory *directory, struct str name);
// The topic of that number, made (and matched with the selectors) when it is new. NULL when out of memory.
struct topic *directory_number(struct directory *directory, uint32_t no, struct str name);
// It lost its number: nothing is left of it but who waits for it.
void directory_drop(struct directory *directory, struct topic *topic);

struct selector_spec {
    const struct pattern *names; // 1..LIMIT_SELECTOR_TOPICS
    uint32_t names_count;
    const struct pattern *grants;
    uint32_t grants_count;
    struct str filter; // ptr NULL: none
    enum frame_format format;
    bool chunked;
};
// The selector for it, with a reference for the caller. ERR_INVALID for a bad filter, ERR_NOMEM.
int directory_select(struct directory *directory, const struct selector_spec *spec,
                     struct selector **out, struct report *report) MUST_CHECK;
void directory_release(struct directory *directory, struct selector *selector);

bool selector_matches(const struct selector *selector, uint32_t topic_no);

#endif
