// SPDX-License-Identifier: MIT
// Retention, the doing.
#include "journal/trim.h"

#include <stdlib.h>

#include "journal/journal_priv.h"

int trim_queue(struct journal *journal, struct topic_row *topic) {
    if (topic->wipe_queued || topic->memory) return 0;
    int err = work_rows_add(&journal->wipes, topic);
    if (!err) topic->wipe_queued = true;
    return err;
}

void trim_look(struct journal *journal, struct topic_row *topic) {
    // Out of memory: opening finds it again.
    if (topic_row_pending(topic)) (void)!trim_queue(journal, topic);
    retention_look(journal, topic);
}

void trim_forget(struct journal *journal, struct topic_row *topic) {
    retention_forget(journal, topic);
    if (topic->wipe_queued) work_rows_remove(&journal->wipes, topic);
    topic->wipe_queued = false;
}

// --- deleting ------------------------------------------------------------------------------------

static int remove_key(struct journal *journal, const struct record *record) {
    if (record->key.len == 0) return 0;
    char bytes[KEYS_BYTES_MAX];
    uint32_t no = record->flags & EVENT_WIRE_ID ? 0 : record->topic_no;
    MDB_val key = {keys_encode(bytes, no, record->key), bytes}, data;
    MDB_txn *txn = journal->work.txn;
    int rc = mdb_get(txn, journal->store.keys, &key, &data);
    // A later event may have used the key again.
    if (!rc && data.mv_size == sizeof record->seq &&
        memcmp(data.mv_data, &record->seq, sizeof record->seq) == 0)
        rc = mdb_del(txn, journal->store.keys, &key, NULL);
    return rc && rc != MDB_NOTFOUND ? work_error(journal, rc, "delete a key") : 0;
}

static int remove_record(struct journal *journal, uint64_t seq, size_t size) {
    uint64_t cost = record_cost(size);
    journal->state.events -= journal->state.events > 0;
    journal->state.bytes -= cost < journal->state.bytes ? cost : journal->state.bytes;
    journal->counters.trimmed_total++;
    journal->work.wrote = true;
    MDB_val key = {sizeof seq, &seq};
    int rc = mdb_del(journal->work.txn, journal->store.events, &key, NULL);
    return rc ? work_error(journal, rc, "delete an event") : 0;
}

// Deletes the topic's oldest record, which is below the floor.
static int remove_event(struct journal *journal, struct topic_row *topic,
                        const struct record *record) {
    int err = work_touch(journal, topic);
    if (!err) err = work_row(journal, topic);
    if (!err) err = remove_key(journal, record);
    if (err) return err;
    // A record that a damaged one had hidden may come late.
    if (record->ordinal > topic->now.gone_ordinal) {
        topic->now.gone_seq = record->seq;
        topic->now.gone_ordinal = record->ordinal;
        if (!topic_row_pending(topic)) journal->state.topics_pending--;
    }
    return remove_record(journal, record->seq,
                         sizeof(struct record_header) + record_texts_len(record));
}

// What is left below the floor is damaged, and goes with the head.
static int give_up(struct journal *journal, struct topic_row *topic) {
    int err = work_touch(journal, topic);
    if (!err) err = work_row(journal, topic);
    if (err) return err;
    topic->now.gone_seq = topic->now.trimmed_seq;
    topic->now.gone_ordinal = topic->now.trimmed_ordinal;
    journal->state.topics_pending--;
    return 0;
}

// Deletes the topic's records up to its floor, oldest first. *budget: so many at most; it stays
// pending when that is used up, or while its events are searched for.
static int wipe(struct journal *journal, struct topic_row *topic, size_t *budget) {
    enum { CHUNK = 256 };
    uint64_t seqs[CHUNK];
    while (topic_row_pending(topic) && *budget > 0) {
        size_t max = *budget < CHUNK ? *budget : CHUNK, count, i = 0;
        bool more;
        int err = oldest_seqs(journal, journal->work.txn, topic, topic->now.gone_seq, seqs, max,
                              &count, &more);
        if (err || more) return err;
        for (; i < count && seqs[i] <= topic->now.trimmed_seq; i++, --*budget) {
            struct record_view view;
            struct links links = work_links(journal, topic);
            err = links_read(&links, seqs[i], &view);
            if (!err) err = remove_event(journal, topic, &view.record);
            if (err) return err;
        }
        if (i == 0) return give_up(journal, topic);
    }
    return 0;
}

