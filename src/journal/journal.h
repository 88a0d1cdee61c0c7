// SPDX-License-Identifier: MIT
// The journal: the durable, ordered sequence of all events of a hub, kept in LMDB (doc/JOURNAL.md).
//
// One thread, the journal thread, is the only writer. Publishers hand it a struct publish from any
// thread. It takes all waiting publishes, commits them as one transaction, syncs once, hands the
// batch to the listener and then answers each publisher. While a sync runs the next publishes
// gather: group commit without a timer.
//
// Readers read stored events through a struct store_reader of their own, from any thread, without
// a lock against the writer.
#ifndef TAILRACE_JOURNAL_JOURNAL_H
#define TAILRACE_JOURNAL_JOURNAL_H

#include "base/durations.h"
#include "base/err.h"
#include "base/str.h"
#include "journal/event.h"
#include "journal/store_reader.h"
#include "sys/inbox.h"

struct journal;

// --- opening -------------------------------------------------------------------------------------

// Retention: while one of the bounds is exceeded the oldest events are deleted. 0: no such bound.
struct journal_retention {
    uint64_t bytes_max;
    uint64_t count_max;
    uint64_t age_max_ms;
};

// A topic's newest event stays whatever the bounds of bytes and count, unless the topic is
// finished: a status that does not change is not forgotten because logs do. It goes by its age, or
// when it is the oldest of those that are kept and there are too many topics.

// For the topics that match `pattern`, beside the retention of all. The first match counts.
struct journal_topic_rule {
    const char *pattern;
    struct journal_retention retention;
    // What all topics of the rule together may take, of data; 0: no such bound. The topics with the
    // oldest events give some of theirs first.
    uint64_t total_bytes_max;
    // So many of a topic's newest events stay whatever their age.
    uint32_t keep;
    // `durability: memory`: the events of these topics are never written to the store.
    bool memory;
    // How long an event of these topics is worth something whose publisher does not say; 0: nothing
    // is said.
    uint64_t expires_ms;
};

struct journal_policy {
    struct journal_retention retention; // of all topics together
    // What one topic may take of retention.bytes_max when all together exceed it, in percent; 0:
    // half.
    uint32_t topic_share;
    const struct journal_topic_rule *rules;
    size_t rules_count;
};

struct journal_config {
    // Created (0700) when it does not exist; its parent must exist.
    const char *dir;
    struct journal_policy policy; // copied
    // Size of LMDB's map; 0: derived from retention.bytes_max.
    uint64_t map_bytes;
    // Bounds of the publish queue.
    uint32_t queue_events_max;
    uint64_t queue_bytes_max;
    uint32_t topics_max;
    // How many of them one owner may have made; 0: no such bound.
    uint32_t owner_topics_max;
    // How long another process (a backup) may keep a snapshot of the store; 0: an hour.
    uint64_t reader_age_max_ms;
    // NULL: the journal has a log of its own. Otherwise one that several hubs share, and what this
    // one is called in it: 1..63 bytes, unlike all others. Both must outlive the journal.
    struct log *log;
    const char *hub;
    // The wall clock and one that only goes forward, for tests; NULL: the system's.
    uint64_t (*unix_ms)(void);
    uint64_t (*mono_ms)(void);
    // False only for benchmarks and tests: commits are not synced.
    bool sync;
};

// Called on the journal thread (or within journal_run), one commit after the other.
struct journal_listener {
    // After each commit, before its publishers are answered. The callee takes over one reference
    // of the batch. It must not block.
    void (*committed)(void *context, struct batch *batch);
    // Publishing is refused from now on (`failure` says why), or works again (failed is 0).
    // On the journal thread. NULL: not wanted.
    void (*state)(void *context, int failed, const char *failure);
    // Something is wrong although publishing goes on: the system's clock has leapt, or retention
    // has met damage (`trouble` says what, and what that means); or no longer (empty). On the
    // thread that commits. NULL: not wanted.
    void (*trouble)(void *context, const char *trouble);
    void *context;
};

// Opens or creates the journal, checks its format, replays the events after the last checkpoint.
// Starts no thread. ERR_LOCKED: in use by another process. ERR_VERSION: written by a newer
// tailrace, or linked with an unknown version of LMDB. ERR_CORRUPT: not a journal, or damaged.
// ERR_DENIED, ERR_IO, ERR_FULL, ERR_NOMEM. The report names the directory and what to do.
int journal_open(struct journal **out, const struct journal_config *config,
                 struct report *report) MUST_CHECK;

// Between open and start only: the state of every topic, for building a directory of them. The name
// is borrowed until the call returns.
void journal_topics(struct journal *journal,
                    void (*each)(void *context, const struct topic_state *topic), void *context);

// Starts the journal thread.
int journal_start(struct journal *journal, struct journal_listener listener,
                  struct report *report) MUST_CHECK;

// Commits the waiting publishes (or fails them), writes a checkpoint, stops the thread. Readers
// work until journal_close. New publishes are refused with ERR_CLOSED.
void journal_stop(struct journal *journal);
// Stops the journal if it runs, then frees everything. All readers must be closed. NULL is fine.
void journal_close(struct journal *journal);

// --- publishing ----------------------------------------------------------------------------------

enum publish_op {
    PUBLISH_EVENTS,
    // DELETE: events[0] names the topic; its history goes at once, and it is open again.
    PUBLISH_FORGET,
};

