// SPDX-License-Identifier: MIT
// The journal thread: makes commands of the waiting publishes, has the log apply them. Between
// commits it plans retention and writes checkpoints. While the store cannot be written it tries
// again and again.
#include "journal/journal_priv.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/container.h"
#include "sys/clock.h"

// --- one commit ----------------------------------------------------------------------------------

static struct publish *publish_of(struct inbox_message *message) {
    return container_of(message, struct publish, message);
}

void writer_finish(struct journal *journal, struct inbox_message *list) {
    while (list) {
        struct publish *publish = publish_of(list);
        list = list->next;
        atomic_fetch_sub(&journal->queue_events, publish->count);
        atomic_fetch_sub(&journal->queue_bytes, publish->bytes);
        publish->done(publish);
    }
}

void writer_free_rest(struct inbox_message *list) {
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
    writer_free_rest(list);
    writer_finish(journal, list);
}

static struct inbox_message *pop(struct journal *journal) {
    struct inbox_message *first = journal->backlog;
    journal->backlog = first->next;
    if (!journal->backlog) journal->backlog_end = &journal->backlog;
    first->next = NULL;
    return first;
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

// What one command may have.
struct room {
    size_t events, bytes;
};

static struct room room_of(const struct journal *journal) {
    struct room room = {COMMIT_EVENTS_MAX, COMMIT_BYTES_MAX};
    if (journal->log->record_events_max) room.events = journal->log->record_events_max;
    if (journal->log->record_bytes_max) room.bytes = journal->log->record_bytes_max;
    return room;
}

// As many publishes of the backlog as one command may have, at least one; those that are not let in
// are answered. `in_memory`: only those before the first that needs the store.
static struct inbox_message *take(struct journal *journal, bool in_memory) {
    struct inbox_message *list = NULL, **end = &list;
    struct room room = room_of(journal);
    door_clear(&journal->door);
    while (journal->backlog) {
        struct publish *next = publish_of(journal->backlog);
        if (list && (next->count > room.events || next->bytes > room.bytes)) break;
        bool needs_store;
        int err = door_admit(journal, next, &needs_store);
        if (in_memory && needs_store) break;
        struct inbox_message *message = pop(journal);
        if (err) {
            fail(journal, message, err);
            continue;
        }
        room.events -= next->count < room.events ? next->count : room.events;
        room.bytes -= next->bytes < room.bytes ? next->bytes : room.bytes;
        *end = message;
        end = &message->next;
    }
    return list;
}

bool writer_checkpoint_due(const struct journal *journal) {
    if (journal->state.last_seq - journal->state.checkpoint_seq >= CHECKPOINT_EVENTS) return true;
    if (journal->keys.count >= CHECKPOINT_EVENTS) return true;
    bool dirty = journal->dirty.count || journal->keys.count;
    return dirty && journal->config.mono_ms() >= journal->checkpoint_at_ms;
}

static void add_backlog(struct journal *journal, struct inbox_message *list) {
    if (!list) return;
    *journal->backlog_end = list;
    while (list->next) list = list->next;
    journal->backlog_end = &list->next;
}

int writer_do(struct journal *journal, struct command *command) {
    bool more;
    if (log_is_shared(journal->log)) {
        int err = sender_send(journal, command);
        // Its marks are the sender's now.
        if (!err) command->marks = NULL;
        return err;
    }
    int err = log_append(journal->log, &command->record);
    return err ? err : apply_log(journal, false, &more);
}

// Of the journal's own log.
static void round_trip(struct journal *journal) {
    struct command command;
    command_init(&command, COMMAND_COMMIT);
    command.publishes = take(journal, false);
    if (!command.publishes) return;
    journal->work.rc = 0;
    int err = writer_do(journal, &command);
    bool freed = false;
    if (err && journal->work.rc == MDB_MAP_FULL && !trim_make_room(journal, &freed) && freed)
        err = writer_do(journal, &command);
    if (!err) return;
    if (err != ERR_NOMEM) writer_failed(journal, err);
    fail(journal, command.publishes, err == ERR_FULL || err == ERR_NOMEM ? err : ERR_IO);
}

// Commits the front of the backlog as far as that needs no store.
static void quick_trip(struct journal *journal) {
    struct command command;
    bool more;
    command_init(&command, COMMAND_COMMIT);
    command.publishes = take(journal, true);
    if (!command.publishes) return;
    int err = log_append(journal->log, &command.record);
    if (!err) err = apply_log(journal, true, &more);
    // Out of memory: the journal thread tries again, and fails the publishes if it must.
    if (err) put_back(journal, command.publishes);
}

bool writer_quick(struct journal *journal) {
    if (log_is_shared(journal->log)) return false;
    if (pthread_mutex_trylock(&journal->writer_lock)) return false;
    bool may =
        !atomic_load(&journal->failed) && !atomic_load(&journal->stopping) && !journal->backlog;
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

// `state`: what publishers are answered with.
static void refuse(struct journal *journal, int state) {
    journal->counters.failures_total++;
    journal->counters.failed = state;
    if (atomic_exchange(&journal->failed, state)) return;
    journal->probe_wait_ms = PROBE_FIRST_MS;
    tell_state(journal);
}

void writer_failed(struct journal *journal, int err) {
    struct work *work = &journal->work;
    if (journal->diverged) return;
    snprintf(
        journal->counters.failure, sizeof journal->counters.failure,
        "the journal in %.80s cannot be written: %s (while trying to %s); publishing is refused "
        "until it can",
        journal->store.dir,
        work->rc == MDB_MAP_FULL ? "its map is full, retention must allow less"
        : work->rc               ? mdb_strerror(work->rc)
                                 : err_text(err),
        work->doing ? work->doing : "write");
    refuse(journal, err == ERR_FULL ? ERR_FULL : ERR_IO);
    journal->probe_at_ms = journal->config.mono_ms() + journal->probe_wait_ms;
    journal->probe_wait_ms *= 2;
    if (journal->probe_wait_ms > PROBE_LAST_MS) journal->probe_wait_ms = PROBE_LAST_MS;
    // At once: readers get nothing until LMDB is open again.
    if (store_panicked(&journal->store)) (void)!store_reopen(&journal->store);
    writer_stats(journal);
}

void writer_diverged(struct journal *journal, const char *fmt, ...) {
    if (journal->diverged) return;
    char what[160];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(journal->counters.failure, sizeof journal->counters.failure,
             "%s; what is stored can be read, but nothing new is shown or published", what);
    refuse(journal, ERR_IO);
    journal->diverged = true;
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
    (void)!retention_policy_changed(journal);
}

// --- the thread ----------------------------------------------------------------------------------

void writer_stats(struct journal *journal) {
    struct journal_stats *counters = &journal->counters;
    counters->last_seq = journal->seq;
    counters->events = journal->state.events;
    counters->bytes = journal->state.bytes;
    uint64_t boot_ms = journal->boot_ms();
    counters->ages_suspended = !timekeeper_trusts_ages(&journal->timekeeper, boot_ms);
    bool was_wrong = counters->trouble[0];
    timekeeper_say(&journal->timekeeper, boot_ms, counters->trouble, sizeof counters->trouble);
    if (!counters->trouble[0]) memcpy(counters->trouble, journal->damage, sizeof journal->damage);
    const struct journal_listener *listener = &journal->listener;
    if (listener->trouble && was_wrong != (counters->trouble[0] != '\0'))
        listener->trouble(listener->context, counters->trouble);
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
    (void)!retention_policy_changed(journal);
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

// Damage that only deleting has met must not stop publishing: what retention could not do waits.
static void put_off(struct journal *journal) {
    if (!journal->damage[0])
        snprintf(journal->damage, sizeof journal->damage,
                 "retention in %.80s has met damage (%s while trying to %s) and waits; "
                 "`tailrace check` says what is damaged",
                 journal->store.dir, mdb_strerror(journal->work.rc), journal->work.doing);
    journal->maintain_at_ms = journal->config.mono_ms() + MAINTAIN_AGAIN_MS;
}

static void maintain(struct journal *journal, bool *more) {
    *more = false;
    if (journal->config.mono_ms() < journal->maintain_at_ms) return;
    int err = trim_step(journal, more);
    if (!err && writer_checkpoint_due(journal)) {
        struct batch *batch;
        err = work_begin(journal);
        if (!err) err = work_commit(journal, true, &batch);
        if (!err) work_deliver(journal, batch);
    }
    if (!err) err = drop_topics(journal);
    if (err == ERR_CORRUPT)
        put_off(journal);
    else if (err && err != ERR_NOMEM)
        writer_failed(journal, err);
    if (err) *more = false;
    if (journal->readers_due) readers_check(&journal->readers, &journal->store, false);
    journal->readers_due = false;
}

// How long to wait for publishes, in milliseconds; -1: without end.
static int wait_ms(struct journal *journal) {
    uint64_t at_ms = retention_next_ms(journal), now_ms = journal->config.mono_ms();
    uint64_t drop_at_ms = drop_next_ms(journal);
    if (drop_at_ms < at_ms) at_ms = drop_at_ms;
    if (at_ms < journal->maintain_at_ms) at_ms = journal->maintain_at_ms;
    if (log_is_shared(journal->log) && now_ms + FOLLOW_MS < at_ms) at_ms = now_ms + FOLLOW_MS;
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

// Of a shared log: applies what has come, and sends what waits.
static void exchange(struct journal *journal) {
    bool more = true;
    uint64_t now_ms = journal->config.mono_ms();
    if (now_ms >= journal->verify_at_ms) {
        apply_verify(journal);
        journal->verify_at_ms = now_ms + VERIFY_MS;
    }
    while (more && !atomic_load(&journal->failed)) {
        int err = apply_log(journal, false, &more);
        if (err == ERR_NOMEM) break;
        if (err) writer_failed(journal, err);
    }
    sender_tick(journal);
    while (journal->backlog && sender_has_room(&journal->sender)) {
        struct command command;
        command_init(&command, COMMAND_COMMIT);
        command.publishes = take(journal, false);
        if (!command.publishes || !sender_send(journal, &command)) continue;
        put_back(journal, command.publishes);
        break;
    }
}

// What is on its way in a shared log is given up.
static void fail_sent(struct journal *journal, int err) {
    for (struct command *command = journal->sender.first; command; command = command->next)
        fail(journal, command->publishes, err);
    sender_drop(&journal->sender);
}

// Another process has this hub's name: what is on its way was not applied and will not be.
static void give_way(struct journal *journal) {
    snprintf(journal->counters.failure, sizeof journal->counters.failure,
             "another process was started as hub %s of this log; publishing is refused here",
             journal->config.hub);
    journal->counters.failed = ERR_IO;
    fail_sent(journal, ERR_IO);
    writer_refuse(journal, ERR_IO);
}

bool writer_turn(struct journal *journal) {
    bool more = false, shared = log_is_shared(journal->log);
    take_inbox(journal);
    take_policy(journal);
    if (atomic_load(&journal->failed) && !journal->diverged &&
        journal->config.mono_ms() >= journal->probe_at_ms)
        probe(journal);
    int failed = atomic_load(&journal->failed);
    if (failed && journal->backlog) {
        writer_refuse(journal, failed);
    } else if (!failed) {
        if (shared) exchange(journal);
        if (shared && journal->sender.state == SENDER_SUPERSEDED) give_way(journal);
        if (!shared && journal->backlog) round_trip(journal);
        if (!atomic_load(&journal->failed)) maintain(journal, &more);
    }
    writer_stats(journal);
    return more || (!shared && journal->backlog);
}

void *writer_run(void *context) {
    struct journal *journal = context;
    bool more = false;
    pthread_mutex_lock(&journal->writer_lock);
    while (!is_over(journal)) {
        if (!more) wait(journal);
        more = writer_turn(journal);
    }
    fail_sent(journal, ERR_UNKNOWN);
    struct batch *batch;
    if (work_begin(journal) == 0) {
        journal->state.seq_reserved = journal->seq;
        if (work_commit(journal, true, &batch) == 0) work_deliver(journal, batch);
    }
    writer_stats(journal);
    pthread_mutex_unlock(&journal->writer_lock);
    return NULL;
}
