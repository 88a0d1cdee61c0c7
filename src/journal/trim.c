// SPDX-License-Identifier: MIT
// Retention, in bounded steps. The oldest events of all are deleted when all together exceed their
// bounds; the oldest of a topic when the topic exceeds the bounds of its rule, or when they are
// below its floor because the topic was forgotten. A step is a transaction of its own.
//
// A topic's newest event (or its newest `keep`) stays where it is. The head of all, where deleting
// goes on, passes it and stands behind it: events below the head are kept ones. When the topic has
// newer events they are no longer kept and go by the topic.
//
// Within a topic the oldest events always go first: the stored ones are its last, without a hole.
// The rows of the topics are written in the same transaction, so floors and deletions are always
// exact on disk and trimming goes on after any crash where it was.
#include "journal/journal_priv.h"

#include <stdlib.h>

#include "sys/clock.h"

static bool is_over(uint64_t value, uint64_t max, uint64_t slack_divisor) {
    return max && value > max + (slack_divisor ? max / slack_divisor : 0);
}

static bool is_old(uint64_t time_ms, uint64_t age_max_ms, uint64_t now_ms) {
    return age_max_ms && time_ms && time_ms + age_max_ms <= now_ms;
}

static bool trusts_ages(const struct journal *journal) {
    return timekeeper_trusts_ages(&journal->timekeeper, clock_boot_ms());
}

static const struct journal_retention *topic_bounds(const struct journal *journal,
                                                    const struct topic_row *topic) {
    static const struct journal_retention none;
    const struct journal_topic_rule *rule = policy_rule(&journal->policy, topic->rule);
    return rule ? &rule->retention : &none;
}

// How many of the topic's newest events stay whatever the bounds of bytes and count; of age.
static uint64_t kept(const struct journal *journal, const struct topic_row *topic) {
    const struct journal_topic_rule *rule = policy_rule(&journal->policy, topic->rule);
    return topic->now.closed ? 0 : rule && rule->keep ? rule->keep : 1;
}

static uint64_t kept_from_age(const struct journal *journal, const struct topic_row *topic) {
    const struct journal_topic_rule *rule = policy_rule(&journal->policy, topic->rule);
    return topic->now.closed || !rule ? 0 : rule->keep;
}

static bool topic_over_own(const struct journal *journal, const struct topic_row *topic,
                           uint64_t slack_divisor) {
    const struct journal_retention *bounds = topic_bounds(journal, topic);
    return is_over(topic_row_left(topic), bounds->count_max, slack_divisor) ||
           is_over(topic->now.bytes, bounds->bytes_max, slack_divisor);
}

static bool topic_over(const struct journal *journal, const struct topic_row *topic,
                       uint64_t slack_divisor) {
    if (topic_row_left(topic) <= kept(journal, topic)) return false;
    return (topic->behind && !slack_divisor) || topic_over_own(journal, topic, slack_divisor);
}

static bool head_over(const struct journal *journal, uint64_t slack_divisor) {
    const struct journal_retention *bounds = &journal->policy.is.retention;
    // Behind the newest event there are only kept ones.
    return journal->state.events > 0 && journal->state.head_seq <= journal->state.last_seq &&
           (is_over(journal->state.events, bounds->count_max, slack_divisor) ||
            is_over(journal->state.bytes, bounds->bytes_max, slack_divisor));
}

static bool head_old(const struct journal *journal, uint64_t now_ms) {
    uint64_t age_ms = journal->policy.is.retention.age_max_ms;
    return journal->state.events > 0 && journal->state.head_seq <= journal->state.last_seq &&
           age_ms && trusts_ages(journal) &&
           (journal->head_time_ms == 0 || is_old(journal->head_time_ms, age_ms, now_ms));
}

// About what the topic's records take in the file.
static uint64_t topic_cost(const struct topic_row *topic) {
    return topic->now.bytes + topic_row_left(topic) * record_cost(sizeof(struct record_header));
}

static bool takes_too_much(const struct journal *journal, const struct topic_row *topic) {
    const unsigned share = journal->policy.is.topic_share;
    uint64_t bytes_max = journal->policy.is.retention.bytes_max;
    return bytes_max && topic_cost(topic) > bytes_max / 100 * (share ? share : 50);
}

