// SPDX-License-Identifier: MIT
// Topics that end: those of which nothing is left, memory topics that nobody has any more, and,
// when there are nearly too many, those of which only an old kept event is left.
#include "journal/journal_priv.h"

#include <stdlib.h>

#include "sys/clock.h"

static bool is_empty(const struct topic_row *topic) {
    return topic_row_left(topic) == 0 && !topic_row_pending(topic) && !topic->trim_queued;
}

// Whether nobody has anything of a memory topic any more, or its rule says that it is too old.
static bool is_old(const struct journal *journal, const struct topic_row *topic, uint64_t now_ms) {
    const struct journal_topic_rule *rule = policy_rule(&journal->policy, topic->rule);
    uint64_t age_ms = rule ? rule->retention.age_max_ms : 0;
    return age_ms && topic->now.last_time_ms + age_ms <= now_ms &&
           timekeeper_trusts_ages(&journal->timekeeper, clock_boot_ms());
}

static bool is_over_and_done(const struct journal *journal, const struct topic_row *topic,
                             uint64_t now_ms) {
    return topic->now.last_seq <= journal->batch_floor || is_old(journal, topic, now_ms);
}

// A topic that is finished stays known until room is needed.
static bool may_drop(struct journal *journal, const struct topic_row *topic, bool pressed,
                     uint64_t now_ms) {
    if (topic->now.closed && !pressed) return false;
    return topic->memory ? is_over_and_done(journal, topic, now_ms) : pressed && is_empty(topic);
}

static int find_drops(struct journal *journal, bool pressed, struct work_rows *drops,
                      bool *stored) {
    enum { DROP_MAX = 4096 };
    uint64_t now_ms = work_now_ms(journal);
    journal->has_memory = *stored = false;
    for (size_t i = 0; i < journal->topics.by_no.cap; i++) {
        struct topic_row *topic = journal->topics.by_no.at[i].item;
        if (!topic) continue;
        journal->has_memory |= topic->memory;
        if (drops->count >= DROP_MAX || !may_drop(journal, topic, pressed, now_ms)) continue;
        *stored |= !topic->memory;
        int err = work_rows_add(drops, topic);
        if (err) return err;
    }
    return 0;
}

static int drop_rows(struct journal *journal, struct work_rows *drops) {
    for (size_t i = 0; i < drops->count; i++) {
        struct topic_row *topic = drops->list[i];
        uint32_t no = topic->no;
        MDB_val key = {sizeof no, &no};
        int rc = topic->memory ? 0 : mdb_del(journal->work.txn, journal->store.topics, &key, NULL);
        if (rc && rc != MDB_NOTFOUND) return work_error(journal, rc, "delete a topic");
        if (!topic->memory) journal->work.wrote = true;
        topic->gone = true;
        int err = work_changed(journal, topic);
        if (err) return err;
    }
    return 0;
}

static int drop_all(struct journal *journal, struct work_rows *drops, bool stored) {
    struct batch *batch = NULL;
    int err = 0;
    // Rows and keys that wait for the checkpoint are written now, or the next one would restore
    // rows of dropped topics, or give their keys to the next topic with the number.
    if (stored || journal->keys.count > 0) {
        err = work_begin(journal);
        if (!err) err = work_commit(journal, true, &batch);
        if (!err) work_deliver(journal, batch);
    }
    if (!err && stored)
        err = work_begin(journal);
    else if (!err)
        work_begin_memory(journal);
    if (err) return err;
    err = drop_rows(journal, drops);
    if (err)
        work_abort(journal);
    else
        err = work_commit(journal, false, &batch);
    for (size_t i = 0; i < drops->count; i++) {
        struct topic_row *topic = drops->list[i];
        topic->gone = false;
        if (err) continue;
        // Out of memory: the number is not used again before the next start.
        (void)!numbers_give(&journal->numbers, topic->no, journal->seq);
        if (journal->hog == topic) journal->hog = NULL;
        topic_rows_drop(&journal->topics, topic);
    }
    if (!err) work_deliver(journal, batch);
    return err;
}

static int by_time(const void *a, const void *b) {
    const struct topic_row *x = *(struct topic_row *const *)a, *y = *(struct topic_row *const *)b;
    return x->now.last_time_ms < y->now.last_time_ms ? -1
                                                     : x->now.last_time_ms > y->now.last_time_ms;
}

// Forgets topics that have only kept events, those whose newest is the oldest first. They are
// dropped when their events are deleted.
static int forget_kept(struct journal *journal) {
    struct work_rows found = {0};
    struct batch *batch;
    int err = 0;
    for (size_t i = 0; i < journal->topics.by_no.cap && !err; i++) {
        struct topic_row *topic = journal->topics.by_no.at[i].item;
        if (topic && !topic->memory && !topic_row_pending(topic) && topic_row_left(topic) > 0 &&
            trim_is_behind(journal, topic))
            err = work_rows_add(&found, topic);
    }
    if (err || found.count == 0) goto done;
    qsort(found.list, found.count, sizeof(struct topic_row *), by_time);
    uint32_t max = journal->config.topics_max;
    size_t count = journal->topics.by_no.count - TOPICS_PRESSING(max) + max / 64 + 1;
    if (count > found.count) count = found.count;
    err = work_begin(journal);
    if (err) goto done;
    for (size_t i = 0; i < count && !err; i++) err = stage_forget(journal, found.list[i]);
    if (err)
        work_abort(journal);
    else
        err = work_commit(journal, false, &batch);
    if (!err) work_deliver(journal, batch);
    if (!err) journal->dropped_at_ms = 0;
done:
    free(found.list);
    return err;
}

int drop_topics(struct journal *journal) {
    enum { AGAIN_MS = 1000 };
    uint64_t now_ms = clock_mono_ms();
    bool stored,
        pressed = journal->topics.by_no.count >= TOPICS_PRESSING(journal->config.topics_max);
    if (!pressed && !journal->has_memory) return 0;
    if (now_ms < journal->dropped_at_ms + (pressed ? AGAIN_MS : DROP_INTERVAL_MS)) return 0;
    journal->dropped_at_ms = now_ms;
    work_watch(journal);
    struct work_rows drops = {0};
    int err = find_drops(journal, pressed, &drops, &stored);
    if (!err && drops.count > 0)
        err = drop_all(journal, &drops, stored);
    else if (!err && pressed)
        err = forget_kept(journal);
    free(drops.list);
    return err;
}
