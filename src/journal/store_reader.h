// SPDX-License-Identifier: MIT
// Reading stored events, whatever stores them: what the hub needs of a store. The journal has such
// readers (journal_reader_open); tests have a store in memory.
//
// A reader belongs to one thread. Reading goes on between store_reader_begin and store_reader_end,
// which must be in one turn of the loop; what is borrowed from the reader lives until the end.
#ifndef TAILRACE_JOURNAL_STORE_READER_H
#define TAILRACE_JOURNAL_STORE_READER_H

#include "base/err.h"
#include "base/str.h"
#include "journal/event.h"

// A stored event. The texts are borrowed.
struct record {
    uint64_t seq, prev, ordinal, time_ms;
    uint32_t topic_no;
    uint8_t flags;      // enum event_flags
    uint32_t expires_s; // 0: nothing is said
    struct str type, key, data;
};

// Bytes of its texts as they are stored.
static inline size_t record_texts_len(const struct record *record) {
    return record->type.len + record->key.len + event_between(record->flags) + record->data.len;
}

// What is left of a record that is damaged (ERR_CORRUPT): all but the texts; or, when its topic_no
// is this, the seq alone.
#define RECORD_TOPIC_UNKNOWN UINT32_MAX

// What is known of a topic before anything of it is read. The name is borrowed.
struct topic_state {
    struct str name;
    uint32_t topic_no;
    bool closed;
    bool marker; // the newest event is an EVENT_MARKER
    uint64_t last_seq;
    uint64_t last_ordinal;
    uint64_t last_time_ms;
    uint64_t trimmed_seq;     // as in struct topic_change
    uint64_t trimmed_ordinal; // events left = last_ordinal - trimmed_ordinal
    uint64_t bytes;           // data bytes of the events that are left
};

struct store_reader;

// The operations of one kind of store. What each does is said below, at the function that calls it.
struct store_reader_ops {
    int (*begin)(struct store_reader *reader);
    void (*end)(struct store_reader *reader);
    int (*read)(struct store_reader *reader, uint64_t seq, struct record *out);
    int (*next)(struct store_reader *reader, uint64_t after, struct record *out);
    int (*previous)(struct store_reader *reader, uint64_t *before, struct record *out);
    int (*topic_after)(struct store_reader *reader, uint64_t tail, uint64_t after, uint64_t *seqs,
                       size_t max, size_t *count, bool *lost);
    int (*topic_at)(struct store_reader *reader, uint64_t tail, uint64_t ordinal, uint64_t *seq);
    int (*topic_before)(struct store_reader *reader, uint64_t tail, uint64_t before, uint64_t *seq);
    int (*seq_before_time)(struct store_reader *reader, uint64_t time_ms, uint64_t *seq);
    uint64_t (*trims)(struct store_reader *reader);
    void (*close)(struct store_reader *reader);
};

// To be embedded in the reader of a store.
struct store_reader {
    const struct store_reader_ops *ops; // static storage
};

// Not between begin and end. NULL is fine.
static inline void store_reader_close(struct store_reader *reader) {
    if (reader) reader->ops->close(reader);
}

// A snapshot of what is committed now. ERR_IO, ERR_NOMEM.
static inline int MUST_CHECK store_reader_begin(struct store_reader *reader) {
    return reader->ops->begin(reader);
}
static inline void store_reader_end(struct store_reader *reader) { reader->ops->end(reader); }

// How many commits have taken events away: at least all those that the snapshot knows of, when it
// is asked within one. Who has applied a batch with this number (struct batch) has been told of all
// that the snapshot does not have any more.
static inline uint64_t store_reader_trims(struct store_reader *reader) {
    return reader->ops->trims(reader);
}

// Exactly this event. ERR_NOT_FOUND when it is not (or no longer) stored; ERR_IO. ERR_CORRUPT: it
// is damaged, *out is what is left of it.
static inline int MUST_CHECK store_reader_read(struct store_reader *reader, uint64_t seq,
                                               struct record *out) {
    return reader->ops->read(reader, seq, out);
}

// The first stored event of any topic with a seq above `after`. ERR_NOT_FOUND when there is none.
// ERR_AGAIN: all that are stored up to out->seq have been forgotten, and there are more: ask again
// behind it (as much as STORE_READER_AGAIN events found).
// ERR_CORRUPT: it is damaged, *out is what is left of it, and reading may go on behind it; but for
// out->seq 0: the store is damaged, and nothing behind `after` can be read. Cheap when called with
// rising `after`.
#define STORE_READER_AGAIN 64
static inline int MUST_CHECK store_reader_next(struct store_reader *reader, uint64_t after,
                                               struct record *out) {
    return reader->ops->next(reader, after, out);
}

// One step back: *before becomes the seq of the last stored event of any topic below it, 0 when
// there is none. ERR_NOT_FOUND: there is none, or that one has been forgotten. ERR_CORRUPT: as of
// store_reader_next. Cheap when called with what it gave.
static inline int MUST_CHECK store_reader_previous(struct store_reader *reader, uint64_t *before,
                                                   struct record *out) {
    return reader->ops->previous(reader, before, out);
}

// Within one topic. `tail` is the seq of any event of the topic that is known to be stored
// (typically its newest): the search goes back from there along the links between records, in
// O(log n) reads and then one for each seq returned. ERR_CORRUPT: a record on that way is damaged.
//
// The seqs above `after` up to `tail`, ascending, the lowest `max` of them. *count may be 0
// (tail <= after). *lost is set when a link led to a record that is no longer stored, so that
// older ones of the topic may be missing from the result.
static inline int MUST_CHECK store_reader_topic_after(struct store_reader *reader, uint64_t tail,
                                                      uint64_t after, uint64_t *seqs, size_t max,
                                                      size_t *count, bool *lost) {
    return reader->ops->topic_after(reader, tail, after, seqs, max, count, lost);
}

// The seq of the topic's event with this ordinal (1 to the tail's). ERR_NOT_FOUND when it is not
// stored.
static inline int MUST_CHECK store_reader_topic_at(struct store_reader *reader, uint64_t tail,
                                                   uint64_t ordinal, uint64_t *seq) {
    return reader->ops->topic_at(reader, tail, ordinal, seq);
}

// The topic's highest seq below `before`. ERR_NOT_FOUND when the topic has none, or none that may
// still be shown.
static inline int MUST_CHECK store_reader_topic_before(struct store_reader *reader, uint64_t tail,
                                                       uint64_t before, uint64_t *seq) {
    return reader->ops->topic_before(reader, tail, before, seq);
}

// The highest stored seq whose time is before `time_ms`, 0 when there is none; of damaged events
// that is not known. O(log n) reads.
static inline int MUST_CHECK store_reader_seq_before_time(struct store_reader *reader,
                                                          uint64_t time_ms, uint64_t *seq) {
    return reader->ops->seq_before_time(reader, time_ms, seq);
}

#endif
