// SPDX-License-Identifier: MIT
// Reading stored events: one LMDB read transaction for each reader, renewed at each begin.
//
// Forgotten events are not shown even while their records are still stored. Their topics' rows
// tell, and are read in the same snapshot, but only when the state row says that some topic has
// such records, or when a topic's links are followed.
#include "journal/reader_priv.h"

#include <stdlib.h>

#include "base/container.h"
#include "base/list.h"
#include "journal/journal_priv.h"

// Forgotten records that are passed over at once: 0.1 us each.
#define FORGOTTEN_MAX 1024

struct journal_reader {
    struct store_reader base;
    struct store *store;
    struct journal_reader *prev, *next; // in store->readers
    MDB_txn *txn;                       // reset between end and begin; NULL: to be made
    MDB_cursor *cursor;                 // over events, for reading on
    bool open;
    bool pending; // some topic has records below its floor in this snapshot
    struct links links;
};

void reader_forget_all(struct store *store) {
    pthread_mutex_lock(&store->readers_lock);
    struct journal_reader *reader;
    DL_FOREACH(store->readers, reader) {
        ASSERT(!reader->open);
        if (reader->cursor) mdb_cursor_close(reader->cursor);
        if (reader->txn) mdb_txn_abort(reader->txn);
        reader->cursor = NULL;
        reader->txn = NULL;
    }
    pthread_mutex_unlock(&store->readers_lock);
}

static struct journal_reader *of(struct store_reader *base) {
    return container_of(base, struct journal_reader, base);
}

uint64_t reader_reads(struct store_reader *base) { return of(base)->links.reads; }

static void reader_close(struct store_reader *base) {
    struct journal_reader *reader = of(base);
    ASSERT(!reader->open);
    struct store *store = reader->store;
    // LMDB must not be closed meanwhile.
    pthread_rwlock_rdlock(&store->gate);
    pthread_mutex_lock(&store->readers_lock);
    DL_DELETE(store->readers, reader);
    if (reader->cursor) mdb_cursor_close(reader->cursor);
    if (reader->txn) mdb_txn_abort(reader->txn);
    pthread_mutex_unlock(&store->readers_lock);
    pthread_rwlock_unlock(&store->gate);
    free(reader);
}

static int renew(struct journal_reader *reader) {
    struct store *store = reader->store;
    if (!store->env) return ERR_IO;
    int rc = reader->txn ? mdb_txn_renew(reader->txn)
                         : mdb_txn_begin(store->env, NULL, MDB_RDONLY, &reader->txn);
    if (rc && reader->txn) {
        if (reader->cursor) mdb_cursor_close(reader->cursor);
        mdb_txn_abort(reader->txn);
        reader->cursor = NULL;
        reader->txn = NULL;
    }
    if (rc) return store_error(rc);
    rc = reader->cursor ? mdb_cursor_renew(reader->txn, reader->cursor)
                        : mdb_cursor_open(reader->txn, store->events, &reader->cursor);
    MDB_val key = {5, "state"}, data;
    if (!rc) rc = mdb_get(reader->txn, store->meta, &key, &data);
    struct record_state state;
    int err = rc == MDB_NOTFOUND ? ERR_CORRUPT : store_error(rc);
    if (!err)
        err = record_decode_state((struct str){data.mv_data, data.mv_size}, reader->links.seed,
                                  &state);
    if (err) {
        mdb_txn_reset(reader->txn);
        return err;
    }
    reader->pending = state.topics_pending > 0;
    reader->links.txn = reader->txn;
    reader->links.events = store->events;
    return 0;
}

static int reader_begin(struct store_reader *base) {
    struct journal_reader *reader = of(base);
    ASSERT(!reader->open);
    pthread_rwlock_rdlock(&reader->store->gate);
    int err = renew(reader);
    if (err)
        pthread_rwlock_unlock(&reader->store->gate);
    else
        reader->open = true;
    return err == ERR_NOMEM ? err : err ? ERR_IO : 0;
}

static void reader_end(struct store_reader *base) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    reader->open = false;
    mdb_txn_reset(reader->txn);
    pthread_rwlock_unlock(&reader->store->gate);
}

