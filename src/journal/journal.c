// SPDX-License-Identifier: MIT
// The journal's public functions: opening with recovery, publishing, state, closing.
#include "journal/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/limits.h"
#include "journal/journal_priv.h"
#include "journal/links.h"
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

static int store_report(struct report *report, const struct journal *journal, int rc,
                        const char *doing) {
    return report_set(report, store_error(rc), "cannot %s in %s: %s", doing, journal->store.dir,
                      mdb_strerror(rc));
}

static int corrupt(struct report *report, const struct journal *journal, const char *what,
                   uint64_t number) {
    return report_set(report, ERR_CORRUPT,
                      "%s/" STORE_DATA_FILE " is damaged: %s %" PRIu64
                      "; restore it from a backup, or move the directory away to start empty",
                      journal->store.dir, what, number);
}

static void draw_epoch(char out[RECORD_EPOCH_BYTES]) {
    // Microseconds with three random digits, so that journals made at the same moment on two
    // machines differ too.
    uint16_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    uint64_t value = clock_unix_ms() * 1000 + random % 1000;
    char digits[RECORD_EPOCH_BYTES];
    size_t len = 0;
    for (; value && len < sizeof digits - 1; value /= 36)
        digits[len++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
    memset(out, 0, RECORD_EPOCH_BYTES);
    for (size_t i = 0; i < len; i++) out[i] = digits[len - 1 - i];
}

static int create(struct journal *journal, struct report *report) {
    struct record_format format = {.version = RECORD_FORMAT_VERSION};
    memcpy(format.magic, record_magic, sizeof format.magic);
    draw_epoch(format.epoch);
    struct record_state state = {.topic_next = 1};
    MDB_val format_key = {6, "format"}, format_data = {sizeof format, &format};
    MDB_val state_key = {5, "state"}, state_data = {sizeof state, &state};
    MDB_txn *txn;
    int rc = mdb_txn_begin(journal->store.env, NULL, 0, &txn);
    if (rc) return store_report(report, journal, rc, "create the journal");
    rc = mdb_put(txn, journal->store.meta, &format_key, &format_data, 0);
    if (!rc) rc = mdb_put(txn, journal->store.meta, &state_key, &state_data, 0);
    if (rc)
        mdb_txn_abort(txn);
    else
        rc = store_commit(&journal->store, txn);
    return rc ? store_report(report, journal, rc, "create the journal") : 0;
}

static int load_meta(struct journal *journal, MDB_txn *txn, struct report *report) {
    struct record_format format;
    MDB_val key = {6, "format"}, data;
    int rc = mdb_get(txn, journal->store.meta, &key, &data);
    if (rc && rc != MDB_NOTFOUND) return store_report(report, journal, rc, "read the format");
    if (rc || data.mv_size < sizeof format.magic + sizeof format.version)
        return corrupt(report, journal, "no format version", 0);
    memset(&format, 0, sizeof format);
    memcpy(&format, data.mv_data, data.mv_size < sizeof format ? data.mv_size : sizeof format);
    if (memcmp(format.magic, record_magic, sizeof format.magic) != 0)
        return report_set(report, ERR_CORRUPT, "%s is not a tailrace data directory",
                          journal->store.dir);
    if (format.version > RECORD_FORMAT_VERSION)
        return report_set(report, ERR_VERSION,
                          "%s was written by a newer tailrace (format %u, this one knows %u); use "
                          "that one, or another data directory",
                          journal->store.dir, format.version, RECORD_FORMAT_VERSION);
    if (format.version == 0 || format.epoch[sizeof format.epoch - 1] || !format.epoch[0])
        return corrupt(report, journal, "bad format version", format.version);
    memcpy(journal->epoch, format.epoch, sizeof journal->epoch);

    key = (MDB_val){5, "state"};
    rc = mdb_get(txn, journal->store.meta, &key, &data);
    if (rc && rc != MDB_NOTFOUND) return store_report(report, journal, rc, "read the state");
    if (rc || data.mv_size != sizeof journal->state)
        return corrupt(report, journal, "bad state of bytes", rc ? 0 : data.mv_size);
    memcpy(&journal->state, data.mv_data, sizeof journal->state);
    if (journal->state.checkpoint_seq > journal->state.last_seq)
        return corrupt(report, journal, "checkpoint", journal->state.checkpoint_seq);
    return 0;
}

static int load_topics(struct journal *journal, MDB_txn *txn, struct report *report) {
    MDB_cursor *cursor;
    MDB_val key, data;
    int err = 0, rc = mdb_cursor_open(txn, journal->store.topics, &cursor);
    if (rc) return store_report(report, journal, rc, "read topics");
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST); !rc && !err;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        uint32_t no = 0;
        struct topic_now now;
        struct str name = {0};
        struct topic_row *topic;
        if (key.mv_size == sizeof no) memcpy(&no, key.mv_data, sizeof no);
        if (no == 0 || no >= journal->state.topic_next ||
            record_decode_topic((struct str){data.mv_data, data.mv_size}, &now, &name) ||
            now.last_seq > journal->state.last_seq || topic_rows_find(&journal->topics, name))
            err = corrupt(report, journal, "topic", no);
        if (!err && topic_rows_add(&journal->topics, name, no, &topic))
            err = report_set(report, ERR_NOMEM, "out of memory");
        if (!err) topic->now = now;
    }
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND) err = store_report(report, journal, rc, "read topics");
    return err;
}

