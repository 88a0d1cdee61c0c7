// SPDX-License-Identifier: MIT
// Journals of format 1, which had no checksums: all rows are rewritten in one transaction, so that
// a crash leaves the journal of before. The epoch and all ids stay.
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/array.h"
#include "base/limits.h"
#include "journal/journal_priv.h"

struct format_1 {
    char magic[8];
    uint32_t version;
    uint32_t zero;
    char epoch[RECORD_EPOCH_BYTES];
};

struct state_1 {
    uint64_t checkpoint_seq, last_seq, last_time_ms, seq_reserved, events, bytes, topics_pending;
    uint32_t topic_next;
    uint32_t zero;
};

struct header_1 {
    uint64_t time_ms, prev, jump, ordinal;
    uint32_t topic_no;
    uint32_t data_len;
    uint8_t flags;
    uint8_t type_len;
    uint8_t key_len;
    uint8_t zero[5];
};

struct topic_1 {
    uint64_t last_seq, last_ordinal, last_time_ms;
    uint64_t trimmed_seq, trimmed_ordinal, gone_seq, gone_ordinal;
    uint64_t bytes;
    uint8_t closed, marker;
    uint8_t zero[6];
};

struct migration {
    struct journal *journal;
    MDB_txn *txn;
    struct report *report;
    char *buffer; // a row
    size_t cap;
};

static int failed(struct migration *migration, int rc) {
    return load_failed(migration->report, migration->journal, rc, "bring to the present format");
}

// Makes room for a row of this size in the buffer.
static int reserve(struct migration *migration, size_t size) {
    return array_reserve(migration->buffer, migration->cap, size) ? 0 : failed(migration, ENOMEM);
}

// The buffer has the row of the key under the cursor.
static int put_row(struct migration *migration, MDB_cursor *cursor, MDB_val key, size_t size) {
    MDB_val data = {size, migration->buffer};
    int rc = mdb_cursor_put(cursor, &key, &data, MDB_CURRENT);
    return rc ? failed(migration, rc) : 0;
}

static int migrate_event(struct migration *migration, MDB_cursor *cursor, MDB_val key,
                         MDB_val data) {
    struct journal *journal = migration->journal;
    uint64_t seq = 0;
    struct header_1 old;
    if (key.mv_size == sizeof seq) memcpy(&seq, key.mv_data, sizeof seq);
    if (data.mv_size < sizeof old || seq == 0)
        return load_corrupt(migration->report, journal, "event", seq);
    memcpy(&old, data.mv_data, sizeof old);
    const char *body = (const char *)data.mv_data + sizeof old;
    size_t len = data.mv_size - sizeof old;
    if (old.data_len > LIMIT_DATA_BYTES || old.prev >= seq || old.jump > old.prev ||
        len != (size_t)old.type_len + old.key_len + old.data_len)
        return load_corrupt(migration->report, journal, "event", seq);
    struct event *event =
        event_new((struct str){0}, (struct str){body, old.type_len},
                  (struct str){body + old.type_len, old.key_len},
                  (struct str){body + old.type_len + old.key_len, old.data_len}, old.flags);
    if (!event) return report_set(migration->report, ERR_NOMEM, "out of memory");
    event->seq = seq;
    event->prev = old.prev;
    event->ordinal = old.ordinal;
    event->time_ms = old.time_ms;
    event->topic_no = old.topic_no;
    size_t size = record_size(event);
    int err = reserve(migration, size);
    if (!err) record_encode(migration->buffer, event, old.jump, journal->seed);
    event_free(event);
    return err ? err : put_row(migration, cursor, key, size);
}

static int migrate_topic(struct migration *migration, MDB_cursor *cursor, MDB_val key,
                         MDB_val data) {
    struct journal *journal = migration->journal;
    struct topic_1 old;
    uint32_t no = 0;
    if (key.mv_size == sizeof no) memcpy(&no, key.mv_data, sizeof no);
    if (no == 0 || data.mv_size <= sizeof old || data.mv_size > sizeof old + LIMIT_TOPIC_BYTES)
        return load_corrupt(migration->report, journal, "topic", no);
    memcpy(&old, data.mv_data, sizeof old);
    struct topic_now now = {.last_seq = old.last_seq,
                            .last_ordinal = old.last_ordinal,
                            .last_time_ms = old.last_time_ms,
                            .trimmed_seq = old.trimmed_seq,
                            .trimmed_ordinal = old.trimmed_ordinal,
                            .gone_seq = old.gone_seq,
                            .gone_ordinal = old.gone_ordinal,
                            .bytes = old.bytes,
                            .closed = old.closed,
                            .marker = old.marker};
    struct str name = {(const char *)data.mv_data + sizeof old, data.mv_size - sizeof old};
    size_t size = record_topic_size(name);
    int err = reserve(migration, size);
    if (err) return err;
    record_encode_topic(migration->buffer, no, &now, name, journal->seed);
    return put_row(migration, cursor, key, size);
}