// One publisher's share of a commit: all of it is committed or none. The journal owns it until
// `done` runs, on the journal thread or within a journal_run of any thread. `done` must be short;
// typically it sends the publish back to its own thread through `message`.
struct publish {
    struct inbox_message message;
    enum publish_op op;
    // 1..LIMIT_PUBLISH_EVENTS; 0 only with a source position.
    uint32_t count;
    // The array stays the publisher's; the journal takes over the events when it accepts them.
    struct event **events;
    // A source's position, written in the same transaction. name.ptr NULL: none. len 0: delete it.
    struct str source_name;
    struct str source_position;
    void (*done)(struct publish *publish);
    // Who makes the topics that are new: any number that is the same each time, for
    // journal_config.owner_topics_max. 0: nobody in particular.
    uint32_t owner;

    // Set before `done`. Unless `result` is 0 nothing was published. ERR_CLOSED: a topic is
    // finished. ERR_NOT_FOUND: nothing to forget. ERR_LIMIT: too many topics. ERR_FULL, ERR_IO: the
    // journal cannot write now, try again later. ERR_UNKNOWN: handed to a shared log, and not known
    // whether it was published.
    int result;
    // Seqs of the first and the last event; of an earlier event where its key was used before.
    uint64_t first, last;
    // Events that were not published because their key was used before.
    uint32_t duplicates;

    size_t bytes; // the journal's own
};

// Any thread. 0: accepted, `done` will be called. On an error nothing was taken and `done` is not
// called. ERR_BUSY: the queue is full. ERR_FULL, ERR_IO: the journal cannot write at present.
// ERR_CLOSED: stopping.
int journal_publish(struct journal *journal, struct publish *publish) MUST_CHECK;

// The same in two steps, for many publishes in one turn: journal_run takes all that were enqueued.
int journal_enqueue(struct journal *journal, struct publish *publish) MUST_CHECK;
// Commits publishes that need no store (events of topics with `durability: memory`) on the calling
// thread, unless a commit is under way. Leaves the others to the journal thread. Never blocks.
void journal_run(struct journal *journal);

// A source's position as of the last commit. Any thread. Copies at most LIMIT_SOURCE_POSITION_BYTES
// to `out` and sets *len. ERR_NOT_FOUND.
int journal_source_position(struct journal *journal, struct str name, char *out,
                            size_t *len) MUST_CHECK;

// --- state ---------------------------------------------------------------------------------------

// The journal's identity: a short text of [0-9a-z], drawn when the journal was created. No two
// journals share one. Lives as long as the journal.
const char *journal_epoch(const struct journal *journal);
// The data file was a restored backup, or another copy, when the journal was opened: it got a new
// epoch, so that ids from after the backup are not taken for ids of this journal.
bool journal_was_restored(const struct journal *journal);
// For how many seconds an event of this topic is worth something by the rules of now, for
// event_new_expiring; 0: they do not say. Whoever makes events asks; any thread.
uint32_t journal_expires_s(struct journal *journal, struct str topic);
// The highest committed seq. Any thread.
uint64_t journal_last_seq(const struct journal *journal);

// The one list of the journal's numbers: field, name of its metric, kind of the metric, help.
#define JOURNAL_COUNTERS(X)                                                                        \
    X(events, "journal_events", gauge, "events in the store")                                      \
    X(bytes, "journal_bytes", gauge, "bytes of their records")                                     \
    X(map_bytes, "journal_map_bytes", gauge, "size of the store's map")                            \
    X(map_used_bytes, "journal_map_used_bytes", gauge, "used of it")                               \
    X(first_seq, "journal_first_seq", gauge, "oldest event in the store")                          \
    X(last_seq, "journal_last_seq", gauge, "newest event")                                         \
    X(queue_events, "journal_queue_events", gauge, "events waiting for a commit")                  \
    X(queue_bytes, "journal_queue_bytes", gauge, "their bytes")                                    \
    X(events_total, "events_total", counter, "events committed")                                   \
    X(failures_total, "journal_failures_total", counter, "commits that failed")                    \
    X(trimmed_total, "journal_trimmed_total", counter, "events removed by retention")              \
    X(reader_lag, "journal_reader_lag_commits", gauge,                                             \
      "commits since the oldest snapshot of the store that is in use")                             \
    X(readers_cleared_total, "journal_readers_cleared_total", counter,                             \
      "snapshots of dead or slow processes that were given up")                                    \
    X(ages_suspended, "journal_ages_suspended", gauge,                                             \
      "1 while nothing is deleted for its age, because the clock leapt")

struct journal_stats {
    // 0, or ERR_FULL / ERR_IO: publishing is refused.
    int failed;
    // What failed, for /readyz and the log; empty when nothing did.
    char failure[256];
    // What is wrong although publishing goes on, likewise.
    char trouble[256];
    struct durations commits; // how long they took, syncing included
#define X(field, name, kind, help) uint64_t field;
    JOURNAL_COUNTERS(X)
#undef X
};
// Any thread; a consistent copy of the moment.
void journal_stats(struct journal *journal, struct journal_stats *out);

// New retention, from the next commit on. Copied. `memory` applies to topics that do not exist yet.
// Any thread.
int journal_set_policy(struct journal *journal, const struct journal_policy *policy) MUST_CHECK;

// --- reading -------------------------------------------------------------------------------------

// A reader of what is stored, for one thread: store_reader_close frees it. Holds no LMDB
// transaction between store_reader_end and the next store_reader_begin. ERR_NOMEM.
int journal_reader_open(struct journal *journal, struct store_reader **out) MUST_CHECK;
// Of a reader of the journal: the first stored event with this id of its publisher (EVENT_WIRE_ID),
// in whatever topic. Between begin and end. ERR_NOT_FOUND, ERR_CORRUPT.
int journal_seq_of_id(struct store_reader *base, struct str id, uint64_t *seq) MUST_CHECK;

#endif