// One topic's flood must not evict all others: while all together exceed their bound, a topic that
// has more than its share gives the oldest of its own.
static bool is_hog(const struct journal *journal, const struct topic_row *topic) {
    return topic == journal->hog && head_over(journal, 0) && takes_too_much(journal, topic);
}

bool trim_is_behind(const struct journal *journal, const struct topic_row *topic) {
    return topic->behind && topic->now.last_seq < journal->state.head_seq;
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
    if (topic->memory) return;
    if (takes_too_much(journal, topic)) journal->hog = topic;
    if (topic->trim_queued) return;
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

// --- the head -----------------------------------------------------------------------------------

struct head {
    uint64_t seq;
    size_t size;
    bool damaged;
    // Of a damaged one: that of the next that is whole, or of the newest event.
    uint64_t time_ms;
    struct record_view view;
};

// Its header only: a key of a damaged body is not in the table, or is another event's.
static int decode_head(struct journal *journal, MDB_val key, MDB_val data,
                       struct record_view *view) {
    uint64_t seq;
    memcpy(&seq, key.mv_data, sizeof seq);
    return record_decode((struct str){data.mv_data, data.mv_size}, seq, journal->seed, view);
}

static int read_head(struct journal *journal, struct head *head) {
    MDB_cursor *cursor;
    MDB_val key, data;
    *head = (struct head){0};
    int rc = mdb_cursor_open(journal->work.txn, journal->store.events, &cursor);
    if (rc) return work_error(journal, rc, "read the oldest event");
    uint64_t seq = journal->state.head_seq;
    key = (MDB_val){sizeof seq, &seq};
    rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    if (!rc) {
        memcpy(&head->seq, key.mv_data, sizeof head->seq);
        head->size = data.mv_size;
    }
    for (; !rc && decode_head(journal, key, data, &head->view);
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT))
        head->damaged = true;
    mdb_cursor_close(cursor);
    head->time_ms = rc ? journal->time_ms : head->view.record.time_ms;
    if (rc == MDB_NOTFOUND) return head->seq ? 0 : ERR_NOT_FOUND;
    return rc ? work_error(journal, rc, "read the oldest event") : 0;
}

// A damaged record at the head must not end retention. Its topic's marks move on with the topic's
// next event.
static int remove_damaged(struct journal *journal, const struct head *head) {
    uint64_t seq = head->seq, cost = record_cost(head->size);
    journal->state.events -= journal->state.events > 0;
    journal->state.bytes -= cost < journal->state.bytes ? cost : journal->state.bytes;
    journal->work.wrote = true;
    MDB_val key = {sizeof seq, &seq};
    int rc = mdb_del(journal->work.txn, journal->store.events, &key, NULL);
    return rc ? work_error(journal, rc, "delete an event") : 0;
}

// --- the oldest of a topic -----------------------------------------------------------------------

static bool must_go(const struct journal *journal, const struct topic_row *topic,
                    const struct record *record, uint64_t now_ms) {
    if (record->ordinal <= topic->now.trimmed_ordinal) return true;
    uint64_t newer = topic->now.last_ordinal - record->ordinal;
    // The head of all looks at the ages of those that it has not passed.
    bool passed = record->seq < journal->state.head_seq;
    bool old = is_old(record->time_ms, topic_bounds(journal, topic)->age_max_ms, now_ms) ||
               (passed && is_old(record->time_ms, journal->policy.is.retention.age_max_ms, now_ms));
    if (old && trusts_ages(journal) && newer >= kept_from_age(journal, topic)) return true;
    if (newer < kept(journal, topic)) return false;
    return passed || topic_over_own(journal, topic, 0) || is_hog(journal, topic);
}

// Nothing of the topic is stored any more. Its newest event may have been a damaged one.
static int forget_lost(struct journal *journal, struct topic_row *topic, bool lost, bool *done) {
    *done = true;
    topic->behind = false;
    if (!lost) return 0;
    uint8_t closed = topic->now.closed;
    int err = stage_forget(journal, topic);
    if (err) return err;
    topic->now.closed = closed;
    topic->now.gone_seq = topic->now.trimmed_seq;
    topic->now.gone_ordinal = topic->now.trimmed_ordinal;
    journal->state.topics_pending--;
    return 0;
}