int trim_wipe(struct journal *journal, struct topic_row *topic) {
    size_t budget = SIZE_MAX;
    int err = 0;
    while (!err && topic_row_pending(topic)) err = wipe(journal, topic, &budget);
    return err;
}

// --- a command -----------------------------------------------------------------------------------

// What was decided about a topic holds only while it is the same topic with the same floor.
static bool holds(const struct topic_row *topic, const struct command_mark *mark) {
    const struct topic_now *now = &topic->now;
    return !topic->gone && mark->from == now->trimmed_ordinal && mark->seq >= now->first_seq &&
           mark->seq > now->trimmed_seq && mark->ordinal > now->trimmed_ordinal &&
           mark->seq <= now->last_seq && mark->ordinal <= now->last_ordinal;
}

static int raise_floor(struct journal *journal, const struct command_mark *mark) {
    struct topic_row *topic = mark->topic;
    struct topic_now *now = &topic->now;
    if (!holds(topic, mark)) return 0;
    int err = work_touch(journal, topic);
    if (!err) err = work_row(journal, topic);
    if (!err) err = work_changed(journal, topic);
    if (err) return err;
    if (!topic_row_pending(topic)) journal->state.topics_pending++;
    now->trimmed_seq = mark->seq;
    now->trimmed_ordinal = mark->ordinal;
    now->bytes -= mark->bytes < now->bytes ? mark->bytes : now->bytes;
    return 0;
}

// The event at the head goes if it is below its topic's floor, and before it the older ones of its
// topic, which were kept until now. If not, the head passes it.
static int pass(struct journal *journal, uint64_t seq, struct str bytes) {
    struct record_view view;
    struct topic_row *topic = NULL;
    if (record_decode(bytes, seq, journal->seed, &view) == 0)
        topic = topic_rows_find_no(&journal->topics, view.record.topic_no);
    if (!topic) return remove_record(journal, seq, bytes.len);
    if (view.record.ordinal > topic->now.trimmed_ordinal) {
        topic->behind = true;
        return 0;
    }
    if (view.record.ordinal > topic->now.gone_ordinal + 1) return trim_wipe(journal, topic);
    return remove_event(journal, topic, &view.record);
}

static int advance_head(struct journal *journal, uint64_t head) {
    MDB_cursor *cursor;
    MDB_val key, data;
    int err = 0, rc = mdb_cursor_open(journal->work.txn, journal->store.events, &cursor);
    if (rc) return work_error(journal, rc, "read the oldest event");
    while (!err && journal->state.head_seq < head) {
        uint64_t seq = journal->state.head_seq;
        key = (MDB_val){sizeof seq, &seq};
        rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
        if (!rc && key.mv_size != sizeof seq) rc = MDB_CORRUPTED;
        if (rc) break;
        memcpy(&seq, key.mv_data, sizeof seq);
        if (seq < head) err = pass(journal, seq, (struct str){data.mv_data, data.mv_size});
        if (!err) journal->state.head_seq = seq < head ? seq + 1 : head;
    }
    mdb_cursor_close(cursor);
    if (err) return err;
    if (rc && rc != MDB_NOTFOUND) return work_error(journal, rc, "read the oldest event");
    if (journal->state.head_seq < head) journal->state.head_seq = head;
    return 0;
}

// The oldest event of all, kept or not.
static int read_first(struct journal *journal) {
    MDB_cursor *cursor;
    MDB_val key, data;
    journal->counters.first_seq = 0;
    int rc = mdb_cursor_open(journal->work.txn, journal->store.events, &cursor);
    if (rc) return work_error(journal, rc, "read the oldest event");
    rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
    if (!rc && key.mv_size == sizeof(uint64_t))
        memcpy(&journal->counters.first_seq, key.mv_data, sizeof(uint64_t));
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? work_error(journal, rc, "read the oldest event") : 0;
}

