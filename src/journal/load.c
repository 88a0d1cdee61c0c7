// SPDX-License-Identifier: MIT
// Opening the journal: creating it, reading what is kept in memory, replaying the events after the
// last checkpoint.
#include <inttypes.h>
#include <sys/random.h>

#include "base/limits.h"
#include "journal/journal_priv.h"
#include "sys/clock.h"

int load_failed(struct report *report, const struct journal *journal, int rc, const char *doing) {
    return report_set(report, store_error(rc), "cannot %s in %s: %s", doing, journal->store.dir,
                      mdb_strerror(rc));
}

int load_corrupt(struct report *report, const struct journal *journal, const char *what,
                 uint64_t number) {
    return report_set(report, ERR_CORRUPT,
                      "%s/" STORE_DATA_FILE " is damaged: %s %" PRIu64
                      "; `tailrace recover` copies what is whole to a new journal; or restore it "
                      "from a backup, or move the directory away to start empty",
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

static int put_format(struct journal *journal, MDB_txn *txn) {
    struct record_format format;
    record_format_init(&format, journal->epoch, journal->seed);
    MDB_val key = {6, "format"}, data = {sizeof format, &format};
    return mdb_put(txn, journal->store.meta, &key, &data, 0);
}

static int create(struct journal *journal, MDB_txn *txn) {
    struct record_state state = {.topic_next = 1};
    if (log_is_shared(journal->log))
        memcpy(journal->epoch, journal->log->epoch,
               strnlen(journal->log->epoch, sizeof journal->epoch - 1));
    else
        draw_epoch(journal->epoch);
    if (getrandom(&journal->seed, sizeof journal->seed, 0) != sizeof journal->seed)
        journal->seed = clock_mono_us();
    record_seal_state(&state, journal->seed);
    MDB_val key = {5, "state"}, data = {sizeof state, &state};
    int rc = mdb_put(txn, journal->store.meta, &key, &data, 0);
    return rc ? rc : put_format(journal, txn);
}

static int renew_epoch(struct journal *journal, MDB_txn *txn) {
    draw_epoch(journal->epoch);
    return put_format(journal, txn);
}

// Writes what `put` puts, in a transaction of its own.
static int write_once(struct journal *journal, int (*put)(struct journal *journal, MDB_txn *txn),
                      const char *doing, struct report *report) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(journal->store.env, NULL, 0, &txn);
    if (rc) return load_failed(report, journal, rc, doing);
    rc = put(journal, txn);
    if (rc)
        mdb_txn_abort(txn);
    else
        rc = store_commit(&journal->store, txn);
    return rc ? load_failed(report, journal, rc, doing) : 0;
}

// ERR_VERSION without a report: of an older format, `*version`.
static int load_format(struct journal *journal, MDB_txn *txn, uint32_t *version,
                       struct report *report) {
    struct record_format format;
    MDB_val key = {6, "format"}, data;
    int rc = mdb_get(txn, journal->store.meta, &key, &data);
    if (rc && rc != MDB_NOTFOUND) return load_failed(report, journal, rc, "read the format");
    int err = rc ? ERR_CORRUPT
                 : record_decode_format((struct str){data.mv_data, data.mv_size}, &format, version);
    if (err == ERR_VERSION && *version > RECORD_FORMAT_VERSION)
        return report_set(report, ERR_VERSION,
                          "%s was written by a newer tailrace (format %u, this one knows %u); use "
                          "that one, or another data directory",
                          journal->store.dir, *version, RECORD_FORMAT_VERSION);
    if (err == ERR_CORRUPT) return load_corrupt(report, journal, "bad format", *version);
    memcpy(journal->epoch, format.epoch, sizeof journal->epoch);
    journal->seed = format.seed;
    return err;
}

static int load_state(struct journal *journal, MDB_txn *txn, struct report *report) {
    MDB_val key = {5, "state"}, data;
    int rc = mdb_get(txn, journal->store.meta, &key, &data);
    if (rc && rc != MDB_NOTFOUND) return load_failed(report, journal, rc, "read the state");
    if (rc || record_decode_state((struct str){data.mv_data, data.mv_size}, journal->seed,
                                  &journal->state))
        return load_corrupt(report, journal, "bad state of bytes", rc ? 0 : data.mv_size);
    return 0;
}

// Of a shared log.
static int load_hubs(struct journal *journal, MDB_txn *txn, struct report *report) {
    static const struct str prefix = {RECORD_HUB_PREFIX, sizeof RECORD_HUB_PREFIX - 1};
    MDB_cursor *cursor;
    MDB_val key, data;
    uint64_t row = 0;
    int err = 0, rc = mdb_cursor_open(txn, journal->store.meta, &cursor);
    if (rc) return load_failed(report, journal, rc, "read the hubs");
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST); !rc && !err;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        struct str name = {key.mv_data, key.mv_size};
        struct record_hub hub;
        struct hub_place *place;
        row++;
        if (!str_starts(name, prefix)) continue;
        name = (struct str){name.ptr + prefix.len, name.len - prefix.len};
        if (name.len > COMMAND_HUB_BYTES ||
            record_decode_hub((struct str){data.mv_data, data.mv_size}, name, journal->seed, &hub))
            err = load_corrupt(report, journal, "the hub in row", row);
        else if (hubs_find(&journal->hubs, name, &place))
            err = report_set(report, ERR_NOMEM, "out of memory");
        if (err) break;
        place->incarnation = hub.incarnation;
        place->n = hub.n;
    }
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND) err = load_failed(report, journal, rc, "read the hubs");
    return err;
}

