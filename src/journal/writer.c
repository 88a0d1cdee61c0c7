// SPDX-License-Identifier: MIT
// The journal thread: takes the waiting publishes, stages them one by one, commits, hands the batch
// on, answers the publishers. Between commits it trims and writes checkpoints. While the store
// cannot be written it tries again and again.
#include "journal/journal_priv.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/container.h"
#include "sys/clock.h"

// --- one commit ----------------------------------------------------------------------------------

static struct publish *publish_of(struct inbox_message *message) {
    return container_of(message, struct publish, message);
}

static void finish(struct journal *journal, struct inbox_message *list) {
    while (list) {
        struct publish *publish = publish_of(list);
        list = list->next;
        atomic_fetch_sub(&journal->queue_events, publish->count);
        atomic_fetch_sub(&journal->queue_bytes, publish->bytes);
        publish->done(publish);
    }
}

// Frees the events that are in no batch.
static void free_rest(struct inbox_message *list) {
    for (; list; list = list->next) {
        const struct publish *publish = publish_of(list);
        for (uint32_t i = 0; i < publish->count; i++)
            if (publish->events[i]->seq == 0) event_free(publish->events[i]);
    }
}

static void fail(struct journal *journal, struct inbox_message *list, int err) {
    for (struct inbox_message *at = list; at; at = at->next) {
        struct publish *publish = publish_of(at);
        publish->result = err;
        publish->first = publish->last = 0;
        publish->duplicates = 0;
    }
    free_rest(list);
    finish(journal, list);
}

// As many publishes of the backlog as one commit may have, at least one.
static struct inbox_message *take(struct journal *journal) {
    struct inbox_message *list = journal->backlog, *last = list;
    size_t events = publish_of(last)->count, bytes = publish_of(last)->bytes;
    for (; last->next; last = last->next) {
        const struct publish *next = publish_of(last->next);
        if (events + next->count > COMMIT_EVENTS_MAX || bytes + next->bytes > COMMIT_BYTES_MAX)
            break;
        events += next->count;
        bytes += next->bytes;
    }
    journal->backlog = last->next;
    if (!journal->backlog) journal->backlog_end = &journal->backlog;
    last->next = NULL;
    return list;
}

static bool checkpoint_due(const struct journal *journal) {
    if (journal->state.last_seq - journal->state.checkpoint_seq >= CHECKPOINT_EVENTS) return true;
    if (journal->keys.count >= CHECKPOINT_EVENTS) return true;
    bool dirty = journal->dirty.count || journal->keys.count;
    return dirty && clock_mono_ms() >= journal->checkpoint_at_ms;
}

static int commit(struct journal *journal, struct inbox_message *list, struct batch **batch) {
    int err = work_begin(journal);
    if (err) return err;
    for (struct inbox_message *at = list; at && !err; at = at->next)
        err = stage_publish(journal, publish_of(at));
    if (err) {
        work_abort(journal);
        return err;
    }
    return work_commit(journal, checkpoint_due(journal), batch);
}

// Hands the batch on and answers the publishers.
static void announce(struct journal *journal, struct inbox_message *list, struct batch *batch) {
    // Before the batch is handed on: afterwards its events may be freed at any time.
    free_rest(list);
    writer_stats(journal);
    work_deliver(journal, batch);
    finish(journal, list);
}

static void add_backlog(struct journal *journal, struct inbox_message *list) {
    if (!list) return;
    *journal->backlog_end = list;
    while (list->next) list = list->next;
    journal->backlog_end = &list->next;
}

static void round_trip(struct journal *journal) {
    struct inbox_message *list = take(journal);
    struct batch *batch;
    journal->work.rc = 0;
    int err = commit(journal, list, &batch);
    bool freed = false;
    if (err && journal->work.rc == MDB_MAP_FULL && !trim_make_room(journal, &freed) && freed)
        err = commit(journal, list, &batch);
    if (err) {
        if (err != ERR_NOMEM) writer_failed(journal, err);
        fail(journal, list, err == ERR_FULL || err == ERR_NOMEM ? err : ERR_IO);
        return;
    }
    announce(journal, list, batch);
}

// Puts a list back to the front of the backlog.
static void put_back(struct journal *journal, struct inbox_message *list) {
    if (!list) return;
    struct inbox_message *last = list;
    while (last->next) last = last->next;
    last->next = journal->backlog;
    if (!journal->backlog) journal->backlog_end = &last->next;
    journal->backlog = list;
}

