// SPDX-License-Identifier: MIT
// Retention, in bounded steps. The oldest events of all are deleted when all together exceed their
// bounds; the oldest of a topic when the topic exceeds the bounds of its rule, or when they are
// below its floor because the topic was forgotten. A step is a transaction of its own.
//
// Within a topic the oldest events always go first: the stored ones are its last, without a hole.
// The rows of the topics are written in the same transaction, so floors and deletions are always
// exact on disk and trimming goes on after any crash where it was.
#include "journal/journal_priv.h"

#include <stdlib.h>

#include "journal/links.h"
#include "sys/clock.h"

static bool is_over(uint64_t value, uint64_t max, uint64_t slack_divisor) {
    return max && value > max + (slack_divisor ? max / slack_divisor : 0);
}

static bool is_old(uint64_t time_ms, uint64_t age_max_ms, uint64_t now_ms) {
    return age_max_ms && time_ms && time_ms + age_max_ms <= now_ms;
}

static const struct journal_retention *topic_bounds(const struct journal *journal,
                                                    const struct topic_row *topic) {
    static const struct journal_retention none;
    const struct journal_topic_rule *rule = policy_rule(&journal->policy, topic->rule);
    return rule ? &rule->retention : &none;
}

static bool topic_over(const struct journal *journal, const struct topic_row *topic,
                       uint64_t slack_divisor) {
    const struct journal_retention *bounds = topic_bounds(journal, topic);
    return is_over(topic_row_left(topic), bounds->count_max, slack_divisor) ||
           is_over(topic->now.bytes, bounds->bytes_max, slack_divisor);
}

static bool head_over(const struct journal *journal, uint64_t slack_divisor) {
    const struct journal_retention *bounds = &journal->policy.is.retention;
    return journal->state.events > 0 &&
           (is_over(journal->state.events, bounds->count_max, slack_divisor) ||
            is_over(journal->state.bytes, bounds->bytes_max, slack_divisor));
}

static bool head_old(const struct journal *journal, uint64_t now_ms) {
    uint64_t age_ms = journal->policy.is.retention.age_max_ms;
    return journal->state.events > 0 && age_ms &&
           (journal->head_time_ms == 0 || is_old(journal->head_time_ms, age_ms, now_ms));
}

int trim_queue(struct journal *journal, struct topic_row *topic) {
    if (topic->trim_queued || topic->memory) return 0;
    int err = work_rows_add(&journal->trims, topic);
    if (!err) topic->trim_queued = true;
    return err;
}

static void soon(struct journal *journal, bool at_once) {
    uint64_t now_ms = clock_mono_ms();
    uint64_t at_ms = at_once ? now_ms : now_ms + TRIM_INTERVAL_MS;
    if (at_ms < journal->trim_at_ms) journal->trim_at_ms = at_ms;
}

void trim_look(struct journal *journal, struct topic_row *topic) {
    if (topic->memory || topic->trim_queued) return;
    if (!topic_row_pending(topic) && !topic_over(journal, topic, 0)) return;
    // Out of memory: the next commit to this topic, or opening, finds it again.
    if (trim_queue(journal, topic)) return;
    soon(journal, topic_row_pending(topic) || topic_over(journal, topic, TRIM_SLACK_DIVISOR));
}

int trim_policy_changed(struct journal *journal) {
    int err = 0;
    for (size_t i = 0; i < journal->topics.by_no.cap; i++) {
        struct topic_row *topic = journal->topics.by_no.at[i].item;
        if (!topic) continue;
        topic->rule = policy_find(&journal->policy, topic_row_name(topic));
        if (topic_row_pending(topic) || topic_over(journal, topic, 0)) {
            int failed = trim_queue(journal, topic);
            if (failed) err = failed;
        }
    }
    journal->trim_at_ms = journal->sweep_at_ms = 0;
    return err;
}

// --- deleting ------------------------------------------------------------------------------------