int trim_apply(struct journal *journal, const struct command *command) {
    int err = 0;
    for (size_t i = 0; i < command->marks_count && !err; i++)
        err = raise_floor(journal, &command->marks[i]);
    if (!err) err = advance_head(journal, command->head);
    for (size_t i = 0; i < command->marks_count && !err; i++) {
        // What has to be searched for is left to later steps.
        size_t budget = RETENTION_EVENTS_MAX;
        err = wipe(journal, command->marks[i].topic, &budget);
    }
    return err ? err : read_first(journal);
}

// --- steps ---------------------------------------------------------------------------------------

// Plans and does; *any: something was done.
static int plan_and_do(struct journal *journal, uint64_t bytes_max, bool *any) {
    struct command command;
    command_init(&command, COMMAND_TRIM);
    int err = retention_plan(journal, bytes_max, &command);
    *any = !err && (command.marks_count > 0 || command.head != journal->state.head_seq);
    if (*any) err = writer_do(journal, &command);
    command_fini(&command);
    return err;
}

// Deleting writes pages before it frees any. In a map that is full to its last page it gets some
// more, up to a quarter of the map.
static int grow_full_map(struct journal *journal) {
    const size_t least = 64 * 4096;
    size_t more = journal->map_bytes / 64 < least ? least : journal->map_bytes / 64;
    size_t larger = journal->store.map_bytes + more;
    if (larger > journal->map_bytes + journal->map_bytes / 4) return ERR_FULL;
    return store_grow(&journal->store, larger);
}

static int step_in_full_map(struct journal *journal, uint64_t bytes_max, bool *any) {
    journal->work.rc = 0;
    int err = plan_and_do(journal, bytes_max, any);
    if (!err || journal->work.rc != MDB_MAP_FULL) return err;
    int failed = grow_full_map(journal);
    return failed ? err : plan_and_do(journal, bytes_max, any);
}

// One transaction of deleting below floors.
static int wipe_some(struct journal *journal) {
    struct work_rows *wipes = &journal->wipes;
    size_t budget = RETENTION_EVENTS_MAX / 2, done = 0;
    struct batch *batch;
    int err = work_begin(journal);
    if (err) return err;
    while (done < wipes->count && budget > 0) {
        struct topic_row *topic = wipes->list[wipes->count - 1 - done];
        err = wipe(journal, topic, &budget);
        if (err || topic_row_pending(topic)) break;
        done++;
    }
    if (!err) err = read_first(journal);
    if (err) {
        work_abort(journal);
        return err;
    }
    err = work_commit(journal, false, &batch);
    if (err) return err;
    for (; done > 0; done--) wipes->list[--wipes->count]->wipe_queued = false;
    writer_stats(journal);
    work_deliver(journal, batch);
    return 0;
}

int trim_step(struct journal *journal, bool *more) {
    bool at_once, any = false, shared = log_is_shared(journal->log);
    *more = false;
    int err = journal->wipes.count > 0 ? wipe_some(journal) : 0;
    if (err) return err;
    bool may = !shared || sender_is_idle(&journal->sender);
    if (retention_is_due(journal, &at_once) && at_once && may) {
        err = step_in_full_map(journal, 0, &any);
        if (!err) retention_rest(journal);
    }
    *more = journal->wipes.count > 0 || (any && !shared && journal->trim_at_ms == 0);
    return err;
}

int trim_make_room(struct journal *journal, bool *freed) {
    uint64_t before = journal->state.bytes;
    bool any;
    *freed = false;
    readers_check(&journal->readers, &journal->store, true);
    if (log_is_shared(journal->log) || !journal->policy.is.retention.bytes_max) return 0;
    // LMDB reuses a page in the second transaction after the one that freed it, hence two steps.
    for (int i = 0; i < 2 && journal->state.bytes > 0; i++) {
        uint64_t bytes_max = journal->state.bytes - journal->state.bytes / 8;
        int err = step_in_full_map(journal, bytes_max, &any);
        if (err) return err;
    }
    *freed = journal->state.bytes < before;
    return 0;
}
