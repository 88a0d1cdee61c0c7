// SPDX-License-Identifier: MIT
// The journal: the durable, ordered sequence of all events of a hub, kept in LMDB (doc/JOURNAL.md).
//
// One thread of its own is the only writer. Publishers hand it a struct publish from any thread; it takes all that wait, commits them
// as one transaction, syncs once, hands the committed batch to the listener and then tells each publisher. While a sync
// runs the next batch gathers: group commit without a timer.
//
// Readers read old events through a struct store_reader of their own, from any thread, without a lock against the
// writer.
#ifndef TAILRACE_JOURNAL_JOURNAL_H
#define TAILRACE_JOURNAL_JOURNAL_H

#include "base/err.h"
#include "base/str.h"
#include "journal/event.h"
#include "journal/store_reader.h"
#include "sys/inbox.h"

struct journal;

// --- opening --------------------------------------------------------------------------------------------------------

// Retention: what is over any of the bounds goes, oldest first. 0 means no bound of that kind.
struct journal_retention {
    uint64_t bytes_max;
    uint64_t count_max;
    uint64_t age_max_ms;
};

// For the topics that match `pattern`, on top of the retention of all. The first that matches counts.
struct journal_topic_rule {
    const char *pattern;
    struct journal_retention retention;
    bool memory; // durability: memory. Its events never reach the store
};

struct journal_policy {
    struct journal_retention retention; // of all topics together
    const struct journal_topic_rule *rules;
    size_t rules_count;
};

struct journal_config {
    const char *dir;              // made (0700) when it does not exist; its parent must
    struct journal_policy policy; // copied
    uint64_t map_bytes;           // size of LMDB's map; 0: derived from retention.bytes_max
    uint32_t queue_events_max;    // what may wait for a commit
    uint64_t queue_bytes_max;
    uint32_t topics_max;
    bool sync; // false only for benchmarks and tests: commits are not synced
};

// Called on the journal thread (or within journal_run), one commit after the other.
struct journal_listener {
    // After each commit, before publishers are told. The callee takes over one reference of the batch, and may wait, but never within
    // journal_run when it has said that it is ready.
    void (*committed)(void *context, struct batch *batch);
    // Whether `committed` would not wait now. NULL: it never does.
    bool (*ready)(void *context);
    // Publishing has begun to be refused (`failure` says why), or works again (failed 0). Also on the journal thread. NULL: nobody asks.
    void (*state)(void *context, int failed, const char *failure);
    void *context;
};

// Opens or creates the journal, checks its format, replays what came after the last checkpoint. No thread runs yet.
// ERR_LOCKED: another process has it. ERR_VERSION: made by a newer tailrace. ERR_CORRUPT: not ours or damaged.
// ERR_DENIED, ERR_IO, ERR_FULL, ERR_NOMEM. The report says which directory and what to do.
int journal_open(struct journal **out, const struct journal_config *config,
                 struct report *report) MUST_CHECK;

// Between open and start only: what is known of every topic, so that the caller can build its own
// view. The name is borrowed until the call returns.
void journal_topics(struct journal *journal,
                    void (*each)(void *context, const struct topic_state *topic), void *context);

// Starts the journal thread.
int journal_start(struct journal *journal, struct journal_listener listener,
                  struct report *report) MUST_CHECK;

// Commits what waits (or fails it when it cannot), writes a checkpoint, stops the thread. Readers and the journal itself stay usable for reading
// until journal_close. New publishes are refused with ERR_CLOSED.
void journal_stop(struct journal *journal);
// Stops if that has not happened, then frees everything. All readers must be closed. NULL is fine.
void journal_close(struct journal *journal);

// --- publishing -----------------------------------------------------------------------------------------------------

enum publish_op {
    PUBLISH_EVENTS,
    PUBLISH_FORGET, // DELETE: events[0] names the topic; its history goes at once, its closing too
};

// One publisher's share of a commit: all of it is committed or none. Owned by the publisher again when `done` runs (on the journal
// thread, or within anybody's journal_run; it must be short and typically sends the publish on to its own thread through `message`).
struct publish {
    struct inbox_message message; // the journal's while queued, the publisher's afterwards
    enum publish_op op;
    uint32_t count; // 1..LIMIT_PUBLISH_EVENTS; 0 only with a source position
    struct event *
        *events; // pointers owned by the publisher, events taken over by the journal when accepted
    // A source's position, written in the same transaction. name.ptr NULL: none. len 0: forget the position.
    struct str source_name;
    struct str source_position;
    void (*done)(struct publish *publish);

    // Filled in before `done`:
    int result; // 0; ERR_CLOSED: a topic is finished, nothing was published; ERR_NOT_FOUND: nothing to forget; ERR_LIMIT: too many topics;
        // ERR_FULL, ERR_IO: the journal cannot write now, nothing was published, try again later
    uint64_t first,
        last; // seq of the first and last event, of the earlier ones where keys had been used before
    uint32_t duplicates; // how many had a key that was already there; they were not published again

    size_t bytes; // the journal's own
};

// Any thread. 0: accepted, `done` will be called. Otherwise nothing was taken, `done` is not called:
// ERR_BUSY: the queue is full; ERR_FULL or ERR_IO: the journal cannot write at present; ERR_CLOSED: stopping.
int journal_publish(struct journal *journal, struct publish *publish) MUST_CHECK;

// The same in two steps, for who has many to publish in one turn: what was enqueued is taken only by journal_run, and then all at once.
int journal_enqueue(struct journal *journal, struct publish *publish) MUST_CHECK;
// Commits here and now what needs no store (events of topics with `durability: memory`) if nothing else is under way; leaves the rest to the
// journal thread. Never waits.
void journal_run(struct journal *journal);

// Source positions as last committed. Any thread. Copies at most LIMIT_SOURCE_POSITION_BYTES to `out`, sets *len. ERR_NOT_FOUND.
int journal_source_position(struct journal *journal, struct str name, char *out,
                            size_t *len) MUST_CHECK;

// --- state ----------------------------------------------------------------------------------------------------------

// Drawn from the time when the journal was created: no two journals share one. A short text of [0-9a-z]; static in the
// journal.
const char *journal_epoch(const struct journal *journal);
// The highest seq that was ever given out and is committed. Any thread.
uint64_t journal_last_seq(const struct journal *journal);

struct journal_stats {
    int failed;         // 0, or ERR_FULL / ERR_IO: publishing is refused
    char failure[256];  // what failed, for /readyz and the log; empty when fine
    uint64_t first_seq; // oldest event in the store, 0 when empty
    uint64_t last_seq;
    uint64_t events;    // in the store
    uint64_t bytes;     // their records
    uint64_t map_bytes; // of the map
    uint64_t map_used_bytes;
    uint64_t topics;
    uint64_t commits_total;
    uint64_t events_total;
    uint64_t failures_total;
    uint64_t trimmed_total;
    uint64_t queue_events; // waiting now
    uint64_t queue_bytes;
    uint64_t sync_last_us; // duration of the last commit
};
// Any thread; a consistent copy of the moment.
void journal_stats(struct journal *journal, struct journal_stats *out);

// New retention, from the next commit on. Copied. `memory` rules count for topics that do not exist yet. Any thread.
int journal_set_policy(struct journal *journal, const struct journal_policy *policy) MUST_CHECK;

// --- reading --------------------------------------------------------------------------------------------------------

// A reader of what is stored, for one thread: store_reader_close frees it. Holds no LMDB transaction
// between store_reader_end and the next store_reader_begin. ERR_NOMEM.
int journal_reader_open(struct journal *journal, struct store_reader **out) MUST_CHECK;

#endif