static int remove_key(struct journal *journal, const struct record *record) {
    if (record->key.len == 0) return 0;
    char bytes[KEYS_BYTES_MAX];
    MDB_val key = {keys_encode(bytes, record->topic_no, record->key), bytes}, data;
    MDB_txn *txn = journal->work.txn;
    int rc = mdb_get(txn, journal->store.keys, &key, &data);
    // A later event may have used the key again.
    if (!rc && data.mv_size == sizeof record->seq &&
        memcmp(data.mv_data, &record->seq, sizeof record->seq) == 0)
        rc = mdb_del(txn, journal->store.keys, &key, NULL);
    return rc && rc != MDB_NOTFOUND ? work_error(journal, rc, "delete a key") : 0;
}

// Deletes the topic's oldest record.
static int remove_event(struct journal *journal, struct topic_row *topic,
                        const struct record_view *view) {
    const struct record *record = &view->record;
    int err = work_touch(journal, topic);
    if (!err) err = work_row(journal, topic);
    if (!err) err = remove_key(journal, record);
    if (err) return err;
    struct topic_now *now = &topic->now;
    bool pending = topic_row_pending(topic);
    if (record->seq > now->trimmed_seq) {
        err = work_changed(journal, topic);
        if (err) return err;
        now->trimmed_seq = record->seq;
        now->trimmed_ordinal = record->ordinal;
        now->bytes -= record->data.len < now->bytes ? record->data.len : now->bytes;
    }
    now->gone_seq = record->seq;
    now->gone_ordinal = record->ordinal;
    if (pending && !topic_row_pending(topic)) journal->state.topics_pending--;
    topic->oldest_time_ms = 0;
    size_t size =
        sizeof(struct record_header) + record->type.len + record->key.len + record->data.len;
    uint64_t cost = record_cost(size);
    journal->state.events -= journal->state.events > 0;
    journal->state.bytes -= cost < journal->state.bytes ? cost : journal->state.bytes;
    uint64_t seq = record->seq;
    MDB_val key = {sizeof seq, &seq};
    int rc = mdb_del(journal->work.txn, journal->store.events, &key, NULL);
    return rc ? work_error(journal, rc, "delete an event") : 0;
}

// --- the oldest of all ---------------------------------------------------------------------------

static int read_head(struct journal *journal, struct record_view *view) {
    MDB_cursor *cursor;
    MDB_val key, data;
    int rc = mdb_cursor_open(journal->work.txn, journal->store.events, &cursor);
    if (rc) return work_error(journal, rc, "read the oldest event");
    rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
    mdb_cursor_close(cursor);
    if (rc == MDB_NOTFOUND) return ERR_NOT_FOUND;
    if (rc) return work_error(journal, rc, "read the oldest event");
    uint64_t seq;
    if (key.mv_size != sizeof seq) return ERR_CORRUPT;
    memcpy(&seq, key.mv_data, sizeof seq);
    return record_decode((struct str){data.mv_data, data.mv_size}, seq, view);
}

// Deletes the oldest events of all while one of the bounds is exceeded.
static int trim_head(struct journal *journal, const struct journal_retention *bounds,
                     size_t *budget) {
    uint64_t now_ms = clock_unix_ms();
    for (;;) {
        struct record_view view;
        int err = read_head(journal, &view);
        journal->head_time_ms = err ? 0 : view.record.time_ms;
        journal->counters.first_seq = err ? 0 : view.record.seq;
        if (err == ERR_NOT_FOUND) return 0;
        if (err) return err;
        if (!is_over(journal->state.events, bounds->count_max, 0) &&
            !is_over(journal->state.bytes, bounds->bytes_max, 0) &&
            !is_old(view.record.time_ms, bounds->age_max_ms, now_ms))
            return 0;
        if (*budget == 0) return 0;
        --*budget;
        struct topic_row *topic = topic_rows_find_no(&journal->topics, view.record.topic_no);
        if (!topic) return ERR_CORRUPT;
        err = remove_event(journal, topic, &view);
        if (err) return err;
    }
}

// --- the oldest of a topic -----------------------------------------------------------------------

static bool must_go(const struct journal *journal, const struct topic_row *topic,
                    const struct record *record, uint64_t now_ms) {
    if (record->ordinal <= topic->now.trimmed_ordinal) return true;
    return topic_over(journal, topic, 0) ||
           is_old(record->time_ms, topic_bounds(journal, topic)->age_max_ms, now_ms);
}