// *done: the topic is within its bounds.
static int trim_topic(struct journal *journal, struct topic_row *topic, size_t *budget,
                      bool *done) {
    enum { CHUNK = 256 };
    uint64_t seqs[CHUNK], now_ms = work_now_ms(journal);
    *done = false;
    while (*budget > 0) {
        struct links links = work_links(journal, topic);
        size_t max = *budget < CHUNK ? *budget : CHUNK, count;
        bool lost;
        int err =
            links_after(&links, topic->now.last_seq, topic->now.gone_seq, seqs, max, &count, &lost);
        if (err) return err;
        if (count == 0) return forget_lost(journal, topic, lost, done);
        for (size_t i = 0; i < count; i++) {
            struct record_view view;
            err = links_read(&links, seqs[i], &view);
            if (err) return err;
            if (!must_go(journal, topic, &view.record, now_ms)) {
                topic->oldest_time_ms = view.record.time_ms;
                topic->behind = view.record.seq < journal->state.head_seq;
                *done = true;
                return 0;
            }
            err = remove_event(journal, topic, &view);
            if (err) return err;
            --*budget;
        }
    }
    *done = topic->now.gone_seq == topic->now.last_seq;
    if (*done) topic->behind = false;
    return 0;
}

// --- the oldest of all ---------------------------------------------------------------------------

// Whether the event at the head goes; if not, the head passes it.
static bool head_goes(const struct journal *journal, const struct topic_row *topic,
                      const struct record *record, bool old) {
    uint64_t newer = topic->now.last_ordinal - record->ordinal;
    return record->seq <= topic->now.trimmed_seq ||
           newer >= (old ? kept_from_age(journal, topic) : kept(journal, topic));
}

// The event at the head goes, and before it the older ones of its topic, which were kept until now.
static int remove_head(struct journal *journal, struct topic_row *topic,
                       const struct record_view *view, size_t *budget) {
    bool done;
    if (view->record.ordinal > topic->now.gone_ordinal + 1) {
        int err = trim_topic(journal, topic, budget, &done);
        // With a damaged one among them they cannot be found.
        if (err && err != ERR_CORRUPT) return err;
        if (view->record.ordinal <= topic->now.gone_ordinal) return 0;
    }
    return *budget ? remove_event(journal, topic, view) : 0;
}

// Deletes the oldest events of all while one of the bounds is exceeded, or passes them.
static int trim_head(struct journal *journal, const struct journal_retention *bounds,
                     size_t *budget) {
    uint64_t now_ms = work_now_ms(journal);
    for (;;) {
        struct head head;
        int err = read_head(journal, &head);
        // Without an event at the head: none is too old before the next one may be.
        journal->head_time_ms = err ? journal->time_ms : head.time_ms;
        if (err == ERR_NOT_FOUND) journal->state.head_seq = journal->state.last_seq + 1;
        if (err) return err == ERR_NOT_FOUND ? 0 : err;
        bool old = trusts_ages(journal) && is_old(head.time_ms, bounds->age_max_ms, now_ms);
        if (!is_over(journal->state.events, bounds->count_max, 0) &&
            !is_over(journal->state.bytes, bounds->bytes_max, 0) && !old)
            return 0;
        if (*budget == 0) return 0;
        --*budget;
        uint32_t no = head.view.record.topic_no;
        struct topic_row *topic = head.damaged ? NULL : topic_rows_find_no(&journal->topics, no);
        if (!topic) {
            err = remove_damaged(journal, &head);
        } else if (head_goes(journal, topic, &head.view.record, old)) {
            err = remove_head(journal, topic, &head.view, budget);
        } else {
            topic->behind = true;
            journal->state.head_seq = head.seq + 1;
        }
        if (err) return err;
    }
}

static int trim_topics(struct journal *journal, size_t *budget) {
    while (journal->trims.count > 0 && *budget > 0) {
        struct topic_row *topic = journal->trims.list[journal->trims.count - 1];
        bool done;
        int err = trim_topic(journal, topic, budget, &done);
        // A damaged record in the topic: the head of all events gets there in its time.
        if (err == ERR_CORRUPT)
            done = true;
        else if (err)
            return err;
        if (!done) continue;
        topic->trim_queued = false;
        journal->trims.count--;
    }
    return 0;
}

