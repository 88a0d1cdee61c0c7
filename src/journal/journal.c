// SPDX-License-Identifier: MIT
// The journal's public functions: opening, publishing, state, closing.
#include "journal/journal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "journal/journal_priv.h"
#include "sys/clock.h"

// --- opening -------------------------------------------------------------------------------------

// Address space, not disk: the file grows with use. Twice what retention allows leaves room for
// free pages and for readers that hold old ones; without a bound of bytes the disk is the bound.
static size_t map_bytes(const struct journal_config *config) {
    if (config->map_bytes) return config->map_bytes;
    uint64_t bytes_max = config->policy.retention.bytes_max;
    const uint64_t extra = (uint64_t)1 << 30, most = (uint64_t)1 << 40;
    return bytes_max == 0 || bytes_max > most / 2 ? most : bytes_max * 2 + extra;
}

static uint64_t now_ms(void *journal) { return work_now_ms(journal); }

static bool some_expire(const struct policy *policy) {
    for (size_t i = 0; i < policy->is.rules_count; i++) {
        if (policy->is.rules[i].expires_ms) return true;
    }
    return false;
}

int journal_open(struct journal **out, const struct journal_config *config, struct report *report) {
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal) return report_set(report, ERR_NOMEM, "out of memory");
    *out = NULL;
    journal->config = *config;
    if (!config->unix_ms) journal->config.unix_ms = clock_unix_ms;
    if (!config->mono_ms) journal->config.mono_ms = clock_mono_ms;
    journal->boot_ms = config->mono_ms ? config->mono_ms : clock_boot_ms;
    log_local_init(&journal->local, now_ms, journal);
    journal->log = config->log ? config->log : &journal->local.log;
    sender_init(&journal->sender);
    journal->store.lock_fd = -1;
    journal->inbox.fd = -1;
    journal->backlog_end = &journal->backlog;
    journal->watches_end = &journal->watches;
    journal->trim_at_ms = UINT64_MAX;
    const uint64_t hour_ms = 3600 * 1000;
    journal->readers.age_max_ms = config->reader_age_max_ms ? config->reader_age_max_ms : hour_ms;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_mutex_init(&journal->writer_lock, NULL);
    bool created = false;
    int err =
        store_open(&journal->store, config->dir, map_bytes(config), config->sync, &created, report);
    journal->map_bytes = journal->store.map_bytes;
    if (!err && inbox_init(&journal->inbox))
        err = report_errno(report, ERR_SYSTEM, "cannot make an eventfd");
    if (!err && (policy_copy(&journal->policy, &config->policy) ||
                 policy_copy(&journal->policy_said, &config->policy)))
        err = report_set(report, ERR_NOMEM, "out of memory");
    atomic_store(&journal->expires, some_expire(&journal->policy_said));
    if (!err) err = load_journal(journal, created, report);
    if (!err && retention_policy_changed(journal))
        err = report_set(report, ERR_NOMEM, "out of memory");
    if (!err) err = store_seal(&journal->store, journal->epoch, report);
    if (err) {
        journal_close(journal);
        return err;
    }
    journal->config.dir = journal->store.dir;
    journal->checkpoint_at_ms = journal->config.mono_ms() + CHECKPOINT_INTERVAL_MS;
    writer_stats(journal);
    *out = journal;
    return 0;
}

void journal_topics(struct journal *journal,
                    void (*each)(void *context, const struct topic_state *topic), void *context) {
    ASSERT(!journal->started);
    for (size_t i = 0; i < journal->topics.by_name.cap; i++) {
        const struct topic_row *topic = journal->topics.by_name.at[i].item;
        if (!topic) continue;
        const struct topic_now *now = &topic->now;
        const struct topic_state state = {
            .name = topic_row_name(topic),
            .topic_no = topic->no,
            .closed = now->closed,
            .marker = now->marker,
            .last_seq = now->last_seq,
            .last_ordinal = now->last_ordinal,
            .last_time_ms = now->last_time_ms,
            .trimmed_seq = now->trimmed_seq,
            .trimmed_ordinal = now->trimmed_ordinal,
            .bytes = now->bytes,
        };
        each(context, &state);
    }
}

int journal_start(struct journal *journal, struct journal_listener listener,
                  struct report *report) {
    ASSERT(!journal->started);
    journal->listener = listener;
    int rc = pthread_create(&journal->thread, NULL, writer_run, journal);
    if (rc) return report_set(report, ERR_SYSTEM, "cannot start a thread: %s", strerror(rc));
    journal->started = true;
    return 0;
}

void journal_stop(struct journal *journal) {
    if (atomic_exchange(&journal->stopping, true)) return;
    if (journal->started) {
        inbox_wake(&journal->inbox);
        pthread_join(journal->thread, NULL);
    } else if (journal->inbox.fd >= 0) {
        writer_refuse(journal, ERR_CLOSED);
    }
}

void journal_close(struct journal *journal) {
    if (!journal) return;
    journal_stop(journal);
    if (journal->inbox.fd >= 0) inbox_fini(&journal->inbox);
    store_close(&journal->store);
    sender_drop(&journal->sender);
    hubs_fini(&journal->hubs);
    door_fini(&journal->door);
    work_fini(&journal->work);
    while (journal->watches) {
        struct batch_watch *watch = journal->watches;
        journal->watches = watch->next;
        if (atomic_exchange(&watch->done, true)) free(watch);
    }
    numbers_fini(&journal->numbers);
    keys_fini(&journal->keys);
    topic_rows_fini(&journal->topics);
    free(journal->dirty.list);
    free(journal->trims.list);
    free(journal->wipes.list);
    policy_fini(&journal->policy);
    policy_fini(&journal->policy_next);
    policy_fini(&journal->policy_said);
    pthread_mutex_destroy(&journal->lock);
    pthread_mutex_destroy(&journal->writer_lock);
    free(journal);
}