// *done: the topic is within its bounds.
static int trim_topic(struct journal *journal, struct topic_row *topic, size_t *budget,
                      bool *done) {
    enum { CHUNK = 256 };
    uint64_t seqs[CHUNK], now_ms = clock_unix_ms();
    *done = false;
    while (*budget > 0) {
        struct links links = {.txn = journal->work.txn,
                              .events = journal->store.events,
                              .floor = topic->now.gone_seq};
        size_t max = *budget < CHUNK ? *budget : CHUNK, count;
        bool lost;
        int err =
            links_after(&links, topic->now.last_seq, topic->now.gone_seq, seqs, max, &count, &lost);
        if (err) return err;
        if (count == 0) break;
        for (size_t i = 0; i < count; i++) {
            struct record_view view;
            err = links_read(&links, seqs[i], &view);
            if (err) return err;
            if (!must_go(journal, topic, &view.record, now_ms)) {
                topic->oldest_time_ms = view.record.time_ms;
                *done = true;
                return 0;
            }
            err = remove_event(journal, topic, &view);
            if (err) return err;
            --*budget;
        }
    }
    *done = topic->now.gone_seq == topic->now.last_seq;
    return 0;
}

static int trim_topics(struct journal *journal, size_t *budget) {
    while (journal->trims.count > 0 && *budget > 0) {
        struct topic_row *topic = journal->trims.list[journal->trims.count - 1];
        bool done;
        int err = trim_topic(journal, topic, budget, &done);
        if (err) return err;
        if (!done) continue;
        topic->trim_queued = false;
        journal->trims.count--;
    }
    return 0;
}

static void sweep_ages(struct journal *journal, uint64_t now_ms) {
    uint64_t age_ms = journal->policy.age_min_ms;
    if (!age_ms || now_ms < journal->sweep_at_ms) return;
    uint64_t unix_ms = clock_unix_ms();
    for (size_t i = 0; i < journal->topics.by_no.cap; i++) {
        struct topic_row *topic = journal->topics.by_no.at[i].item;
        if (!topic || topic->memory || topic_row_left(topic) == 0) continue;
        uint64_t max_ms = topic_bounds(journal, topic)->age_max_ms;
        if (max_ms &&
            (topic->oldest_time_ms == 0 || is_old(topic->oldest_time_ms, max_ms, unix_ms)))
            (void)!trim_queue(journal, topic); // out of memory: the next sweep finds it again
    }
    uint64_t wait_ms = age_ms / 16;
    journal->sweep_at_ms = now_ms + (wait_ms < 100 ? 100 : wait_ms > 60000 ? 60000 : wait_ms);
}

// --- steps ---------------------------------------------------------------------------------------

static int step(struct journal *journal, const struct journal_retention *bounds) {
    // Half a step is for topics and half for all together, so that neither waits for the other.
    size_t budget = TRIM_EVENTS_MAX / 2;
    struct batch *batch;
    int err = work_begin(journal);
    if (err) return err;
    err = trim_topics(journal, &budget);
    budget += TRIM_EVENTS_MAX / 2;
    if (!err) err = trim_head(journal, bounds, &budget);
    if (err)
        work_abort(journal);
    else
        err = work_commit(journal, false, &batch);
    if (err) return err;
    journal->counters.trimmed_total += TRIM_EVENTS_MAX - budget;
    writer_stats(journal);
    work_deliver(journal, batch);
    return 0;
}

// Deleting writes pages before it frees any. In a map that is full to its last page it gets some
// more, up to a quarter of the map.
static int step_in_full_map(struct journal *journal, const struct journal_retention *bounds) {
    journal->work.rc = 0;
    int err = step(journal, bounds);
    if (!err || journal->work.rc != MDB_MAP_FULL) return err;
    const size_t least = 64 * 4096;
    size_t more = journal->map_bytes / 64 < least ? least : journal->map_bytes / 64;
    size_t larger = journal->store.map_bytes + more;
    if (larger > journal->map_bytes + journal->map_bytes / 4) return err;
    err = store_grow(&journal->store, larger);
    return err ? err : step(journal, bounds);
}

