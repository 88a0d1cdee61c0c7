// SPDX-License-Identifier: MIT
// The log: the one order of everything that happens to a journal. A journal appends what it wants
// to happen, and changes only by what it reads. So several journals that read the same log are the
// same, whoever appended what (doc/JOURNAL.md, "The log").
//
// A log is one of two kinds. The local one (log/local.h) belongs to one journal, takes what is
// appended at once and keeps nothing: it hands the record itself back, once. A shared one is kept
// by an engine that others append to as well: what is appended may be lost, come twice, late or in
// another order, and is handed back as bytes. The journal numbers its records and sorts that out.
//
// A log belongs to the thread that appends and reads, the journal's. Positions rise from one entry
// to the next, from 1.
#ifndef TAILRACE_LOG_LOG_H
#define TAILRACE_LOG_LOG_H

#include "base/buf.h"
#include "base/err.h"

struct log;

// What is appended, to be embedded. It stays the appender's.
struct log_record {
    // Appends the record's bytes. Not called by the local log.
    void (*encode)(const struct log_record *record, struct buf *to);
};

struct log_entry {
    uint64_t position;
    // Of the first event that the entry may bring, its others follow; 0: the one after the last.
    uint64_t seq;
    uint64_t time_ms; // since 1970 UTC, when the log took it
    // The record that was appended, good until the next append; NULL: its bytes are below.
    const struct log_record *own;
    struct str bytes; // borrowed until the next call
};

// What a shared log is now, as far as it can be asked.
struct log_state {
    int failed;           // 0, or ERR_…: it cannot be reached or takes nothing
    uint64_t first, last; // positions that can be read; 0, 0: none
};

struct log_ops {
    int (*append)(struct log *log, const struct log_record *record);
    int (*read)(struct log *log, uint64_t after, struct log_entry *entries, size_t max,
                size_t *count);
    void (*state)(struct log *log, struct log_state *out);
};

// To be embedded.
struct log {
    const struct log_ops *ops; // static storage
    // NULL: local. Otherwise the identity of what is in the log, which its journals take over.
    const char *epoch;
    // Bounds of a record; 0: none.
    uint32_t record_events_max;
    size_t record_bytes_max;
};

static inline bool log_is_shared(const struct log *log) { return log->epoch != NULL; }

// 0: on its way. ERR_BUSY, ERR_IO: certainly not taken, try again later. ERR_NOMEM.
static inline int MUST_CHECK log_append(struct log *log, const struct log_record *record) {
    return log->ops->append(log, record);
}

// The entries after a position that can be read now, at most `max`; *count 0: none yet. Reading
// does not wait. ERR_IO: try again later. ERR_NOMEM.
static inline int MUST_CHECK log_read(struct log *log, uint64_t after, struct log_entry *entries,
                                      size_t max, size_t *count) {
    return log->ops->read(log, after, entries, max, count);
}

static inline void log_state(struct log *log, struct log_state *out) { log->ops->state(log, out); }

#endif
