// SPDX-License-Identifier: MIT
// Topics that end: those of which nothing is left, memory topics that nobody has any more, and,
// when there are nearly too many, those of which only an old kept event is left.
#include "journal/journal_priv.h"

#include <stdlib.h>

static bool is_empty(const struct topic_row *topic) {
    return topic_row_left(topic) == 0 && !topic_row_pending(topic) && !topic->wipe_queued;
}

// Whether nobody has anything of a memory topic any more, or its rule says that it is too old.
static bool is_old(const struct journal *journal, const struct topic_row *topic, uint64_t now_ms) {
    const struct journal_topic_rule *rule = policy_rule(&journal->policy, topic->rule);
    uint64_t age_ms = rule ? rule->retention.age_max_ms : 0;
    return age_ms && topic->now.last_time_ms + age_ms <= now_ms &&
           timekeeper_trusts_ages(&journal->timekeeper, journal->boot_ms());
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

static int find_drops(struct journal *journal, bool pressed, struct work_rows *memory,
                      struct command *command) {
    enum { DROP_MAX = 4096 };
    uint64_t now_ms = work_now_ms(journal);
    journal->has_memory = false;
    for (size_t i = 0; i < journal->topics.by_name.cap; i++) {
        struct topic_row *topic = journal->topics.by_name.at[i].item;
        if (!topic) continue;
        journal->has_memory |= topic->memory;
        if (memory->count + command->marks_count >= DROP_MAX) continue;
        if (!may_drop(journal, topic, pressed, now_ms)) continue;
        int err = topic->memory ? work_rows_add(memory, topic) : command_add_mark(command, topic);
        if (err) return err;
        if (!topic->memory) command->marks[command->marks_count - 1].seq = topic->now.last_seq;
    }
    return 0;
}

// A hub's memory topics are its own: no command, but a transaction, with a checkpoint if there are
// keys that name them.
static int drop_memory(struct journal *journal, const struct work_rows *topics) {
    struct batch *batch;
    int err = 0;
    if (journal->keys.count > 0)
        err = work_begin(journal);
    else
        work_begin_memory(journal);
    if (err) return err;
    for (size_t i = 0; i < topics->count && !err; i++) err = work_drop(journal, topics->list[i]);
    if (err)
        work_abort(journal);
    else
        err = work_commit(journal, false, &batch);
    if (!err) work_deliver(journal, batch);
    return err;
}

int drop_apply(struct journal *journal, const struct command *command) {
    for (size_t i = 0; i < command->marks_count; i++) {
        const struct command_mark *mark = &command->marks[i];
        struct topic_row *topic = mark->topic;
        // It has been written to since.
        if (topic->gone || topic_row_left(topic) > 0 || topic->now.last_seq != mark->seq) continue;
        int err = trim_wipe(journal, topic);
        if (!err) err = work_drop(journal, topic);
        if (err) return err;
    }
    return 0;
}

static int by_time(const void *a, const void *b) {
    const struct topic_row *x = *(struct topic_row *const *)a, *y = *(struct topic_row *const *)b;
    return x->now.last_time_ms < y->now.last_time_ms ? -1
                                                     : x->now.last_time_ms > y->now.last_time_ms;
}

// Topics that have only kept events give all, those whose newest is the oldest first. They are
// dropped when their events are deleted.
static int plan_kept(struct journal *journal, struct command *command) {
    struct work_rows found = {0};
    int err = 0;
    for (size_t i = 0; i < journal->topics.by_name.cap && !err; i++) {
        struct topic_row *topic = journal->topics.by_name.at[i].item;
        if (topic && !topic->memory && !topic_row_pending(topic) && topic_row_left(topic) > 0 &&
            retention_is_behind(journal, topic))
            err = work_rows_add(&found, topic);
    }
    if (found.count > 0) qsort(found.list, found.count, sizeof(struct topic_row *), by_time);
    uint32_t max = journal->config.topics_max;
    size_t count = journal->topics.by_name.count - TOPICS_PRESSING(max) + max / 64 + 1;
    if (count > found.count) count = found.count;
    for (size_t i = 0; i < count && !err; i++) {
        struct topic_row *topic = found.list[i];
        err = command_add_mark(command, topic);
        if (err) break;
        command->marks[i] = (struct command_mark){.topic = topic,
                                                  .from = topic->now.trimmed_ordinal,
                                                  .seq = topic->now.last_seq,
                                                  .ordinal = topic->now.last_ordinal,
                                                  .bytes = topic->now.bytes};
    }
    free(found.list);
    return err;
}

static int forget_kept(struct journal *journal) {
    struct command command;
    command_init(&command, COMMAND_TRIM);
    command.head = journal->state.head_seq;
    int err = plan_kept(journal, &command);
    if (!err && command.marks_count > 0) {
        err = writer_do(journal, &command);
        journal->dropped_at_ms = 0;
    }
    command_fini(&command);
    return err;
}

int drop_topics(struct journal *journal) {
    enum { AGAIN_MS = 1000 };
    uint64_t now_ms = journal->config.mono_ms();
    bool pressed = journal->topics.by_name.count >= TOPICS_PRESSING(journal->config.topics_max);
    if (!pressed && !journal->has_memory) return 0;
    if (now_ms < journal->dropped_at_ms + (pressed ? AGAIN_MS : DROP_INTERVAL_MS)) return 0;
    if (log_is_shared(journal->log) && !sender_is_idle(&journal->sender)) return 0;
    journal->dropped_at_ms = now_ms;
    work_watch(journal);
    struct work_rows memory = {0};
    struct command command;
    command_init(&command, COMMAND_DROP);
    int err = find_drops(journal, pressed, &memory, &command);
    bool any = memory.count > 0 || command.marks_count > 0;
    if (!err && memory.count > 0) err = drop_memory(journal, &memory);
    if (!err && command.marks_count > 0) err = writer_do(journal, &command);
    if (!err && !any && pressed) err = forget_kept(journal);
    free(memory.list);
    command_fini(&command);
    return err;
}

uint64_t drop_next_ms(const struct journal *journal) {
    return journal->has_memory ? journal->dropped_at_ms + DROP_INTERVAL_MS : UINT64_MAX;
}
