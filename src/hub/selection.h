// SPDX-License-Identifier: MIT
// Selections: the topics that are asked for, by names and patterns, and narrowed by grants. They
// are interned: all selectors that ask for the same topics, in whatever form and through whatever
// filter, share one.
//
// A selection and its topics know each other, but for wide ones (of more than SELECTION_WIDE
// topics): those know their topics as a set of numbers, and are asked for each event. So a
// selection of all topics takes some bits for each of them, and leaving takes as long as there are
// narrow ones, each place of which is known.
//
// Finding the topics of a pattern is a walk over all of them, by number, in slices. Until it is
// over (`resolved`) nobody may be given anything of the selection. New topics meanwhile are matched
// where the walk has been already. A new topic is matched with those patterns only that begin like
// its name.
//
// What is asked of many topics at once (the newest event, whether anything was lost) is kept up
// with each event, so that no answer needs a walk.
#ifndef TAILRACE_HUB_SELECTION_H
#define TAILRACE_HUB_SELECTION_H

#include "base/pattern.h"
#include "hub/number_set.h"
#include "sys/hash.h"

#define TOPIC_UNNUMBERED UINT32_MAX
#define SELECTION_WIDE 1024
// What is told when there is no room in the account for one.
#define SELECTION_FULL                                                                             \
    "the hub holds as many large subscriptions as it may (limits.held_bytes); try again, or ask "  \
    "for fewer topics"

struct directory;
struct prefix;
struct selection;
struct selector;

// A narrow selection that matches a topic, and which of its links leads there.
struct follower {
    struct selection *selection;
    uint32_t link;
};

struct topic {
    UT_hash_handle hh; // by name
    uint32_t no;
    bool closed;
    bool marker; // the newest event carries no data
    bool memory; // events are in the ring only
    uint64_t last_seq, last_ordinal, last_time_ms;
    uint64_t trimmed_seq, trimmed_ordinal, bytes;
    // directory->trims when trimmed_seq was last raised; 0: never
    uint64_t trimmed_at;
    struct topic *prev_trimmed, *next_trimmed; // in directory->trimmed, once it was
    struct follower *followers;
    uint32_t followers_count, followers_cap;
    uint16_t name_len;
    char name[];
};

static inline struct str topic_name(const struct topic *topic) {
    return (struct str){topic->name, topic->name_len};
}
// Events with data that are still stored.
static inline uint64_t topic_events(const struct topic *topic) {
    uint64_t left = topic->last_ordinal - topic->trimmed_ordinal;
    return left - (left && topic->marker ? 1 : 0);
}

// A topic of a narrow selection, and which of its followers leads back.
struct link {
    struct topic *topic;
    uint32_t follower;
};

// One of a selection's patterns: where new topics find it.
struct pattern_entry {
    struct selection *selection;
    struct prefix *prefix;
    struct pattern_entry *prev, *next;
};

struct selection {
    UT_hash_handle hh; // by key
    uint32_t refs;     // selectors, and who is about to be one
    bool exact;        // no patterns: it can end when its topics are closed
    bool wide;
    bool resolved;         // all its topics are known
    uint32_t resolve_next; // until then: topics from this number on are to be looked at
    struct number_set topics;
    struct link *links; // to all its topics, also those without a number; none when it is wide
    uint32_t links_count, links_cap;
    struct selector *selectors;
    uint64_t subscribers;
    struct pattern *names; // point into key
    uint32_t names_count;
    struct pattern *grants; // that a topic must match too; none: no restriction
    uint32_t grants_count;
    struct pattern_entry *entries; // one for each name, unless it is exact
    size_t counted;                // of it, in the directory's account
    uint64_t looked_at;            // directory->looks when a new topic met it last
    uint64_t newest_seq;           // of its topics' events
    uint64_t changes;              // changes when any of its topics loses events or is closed
    uint64_t lost_seq;             // the highest trimmed_seq of its topics
    uint64_t lost_at;              // the highest trimmed_at
    uint64_t gone_seq, gone_at;    // the same, of topics that are gone
    struct selection *next_wide, *prev_wide;
    struct selection *next_resolving, *prev_resolving;
    uint32_t key_len;
    char key[];
};

// The selection for these names (1..LIMIT_SELECTOR_TOPICS) within these grants (none: no
// restriction), with a reference for the caller. ERR_LIMIT: a new one would take more than
// there is room for in the account, or too many patterns are subscribed to that a new topic would
// have to be matched with. ERR_NOMEM.
int selection_get(struct directory *directory, const struct pattern *names, uint32_t names_count,
                  const struct pattern *grants, uint32_t grants_count, struct selection **out,
                  struct report *report) MUST_CHECK;
void selection_put(struct directory *directory, struct selection *selection);

// Goes on with finding its topics while *steps lasts: 1 is about what matching a short name with a
// pattern costs. ERR_LIMIT: there is no room
// in the account for what it has found. ERR_NOMEM.
int selection_resolve(struct directory *directory, struct selection *selection,
                      int64_t *steps) MUST_CHECK;

static inline bool selection_has(const struct selection *selection, uint32_t topic_no) {
    return number_set_has(&selection->topics, topic_no);
}

// A topic gets a number. False: out of memory.
bool selection_add_topic(struct directory *directory, struct topic *topic, uint32_t no) MUST_CHECK;
// A topic loses its number, with all that it had.
void selection_drop_topic(struct directory *directory, struct topic *topic);

// What has changed with a topic: for all selections that have it.
struct topic_news {
    uint64_t newest_seq; // 0: no new event
    uint64_t changes;    // to be added
    uint64_t lost_seq, lost_at;
};
void selection_tell(const struct directory *directory, const struct topic *topic,
                    const struct topic_news *news);

// Up to where topics have lost events above `after` since the directory counted `told` losses, 0:
// nowhere.
uint64_t selection_lost(const struct directory *directory, const struct selection *selection,
                        uint64_t told, uint64_t after);

#endif
