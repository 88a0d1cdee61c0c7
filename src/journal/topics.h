// SPDX-License-Identifier: MIT
// The topics that the journal knows, in memory: by name and by number. Used while opening, then by the journal thread
// only.
//
// Each stored topic keeps the seqs of a few of its events, the jump stack: for a last ordinal n those at n, n & (n-1), and so
// on down to the highest bit. Appending ordinal n + 1 drops as many as n has trailing ones; what is then on top is
// the new event's jump. A stack that is not known is rebuilt from the topic's last record (links.h).
#ifndef TAILRACE_JOURNAL_TOPICS_H
#define TAILRACE_JOURNAL_TOPICS_H

#include "base/str.h"
#include "journal/record.h"
#include "journal/slots.h"

struct topic {
    struct topic_now now;
    uint64_t hash;
    uint64_t touched;        // the savepoint that has a copy of `now`
    uint64_t oldest_time_ms; // of the oldest event left, 0: not known
    uint64_t *stack;         // the top is last; entries are 0 where the event is long gone
    uint8_t stack_depth;
    uint8_t stack_cap;
    bool stack_known;
    bool memory;      // never stored
    bool dirty;       // in the list of rows that the next checkpoint writes
    bool row_now;     // in the list of rows that this commit writes
    bool changed;     // in this commit's list of changes
    bool trim_queued; // in the trimmer's queue
    bool gone;        // this commit removes it
    uint16_t name_len;
    uint32_t no;
    uint32_t rule; // of the policy, from 1; 0: none
    char name[];
};

struct topics {
    struct slots by_name;
    struct slots by_no;
};

void topics_fini(struct topics *topics);
struct topic *topics_find(const struct topics *topics, struct str name);
struct topic *topics_find_no(const struct topics *topics, uint32_t no);
// Neither name nor number may be known yet.
int topics_add(struct topics *topics, struct str name, uint32_t no, struct topic **out) MUST_CHECK;
// Removes and frees it.
void topics_drop(struct topics *topics, struct topic *topic);

static inline struct str topic_name(const struct topic *topic) {
    return (struct str){topic->name, topic->name_len};
}
static inline uint64_t topic_left(const struct topic *topic) {
    return topic->now.last_ordinal - topic->now.trimmed_ordinal;
}
static inline bool topic_pending(const struct topic *topic) {
    return topic->now.gone_ordinal < topic->now.trimmed_ordinal;
}

// The event with the next ordinal has this seq: its jump. The stack must be known.
int topic_push(struct topic *topic, uint64_t seq, uint64_t *jump) MUST_CHECK;
// Room for the stack of this last ordinal; all entries 0.
int topic_stack_reset(struct topic *topic, uint64_t ordinal) MUST_CHECK;

#endif
