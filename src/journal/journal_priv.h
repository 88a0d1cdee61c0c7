// SPDX-License-Identifier: MIT
// The journal from inside: shared by journal.c (opening, the public functions), writer.c (the
// journal thread), apply.c and stage.c (what commands do), work.c (one transaction), retention.c,
// trim.c and drop.c (what goes).
//
// Fields of struct journal without a remark are guarded by the writer lock. The journal thread
// holds it while it works; a publisher takes it for a moment in writer_quick. Before the thread
// starts and after it has ended the fields belong to the thread that opened the journal.
#ifndef TAILRACE_JOURNAL_JOURNAL_PRIV_H
#define TAILRACE_JOURNAL_JOURNAL_PRIV_H

#include <pthread.h>

#include "journal/apply.h"
#include "journal/command.h"
#include "journal/door.h"
#include "journal/hubs.h"
#include "journal/journal.h"
#include "journal/keys.h"
#include "journal/links.h"
#include "journal/numbers.h"
#include "journal/oldest.h"
#include "journal/policy.h"
#include "journal/readers.h"
#include "journal/record.h"
#include "journal/retention.h"
#include "journal/sender.h"
#include "journal/store.h"
#include "journal/timekeeper.h"
#include "journal/topic_rows.h"
#include "journal/trim.h"
#include "log/local.h"

// Bounds of one commit, for its time and memory. A publish is never divided, so a commit may exceed
// them by one publish.
#define COMMIT_EVENTS_MAX 16384
#define COMMIT_BYTES_MAX (16u << 20)
// A checkpoint is due after this many events or keys (bounds recovery and the memory of keys), or
// after this time.
#define CHECKPOINT_EVENTS 65536
#define CHECKPOINT_INTERVAL_MS 30000
// A bound that is exceeded a little is restored at this pace, because deleting in larger pieces is
// cheaper; one that is exceeded by more than a sixteenth at once.
#define TRIM_INTERVAL_MS 100
#define TRIM_SLACK_DIVISOR 16
// How often the clock is looked at while it leaps.
#define CLOCK_INTERVAL_MS 10000
// While failed: the time between attempts to write, doubled after each.
#define PROBE_FIRST_MS 250
#define PROBE_LAST_MS 2000
// Written by such an attempt, to see whether there is space again.
#define PROBE_BYTES (256u << 10)
// After damage has ended an attempt to delete.
#define MAINTAIN_AGAIN_MS 60000
// How often a shared log is asked for more, and whether it is still the same.
#define FOLLOW_MS 10
#define VERIFY_MS 30000
// How often memory topics that nobody has any more are looked for.
#define DROP_INTERVAL_MS 10000
// Empty topics are dropped while there are more topics than this.
#define TOPICS_PRESSING(max) ((max) - (max) / 16)

// A topic's state at a savepoint.
struct work_undo {
    struct topic_row *topic;
    struct topic_now now;
    uint64_t touched;
};

// A growing list of topics.
struct work_rows {
    struct topic_row **list;
    size_t count, cap;
};

struct work_savepoint {
    size_t undo, made, rows, changed, gone, events, events_bytes, keys;
    struct record_state state;
    uint64_t seq, time_ms;
};

// How far the log has been applied (record.h, struct record_state).
struct log_place {
    uint64_t position, sum, chain;
};

// The hashes of the log at so many of the last positions are remembered.
#define CHAINS_COUNT 1024
struct log_chain {
    uint64_t position, chain;
};

// The transaction under way: what it has changed in memory, and what it will write. See work.c.
struct work {
    // NULL: no store, only events of memory topics.
    MDB_txn *txn;
    bool wrote; // the transaction is not empty
    // LMDB's code of the last failure, and what was attempted.
    int rc;
    const char *doing;
    // Of the entry that is being applied: its time, not before that of the one before; the seq of
    // its next event, 0: the one after the last.
    uint64_t now_ms, next_seq;
    struct log_place place; // what will have been applied
    struct work_savepoint start;
    struct work_undo *undo;
    size_t undo_count, undo_cap;
    // Topics that are new; whose rows are to be written; whose changes are to be announced; that
    // are dropped.
    struct work_rows made, rows, changed, gone;
    // To be made visible, events of memory topics too, each with its record's jump.
    struct event **events;
    uint64_t *jumps;
    size_t events_count, events_cap, jumps_cap;
    size_t events_bytes;
};