// Commits the front of the backlog as far as that needs no store.
static void quick_trip(struct journal *journal) {
    struct inbox_message *list = take(journal), *at, **end = &list;
    struct batch *batch;
    int err = 0;
    work_begin_memory(journal);
    for (at = list; at; at = *end) {
        err = stage_publish(journal, publish_of(at));
        if (err) break;
        end = &at->next;
    }
    if (err && err != STAGE_STORE) {
        // Out of memory: the journal thread tries again, and fails the publishes if it must.
        work_abort(journal);
        put_back(journal, list);
        return;
    }
    *end = NULL;
    put_back(journal, at);
    if (!list) {
        work_abort(journal);
    } else if (work_commit(journal, false, &batch)) {
        put_back(journal, list);
    } else {
        announce(journal, list, batch);
    }
}

bool writer_quick(struct journal *journal) {
    const struct journal_listener *listener = &journal->listener;
    if (pthread_mutex_trylock(&journal->writer_lock)) return false;
    bool may = !atomic_load(&journal->failed) && !atomic_load(&journal->stopping) &&
               !journal->backlog && (!listener->ready || listener->ready(listener->context));
    if (may) {
        add_backlog(journal, inbox_peel(&journal->inbox));
        if (journal->backlog) quick_trip(journal);
    }
    bool all = may && !journal->backlog;
    pthread_mutex_unlock(&journal->writer_lock);
    return all;
}

// --- failure and recovery ------------------------------------------------------------------------

static void tell_state(const struct journal *journal) {
    const struct journal_listener *listener = &journal->listener;
    if (listener->state)
        listener->state(listener->context, journal->counters.failed, journal->counters.failure);
}

void writer_failed(struct journal *journal, int err) {
    struct work *work = &journal->work;
    int state = err == ERR_FULL ? ERR_FULL : ERR_IO;
    journal->counters.failures_total++;
    journal->counters.failed = state;
    snprintf(
        journal->counters.failure, sizeof journal->counters.failure,
        "the journal in %.80s cannot be written: %s (while trying to %s); publishing is refused "
        "until it can",
        journal->store.dir,
        work->rc == MDB_MAP_FULL ? "its map is full, retention must allow less"
        : work->rc               ? mdb_strerror(work->rc)
                                 : err_text(err),
        work->doing ? work->doing : "write");
    if (!atomic_exchange(&journal->failed, state)) {
        journal->probe_wait_ms = PROBE_FIRST_MS;
        tell_state(journal);
    }
    journal->probe_at_ms = clock_mono_ms() + journal->probe_wait_ms;
    journal->probe_wait_ms *= 2;
    if (journal->probe_wait_ms > PROBE_LAST_MS) journal->probe_wait_ms = PROBE_LAST_MS;
    // At once: readers get nothing until LMDB is open again.
    if (store_panicked(&journal->store)) (void)!store_reopen(&journal->store);
    writer_stats(journal);
}

static int put_blob(struct journal *journal, size_t bytes) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(journal->store.env, NULL, 0, &txn);
    if (rc) return work_error(journal, rc, "begin a transaction");
    MDB_val key = {5, "probe"}, data = {bytes, NULL};
    rc = bytes ? mdb_put(txn, journal->store.meta, &key, &data, MDB_RESERVE)
               : mdb_del(txn, journal->store.meta, &key, NULL);
    if (rc) {
        mdb_txn_abort(txn);
        return work_error(journal, rc, "write again");
    }
    // Zeros, so that no other memory of this process gets into the file.
    if (bytes) memset(data.mv_data, 0, bytes);
    rc = store_commit(&journal->store, txn);
    return rc ? work_error(journal, rc, "write again") : 0;
}

static void probe(struct journal *journal) {
    int err = 0;
    if (store_panicked(&journal->store)) {
        err = store_reopen(&journal->store);
        if (err) (void)!work_error(journal, 0, "open it again");
    }
    bool more;
    // Pages that another process holds back may be all that is missing.
    if (!err && journal->counters.failed == ERR_FULL)
        readers_check(&journal->readers, &journal->store, true);
    // The operator may have shortened retention to make room. A failure here says nothing new.
    if (!err) (void)!trim_step(journal, &more);
    // A small one first: LMDB reuses deleted pages in the second transaction after.
    if (!err) err = put_blob(journal, 1);
    if (!err) err = put_blob(journal, PROBE_BYTES);
    if (!err) err = put_blob(journal, 0);
    if (err) {
        writer_failed(journal, err);
        return;
    }
    journal->counters.failed = 0;
    journal->counters.failure[0] = '\0';
    atomic_store(&journal->failed, 0);
    tell_state(journal);
    // Finds the topics again that were to be trimmed when it failed.
    (void)!trim_policy_changed(journal);
}

// --- the thread ----------------------------------------------------------------------------------