// The topic's floor: no event up to it is shown.
static int floor_of(struct journal_reader *reader, uint32_t topic_no, uint64_t *out) {
    MDB_val key = {sizeof topic_no, &topic_no}, data;
    int rc = mdb_get(reader->txn, reader->store->topics, &key, &data);
    if (rc) return rc == MDB_NOTFOUND ? ERR_CORRUPT : store_error(rc);
    struct topic_now now;
    struct str name;
    int err = record_decode_topic((struct str){data.mv_data, data.mv_size}, topic_no,
                                  reader->links.seed, &now, &name);
    if (err) return err;
    *out = now.trimmed_seq;
    return 0;
}

static struct record nothing_of(uint64_t seq) {
    return (struct record){.seq = seq, .topic_no = RECORD_TOPIC_UNKNOWN};
}

// Gives the event out. ERR_NOT_FOUND when it was forgotten, ERR_CORRUPT.
static int show(struct journal_reader *reader, const struct record_view *view, struct record *out) {
    const struct record *record = &view->record;
    *out = *record;
    if (reader->pending) {
        uint64_t floor;
        int err = floor_of(reader, record->topic_no, &floor);
        if (err) return err;
        if (record->seq <= floor) return ERR_NOT_FOUND;
    }
    return record_check_body(view, reader->links.seed);
}

static int reader_read(struct store_reader *base, uint64_t seq, struct record *out) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    struct record_view view;
    int err = links_read(&reader->links, seq, &view);
    if (!err) return show(reader, &view, out);
    *out = nothing_of(seq);
    return err;
}

// The record under the cursor. ERR_NOT_FOUND when it was forgotten.
static int under_cursor(struct journal_reader *reader, MDB_val key, MDB_val data, uint64_t *seq,
                        struct record *out) {
    struct record_view view;
    reader->links.reads++;
    if (key.mv_size != sizeof *seq) {
        *out = nothing_of(*seq);
        return ERR_CORRUPT;
    }
    memcpy(seq, key.mv_data, sizeof *seq);
    int err =
        record_decode((struct str){data.mv_data, data.mv_size}, *seq, reader->links.seed, &view);
    if (!err) return show(reader, &view, out);
    *out = nothing_of(*seq);
    return err;
}

static int reader_next(struct store_reader *base, uint64_t after, struct record *out) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    if (after == UINT64_MAX) return ERR_NOT_FOUND;
    uint64_t seq = after + 1;
    MDB_val key = {sizeof seq, &seq}, data;
    int rc = mdb_cursor_get(reader->cursor, &key, &data, MDB_SET_RANGE);
    for (int left = FORGOTTEN_MAX; !rc;
         rc = mdb_cursor_get(reader->cursor, &key, &data, MDB_NEXT)) {
        int err = under_cursor(reader, key, data, &seq, out);
        if (err != ERR_NOT_FOUND) return err;
        if (--left) continue;
        *out = nothing_of(seq);
        return ERR_AGAIN;
    }
    *out = nothing_of(0);
    return store_error(rc);
}

static int reader_previous(struct store_reader *base, uint64_t *before, struct record *out) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    MDB_val key = {sizeof *before, before}, data;
    int rc = mdb_cursor_get(reader->cursor, &key, &data, MDB_SET_RANGE);
    MDB_cursor_op op = rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV;
    if (!rc || rc == MDB_NOTFOUND) rc = mdb_cursor_get(reader->cursor, &key, &data, op);
    *before = 0;
    if (rc) {
        *out = nothing_of(0);
        return store_error(rc);
    }
    return under_cursor(reader, key, data, before, out);
}

// Sets the links' floor to that of the topic of `tail`.
static int topic_of(struct journal_reader *reader, uint64_t tail) {
    struct record_view view;
    int err = links_read(&reader->links, tail, &view);
    return err ? err : floor_of(reader, view.record.topic_no, &reader->links.floor);
}

static int reader_topic_after(struct store_reader *base, uint64_t tail, uint64_t after,
                              uint64_t *seqs, size_t max, size_t *count, bool *lost) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    *count = 0;
    *lost = false;
    if (tail <= after) return 0;
    int err = topic_of(reader, tail);
    if (err == ERR_NOT_FOUND) *lost = true;
    if (err) return err == ERR_NOT_FOUND ? 0 : err;
    return links_after(&reader->links, tail, after, seqs, max, count, lost);
}

static int reader_topic_before(struct store_reader *base, uint64_t tail, uint64_t before,
                               uint64_t *seq) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    int err = topic_of(reader, tail);
    return err ? err : links_before(&reader->links, tail, before, seq);
}