// The shortest age that single topics are looked at for.
static uint64_t sweep_age_ms(const struct journal *journal) {
    uint64_t rules_ms = journal->policy.age_min_ms;
    uint64_t all_ms = journal->state.head_seq ? journal->policy.is.retention.age_max_ms : 0;
    return !rules_ms || (all_ms && all_ms < rules_ms) ? all_ms : rules_ms;
}

static bool has_old(const struct journal *journal, const struct topic_row *topic, uint64_t now_ms) {
    uint64_t own_ms = topic_bounds(journal, topic)->age_max_ms;
    uint64_t all_ms = topic->behind ? journal->policy.is.retention.age_max_ms : 0;
    if (topic->memory || topic_row_left(topic) <= kept_from_age(journal, topic)) return false;
    if (!topic->oldest_time_ms) return own_ms || all_ms;
    return is_old(topic->oldest_time_ms, own_ms, now_ms) ||
           is_old(topic->oldest_time_ms, all_ms, now_ms);
}

static void sweep_ages(struct journal *journal, uint64_t now_ms) {
    uint64_t age_ms = sweep_age_ms(journal);
    if (!age_ms || now_ms < journal->sweep_at_ms || !trusts_ages(journal)) return;
    uint64_t unix_ms = work_now_ms(journal);
    for (size_t i = 0; i < journal->topics.by_no.cap; i++) {
        struct topic_row *topic = journal->topics.by_no.at[i].item;
        // Out of memory: the next sweep finds it again.
        if (topic && has_old(journal, topic, unix_ms)) (void)!trim_queue(journal, topic);
    }
    uint64_t wait_ms = age_ms / 16;
    journal->sweep_at_ms = now_ms + (wait_ms < 100 ? 100 : wait_ms > 60000 ? 60000 : wait_ms);
}

// --- steps ---------------------------------------------------------------------------------------

// The oldest event of all, kept or not.
static int read_first(struct journal *journal) {
    MDB_cursor *cursor;
    MDB_val key, data;
    journal->counters.first_seq = 0;
    int rc = mdb_cursor_open(journal->work.txn, journal->store.events, &cursor);
    if (rc) return work_error(journal, rc, "read the oldest event");
    rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
    if (!rc) memcpy(&journal->counters.first_seq, key.mv_data, sizeof(uint64_t));
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? work_error(journal, rc, "read the oldest event") : 0;
}

static int step(struct journal *journal, const struct journal_retention *bounds) {
    // Half a step is for topics and half for all together, so that neither waits for the other.
    size_t budget = TRIM_EVENTS_MAX / 2;
    struct batch *batch;
    int err = work_begin(journal);
    if (err) return err;
    err = trim_topics(journal, &budget);
    budget += TRIM_EVENTS_MAX / 2;
    bool hog_first = journal->hog && is_hog(journal, journal->hog) && journal->hog->trim_queued;
    if (!err && !hog_first) err = trim_head(journal, bounds, &budget);
    if (!err) err = read_first(journal);
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
    if (journal->hog && is_hog(journal, journal->hog) && trim_queue(journal, journal->hog))
        return ERR_NOMEM;
    if (!head_over(journal, 0) && journal->trims.count == 0 &&
        !head_old(journal, work_now_ms(journal))) {
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
    readers_check(&journal->readers, &journal->store, true);
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

uint64_t trim_next_ms(struct journal *journal) {
    uint64_t at_ms = journal->trim_at_ms;
    // Until the clock has healed, which only looking at it shows.
    if (!trusts_ages(journal)) {
        uint64_t again_ms = clock_mono_ms() + CLOCK_INTERVAL_MS;
        return at_ms < again_ms ? at_ms : again_ms;
    }
    uint64_t age_ms = journal->policy.is.retention.age_max_ms;
    if (age_ms && journal->state.events > 0 && at_ms == UINT64_MAX) {
        uint64_t unix_ms = work_now_ms(journal), due_ms = journal->head_time_ms + age_ms;
        at_ms = clock_mono_ms() + (due_ms > unix_ms ? due_ms - unix_ms : 0);
    }
    if (sweep_age_ms(journal) && journal->sweep_at_ms < at_ms) at_ms = journal->sweep_at_ms;
    uint64_t drop_at_ms = journal->dropped_at_ms + DROP_INTERVAL_MS;
    if (journal->has_memory && drop_at_ms < at_ms) at_ms = drop_at_ms;
    return at_ms;
}