void writer_stats(struct journal *journal) {
    struct journal_stats *counters = &journal->counters;
    counters->last_seq = journal->seq;
    counters->events = journal->state.events;
    counters->bytes = journal->state.bytes;
    uint64_t boot_ms = clock_boot_ms();
    counters->ages_suspended = !timekeeper_trusts_ages(&journal->timekeeper, boot_ms);
    bool was_wrong = counters->clock[0];
    timekeeper_say(&journal->timekeeper, boot_ms, counters->clock, sizeof counters->clock);
    const struct journal_listener *listener = &journal->listener;
    if (listener->clock && was_wrong != (counters->clock[0] != '\0'))
        listener->clock(listener->context, counters->clock);
    counters->reader_lag = journal->readers.lag;
    counters->readers_cleared_total = journal->readers.cleared_total;
    if (journal->store.env && (journal->work.wrote || !counters->map_bytes)) {
        MDB_envinfo info;
        MDB_stat stat;
        mdb_env_info(journal->store.env, &info);
        mdb_env_stat(journal->store.env, &stat);
        counters->map_bytes = info.me_mapsize;
        counters->map_used_bytes = (info.me_last_pgno + 1) * stat.ms_psize;
    }
    pthread_mutex_lock(&journal->lock);
    journal->stats = *counters;
    pthread_mutex_unlock(&journal->lock);
}

static void take_policy(struct journal *journal) {
    pthread_mutex_lock(&journal->lock);
    bool waits = journal->policy_waits;
    struct policy old = journal->policy;
    if (waits) {
        journal->policy = journal->policy_next;
        journal->policy_next = (struct policy){0};
        journal->policy_waits = false;
    }
    pthread_mutex_unlock(&journal->lock);
    if (!waits) return;
    policy_fini(&old);
    // Out of memory only delays the trimming of a topic until the next publish to it.
    (void)!trim_policy_changed(journal);
}

static void take_inbox(struct journal *journal) {
    add_backlog(journal, inbox_take(&journal->inbox));
}

void writer_refuse(struct journal *journal, int err) {
    take_inbox(journal);
    struct inbox_message *list = journal->backlog;
    journal->backlog = NULL;
    journal->backlog_end = &journal->backlog;
    fail(journal, list, err);
}

static void maintain(struct journal *journal, bool *more) {
    *more = false;
    int err = trim_step(journal, more);
    if (!err && checkpoint_due(journal)) {
        struct batch *batch;
        err = work_begin(journal);
        if (!err) err = work_commit(journal, true, &batch);
        if (!err) work_deliver(journal, batch);
    }
    if (!err) err = drop_topics(journal);
    if (err && err != ERR_NOMEM) writer_failed(journal, err);
    if (err) *more = false;
    if (journal->readers_due) readers_check(&journal->readers, &journal->store, false);
    journal->readers_due = false;
}

// How long to wait for publishes, in milliseconds; -1: without end.
static int wait_ms(struct journal *journal) {
    uint64_t at_ms = trim_next_ms(journal), now_ms = clock_mono_ms();
    if (journal->dirty.count || journal->keys.count)
        if (journal->checkpoint_at_ms < at_ms) at_ms = journal->checkpoint_at_ms;
    if (atomic_load(&journal->failed)) at_ms = journal->probe_at_ms;
    uint64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    return at_ms == UINT64_MAX ? -1 : left_ms > 60000 ? 60000 : (int)left_ms;
}

// Gives up the writer lock and waits. A publisher that leaves something behind wakes the thread.
static void wait(struct journal *journal) {
    struct pollfd io = {.fd = journal->inbox.fd, .events = POLLIN};
    int timeout = wait_ms(journal);
    pthread_mutex_unlock(&journal->writer_lock);
    (void)poll(&io, 1, timeout);
    pthread_mutex_lock(&journal->writer_lock);
}

// True when stopping, nothing waits and nothing can come any more.
static bool is_over(struct journal *journal) {
    if (!atomic_load(&journal->stopping)) return false;
    while (atomic_load(&journal->entering)) sched_yield();
    take_inbox(journal);
    return !journal->backlog;
}

void *writer_run(void *context) {
    struct journal *journal = context;
    bool more = false;
    pthread_mutex_lock(&journal->writer_lock);
    while (!is_over(journal)) {
        if (!journal->backlog && !more) wait(journal);
        take_inbox(journal);
        take_policy(journal);
        if (atomic_load(&journal->failed) && clock_mono_ms() >= journal->probe_at_ms)
            probe(journal);
        more = false;
        int failed = atomic_load(&journal->failed);
        if (failed && journal->backlog) {
            writer_refuse(journal, failed);
        } else if (!failed) {
            if (journal->backlog) round_trip(journal);
            if (!atomic_load(&journal->failed)) maintain(journal, &more);
        }
        writer_stats(journal);
    }
    struct batch *batch;
    if (work_begin(journal) == 0) {
        journal->state.seq_reserved = journal->seq;
        if (work_commit(journal, true, &batch) == 0) work_deliver(journal, batch);
    }
    writer_stats(journal);
    pthread_mutex_unlock(&journal->writer_lock);
    return NULL;
}
