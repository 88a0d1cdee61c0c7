// SPDX-License-Identifier: MIT
// An event, and the batch of events that one commit made visible. Both are shared by threads, and
// immutable once the journal has given them out.
#ifndef TAILRACE_JOURNAL_EVENT_H
#define TAILRACE_JOURNAL_EVENT_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

enum event_flags {
    // The topic is finished with this event.
    EVENT_CLOSE = 1,
    // Carries no data for subscribers; only marks (with EVENT_CLOSE).
    EVENT_MARKER = 2,
    // Not in the store: set by the journal for topics with `durability: memory`.
    EVENT_MEMORY = 4,
    // The first line of a followed file that has taken the place of another, or of its own content.
    EVENT_ROTATED = 8,
    // The key is an id of the publisher's own, by which subscribers know the event: it is indexed
    // (journal_seq_of_id), and does not make a second event with it a duplicate.
    EVENT_WIRE_ID = 16,
    // Only for subscribers whose grant names its topic. Kept and given out; the hub decides.
    EVENT_PRIVATE = 32,
    // Stands for another event, in a topic of its own: whoever wants that topic is given the other
    // event, once. It has no type and no key; its data are the other event's seq (event_target).
    // The aliases of an event follow it directly, in the same batch, with the next seqs.
    EVENT_ALIAS = 64,
    // What it says is worth something only for a while: how long stands between key and data, in
    // its texts and in its record, as 4 bytes of seconds in the machine's order (never 0). Kept and
    // given out; who reads the event decides what it means.
    EVENT_EXPIRES = 128,
};

// Bytes between key and data.
static inline size_t event_between(uint8_t flags) {
    return flags & EVENT_EXPIRES ? sizeof(uint32_t) : 0;
}

// The seq of the event that an alias stands for, out of its data: 8 bytes in the machine's order. 0
// when they are damaged.
static inline uint64_t event_target(struct str data) {
    uint64_t seq = 0;
    if (data.len == sizeof seq) memcpy(&seq, data.ptr, sizeof seq);
    return seq;
}

// An encoding that an event carries with it, made on demand by the first thread that needs it.
// `kind` is a number of the maker's (hub/frame.h). A list, because few of the many kinds are ever
// needed of one event.
struct encoding {
    struct encoding *next;
    struct encoding *next_retired; // of another event: of lists that were taken off
    uint32_t kind;
    uint32_t size;
    char bytes[];
};

struct event {
    uint64_t seq;     // given by the journal; 0 before
    uint64_t prev;    // seq of the topic's event before this one, 0 when there is none
    uint64_t ordinal; // 1 for a topic's first event, then counting
    // Since 1970 UTC, given by the journal; never goes back from one seq to the next.
    uint64_t time_ms;
    // Given by the journal: dense. Used again for another topic when the topic was dropped and no
    // batch with an event of it is left.
    uint32_t topic_no;
    uint32_t data_len;
    uint16_t topic_len;
    uint8_t type_len;
    uint8_t key_len;
    uint8_t flags;
    _Atomic(struct encoding *) encodings; // grows at its head, by compare and swap
    char bytes[];                         // topic, type, key, seconds if it expires, data
};

static inline struct str event_topic(const struct event *e) {
    return (struct str){e->bytes, e->topic_len};
}
static inline struct str event_type(const struct event *e) {
    return (struct str){e->bytes + e->topic_len, e->type_len};
}
static inline struct str event_key(const struct event *e) {
    return (struct str){e->bytes + e->topic_len + e->type_len, e->key_len};
}
// Where its data begin in its bytes.
static inline size_t event_data_at(const struct event *e) {
    return (size_t)e->topic_len + e->type_len + e->key_len + event_between(e->flags);
}
static inline struct str event_data(const struct event *e) {
    return (struct str){e->bytes + event_data_at(e), e->data_len};
}
// Length of all of its bytes.
static inline size_t event_bytes_len(const struct event *e) {
    return event_data_at(e) + e->data_len;
}
// For how many seconds it is worth something; 0: nothing is said.
static inline uint32_t event_expires_s(const struct event *e) {
    uint32_t seconds = 0;
    const char *at = e->bytes + e->topic_len + e->type_len + e->key_len;
    if (e->flags & EVENT_EXPIRES) memcpy(&seconds, at, sizeof seconds);
    return seconds;
}

// Bytes of memory that it takes, without its encodings.
static inline size_t event_size(const struct event *e) { return sizeof *e + event_bytes_len(e); }

// Where an alias has its event's seq.
static inline char *event_alias_data(struct event *e) { return e->bytes + e->topic_len; }

// Copies the texts to the heap; NULL when out of memory. The caller has checked them: topic by
// topic_check, type at most LIMIT_TYPE_BYTES without CR, LF, NUL, key at most LIMIT_KEY_BYTES, data
// valid UTF-8 of at most LIMIT_DATA_BYTES.
struct event *event_new(struct str topic, struct str type, struct str key, struct str data,
                        uint8_t flags);
// The same for one that expires after so many seconds; 0: it does not. Says so in its flags.
struct event *event_new_expiring(struct str topic, struct str type, struct str key, struct str data,
                                 uint8_t flags, uint32_t expires_s);
// An alias, to follow its event in a publish.
struct event *event_new_alias(struct str topic);
void event_free(struct event *event);

// The encoding of that kind, NULL when nobody has made it. Good until the thread's turn ends, or
// its event is gone. Any thread.
const struct encoding *event_encoding(struct event *event, uint32_t kind);
// Adds one (on the heap, taken over), unless another thread was faster: then it is freed. The one
// that the event has.
const struct encoding *event_add_encoding(struct event *event, struct encoding *made);
// Takes all of them off, NULL when there are none: the list that is returned may be freed when
// every thread that may have looked at it has ended its turn. Any thread.
struct encoding *event_take_encodings(struct event *event);
// Frees lists that follow each other by next_retired. NULL is fine.
void encodings_free(struct encoding *retired);

// A change of a topic that is not an event.
struct topic_change {
    uint32_t topic_no;
    // The topic is dropped and its name is free; the fields below have no meaning.
    bool gone;
    // False again after the topic was forgotten.
    bool closed;
    // Every event of the topic up to this seq is gone (retention, DELETE).
    uint64_t trimmed_seq;
    uint64_t trimmed_ordinal;
    uint64_t bytes; // data bytes of the events that are left
};

// Tells the journal that a batch was freed. Whoever sets `done` second frees it: the batch, or the
// journal that is closed before.
struct batch_watch {
    struct batch_watch *next;
    uint64_t last_seq;
    _Atomic(bool) done;
};

// What one commit made visible: events by rising seq, then changes of topics. Shared by all
// workers; each holds references. Freed with its events when the last reference is put.
struct batch {
    _Atomic(uint32_t) refs;
    uint32_t count;
    uint32_t changes_count;
    size_t bytes;   // memory of the events, for bounding a ring
    uint64_t trims; // as of store_reader_trims: those that have been told with it and before
    struct topic_change *changes;
    struct event **events;
    struct batch_watch *watch; // NULL: nobody asks
};

static inline struct batch *batch_get(struct batch *batch) {
    atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
    return batch;
}
void batch_put(struct batch *batch);

#endif