static int reader_topic_at(struct store_reader *base, uint64_t tail, uint64_t ordinal,
                           uint64_t *seq) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    struct record_view view;
    int err = topic_of(reader, tail);
    if (!err) err = links_at(&reader->links, tail, ordinal, &view);
    if (!err) *seq = view.record.seq;
    return err;
}

int journal_seq_of_id(struct store_reader *base, struct str id, uint64_t *seq) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    char bytes[KEYS_BYTES_MAX];
    if (id.len == 0 || id.len > KEYS_BYTES_MAX - 4) return ERR_NOT_FOUND;
    MDB_val key = {keys_encode(bytes, 0, id), bytes}, data;
    int rc = mdb_get(reader->txn, reader->store->keys, &key, &data);
    if (rc) return store_error(rc);
    struct record record;
    if (data.mv_size != sizeof *seq) return ERR_CORRUPT;
    memcpy(seq, data.mv_data, sizeof *seq);
    int err = reader_read(base, *seq, &record);
    // The rows of this table have no checksum.
    if (!err && (!(record.flags & EVENT_WIRE_ID) || !str_equal(record.key, id))) err = ERR_CORRUPT;
    return err;
}

static int seek(struct journal_reader *reader, MDB_cursor_op op, uint64_t *seq, uint64_t *time_ms) {
    MDB_val key = {sizeof *seq, seq}, data;
    int rc = mdb_cursor_get(reader->cursor, &key, &data, op);
    if (rc) return store_error(rc);
    if (key.mv_size != sizeof *seq) return ERR_CORRUPT;
    memcpy(seq, key.mv_data, sizeof *seq);
    struct record_view view;
    reader->links.reads++;
    int err =
        record_decode((struct str){data.mv_data, data.mv_size}, *seq, reader->links.seed, &view);
    if (!err) *time_ms = view.record.time_ms;
    return err;
}

// The same, and on by `step` over damaged records.
static int seek_whole(struct journal_reader *reader, MDB_cursor_op op, MDB_cursor_op step,
                      uint64_t *seq, uint64_t *time_ms) {
    int err = seek(reader, op, seq, time_ms);
    while (err == ERR_CORRUPT) {
        uint64_t at = *seq;
        err = seek(reader, step, seq, time_ms);
        // What is damaged is not a record, but the way to it.
        if (err != ERR_NOT_FOUND && (step == MDB_NEXT ? *seq <= at : *seq >= at))
            return ERR_CORRUPT;
    }
    return err;
}

static int reader_seq_before_time(struct store_reader *base, uint64_t time_ms, uint64_t *seq) {
    struct journal_reader *reader = of(base);
    ASSERT(reader->open);
    *seq = 0;
    uint64_t low = 0, high = 0, at_ms;
    int err = seek_whole(reader, MDB_FIRST, MDB_NEXT, &low, &at_ms);
    if (err) return err == ERR_NOT_FOUND ? 0 : err;
    if (at_ms >= time_ms) return 0;
    err = seek_whole(reader, MDB_LAST, MDB_PREV, &high, &at_ms);
    if (err) return err;
    if (at_ms < time_ms) {
        *seq = high;
        return 0;
    }
    // The event at `low` is before the time, that at `high` is not.
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2, found = middle;
        err = seek_whole(reader, MDB_SET_RANGE, MDB_NEXT, &found, &at_ms);
        if (err) return err;
        if (at_ms < time_ms)
            low = found;
        else
            high = middle;
    }
    *seq = low;
    return 0;
}

static uint64_t reader_trims(struct store_reader *base) {
    return atomic_load(&of(base)->store->trims);
}

static const struct store_reader_ops ops = {
    .begin = reader_begin,
    .end = reader_end,
    .read = reader_read,
    .next = reader_next,
    .previous = reader_previous,
    .topic_after = reader_topic_after,
    .topic_at = reader_topic_at,
    .topic_before = reader_topic_before,
    .seq_before_time = reader_seq_before_time,
    .trims = reader_trims,
    .close = reader_close,
};

int journal_reader_open(struct journal *journal, struct store_reader **out) {
    struct journal_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return ERR_NOMEM;
    struct store *store = &journal->store;
    reader->base.ops = &ops;
    reader->store = store;
    reader->links.seed = journal->seed;
    pthread_mutex_lock(&store->readers_lock);
    DL_PREPEND(store->readers, reader);
    pthread_mutex_unlock(&store->readers_lock);
    *out = &reader->base;
    return 0;
}