// Applies an event after the checkpoint to its topic and to the keys.
static int replay(struct journal *journal, const struct record *record) {
    struct topic_row *topic = topic_rows_find_no(&journal->topics, record->topic_no);
    if (!topic) return ERR_CORRUPT;
    struct topic_now *now = &topic->now;
    if (record->seq > now->last_seq) {
        if (record->ordinal != now->last_ordinal + 1 && now->last_ordinal) return ERR_CORRUPT;
        now->last_seq = record->seq;
        now->last_ordinal = record->ordinal;
        now->last_time_ms = record->time_ms;
        now->bytes += record->data.len;
        now->closed = (record->flags & EVENT_CLOSE) != 0;
        now->marker = (record->flags & EVENT_MARKER) != 0;
        if (!topic->dirty) {
            int err = work_rows_add(&journal->dirty, topic);
            if (err) return err;
            topic->dirty = true;
        }
    }
    if (record->key.len == 0 || record->seq <= now->trimmed_seq) return 0;
    char bytes[KEYS_BYTES_MAX];
    struct str key = {bytes, keys_encode(bytes, topic->no, record->key)};
    return keys_add(&journal->keys, key, record->seq, false);
}

static int load_events(struct journal *journal, MDB_txn *txn, struct report *report) {
    MDB_cursor *cursor;
    MDB_val key, data;
    uint64_t seq = 0;
    int err = 0, rc = mdb_cursor_open(txn, journal->store.events, &cursor);
    if (rc) return store_report(report, journal, rc, "read events");
    if (mdb_cursor_get(cursor, &key, &data, MDB_FIRST) == 0 && key.mv_size == sizeof seq)
        memcpy(&journal->counters.first_seq, key.mv_data, sizeof seq);
    seq = journal->state.checkpoint_seq + 1;
    key = (MDB_val){sizeof seq, &seq};
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE); !rc && !err;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        struct record_view view;
        memcpy(&seq, key.mv_data, sizeof seq);
        err = record_decode((struct str){data.mv_data, data.mv_size}, seq, &view);
        if (!err) err = seq > journal->state.last_seq ? ERR_CORRUPT : replay(journal, &view.record);
        if (err == ERR_CORRUPT) err = corrupt(report, journal, "event", seq);
        if (err == ERR_NOMEM) err = report_set(report, err, "out of memory");
    }
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND) err = store_report(report, journal, rc, "read events");
    return err;
}

static int load(struct journal *journal, struct report *report) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(journal->store.env, NULL, MDB_RDONLY, &txn);
    if (rc) return store_report(report, journal, rc, "read the journal");
    int err = load_meta(journal, txn, report);
    if (!err) err = load_topics(journal, txn, report);
    if (!err) err = load_events(journal, txn, report);
    mdb_txn_abort(txn);
    if (err) return err;
    const struct record_state *state = &journal->state;
    journal->seq = state->last_seq > state->seq_reserved ? state->last_seq : state->seq_reserved;
    journal->time_ms = state->last_time_ms;
    atomic_store(&journal->last_seq, journal->seq);
    return 0;
}

int journal_open(struct journal **out, const struct journal_config *config, struct report *report) {
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal) return report_set(report, ERR_NOMEM, "out of memory");
    *out = NULL;
    journal->config = *config;
    journal->store.lock_fd = -1;
    journal->inbox.fd = -1;
    journal->backlog_end = &journal->backlog;
    journal->trim_at_ms = UINT64_MAX;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_mutex_init(&journal->writer_lock, NULL);
    bool created = false;
    int err =
        store_open(&journal->store, config->dir, map_bytes(config), config->sync, &created, report);
    journal->map_bytes = journal->store.map_bytes;
    if (!err && inbox_init(&journal->inbox))
        err = report_errno(report, ERR_SYSTEM, "cannot make an eventfd");
    if (!err && policy_copy(&journal->policy, &config->policy))
        err = report_set(report, ERR_NOMEM, "out of memory");
    if (!err && created) err = create(journal, report);
    if (!err) err = load(journal, report);
    if (!err && trim_policy_changed(journal)) err = report_set(report, ERR_NOMEM, "out of memory");
    if (!err) err = store_seal(&journal->store, report);
    if (err) {
        journal_close(journal);
        return err;
    }
    journal->config.dir = journal->store.dir;
    journal->checkpoint_at_ms = clock_mono_ms() + CHECKPOINT_INTERVAL_MS;
    writer_stats(journal);
    *out = journal;
    return 0;
}

void journal_topics(struct journal *journal,
                    void (*each)(void *context, const struct topic_state *topic), void *context) {
    ASSERT(!journal->started);
    for (size_t i = 0; i < journal->topics.by_no.cap; i++) {
        const struct topic_row *topic = journal->topics.by_no.at[i].item;
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
    work_fini(&journal->work);
    keys_fini(&journal->keys);
    topic_rows_fini(&journal->topics);
    free(journal->dirty.list);
    free(journal->trims.list);
    policy_fini(&journal->policy);
    policy_fini(&journal->policy_next);
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
        publish->bytes +=
            sizeof *event + event->topic_len + event->type_len + event->key_len + event->data_len;
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
        if (!rc && data.mv_size > LIMIT_SOURCE_POSITION_BYTES) rc = MDB_CORRUPTED;
        if (!rc) {
            memcpy(out, data.mv_data, data.mv_size);
            *len = data.mv_size;
        }
        mdb_txn_abort(txn);
    }
    pthread_rwlock_unlock(&store->gate);
    return store_error(rc);
}

// --- state ---------------------------------------------------------------------------------------

const char *journal_epoch(const struct journal *journal) { return journal->epoch; }

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

int journal_set_policy(struct journal *journal, const struct journal_policy *policy) {
    struct policy copy;
    int err = policy_copy(&copy, policy);
    if (err) return err;
    pthread_mutex_lock(&journal->lock);
    struct policy old = journal->policy_next;
    journal->policy_next = copy;
    journal->policy_waits = true;
    pthread_mutex_unlock(&journal->lock);
    policy_fini(&old);
    inbox_wake(&journal->inbox);
    return 0;
}
