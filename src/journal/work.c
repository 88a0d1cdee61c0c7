// SPDX-License-Identifier: MIT
// One transaction of the journal thread, in LMDB and in memory.
//
// Memory is changed at once, so that what follows in the same transaction sees it. Before a topic's
// first change after a savepoint its state is copied to the undo list. LMDB is written at the end.
// So one publish can be taken back, and the whole transaction when its commit fails: memory is then
// exactly what it was before, except for jump stacks, which are rebuilt when needed.
#include "journal/journal_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "sys/clock.h"

int work_rows_add(struct work_rows *topics, struct topic_row *topic) {
    if (!array_reserve(topics->list, topics->cap, topics->count + 1)) return ERR_NOMEM;
    topics->list[topics->count++] = topic;
    return 0;
}

void work_rows_remove(struct work_rows *topics, const struct topic_row *topic) {
    size_t i = 0;
    while (topics->list[i] != topic) i++;
    topics->list[i] = topics->list[--topics->count];
}

void work_fini(struct work *work) {
    free(work->undo);
    free(work->made.list);
    free(work->rows.list);
    free(work->changed.list);
    free(work->gone.list);
    free(work->events);
    free(work->jumps);
    *work = (struct work){0};
}

int work_error(struct journal *journal, int rc, const char *doing) {
    journal->work.rc = rc;
    journal->work.doing = doing;
    return store_error(rc);
}

struct links work_links(const struct journal *journal, const struct topic_row *topic) {
    return (struct links){.txn = journal->work.txn,
                          .events = journal->store.events,
                          .seed = journal->seed,
                          .floor = topic->now.gone_seq};
}

uint64_t work_now_ms(struct journal *journal) {
    struct timekeeper *keeper = &journal->timekeeper;
    uint64_t boot_ms = journal->boot_ms(), until_ms = keeper->distrust_until_ms;
    uint64_t now_ms = timekeeper_now(keeper, journal->config.unix_ms(), boot_ms);
    // A restart must not forget it.
    if (keeper->distrust_until_ms != until_ms)
        journal->state.ages_after_ms = now_ms + (keeper->distrust_until_ms - boot_ms);
    return now_ms;
}

void work_begin_memory(struct journal *journal) {
    struct work *work = &journal->work;
    ASSERT(!work->txn);
    work->wrote = false;
    work->next_seq = 0;
    work->place = journal->place;
    work->start = work_save(journal);
}

int work_begin(struct journal *journal) {
    MDB_txn *txn = NULL;
    int rc = journal->store.env ? mdb_txn_begin(journal->store.env, NULL, 0, &txn) : MDB_PANIC;
    if (rc) return work_error(journal, rc, "begin a transaction");
    work_begin_memory(journal);
    journal->work.txn = txn;
    return 0;
}

struct work_savepoint work_save(struct journal *journal) {
    const struct work *work = &journal->work;
    journal->savepoints++;
    return (struct work_savepoint){
        .undo = work->undo_count,
        .made = work->made.count,
        .rows = work->rows.count,
        .changed = work->changed.count,
        .gone = work->gone.count,
        .events = work->events_count,
        .events_bytes = work->events_bytes,
        .keys = journal->keys.count,
        .state = journal->state,
        .seq = journal->seq,
        .time_ms = journal->time_ms,
    };
}

void work_back_to(struct journal *journal, const struct work_savepoint *savepoint) {
    struct work *work = &journal->work;
    while (work->undo_count > savepoint->undo) {
        const struct work_undo *undo = &work->undo[--work->undo_count];
        undo->topic->now = undo->now;
        undo->topic->touched = undo->touched;
        undo->topic->stack_known = false;
    }
    while (work->rows.count > savepoint->rows) work->rows.list[--work->rows.count]->row_now = false;
    while (work->changed.count > savepoint->changed)
        work->changed.list[--work->changed.count]->changed = false;
    while (work->gone.count > savepoint->gone) work->gone.list[--work->gone.count]->gone = false;
    while (work->made.count > savepoint->made) {
        struct topic_row *topic = work->made.list[--work->made.count];
        if (topic->reused) numbers_untake(&journal->numbers);
        topic_rows_drop(&journal->topics, topic);
    }
    while (work->events_count > savepoint->events) work->events[--work->events_count]->seq = 0;
    work->events_bytes = savepoint->events_bytes;
    keys_cut(&journal->keys, savepoint->keys);
    journal->state = savepoint->state;
    journal->seq = savepoint->seq;
    journal->time_ms = savepoint->time_ms;
}