struct journal {
    struct store store;
    struct journal_config config;
    char epoch[RECORD_EPOCH_BYTES];
    uint64_t seed; // of the checksums
    // What the journal applies, and how far it has: its own log, or one that it shares with others.
    struct log *log;
    struct log_local local;
    struct log_place place;
    struct log_chain chains[CHAINS_COUNT]; // of a shared log, by position
    struct hubs hubs;                      // of a shared log
    struct sender sender;                  // likewise
    struct door door;
    struct policy policy;
    struct topic_rows topics;
    struct keys keys;
    struct record_state state;
    struct numbers numbers;
    // Batches that may still be in use, oldest first; all with events up to batch_floor are freed.
    struct batch_watch *watches, **watches_end;
    uint64_t batch_floor;
    bool has_memory;        // there may be memory topics
    uint64_t seq;           // the highest given out
    uint64_t time_ms;       // its time
    uint64_t savepoints;    // number of the present savepoint
    struct work_rows dirty; // rows that the next checkpoint writes
    struct work work;

    // Retention. Points of time (`_at_ms`) are monotonic.
    struct work_rows trims; // topics that may be over their bounds
    struct work_rows wipes; // topics with events below their floor
    bool rules_due;         // the topics of a rule may have too much together
    struct topic_row *hog;  // took more than its share when it was looked at last
    uint64_t trim_at_ms;    // when bounds that are exceeded a little are restored
    uint64_t sweep_at_ms;   // when topics are searched for events that are too old
    uint64_t head_time_ms;  // of the oldest event in the store, 0: not known
    uint64_t dropped_at_ms; // when topics to drop were looked for
    uint64_t checkpoint_at_ms;
    struct timekeeper timekeeper;
    uint64_t (*boot_ms)(void);
    struct readers readers;
    char damage[256];        // what retention has met, empty: nothing
    uint64_t maintain_at_ms; // not before
    uint64_t verify_at_ms;   // when a shared log is looked at whether it is still the same
    uint64_t voids;          // commands of a shared log that were not the next of their hubs
    bool diverged;           // what is in a shared log is not what was applied: for good
    bool readers_due;        // a checkpoint was written since the last look at readers
    size_t map_bytes;        // at opening
    uint64_t probe_at_ms, probe_wait_ms;
    // Publishes that were taken from the inbox and are in no command yet.
    struct inbox_message *backlog, **backlog_end;

    pthread_mutex_t writer_lock;
    struct journal_listener listener;
    pthread_t thread;
    bool started;

    // Any thread.
    struct inbox inbox;
    _Atomic(uint64_t) queue_events, queue_bytes;
    _Atomic(uint32_t) entering; // publishers between reading `stopping` and having sent
    _Atomic(bool) stopping;
    _Atomic(int) failed;
    _Atomic(uint64_t) last_seq;

    struct journal_stats counters; // guarded by the writer lock; copied to `stats`

    pthread_mutex_t lock; // guards the fields below
    struct journal_stats stats;
    struct policy policy_next;
    bool policy_waits;
    struct policy policy_said; // the newest, for those who make events
    _Atomic(bool) expires;     // some rule says how long events are worth something
};

// --- load.c: opening ---

// Reads everything that is kept in memory, after creating the journal or bringing it to the present
// format where that is needed.
int load_journal(struct journal *journal, bool created, struct report *report) MUST_CHECK;
int load_failed(struct report *report, const struct journal *journal, int rc, const char *doing);
int load_corrupt(struct report *report, const struct journal *journal, const char *what,
                 uint64_t number);

// --- migrate.c: journals of format 1 ---

// Rewrites all rows in one transaction. The epoch and all ids stay.
int migrate_journal(struct journal *journal, struct report *report) MUST_CHECK;

// --- work.c: one transaction ---------------------------------------------------------------------