// --- publishing ----------------------------------------------------------------------------------

static int enqueue(struct journal *journal, struct publish *publish) {
    const struct journal_config *config = &journal->config;
    uint64_t events = atomic_fetch_add(&journal->queue_events, publish->count);
    uint64_t bytes = atomic_fetch_add(&journal->queue_bytes, publish->bytes);
    // An empty queue takes any publish, or one larger than the bounds could never be published.
    if (events > 0 && (events + publish->count > config->queue_events_max ||
                       bytes + publish->bytes > config->queue_bytes_max)) {
        atomic_fetch_sub(&journal->queue_events, publish->count);
        atomic_fetch_sub(&journal->queue_bytes, publish->bytes);
        return ERR_BUSY;
    }
    (void)inbox_put(&journal->inbox, &publish->message);
    return 0;
}

void journal_run(struct journal *journal) {
    if (!writer_quick(journal)) inbox_wake(&journal->inbox);
}

int journal_publish(struct journal *journal, struct publish *publish) {
    int err = journal_enqueue(journal, publish);
    if (!err) inbox_wake(&journal->inbox);
    return err;
}

int journal_enqueue(struct journal *journal, struct publish *publish) {
    ASSERT(publish->count <= LIMIT_PUBLISH_EVENTS);
    ASSERT(publish->count > 0 || publish->source_name.ptr);
    ASSERT(!publish->source_name.ptr || publish->source_name.len > 0);
    ASSERT(publish->source_name.len <= LIMIT_SOURCE_NAME_BYTES &&
           publish->source_position.len <= LIMIT_SOURCE_POSITION_BYTES);
    publish->bytes = sizeof *publish;
    for (uint32_t i = 0; i < publish->count; i++) {
        struct event *event = publish->events[i];
        event->seq = 0;
        publish->bytes += event_size(event);
    }
    atomic_fetch_add(&journal->entering, 1);
    int err = atomic_load(&journal->failed);
    if (atomic_load(&journal->stopping)) err = ERR_CLOSED;
    if (!err) err = enqueue(journal, publish);
    atomic_fetch_sub(&journal->entering, 1);
    return err;
}

int journal_source_position(struct journal *journal, struct str name, char *out, size_t *len) {
    struct store *store = &journal->store;
    *len = 0;
    if (name.len == 0 || name.len > LIMIT_SOURCE_NAME_BYTES) return ERR_NOT_FOUND;
    pthread_rwlock_rdlock(&store->gate);
    MDB_txn *txn;
    int rc = store->env ? mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) : MDB_PANIC;
    if (!rc) {
        MDB_val key = {name.len, (void *)name.ptr}, data;
        rc = mdb_get(txn, store->sources, &key, &data);
        struct str position;
        if (!rc && record_decode_source((struct str){data.mv_data, data.mv_size}, name,
                                        journal->seed, &position))
            rc = MDB_CORRUPTED;
        if (!rc) {
            memcpy(out, position.ptr, position.len);
            *len = position.len;
        }
        mdb_txn_abort(txn);
    }
    pthread_rwlock_unlock(&store->gate);
    return store_error(rc);
}

// --- state ---------------------------------------------------------------------------------------

const char *journal_epoch(const struct journal *journal) { return journal->epoch; }

bool journal_was_restored(const struct journal *journal) { return journal->store.restored; }

uint64_t journal_last_seq(const struct journal *journal) {
    return atomic_load_explicit(&journal->last_seq, memory_order_acquire);
}

void journal_stats(struct journal *journal, struct journal_stats *out) {
    pthread_mutex_lock(&journal->lock);
    *out = journal->stats;
    pthread_mutex_unlock(&journal->lock);
    out->queue_events = atomic_load(&journal->queue_events);
    out->queue_bytes = atomic_load(&journal->queue_bytes);
}

uint32_t journal_expires_s(struct journal *journal, struct str topic) {
    if (!atomic_load(&journal->expires)) return 0;
    pthread_mutex_lock(&journal->lock);
    const struct policy *policy = &journal->policy_said;
    const struct journal_topic_rule *rule = policy_rule(policy, policy_find(policy, topic));
    uint64_t seconds = rule ? rule->expires_ms / 1000 : 0;
    pthread_mutex_unlock(&journal->lock);
    return (uint32_t)seconds;
}

int journal_set_policy(struct journal *journal, const struct journal_policy *policy) {
    struct policy next, said;
    int err = policy_copy(&next, policy);
    if (err) return err;
    err = policy_copy(&said, policy);
    if (err) {
        policy_fini(&next);
        return err;
    }
    pthread_mutex_lock(&journal->lock);
    struct policy old_next = journal->policy_next, old_said = journal->policy_said;
    journal->policy_next = next;
    journal->policy_said = said;
    journal->policy_waits = true;
    pthread_mutex_unlock(&journal->lock);
    atomic_store(&journal->expires, some_expire(&said));
    policy_fini(&old_next);
    policy_fini(&old_said);
    inbox_wake(&journal->inbox);
    return 0;
}