static int load_topics(struct journal *journal, MDB_txn *txn, struct report *report) {
    MDB_cursor *cursor;
    MDB_val key, data;
    int err = 0, rc = mdb_cursor_open(txn, journal->store.topics, &cursor);
    if (rc) return load_failed(report, journal, rc, "read topics");
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST); !rc && !err;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        uint32_t no = 0;
        struct topic_now now;
        struct str name = {0};
        struct topic_row *topic;
        if (key.mv_size == sizeof no) memcpy(&no, key.mv_data, sizeof no);
        if (no == 0 || no >= journal->state.topic_next ||
            record_decode_topic((struct str){data.mv_data, data.mv_size}, no, journal->seed, &now,
                                &name) ||
            now.last_seq > journal->state.last_seq || topic_rows_find(&journal->topics, name))
            err = load_corrupt(report, journal, "topic", no);
        if (!err && topic_rows_add(&journal->topics, name, no, now.owner, &topic))
            err = report_set(report, ERR_NOMEM, "out of memory");
        if (!err) topic->now = now;
    }
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND) err = load_failed(report, journal, rc, "read topics");
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
    if (record->key.len == 0 || (record->flags & EVENT_WIRE_ID) || record->seq <= now->trimmed_seq)
        return 0;
    char bytes[KEYS_BYTES_MAX];
    struct str key = {bytes, keys_encode(bytes, topic->no, record->key)};
    return keys_add(&journal->keys, key, record->seq, false);
}

// An event that the head has passed.
static void mark_kept(struct journal *journal, struct str bytes, uint64_t seq) {
    struct record_view view;
    // A damaged one stays until the topic's next event.
    if (record_decode(bytes, seq, journal->seed, &view)) return;
    struct topic_row *topic = topic_rows_find_no(&journal->topics, view.record.topic_no);
    if (topic) topic->behind = true;
}

// 0: it is not a key of this table.
static uint64_t seq_of(MDB_val key) {
    uint64_t seq = 0;
    if (key.mv_size == sizeof seq) memcpy(&seq, key.mv_data, sizeof seq);
    return seq;
}

static int load_events(struct journal *journal, MDB_txn *txn, struct report *report) {
    MDB_cursor *cursor;
    MDB_val key, data;
    uint64_t seq = 0;
    int err = 0, rc = mdb_cursor_open(txn, journal->store.events, &cursor);
    if (rc) return load_failed(report, journal, rc, "read events");
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST); !rc;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        seq = seq_of(key);
        if (!seq) break;
        if (!journal->counters.first_seq) journal->counters.first_seq = seq;
        if (seq >= journal->state.head_seq) break;
        mark_kept(journal, (struct str){data.mv_data, data.mv_size}, seq);
    }
    seq = journal->state.checkpoint_seq + 1;
    key = (MDB_val){sizeof seq, &seq};
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE); !rc && !err;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        struct record_view view;
        seq = seq_of(key);
        err = record_decode((struct str){data.mv_data, data.mv_size}, seq, journal->seed, &view);
        if (!err) err = record_check_body(&view, journal->seed);
        if (!err) err = seq > journal->state.last_seq ? ERR_CORRUPT : replay(journal, &view.record);
        if (err == ERR_CORRUPT) err = load_corrupt(report, journal, "event", seq);
        if (err == ERR_NOMEM) err = report_set(report, err, "out of memory");
    }
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND) err = load_failed(report, journal, rc, "read events");
    return err;
}