void work_abort(struct journal *journal) {
    struct work *work = &journal->work;
    if (work->txn) mdb_txn_abort(work->txn);
    work->txn = NULL;
    work_back_to(journal, &work->start);
}

int work_touch(struct journal *journal, struct topic_row *topic) {
    struct work *work = &journal->work;
    if (topic->touched == journal->savepoints) return 0;
    if (!array_reserve(work->undo, work->undo_cap, work->undo_count + 1)) return ERR_NOMEM;
    work->undo[work->undo_count++] = (struct work_undo){topic, topic->now, topic->touched};
    topic->touched = journal->savepoints;
    return 0;
}

int work_row(struct journal *journal, struct topic_row *topic) {
    if (topic->memory || topic->row_now) return 0;
    int err = work_rows_add(&journal->work.rows, topic);
    if (!err) topic->row_now = true;
    return err;
}

int work_changed(struct journal *journal, struct topic_row *topic) {
    if (topic->changed) return 0;
    int err = work_rows_add(&journal->work.changed, topic);
    if (!err) topic->changed = true;
    return err;
}

int work_drop(struct journal *journal, struct topic_row *topic) {
    if (topic->gone) return 0;
    int err = work_changed(journal, topic);
    if (!err) err = work_rows_add(&journal->work.gone, topic);
    if (!err) topic->gone = true;
    return err;
}

int work_new_topic(struct journal *journal, struct str name, uint32_t owner, bool memory,
                   struct topic_row **out) {
    struct work *work = &journal->work;
    struct topic_row *topic;
    uint32_t no = journal->state.topic_next;
    if (!array_reserve(work->made.list, work->made.cap, work->made.count + 1)) return ERR_NOMEM;
    bool reused = numbers_take(&journal->numbers, journal->batch_floor, &no);
    int err = topic_rows_add(&journal->topics, name, no, owner, &topic);
    if (err) {
        if (reused) numbers_untake(&journal->numbers);
        return err;
    }
    work->made.list[work->made.count++] = topic;
    topic->reused = reused;
    if (!reused) journal->state.topic_next++;
    topic->rule = policy_find(&journal->policy, name);
    topic->memory = memory;
    if (topic->memory) journal->has_memory = true;
    topic->stack_known = true;
    *out = topic;
    return work_row(journal, topic);
}

int work_add_event(struct journal *journal, struct event *event, uint64_t jump) {
    struct work *work = &journal->work;
    size_t count = work->events_count;
    if (!array_reserve(work->events, work->events_cap, count + 1)) return ERR_NOMEM;
    if (!array_reserve(work->jumps, work->jumps_cap, count + 1)) return ERR_NOMEM;
    work->events[count] = event;
    work->jumps[count] = jump;
    work->events_count++;
    work->events_bytes += event_size(event);
    return 0;
}

// --- writing -------------------------------------------------------------------------------------

// Whether the event with this seq is still shown.
static bool is_shown(struct journal *journal, uint64_t seq) {
    struct links links = {
        .txn = journal->work.txn, .events = journal->store.events, .seed = journal->seed};
    struct record_view view;
    if (links_read(&links, seq, &view)) return false;
    const struct topic_row *topic = topic_rows_find_no(&journal->topics, view.record.topic_no);
    return topic && seq > topic->now.trimmed_seq;
}

