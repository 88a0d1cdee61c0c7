// SPDX-License-Identifier: MIT
// The journal's topics in memory: their rows by name and by number. Used while opening, then by the
// journal thread only.
//
// Each stored topic keeps the seqs of a few of its events, the jump stack: for a last ordinal n
// those at n, n & (n-1), and so on down to the highest bit. Appending ordinal n + 1 removes as many
// entries as n has trailing ones; the top is then the new event's jump. A stack that is not known
// is rebuilt from the topic's last record (links.h).
#ifndef TAILRACE_JOURNAL_TOPIC_ROWS_H
#define TAILRACE_JOURNAL_TOPIC_ROWS_H

#include "base/str.h"
#include "journal/record.h"
#include "journal/slots.h"

struct topic_row {
    struct topic_now now;
    uint64_t hash;
    uint64_t touched;        // number of the savepoint that has a copy of `now`
    uint64_t oldest_time_ms; // of the oldest event that is left, 0: not known
    uint64_t scanned_seq;    // a search past damaged records found none of its events up to here
    uint64_t *stack;         // the top is last; entries are 0 where the event is long gone
    uint8_t stack_depth;
    uint8_t stack_cap;
    bool stack_known;
    bool memory;      // never stored
    bool reused;      // this commit gives it the number of a dropped topic
    bool dirty;       // in the list of rows that the next checkpoint writes
    bool row_now;     // in the list of rows that this commit writes
    bool changed;     // in this commit's list of changes
    bool trim_queued; // in the list of topics that may be over their bounds
    bool wipe_queued; // in the list of topics with events to be deleted
    bool gone;        // this commit removes it
    bool behind;      // it may have events below the head
    uint16_t name_len;
    uint32_t no;
    uint32_t rule;          // of the policy, from 1; 0: none
    uint32_t mark;          // of the command that is being planned, from 1; 0: none
    uint64_t counted_bytes; // now.bytes, as counted for its rule
    char name[];
};

// How many topics each owner has made. Owner 0 is not counted.
struct topic_owners {
    struct topic_owner {
        uint32_t owner, topics;
    } * list;
    size_t count, cap;
};

void topic_owners_fini(struct topic_owners *owners);
uint32_t topic_owners_count(const struct topic_owners *owners, uint32_t owner);
int topic_owners_add(struct topic_owners *owners, uint32_t owner) MUST_CHECK;
void topic_owners_remove(struct topic_owners *owners, uint32_t owner);

// Topics by number. Numbers are dense, since those of dropped topics are given again; pages,
// because a journal of before may have high ones.
#define TOPIC_NUMBERS_PAGE 512u
struct topic_numbers {
    struct topic_row ***pages; // NULL: none of these numbers is in use
    size_t cap;
};

struct topic_rows {
    struct slots by_name;
    struct topic_numbers by_no;
    struct topic_owners owners;
};

void topic_rows_fini(struct topic_rows *topics);
// The hash of a name, for other tables of names.
uint64_t topic_rows_hash(struct str name);
struct topic_row *topic_rows_find(const struct topic_rows *topics, struct str name);
// The same; *hash is the name's.
struct topic_row *topic_rows_find_hashed(const struct topic_rows *topics, struct str name,
                                         uint64_t *hash);
struct topic_row *topic_rows_find_no(const struct topic_rows *topics, uint32_t no);
// Neither the name nor the number may be in the table. The caller sets `now`, but for the owner.
int topic_rows_add(struct topic_rows *topics, struct str name, uint32_t no, uint32_t owner,
                   struct topic_row **out) MUST_CHECK;
// Removes and frees the topic.
void topic_rows_drop(struct topic_rows *topics, struct topic_row *topic);

static inline struct str topic_row_name(const struct topic_row *topic) {
    return (struct str){topic->name, topic->name_len};
}
static inline uint64_t topic_row_left(const struct topic_row *topic) {
    return topic->now.last_ordinal - topic->now.trimmed_ordinal;
}
static inline bool topic_row_pending(const struct topic_row *topic) {
    return topic->now.gone_ordinal < topic->now.trimmed_ordinal;
}

// Pushes the seq of the event with the next ordinal; *jump is that event's. The stack must be
// known.
int topic_row_push(struct topic_row *topic, uint64_t seq, uint64_t *jump) MUST_CHECK;
// Makes a stack for this last ordinal, all entries 0.
int topic_row_stack_reset(struct topic_row *topic, uint64_t ordinal) MUST_CHECK;

#endif
