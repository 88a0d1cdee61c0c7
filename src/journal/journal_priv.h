// SPDX-License-Identifier: MIT
// The journal from inside: shared by journal.c (opening, the public face), writer.c (the thread), work.c (one transaction) and
// trim.c (retention).
//
// Fields without a remark belong to whoever has the turn: as a rule the journal thread, for a moment a publisher (see writer_quick); to the
// opener before the thread runs and after.
#ifndef TAILRACE_JOURNAL_JOURNAL_PRIV_H
#define TAILRACE_JOURNAL_JOURNAL_PRIV_H

#include <pthread.h>

#include "journal/journal.h"
#include "journal/keys.h"
#include "journal/policy.h"
#include "journal/record.h"
#include "journal/store.h"
#include "journal/topics.h"

// One commit: bounds its time and memory. A publish is never divided, so a commit may exceed them by one publish.
#define COMMIT_EVENTS_MAX 16384
#define COMMIT_BYTES_MAX (16u << 20)
// A checkpoint at the latest after so many events or keys (bounds recovery and the memory of keys), or so long.
#define CHECKPOINT_EVENTS 65536
#define CHECKPOINT_INTERVAL_MS 30000
// What one step of the trimmer deletes at most, so that publishers wait little.
#define TRIM_EVENTS_MAX 16384
// A little over a bound is put right at this pace, much over at once: deleting in larger pieces is cheaper.
#define TRIM_INTERVAL_MS 100
#define TRIM_SLACK_DIVISOR 16
// While failed: how often it tries again.
#define PROBE_FIRST_MS 250
#define PROBE_LAST_MS 2000
// Written to see whether there is space again.
#define PROBE_BYTES (256u << 10)
// Topics of which nothing is left make room from this part of topics_max on.
#define TOPICS_PRESSING(max) ((max) - (max) / 16)

// What a topic was like at a savepoint.
struct work_undo {
    struct topic *topic;
    struct topic_now now;
    uint64_t touched;
};

struct work_topics { // growable
    struct topic **list;
    size_t count, cap;
};

struct work_savepoint {
    size_t undo, made, rows, changed, events, events_bytes, keys;
    struct record_state state;
    uint64_t seq, time_ms;
};

// The transaction under way: what it has changed in memory, and what it is going to write. See work.c.
struct work {
    MDB_txn *txn;
    bool wrote; // something is in the transaction already
    int rc;     // LMDB's code behind the last failure
    const char *doing;
    uint64_t now_ms;
    struct work_savepoint start;
    struct work_undo *undo;
    size_t undo_count, undo_cap;
    struct work_topics made, rows, changed;
    struct event **events; // to be made visible, those of memory topics too
    uint64_t *jumps;
    size_t events_count, events_cap, jumps_cap;
    size_t events_bytes;
};

struct journal {
    struct store store;
    struct journal_config config;
    char epoch[RECORD_EPOCH_BYTES];
    struct policy policy;
    struct topics topics;
    struct keys keys;
    struct record_state state;
    uint64_t seq;             // the highest given out
    uint64_t time_ms;         // of it
    uint64_t savepoints;      // how many there were; names the present one
    struct work_topics dirty; // rows that the next checkpoint writes
    struct work work;

    struct work_topics trims; // topics for the trimmer to look at
    uint64_t trim_at_ms;      // monotonic: when to look at bounds that are exceeded a little
    uint64_t sweep_at_ms;     // when to look for topics with events that are too old
    uint64_t head_time_ms;    // of the oldest event in the store, 0: not known
    uint64_t drop_at_ms;      // when to look for topics to drop again
    uint64_t checkpoint_at_ms;
    size_t map_bytes; // at opening
    uint64_t probe_at_ms, probe_wait_ms;
    struct publish *backlog, **backlog_end; // taken from the inbox, not committed yet

    pthread_mutex_t turn;
    struct journal_listener listener;
    pthread_t thread;
    bool started;

    // Any thread.
    struct inbox inbox;
    _Atomic(uint64_t) queue_events, queue_bytes;
    _Atomic(uint32_t) entering; // publishers between looking at `stopping` and having sent
    _Atomic(bool) stopping;
    _Atomic(int) failed;
    _Atomic(uint64_t) last_seq;

    struct journal_stats counters; // of who has the turn; copied to `stats`

    pthread_mutex_t lock; // what follows
    struct journal_stats stats;
    struct policy policy_next;
    bool policy_waits;
};

// --- work.c: one transaction ---

int work_begin(struct journal *journal) MUST_CHECK;
// One that never touches the store.
void work_begin_memory(struct journal *journal);
// Nothing of it happened. Its events have seq 0 again and are the caller's.
void work_abort(struct journal *journal);
struct work_savepoint work_save(struct journal *journal);
void work_back_to(struct journal *journal, const struct work_savepoint *savepoint);
// Before changing topic->now.
int work_touch(struct journal *journal, struct topic *topic) MUST_CHECK;
// Its row is to be written by this commit; its change is to be told.
int work_row(struct journal *journal, struct topic *topic) MUST_CHECK;
int work_changed(struct journal *journal, struct topic *topic) MUST_CHECK;
int work_new_topic(struct journal *journal, struct str name, struct topic **out) MUST_CHECK;
int work_add_event(struct journal *journal, struct event *event, uint64_t jump) MUST_CHECK;
// Writes what was collected, and a checkpoint if asked to, and commits. *batch is what became visible, for work_deliver; NULL when
// nothing did. On failure everything is undone.
int work_commit(struct journal *journal, bool checkpoint, struct batch **batch) MUST_CHECK;
void work_deliver(struct journal *journal, struct batch *batch);
// Notes LMDB's code, gives ours.
int work_error(struct journal *journal, int rc, const char *doing);
void work_fini(struct work *work);
int work_topics_add(struct work_topics *topics, struct topic *topic) MUST_CHECK;

// --- writer.c: the thread ---

void *writer_run(void *journal);
// What journal_run does. False: there is something for the journal thread.
bool writer_quick(struct journal *journal) MUST_CHECK;
// Publishing is refused from now on, until a probe succeeds.
void writer_failed(struct journal *journal, int err);
// Fails what has been taken from the inbox or waits in it.
void writer_refuse(struct journal *journal, int err);
// Copies the counters for journal_stats.
void writer_stats(struct journal *journal);

// --- trim.c: retention ---

// At opening and after a change of policy: finds each topic's rule and what has to be looked at.
int trim_policy_changed(struct journal *journal) MUST_CHECK;
// After a commit: whether this topic is over its bounds.
void trim_look(struct journal *journal, struct topic *topic);
int trim_queue(struct journal *journal, struct topic *topic) MUST_CHECK;
// One step, if there is anything to do; *more when another should follow at once.
int trim_step(struct journal *journal, bool *more) MUST_CHECK;
// The map is full: removes a part of the oldest events if the policy bounds bytes.
int trim_make_room(struct journal *journal, bool *freed) MUST_CHECK;
// When there are nearly too many topics: forgets those of which nothing is left.
int trim_drop_topics(struct journal *journal) MUST_CHECK;
// When trim_step wants to be called again, monotonic ms; UINT64_MAX: when something has happened.
uint64_t trim_next_ms(const struct journal *journal);

#endif