// At once, not with the checkpoint as keys are: readers look for it. The first event with an id has
// it for as long as it is shown.
static int write_id(struct journal *journal, const struct event *event) {
    char bytes[KEYS_BYTES_MAX];
    uint64_t seq = event->seq, first = 0;
    if (!(event->flags & EVENT_WIRE_ID) || event->key_len == 0) return 0;
    MDB_txn *txn = journal->work.txn;
    MDB_val key = {keys_encode(bytes, 0, event_key(event)), bytes}, data = {sizeof seq, &seq};
    int rc = mdb_put(txn, journal->store.keys, &key, &data, MDB_NOOVERWRITE);
    if (rc != MDB_KEYEXIST) return rc;
    if (data.mv_size == sizeof first) memcpy(&first, data.mv_data, sizeof first);
    if (is_shown(journal, first)) return 0;
    data = (MDB_val){sizeof seq, &seq};
    return mdb_put(txn, journal->store.keys, &key, &data, 0);
}

static int write_events(struct journal *journal) {
    struct work *work = &journal->work;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(work->txn, journal->store.events, &cursor);
    if (rc) return rc;
    for (size_t i = 0; i < work->events_count; i++) {
        const struct event *event = work->events[i];
        if (event->flags & EVENT_MEMORY) continue;
        uint64_t seq = event->seq;
        size_t size = record_size(event);
        MDB_val key = {sizeof seq, &seq}, data = {size, NULL};
        rc = mdb_cursor_put(cursor, &key, &data, MDB_APPEND | MDB_RESERVE);
        if (rc) break;
        record_encode(data.mv_data, event, work->jumps[i], journal->seed);
        rc = write_id(journal, event);
        if (rc) break;
        journal->state.events++;
        journal->state.bytes += record_cost(size);
        journal->state.last_seq = seq;
        journal->state.last_time_ms = event->time_ms;
        if (journal->counters.first_seq == 0) journal->counters.first_seq = seq;
        work->wrote = true;
    }
    mdb_cursor_close(cursor);
    return rc;
}

static int write_row(struct journal *journal, struct topic_row *topic) {
    uint32_t no = topic->no;
    if (topic->gone) return 0;
    struct str name = topic_row_name(topic);
    MDB_val key = {sizeof no, &no}, data = {record_topic_size(name), NULL};
    int rc = mdb_put(journal->work.txn, journal->store.topics, &key, &data, MDB_RESERVE);
    if (rc) return rc;
    record_encode_topic(data.mv_data, no, &topic->now, name, journal->seed);
    journal->work.wrote = true;
    return 0;
}