int trim_step(struct journal *journal, bool *more) {
    uint64_t now_ms = clock_mono_ms();
    *more = false;
    sweep_ages(journal, now_ms);
    if (!head_over(journal, 0) && journal->trims.count == 0 &&
        !head_old(journal, clock_unix_ms())) {
        journal->trim_at_ms = UINT64_MAX;
        return 0;
    }
    if (!head_over(journal, TRIM_SLACK_DIVISOR)) {
        soon(journal, false);
        if (now_ms < journal->trim_at_ms) return 0;
    }
    int err = step_in_full_map(journal, &journal->policy.is.retention);
    if (err) return err;
    *more = journal->trims.count > 0 || head_over(journal, 0);
    journal->trim_at_ms = *more ? 0 : UINT64_MAX;
    return 0;
}

int trim_make_room(struct journal *journal, bool *freed) {
    uint64_t before = journal->state.bytes;
    *freed = false;
    if (!journal->policy.is.retention.bytes_max) return 0;
    // LMDB reuses a page in the second transaction after the one that freed it, hence two steps.
    for (int i = 0; i < 2 && journal->state.bytes > 0; i++) {
        struct journal_retention bounds = journal->policy.is.retention;
        bounds.bytes_max = journal->state.bytes - journal->state.bytes / 8;
        int err = step_in_full_map(journal, &bounds);
        if (err) return err;
    }
    *freed = journal->state.bytes < before;
    return 0;
}

// --- empty topics -------------------------------------------------------------

static bool is_empty(const struct topic_row *topic) {
    return topic_row_left(topic) == 0 && !topic_row_pending(topic) && !topic->trim_queued;
}

static int drop_rows(struct journal *journal, struct work_rows *empty) {
    for (size_t i = 0; i < empty->count; i++) {
        struct topic_row *topic = empty->list[i];
        uint32_t no = topic->no;
        MDB_val key = {sizeof no, &no};
        int rc = topic->memory ? 0 : mdb_del(journal->work.txn, journal->store.topics, &key, NULL);
        if (rc && rc != MDB_NOTFOUND) return work_error(journal, rc, "delete a topic");
        journal->work.wrote = true;
        topic->gone = true;
        int err = work_changed(journal, topic);
        if (err) return err;
    }
    return 0;
}

int trim_drop_topics(struct journal *journal) {
    enum { DROP_MAX = 4096, AGAIN_MS = 1000 };
    uint64_t now_ms = clock_mono_ms();
    if (journal->topics.by_no.count < TOPICS_PRESSING(journal->config.topics_max)) return 0;
    if (now_ms < journal->drop_at_ms) return 0;
    journal->drop_at_ms = now_ms + AGAIN_MS;
    struct work_rows empty = {0};
    struct batch *batch = NULL;
    int err = 0;
    for (size_t i = 0; i < journal->topics.by_no.cap && empty.count < DROP_MAX && !err; i++) {
        struct topic_row *topic = journal->topics.by_no.at[i].item;
        if (topic && is_empty(topic)) err = work_rows_add(&empty, topic);
    }
    if (err || empty.count == 0) goto done;
    // Rows that wait for the checkpoint are written now, or the next one would restore dropped
    // rows.
    err = work_begin(journal);
    if (!err) err = work_commit(journal, true, &batch);
    if (!err) work_deliver(journal, batch);
    if (!err) err = work_begin(journal);
    if (err) goto done;
    err = drop_rows(journal, &empty);
    if (err)
        work_abort(journal);
    else
        err = work_commit(journal, false, &batch);
    for (size_t i = 0; i < empty.count; i++) {
        empty.list[i]->gone = false;
        if (!err) topic_rows_drop(&journal->topics, empty.list[i]);
    }
    if (!err) work_deliver(journal, batch);
done:
    free(empty.list);
    return err;
}

uint64_t trim_next_ms(const struct journal *journal) {
    uint64_t at_ms = journal->trim_at_ms;
    uint64_t age_ms = journal->policy.is.retention.age_max_ms;
    if (age_ms && journal->state.events > 0 && at_ms == UINT64_MAX) {
        uint64_t unix_ms = clock_unix_ms(), due_ms = journal->head_time_ms + age_ms;
        at_ms = clock_mono_ms() + (due_ms > unix_ms ? due_ms - unix_ms : 0);
    }
    if (journal->policy.age_min_ms && journal->sweep_at_ms < at_ms) at_ms = journal->sweep_at_ms;
    return at_ms;
}