int work_begin(struct journal *journal) MUST_CHECK;
// Begins one that never touches the store.
void work_begin_memory(struct journal *journal);
// The journal's time, for stamps and ages.
uint64_t work_now_ms(struct journal *journal);
// For walking along the topic's records within the transaction.
struct links work_links(const struct journal *journal, const struct topic_row *topic);
// Undoes the transaction. Its events have seq 0 again and belong to the caller.
void work_abort(struct journal *journal);
struct work_savepoint work_save(struct journal *journal);
void work_back_to(struct journal *journal, const struct work_savepoint *savepoint);
// Must be called before topic->now is changed.
int work_touch(struct journal *journal, struct topic_row *topic) MUST_CHECK;
// This commit writes the topic's row; announces the topic's change.
int work_row(struct journal *journal, struct topic_row *topic) MUST_CHECK;
int work_changed(struct journal *journal, struct topic_row *topic) MUST_CHECK;
// The topic ends with this transaction, its number is given up.
int work_drop(struct journal *journal, struct topic_row *topic) MUST_CHECK;
int work_new_topic(struct journal *journal, struct str name, uint32_t owner, bool memory,
                   struct topic_row **out) MUST_CHECK;
int work_add_event(struct journal *journal, struct event *event, uint64_t jump) MUST_CHECK;
// Writes the transaction's events and rows, and a checkpoint if asked to, and commits. *batch has
// what became visible, for work_deliver; NULL when nothing did. On an error everything is undone.
int work_commit(struct journal *journal, bool checkpoint, struct batch **batch) MUST_CHECK;
void work_deliver(struct journal *journal, struct batch *batch);
// Finds out which batches were freed since the last call.
void work_watch(struct journal *journal);
// Keeps LMDB's code and `doing` for the failure's message; returns our code.
int work_error(struct journal *journal, int rc, const char *doing);
void work_fini(struct work *work);
int work_rows_add(struct work_rows *topics, struct topic_row *topic) MUST_CHECK;
// The topic must be in the list, whose order changes.
void work_rows_remove(struct work_rows *topics, const struct topic_row *topic);

// --- stage.c: what a publish does ---

// 0 also when the publish was refused, which its result says. Nothing of it is staged then.
int stage_publish(struct journal *journal, struct publish *publish) MUST_CHECK;
// Gives the event this seq and the time of the entry that is being applied, and adds it to its
// topic.
int stage_append(struct journal *journal, struct topic_row *topic, struct event *event,
                 uint64_t seq) MUST_CHECK;
// All events of the topic are forgotten; they are deleted later.
int stage_forget(struct journal *journal, struct topic_row *topic) MUST_CHECK;
// Writes a source's position, or deletes it when it is empty.
int stage_source(struct journal *journal, struct str name, struct str position) MUST_CHECK;

// --- writer.c: the thread ------------------------------------------------------------------------

void *writer_run(void *journal);
// One turn of the thread's loop, without waiting. True: another should follow at once.
bool writer_turn(struct journal *journal);
// Has a command happen: at once, or sends it to a shared log (then the marks are taken over).
// Errors as of apply_log.
int writer_do(struct journal *journal, struct command *command) MUST_CHECK;
// Answers publishers that have their results.
void writer_finish(struct journal *journal, struct inbox_message *list);
// Frees the events that are in no batch.
void writer_free_rest(struct inbox_message *list);
bool writer_checkpoint_due(const struct journal *journal);
// The shared log is not what was applied: nothing more is applied or published.
void writer_diverged(struct journal *journal, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool writer_quick(struct journal *journal) MUST_CHECK;
// Publishing is refused from now on, until a probe succeeds.
void writer_failed(struct journal *journal, int err);
// Fails all publishes in the backlog and in the inbox.
void writer_refuse(struct journal *journal, int err);
// Copies the counters for journal_stats.
void writer_stats(struct journal *journal);

// --- drop.c: topics that end ---

// Drops memory topics that nobody has any more; when there are nearly too many topics, all that are
// empty, and if there are none, forgets the kept ones that are the oldest.
int drop_topics(struct journal *journal) MUST_CHECK;
// When it has to be called again, UINT64_MAX: only after another commit.
uint64_t drop_next_ms(const struct journal *journal);
// Applies a drop, within a transaction.
int drop_apply(struct journal *journal, const struct command *command) MUST_CHECK;

#endif