static int delete_row(struct journal *journal, const struct topic_row *topic) {
    uint32_t no = topic->no;
    MDB_val key = {sizeof no, &no};
    if (topic->memory) return 0;
    journal->work.wrote = true;
    int rc = mdb_del(journal->work.txn, journal->store.topics, &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int write_keys(struct journal *journal) {
    struct used_key **sorted;
    if (keys_sort(&journal->keys, &sorted)) return ENOMEM;
    int rc = 0;
    for (size_t i = 0; i < journal->keys.count && !rc; i++) {
        struct used_key *key = sorted[i];
        uint32_t no;
        memcpy(&no, key->bytes, sizeof no);
        const struct topic_row *topic = topic_rows_find_no(&journal->topics, __builtin_bswap32(no));
        // A key is deleted together with its event.
        if (key->memory || !topic || key->seq <= topic->now.trimmed_seq) continue;
        MDB_val at = {key->len, key->bytes}, data = {sizeof key->seq, &key->seq};
        rc = mdb_put(journal->work.txn, journal->store.keys, &at, &data, 0);
    }
    free(sorted);
    return rc;
}

// Of a shared log.
static int write_hubs(struct journal *journal) {
    int rc = 0;
    for (size_t i = 0; i < journal->hubs.count && !rc; i++) {
        const struct hub_place *hub = &journal->hubs.list[i];
        if (!hub->changed) continue;
        char text[sizeof RECORD_HUB_PREFIX + COMMAND_HUB_BYTES];
        int len = snprintf(text, sizeof text, RECORD_HUB_PREFIX "%s", hub->name);
        struct record_hub row = {.incarnation = hub->incarnation, .n = hub->n};
        record_seal_hub(&row, str_from(hub->name), journal->seed);
        MDB_val key = {(size_t)len, text}, data = {sizeof row, &row};
        rc = mdb_put(journal->work.txn, journal->store.meta, &key, &data, 0);
    }
    return rc;
}

static int write_checkpoint(struct journal *journal) {
    struct work *work = &journal->work;
    int rc = 0;
    for (size_t i = 0; i < journal->dirty.count && !rc; i++)
        rc = write_row(journal, journal->dirty.list[i]);
    for (size_t i = 0; i < work->undo_count && !rc; i++) {
        struct topic_row *topic = work->undo[i].topic;
        if (!topic->memory && !topic->dirty && !topic->row_now) rc = work_row(journal, topic);
    }
    if (!rc) rc = write_keys(journal);
    journal->state.checkpoint_seq = journal->state.last_seq;
    work->wrote = true;
    return rc;
}

static int write_all(struct journal *journal, bool checkpoint) {
    struct work *work = &journal->work;
    int rc = write_events(journal);
    if (rc) return work_error(journal, rc, "write events");
    if (checkpoint) rc = write_checkpoint(journal);
    for (size_t i = 0; i < work->rows.count && !rc; i++)
        rc = write_row(journal, work->rows.list[i]);
    for (size_t i = 0; i < work->gone.count && !rc; i++)
        rc = delete_row(journal, work->gone.list[i]);
    if (rc) return work_error(journal, rc, "write topics");
    rc = write_hubs(journal);
    if (rc) return work_error(journal, rc, "write the hubs");
    if (memcmp(&journal->state, &work->start.state, sizeof journal->state) != 0) work->wrote = true;
    if (!work->wrote) return 0;
    if (log_is_shared(journal->log)) journal->state.last_time_ms = journal->time_ms;
    journal->state.log_position = work->place.position;
    journal->state.log_sum = work->place.sum;
    journal->state.log_chain = work->place.chain;
    record_seal_state(&journal->state, journal->seed);
    MDB_val key = {5, "state"}, data = {sizeof journal->state, &journal->state};
    rc = mdb_put(work->txn, journal->store.meta, &key, &data, 0);
    return rc ? work_error(journal, rc, "write the state") : 0;
}

// Called before the commit, so that memory cannot run out between a commit and its announcement.
static int make_batch(struct journal *journal, struct batch **out) {
    const struct work *work = &journal->work;
    *out = NULL;
    if (work->events_count == 0 && work->changed.count == 0) return 0;
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch) return ERR_NOMEM;
    batch->watch = calloc(1, sizeof *batch->watch);
    batch->events = calloc(work->events_count + 1, sizeof(struct event *));
    batch->changes = calloc(work->changed.count + 1, sizeof *batch->changes);
    if (!batch->events || !batch->changes || !batch->watch) {
        free(batch->watch);
        free(batch->events);
        free(batch->changes);
        free(batch);
        return ERR_NOMEM;
    }
    atomic_init(&batch->refs, 1);
    batch->watch->last_seq = journal->seq;
    batch->bytes = work->events_bytes;
    batch->trims = atomic_load(&journal->store.trims);
    batch->count = (uint32_t)work->events_count;
    for (size_t i = 0; i < work->events_count; i++) batch->events[i] = work->events[i];
    batch->changes_count = (uint32_t)work->changed.count;
    for (size_t i = 0; i < work->changed.count; i++) {
        const struct topic_row *topic = work->changed.list[i];
        batch->changes[i] = (struct topic_change){.topic_no = topic->no,
                                                  .gone = topic->gone,
                                                  .closed = topic->now.closed,
                                                  .trimmed_seq = topic->now.trimmed_seq,
                                                  .trimmed_ordinal = topic->now.trimmed_ordinal,
                                                  .bytes = topic->now.bytes};
    }
    *out = batch;
    return 0;
}

// The number is free again for another topic when nobody has events of this one any more.
static void drop_gone(struct journal *journal) {
    struct work *work = &journal->work;
    for (size_t i = 0; i < work->gone.count; i++) {
        struct topic_row *topic = work->gone.list[i];
        // Out of memory: the number is not used again before the next start.
        (void)!numbers_give(&journal->numbers, topic->no, journal->seq);
        trim_forget(journal, topic);
        topic_rows_drop(&journal->topics, topic);
    }
    work->gone.count = 0;
}

// After the commit: what was staged is now the state.
static void settle(struct journal *journal, bool checkpoint) {
    struct work *work = &journal->work;
    if (checkpoint) {
        for (size_t i = 0; i < journal->dirty.count; i++) journal->dirty.list[i]->dirty = false;
        journal->dirty.count = 0;
        keys_cut(&journal->keys, 0);
        journal->checkpoint_at_ms = journal->config.mono_ms() + CHECKPOINT_INTERVAL_MS;
        journal->readers_due = true;
    }
    for (size_t i = 0; i < work->undo_count; i++) {
        struct topic_row *topic = work->undo[i].topic;
        if (topic->gone) continue;
        trim_look(journal, topic);
        if (checkpoint || topic->memory || topic->dirty || topic->row_now) continue;
        topic->dirty = true;
        // work_commit has made room.
        journal->dirty.list[journal->dirty.count++] = topic;
    }
    for (size_t i = 0; i < work->rows.count; i++) work->rows.list[i]->row_now = false;
    for (size_t i = 0; i < work->changed.count; i++) work->changed.list[i]->changed = false;
    work->undo_count = work->made.count = work->rows.count = work->changed.count = 0;
    work->events_count = work->events_bytes = 0;
    drop_gone(journal);
    for (size_t i = 0; i < journal->hubs.count; i++) journal->hubs.list[i].changed = false;
    journal->place = work->place;
    atomic_store_explicit(&journal->last_seq, journal->seq, memory_order_release);
}

int work_commit(struct journal *journal, bool checkpoint, struct batch **batch) {
    struct work *work = &journal->work;
    *batch = NULL;
    size_t dirty_most = journal->dirty.count + work->undo_count;
    // Rows and keys that wait for the checkpoint are written with a drop, or the next checkpoint
    // would restore rows of dropped topics, or give their keys to the next topic with the number.
    if (work->txn && work->gone.count > 0) checkpoint = true;
    int err = work->txn ? write_all(journal, checkpoint) : 0;
    if (!err && !array_reserve(journal->dirty.list, journal->dirty.cap, dirty_most))
        err = ERR_NOMEM;
    if (!err) err = make_batch(journal, batch);
    if (!err && work->wrote) {
        uint64_t began_us = clock_mono_us();
        // Before readers can see it.
        uint64_t trims = atomic_load(&journal->store.trims) + (work->changed.count > 0);
        if (*batch) (*batch)->trims = trims;
        atomic_store(&journal->store.trims, trims);
        int rc = store_commit(&journal->store, work->txn);
        work->txn = NULL;
        if (rc) {
            atomic_store(&journal->store.trims, trims - (work->changed.count > 0));
            err = work_error(journal, rc, "commit");
        }
        durations_add(&journal->counters.commits, clock_mono_us() - began_us);
    }
    if (err) {
        if (*batch) {
            // The events belong to the caller again.
            (*batch)->count = 0;
            free((*batch)->watch);
            (*batch)->watch = NULL;
            batch_put(*batch);
        }
        *batch = NULL;
        work_abort(journal);
        return err;
    }
    if (work->txn) mdb_txn_abort(work->txn);
    work->txn = NULL;
    journal->counters.events_total += work->events_count;
    settle(journal, checkpoint);
    return 0;
}

void work_watch(struct journal *journal) {
    while (journal->watches && atomic_load(&journal->watches->done)) {
        struct batch_watch *watch = journal->watches;
        journal->batch_floor = watch->last_seq;
        journal->watches = watch->next;
        if (!journal->watches) journal->watches_end = &journal->watches;
        free(watch);
    }
    if (!journal->watches) journal->batch_floor = journal->seq;
}

void work_deliver(struct journal *journal, struct batch *batch) {
    if (!batch) return;
    *journal->watches_end = batch->watch;
    journal->watches_end = &batch->watch->next;
    work_watch(journal);
    if (journal->listener.committed)
        journal->listener.committed(journal->listener.context, batch);
    else
        batch_put(batch);
}