// Positions are read later one by one; a damaged row would be a source that begins anew.
static int check_sources(struct journal *journal, MDB_txn *txn, struct report *report) {
    MDB_cursor *cursor;
    MDB_val key, data;
    uint64_t row = 0;
    int err = 0, rc = mdb_cursor_open(txn, journal->store.sources, &cursor);
    if (rc) return load_failed(report, journal, rc, "read sources");
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST); !rc && !err;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        struct str position;
        row++;
        if (record_decode_source((struct str){data.mv_data, data.mv_size},
                                 (struct str){key.mv_data, key.mv_size}, journal->seed, &position))
            err = load_corrupt(report, journal, "the position of source", row);
    }
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND) err = load_failed(report, journal, rc, "read sources");
    return err;
}

// Numbers that no topic has.
static int find_numbers(struct journal *journal) {
    uint32_t found = 0;
    for (uint32_t no = 1; no < journal->state.topic_next && found < LIMIT_TOPICS; no++) {
        if (topic_rows_find_no(&journal->topics, no)) continue;
        int err = numbers_give(&journal->numbers, no, 0);
        if (err) return err;
        found++;
    }
    return 0;
}

static int load_all(struct journal *journal, uint32_t *version, struct report *report) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(journal->store.env, NULL, MDB_RDONLY, &txn);
    if (rc) return load_failed(report, journal, rc, "read the journal");
    int err = load_format(journal, txn, version, report);
    if (!err) err = load_state(journal, txn, report);
    if (!err) err = load_hubs(journal, txn, report);
    if (!err) err = load_topics(journal, txn, report);
    if (!err) err = load_events(journal, txn, report);
    if (!err) err = check_sources(journal, txn, report);
    mdb_txn_abort(txn);
    return err;
}

int load_journal(struct journal *journal, bool created, struct report *report) {
    struct store *store = &journal->store;
    uint32_t version;
    int err = created ? write_once(journal, create, "create the journal", report) : 0;
    if (!err) err = load_all(journal, &version, report);
    if (err == ERR_VERSION && version < RECORD_FORMAT_VERSION) {
        err = migrate_journal(journal, report);
        if (!err) err = load_all(journal, &version, report);
    }
    if (store->lock_epoch[0] && strcmp(store->lock_epoch, journal->epoch) != 0)
        store->restored = true;
    // A shared log says what is missing in a copy, and what comes after it.
    if (log_is_shared(journal->log)) {
        store->restored = false;
        if (!err && strcmp(journal->epoch, journal->log->epoch) != 0)
            err = report_set(report, ERR_INVALID,
                             "the journal in %s is of another log (epoch %s) than the one that is "
                             "configured (epoch %s); give it a data directory of its own",
                             store->dir, journal->epoch, journal->log->epoch);
    }
    if (!err && store->restored)
        err = write_once(journal, renew_epoch, "write a new epoch", report);
    if (!err && find_numbers(journal)) err = report_set(report, ERR_NOMEM, "out of memory");
    if (err) return err;
    const struct record_state *state = &journal->state;
    journal->seq = state->last_seq > state->seq_reserved ? state->last_seq : state->seq_reserved;
    journal->time_ms = state->last_time_ms;
    journal->place = (struct log_place){state->log_position, state->log_sum, state->log_chain};
    journal->chains[state->log_position % CHAINS_COUNT] =
        (struct log_chain){state->log_position, state->log_chain};
    uint64_t unix_ms = journal->config.unix_ms(), boot_ms = journal->boot_ms();
    timekeeper_init(&journal->timekeeper, journal->time_ms, unix_ms, boot_ms);
    if (state->ages_after_ms > unix_ms)
        journal->timekeeper.distrust_until_ms = boot_ms + (state->ages_after_ms - unix_ms);
    atomic_store(&journal->last_seq, journal->seq);
    return 0;
}