static int migrate_source(struct migration *migration, MDB_cursor *cursor, MDB_val key,
                          MDB_val data) {
    struct str name = {key.mv_data, key.mv_size}, position = {data.mv_data, data.mv_size};
    size_t size = record_source_size(position);
    int err = reserve(migration, size);
    if (err) return err;
    record_encode_source(migration->buffer, name, position, migration->journal->seed);
    return put_row(migration, cursor, key, size);
}

static int migrate_table(struct migration *migration, MDB_dbi table,
                         int (*row)(struct migration *migration, MDB_cursor *cursor, MDB_val key,
                                    MDB_val data)) {
    MDB_cursor *cursor;
    MDB_val key, data;
    int err = 0, rc = mdb_cursor_open(migration->txn, table, &cursor);
    if (rc) return failed(migration, rc);
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST); !rc && !err;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        // A copy: writing may move what is in the page.
        char bytes[512];
        ASSERT(key.mv_size <= sizeof bytes);
        memcpy(bytes, key.mv_data, key.mv_size);
        err = row(migration, cursor, (MDB_val){key.mv_size, bytes}, data);
    }
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND) err = failed(migration, rc);
    return err;
}

static int migrate_meta(struct migration *migration) {
    struct journal *journal = migration->journal;
    struct format_1 format;
    struct state_1 old;
    MDB_val key = {6, "format"}, data;
    int rc = mdb_get(migration->txn, journal->store.meta, &key, &data);
    if (rc) return failed(migration, rc);
    memset(&format, 0, sizeof format);
    memcpy(&format, data.mv_data, data.mv_size < sizeof format ? data.mv_size : sizeof format);
    if (!format.epoch[0] || format.epoch[sizeof format.epoch - 1])
        return load_corrupt(migration->report, journal, "format", format.version);
    memcpy(journal->epoch, format.epoch, sizeof journal->epoch);

    MDB_val state_key = {5, "state"};
    rc = mdb_get(migration->txn, journal->store.meta, &state_key, &data);
    if (rc) return failed(migration, rc);
    if (data.mv_size != sizeof old)
        return load_corrupt(migration->report, journal, "state of bytes", data.mv_size);
    memcpy(&old, data.mv_data, sizeof old);
    struct record_state state = {.checkpoint_seq = old.checkpoint_seq,
                                 .last_seq = old.last_seq,
                                 .last_time_ms = old.last_time_ms,
                                 .seq_reserved = old.seq_reserved,
                                 .events = old.events,
                                 .bytes = old.bytes,
                                 .topics_pending = old.topics_pending,
                                 .topic_next = old.topic_next};
    record_seal_state(&state, journal->seed);
    struct record_format now;
    record_format_init(&now, journal->epoch, journal->seed);
    MDB_val state_data = {sizeof state, &state}, format_data = {sizeof now, &now};
    rc = mdb_put(migration->txn, journal->store.meta, &state_key, &state_data, 0);
    if (!rc) rc = mdb_put(migration->txn, journal->store.meta, &key, &format_data, 0);
    return rc ? failed(migration, rc) : 0;
}

// Every page is written again before the old ones are free.
static int make_room(struct migration *migration) {
    struct store *store = &migration->journal->store;
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &stat);
    const size_t extra = 64 << 20;
    size_t wanted = (info.me_last_pgno + 1) * stat.ms_psize * 3 + extra;
    int err = wanted > store->map_bytes ? store_grow(store, wanted) : 0;
    return err ? failed(migration, ENOMEM) : 0;
}

int migrate_journal(struct journal *journal, struct report *report) {
    struct migration migration = {.journal = journal, .report = report};
    if (getrandom(&journal->seed, sizeof journal->seed, 0) != sizeof journal->seed)
        return report_errno(report, ERR_SYSTEM, "cannot draw a random number");
    int err = make_room(&migration);
    if (err) return err;
    int rc = mdb_txn_begin(journal->store.env, NULL, 0, &migration.txn);
    if (rc) return failed(&migration, rc);
    err = migrate_table(&migration, journal->store.events, migrate_event);
    if (!err) err = migrate_table(&migration, journal->store.topics, migrate_topic);
    if (!err) err = migrate_table(&migration, journal->store.sources, migrate_source);
    if (!err) err = migrate_meta(&migration);
    free(migration.buffer);
    if (err) {
        mdb_txn_abort(migration.txn);
        return err;
    }
    rc = store_commit(&journal->store, migration.txn);
    return rc ? failed(&migration, rc) : 0;
}
