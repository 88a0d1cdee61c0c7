// SPDX-License-Identifier: MIT
// Retention, the deciding.
#include "journal/retention.h"

#include <stdlib.h>

#include "base/array.h"
#include "journal/journal_priv.h"

// What has been decided so far. Totals and floors are those after the plan.
struct plan {
    struct journal *journal;
    struct command *command;
    MDB_txn *txn;
    struct journal_retention bounds; // of all topics together
    uint64_t now_ms;
    uint64_t events, bytes; // of all
    size_t budget;
    uint64_t whole_seq, whole_time_ms; // the next event at or behind the head that is not damaged
};

// --- bounds --------------------------------------------------------------------------------------

static bool is_over(uint64_t value, uint64_t max, uint64_t slack_divisor) {
    return max && value > max + (slack_divisor ? max / slack_divisor : 0);
}

static bool is_old(uint64_t time_ms, uint64_t age_max_ms, uint64_t now_ms) {
    return age_max_ms && time_ms && time_ms + age_max_ms <= now_ms;
}

static bool trusts_ages(const struct journal *journal) {
    return timekeeper_trusts_ages(&journal->timekeeper, journal->boot_ms());
}

static const struct journal_topic_rule *rule_of(const struct journal *journal,
                                                const struct topic_row *topic) {
    static const struct journal_topic_rule none;
    const struct journal_topic_rule *rule = policy_rule(&journal->policy, topic->rule);
    return rule ? rule : &none;
}

// How many of the topic's newest events stay whatever the bounds of bytes and count; of age.
static uint64_t kept(const struct journal *journal, const struct topic_row *topic) {
    uint32_t keep = rule_of(journal, topic)->keep;
    return topic->now.closed ? 0 : keep ? keep : 1;
}

static uint64_t kept_from_age(const struct journal *journal, const struct topic_row *topic) {
    return topic->now.closed ? 0 : rule_of(journal, topic)->keep;
}

// A topic as it is, or will be after the plan.
struct extent {
    uint64_t events, bytes;
};

static struct extent extent_now(const struct topic_row *topic) {
    return (struct extent){topic_row_left(topic), topic->now.bytes};
}

static bool over_own(const struct journal *journal, const struct topic_row *topic,
                     struct extent extent, uint64_t slack_divisor) {
    const struct journal_retention *bounds = &rule_of(journal, topic)->retention;
    return is_over(extent.events, bounds->count_max, slack_divisor) ||
           is_over(extent.bytes, bounds->bytes_max, slack_divisor);
}

static bool over_any(const struct journal *journal, const struct topic_row *topic,
                     uint64_t slack_divisor) {
    if (topic_row_left(topic) <= kept(journal, topic)) return false;
    return (topic->behind && !slack_divisor) ||
           over_own(journal, topic, extent_now(topic), slack_divisor);
}

static bool all_over(const struct journal_retention *bounds, uint64_t events, uint64_t bytes,
                     uint64_t slack_divisor) {
    return is_over(events, bounds->count_max, slack_divisor) ||
           is_over(bytes, bounds->bytes_max, slack_divisor);
}

// Behind the newest event there are only kept ones.
static bool has_head(const struct journal *journal) {
    return journal->state.events > 0 && journal->state.head_seq <= journal->state.last_seq;
}

static bool head_over(const struct journal *journal, uint64_t slack_divisor) {
    const struct record_state *state = &journal->state;
    return has_head(journal) &&
           all_over(&journal->policy.is.retention, state->events, state->bytes, slack_divisor);
}

static bool head_old(struct journal *journal) {
    uint64_t age_ms = journal->policy.is.retention.age_max_ms;
    return has_head(journal) && age_ms && trusts_ages(journal) &&
           (journal->head_time_ms == 0 ||
            is_old(journal->head_time_ms, age_ms, work_now_ms(journal)));
}

// About what the topic's records take in the file.
static uint64_t cost(struct extent extent) {
    return extent.bytes + extent.events * record_cost(sizeof(struct record_header));
}

static bool takes_too_much(const struct journal *journal, struct extent extent) {
    const unsigned share = journal->policy.is.topic_share;
    uint64_t bytes_max = journal->policy.is.retention.bytes_max;
    return bytes_max && cost(extent) > bytes_max / 100 * (share ? share : 50);
}

// One topic's flood must not evict all others: while all together exceed their bound, a topic that
// has more than its share gives the oldest of its own.
static bool is_hog(const struct plan *plan, const struct topic_row *topic, struct extent extent) {
    return topic == plan->journal->hog && takes_too_much(plan->journal, extent) &&
           all_over(&plan->bounds, plan->events, plan->bytes, 0);
}

static uint64_t rule_bound(const struct journal *journal, uint32_t rule) {
    return rule ? policy_rule(&journal->policy, rule)->total_bytes_max : 0;
}

bool retention_is_behind(const struct journal *journal, const struct topic_row *topic) {
    return topic->behind && topic->now.last_seq < journal->state.head_seq;
}

// --- what may be over its bounds -----------------------------------------------------------------

static int queue(struct journal *journal, struct topic_row *topic) {
    if (topic->trim_queued || topic->memory) return 0;
    int err = work_rows_add(&journal->trims, topic);
    if (!err) topic->trim_queued = true;
    return err;
}

static void soon(struct journal *journal, bool at_once) {
    uint64_t now_ms = journal->config.mono_ms();
    uint64_t at_ms = at_once ? now_ms : now_ms + TRIM_INTERVAL_MS;
    if (at_ms < journal->trim_at_ms) journal->trim_at_ms = at_ms;
}

static void count_bytes(struct journal *journal, struct topic_row *topic) {
    if (topic->rule)
        journal->policy.rule_bytes[topic->rule - 1] += topic->now.bytes - topic->counted_bytes;
    topic->counted_bytes = topic->now.bytes;
}

static bool rule_over(const struct journal *journal, uint32_t rule, uint64_t slack_divisor) {
    return rule &&
           is_over(journal->policy.rule_bytes[rule - 1], rule_bound(journal, rule), slack_divisor);
}

void retention_look(struct journal *journal, struct topic_row *topic) {
    if (topic->memory) return;
    count_bytes(journal, topic);
    if (takes_too_much(journal, extent_now(topic))) journal->hog = topic;
    if (rule_over(journal, topic->rule, 0)) {
        journal->rules_due = true;
        soon(journal, rule_over(journal, topic->rule, TRIM_SLACK_DIVISOR));
    }
    if (topic->trim_queued || !over_any(journal, topic, 0)) return;
    // Out of memory: the next commit to this topic, or opening, finds it again.
    if (queue(journal, topic)) return;
    soon(journal, over_any(journal, topic, TRIM_SLACK_DIVISOR));
}

void retention_forget(struct journal *journal, struct topic_row *topic) {
    if (topic->rule && !topic->memory)
        journal->policy.rule_bytes[topic->rule - 1] -= topic->counted_bytes;
    if (journal->hog == topic) journal->hog = NULL;
    if (topic->trim_queued) work_rows_remove(&journal->trims, topic);
    topic->trim_queued = false;
}

int retention_policy_changed(struct journal *journal) {
    int err = 0;
    size_t rules = journal->policy.is.rules_count;
    if (rules) memset(journal->policy.rule_bytes, 0, rules * sizeof(uint64_t));
    for (size_t i = 0; i < journal->topics.by_name.cap; i++) {
        struct topic_row *topic = journal->topics.by_name.at[i].item;
        if (!topic) continue;
        topic->rule = policy_find(&journal->policy, topic_row_name(topic));
        topic->counted_bytes = 0;
        if (topic->memory) continue;
        count_bytes(journal, topic);
        int failed = topic_row_pending(topic) ? trim_queue(journal, topic) : 0;
        if (!failed && over_any(journal, topic, 0)) failed = queue(journal, topic);
        if (failed) err = failed;
    }
    journal->rules_due = rules > 0;
    journal->trim_at_ms = journal->sweep_at_ms = 0;
    return err;
}

// The shortest age that single topics are looked at for.
static uint64_t sweep_age_ms(const struct journal *journal) {
    uint64_t rules_ms = journal->policy.age_min_ms;
    uint64_t all_ms = journal->state.head_seq ? journal->policy.is.retention.age_max_ms : 0;
    return !rules_ms || (all_ms && all_ms < rules_ms) ? all_ms : rules_ms;
}

static bool has_old(const struct journal *journal, const struct topic_row *topic, uint64_t now_ms) {
    uint64_t own_ms = rule_of(journal, topic)->retention.age_max_ms;
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
    for (size_t i = 0; i < journal->topics.by_name.cap; i++) {
        struct topic_row *topic = journal->topics.by_name.at[i].item;
        // Out of memory: the next sweep finds it again.
        if (topic && has_old(journal, topic, unix_ms)) (void)!queue(journal, topic);
    }
    uint64_t wait_ms = age_ms / 16;
    journal->sweep_at_ms = now_ms + (wait_ms < 100 ? 100 : wait_ms > 60000 ? 60000 : wait_ms);
}

bool retention_is_due(struct journal *journal, bool *at_once) {
    sweep_ages(journal, journal->config.mono_ms());
    if (journal->hog && head_over(journal, 0) && takes_too_much(journal, extent_now(journal->hog)))
        (void)!queue(journal, journal->hog);
    *at_once = head_over(journal, TRIM_SLACK_DIVISOR);
    if (journal->trims.count == 0 && !journal->rules_due && !head_over(journal, 0) &&
        !head_old(journal)) {
        journal->trim_at_ms = UINT64_MAX;
        return false;
    }
    if (!*at_once) soon(journal, false);
    *at_once |= journal->config.mono_ms() >= journal->trim_at_ms;
    return true;
}

void retention_rest(struct journal *journal) {
    bool more = journal->trims.count > 0 || journal->rules_due || head_over(journal, 0);
    journal->trim_at_ms = more ? 0 : UINT64_MAX;
    // A shared log has not taken what was decided yet.
    if (more && log_is_shared(journal->log)) {
        journal->trim_at_ms = UINT64_MAX;
        soon(journal, false);
    }
}

uint64_t retention_next_ms(struct journal *journal) {
    uint64_t at_ms = journal->trim_at_ms, now_ms = journal->config.mono_ms();
    // Until the clock has healed, which only looking at it shows.
    if (!trusts_ages(journal)) {
        uint64_t again_ms = now_ms + CLOCK_INTERVAL_MS;
        return at_ms < again_ms ? at_ms : again_ms;
    }
    uint64_t age_ms = journal->policy.is.retention.age_max_ms;
    if (age_ms && journal->state.events > 0 && at_ms == UINT64_MAX) {
        uint64_t unix_ms = work_now_ms(journal), due_ms = journal->head_time_ms + age_ms;
        at_ms = now_ms + (due_ms > unix_ms ? due_ms - unix_ms : 0);
    }
    if (sweep_age_ms(journal) && journal->sweep_at_ms < at_ms) at_ms = journal->sweep_at_ms;
    return at_ms;
}

// --- marks ---------------------------------------------------------------------------------------

static struct command_mark *mark_of(const struct plan *plan, const struct topic_row *topic) {
    return topic->mark ? &plan->command->marks[topic->mark - 1] : NULL;
}

static uint64_t floor_seq(const struct plan *plan, const struct topic_row *topic) {
    const struct command_mark *mark = mark_of(plan, topic);
    return mark ? mark->seq : topic->now.trimmed_seq;
}

static uint64_t floor_ordinal(const struct plan *plan, const struct topic_row *topic) {
    const struct command_mark *mark = mark_of(plan, topic);
    return mark ? mark->ordinal : topic->now.trimmed_ordinal;
}

static struct extent extent_of(const struct plan *plan, const struct topic_row *topic) {
    const struct command_mark *mark = mark_of(plan, topic);
    struct extent extent = extent_now(topic);
    if (!mark) return extent;
    extent.events = topic->now.last_ordinal - mark->ordinal;
    extent.bytes -= mark->bytes < extent.bytes ? mark->bytes : extent.bytes;
    return extent;
}

static void leaves(struct plan *plan, uint64_t record_bytes) {
    uint64_t record = record_cost(record_bytes);
    plan->events -= plan->events > 0;
    plan->bytes -= record < plan->bytes ? record : plan->bytes;
}

// The topic's floor rises over this event, the oldest that it has left.
static int let_go(struct plan *plan, struct topic_row *topic, const struct record *record) {
    if (!topic->mark) {
        int err = command_add_mark(plan->command, topic);
        if (err) return err;
        topic->mark = (uint32_t)plan->command->marks_count;
        mark_of(plan, topic)->from = topic->now.trimmed_ordinal;
    }
    struct command_mark *mark = mark_of(plan, topic);
    mark->seq = record->seq;
    mark->ordinal = record->ordinal;
    mark->bytes += record->data.len;
    leaves(plan, sizeof(struct record_header) + record_texts_len(record));
    topic->oldest_time_ms = 0;
    plan->budget--;
    return 0;
}

// --- a topic -------------------------------------------------------------------------------------

// Why events of a topic go beside the bounds that it has for itself.
enum reason {
    REASON_OWN,  // for no other
    REASON_RULE, // all topics of its rule together have too much
};

static bool must_go(const struct plan *plan, const struct topic_row *topic,
                    const struct record *record, enum reason reason) {
    const struct journal *journal = plan->journal;
    uint64_t newer = topic->now.last_ordinal - record->ordinal;
    uint64_t own_ms = rule_of(journal, topic)->retention.age_max_ms;
    // The head of all looks at the ages of those that it has not passed.
    bool passed = record->seq < plan->command->head;
    bool old = is_old(record->time_ms, own_ms, plan->now_ms) ||
               (passed && is_old(record->time_ms, plan->bounds.age_max_ms, plan->now_ms));
    if (old && trusts_ages(journal) && newer >= kept_from_age(journal, topic)) return true;
    if (newer < kept(journal, topic)) return false;
    struct extent extent = extent_of(plan, topic);
    return passed || reason == REASON_RULE || over_own(journal, topic, extent, 0) ||
           is_hog(plan, topic, extent);
}

static int read_event(const struct plan *plan, uint64_t seq, struct record_view *view) {
    struct links links = {
        .txn = plan->txn, .events = plan->journal->store.events, .seed = plan->journal->seed};
    return links_read(&links, seq, view);
}

// Nothing of the topic can be read any more: what it has left is damaged.
static int let_all_go(struct plan *plan, struct topic_row *topic) {
    if (floor_ordinal(plan, topic) == topic->now.last_ordinal) return 0;
    // Elsewhere it is whole.
    if (log_is_shared(plan->journal->log)) return 0;
    struct record last = {.seq = topic->now.last_seq, .ordinal = topic->now.last_ordinal};
    int err = let_go(plan, topic, &last);
    if (!err) mark_of(plan, topic)->bytes = topic->now.bytes;
    return err;
}

// Decides about the topic's oldest events, up to the first that stays. *done: it was reached.
// `max`: of them at most.
static int plan_topic(struct plan *plan, struct topic_row *topic, size_t max, enum reason reason,
                      bool *done) {
    enum { CHUNK = 256 };
    uint64_t seqs[CHUNK];
    *done = false;
    while (plan->budget > 0 && max > 0) {
        size_t most = max < CHUNK ? max : CHUNK, count;
        if (plan->budget < most) most = plan->budget;
        bool more;
        int err = oldest_seqs(plan->journal, plan->txn, topic, floor_seq(plan, topic), seqs, most,
                              &count, &more);
        if (err) return err;
        if (count == 0) {
            *done = !more;
            topic->behind &= more;
            return more ? 0 : let_all_go(plan, topic);
        }
        for (size_t i = 0; i < count; i++, max--) {
            struct record_view view;
            err = read_event(plan, seqs[i], &view);
            if (err) return err;
            *done = !must_go(plan, topic, &view.record, reason);
            if (*done) {
                topic->oldest_time_ms = view.record.time_ms;
                topic->behind = view.record.seq < plan->command->head;
                return 0;
            }
            err = let_go(plan, topic, &view.record);
            if (err) return err;
        }
    }
    return 0;
}

static int plan_queue(struct plan *plan) {
    struct work_rows *trims = &plan->journal->trims;
    while (trims->count > 0 && plan->budget > 0) {
        struct topic_row *topic = trims->list[trims->count - 1];
        bool done;
        int err = plan_topic(plan, topic, SIZE_MAX, REASON_OWN, &done);
        if (err) return err;
        // Its events are searched for, or the budget is used up.
        if (!done) break;
        topic->trim_queued = false;
        trims->count--;
    }
    return 0;
}

// --- all topics of a rule together ---------------------------------------------------------------

// The oldest event that a topic has left.
struct oldest {
    uint64_t seq;
    struct topic_row *topic;
};

static int by_seq(const void *a, const void *b) {
    const struct oldest *x = a, *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static uint64_t rule_left(const struct plan *plan, uint32_t rule) {
    uint64_t bytes = plan->journal->policy.rule_bytes[rule - 1];
    for (size_t i = 0; i < plan->command->marks_count; i++) {
        const struct command_mark *mark = &plan->command->marks[i];
        if (mark->topic->rule == rule) bytes -= mark->bytes < bytes ? mark->bytes : bytes;
    }
    return bytes;
}

static int find_oldest(struct plan *plan, uint32_t rule, struct oldest **out, size_t *count) {
    struct journal *journal = plan->journal;
    size_t cap = 0;
    *out = NULL;
    *count = 0;
    for (size_t i = 0; i < journal->topics.by_name.cap; i++) {
        struct topic_row *topic = journal->topics.by_name.at[i].item;
        if (!topic || topic->rule != rule || topic->memory ||
            extent_of(plan, topic).events <= kept(journal, topic))
            continue;
        size_t found;
        bool more;
        struct oldest oldest = {.topic = topic};
        int err = oldest_seqs(journal, plan->txn, topic, floor_seq(plan, topic), &oldest.seq, 1,
                              &found, &more);
        if (!err && found == 0) continue;
        if (!err && !array_reserve(*out, cap, *count + 1)) err = ERR_NOMEM;
        if (err) return err;
        (*out)[(*count)++] = oldest;
    }
    if (*count) qsort(*out, *count, sizeof **out, by_seq);
    return 0;
}

// The topics with the oldest events give some of theirs, in turn, until all of the rule together
// are within their bound.
static int plan_rule(struct plan *plan, uint32_t rule) {
    enum { SHARE = 64 };
    struct oldest *oldest;
    size_t count;
    uint64_t bound = rule_bound(plan->journal, rule), left = rule_left(plan, rule);
    if (!is_over(left, bound, 0)) return 0;
    int err = find_oldest(plan, rule, &oldest, &count);
    bool any = !err;
    while (any && !err && is_over(left, bound, 0) && plan->budget > 0) {
        any = false;
        for (size_t i = 0; i < count && !err && is_over(left, bound, 0); i++) {
            struct topic_row *topic = oldest[i].topic;
            uint64_t before = extent_of(plan, topic).bytes, gone;
            size_t budget = plan->budget;
            bool done;
            err = plan_topic(plan, topic, SHARE, REASON_RULE, &done);
            gone = before - extent_of(plan, topic).bytes;
            left -= gone < left ? gone : left;
            any |= plan->budget < budget;
        }
    }
    free(oldest);
    return err;
}

static int plan_rules(struct plan *plan) {
    struct journal *journal = plan->journal;
    if (!journal->rules_due) return 0;
    journal->rules_due = false;
    for (uint32_t rule = 1; rule <= journal->policy.is.rules_count; rule++) {
        int err = rule_bound(journal, rule) ? plan_rule(plan, rule) : 0;
        if (err) return err;
    }
    // The rest follows in the next step.
    journal->rules_due = plan->budget == 0;
    return 0;
}

// --- all together --------------------------------------------------------------------------------

// The event at the head goes, and before it the older ones of its topic, which were kept until now.
static int plan_head_event(struct plan *plan, struct topic_row *topic,
                           const struct record *record) {
    bool done;
    if (record->ordinal > floor_ordinal(plan, topic) + 1) {
        int err = plan_topic(plan, topic, SIZE_MAX, REASON_OWN, &done);
        if (err || record->ordinal <= floor_ordinal(plan, topic)) return err;
        if (!done) return 0;
    }
    return plan->budget ? let_go(plan, topic, record) : 0;
}

// Whether the event at the head goes; if not, the head passes it.
static bool head_goes(const struct plan *plan, const struct topic_row *topic,
                      const struct record *record, bool old) {
    uint64_t newer = topic->now.last_ordinal - record->ordinal;
    return newer >= (old ? kept_from_age(plan->journal, topic) : kept(plan->journal, topic));
}

static int plan_one(struct plan *plan, MDB_val key, MDB_val data, bool old) {
    struct record_view view;
    uint64_t seq;
    memcpy(&seq, key.mv_data, sizeof seq);
    struct str bytes = {data.mv_data, data.mv_size};
    struct topic_row *topic = NULL;
    // A damaged record at the head must not end retention. Its topic's marks move on with the
    // topic's next event.
    if (record_decode(bytes, seq, plan->journal->seed, &view) == 0)
        topic = topic_rows_find_no(&plan->journal->topics, view.record.topic_no);
    if (!topic) {
        leaves(plan, data.mv_size);
        plan->budget--;
    } else if (view.record.ordinal <= floor_ordinal(plan, topic)) {
        // Below a floor, and its place is not counted any more if it is by this plan.
        if (view.record.ordinal <= topic->now.trimmed_ordinal) leaves(plan, data.mv_size);
        plan->budget--;
    } else if (head_goes(plan, topic, &view.record, old)) {
        int err = plan_head_event(plan, topic, &view.record);
        if (err || view.record.ordinal > floor_ordinal(plan, topic)) return err;
    } else {
        topic->behind = true;
        plan->budget--;
    }
    plan->command->head = seq + 1;
    return 0;
}

// The time of the event at the cursor, or of the next that is whole; 0: there is none.
static uint64_t time_at(struct plan *plan, MDB_cursor *cursor, MDB_val key, MDB_val data) {
    int rc = 0;
    if (plan->whole_seq && plan->command->head <= plan->whole_seq) return plan->whole_time_ms;
    plan->whole_seq = UINT64_MAX;
    plan->whole_time_ms = 0;
    for (; !rc; rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) {
        struct record_view view;
        uint64_t seq;
        if (key.mv_size != sizeof seq) continue;
        memcpy(&seq, key.mv_data, sizeof seq);
        struct str bytes = {data.mv_data, data.mv_size};
        if (record_decode(bytes, seq, plan->journal->seed, &view)) continue;
        plan->whole_seq = seq;
        plan->whole_time_ms = view.record.time_ms;
        break;
    }
    return plan->whole_time_ms;
}

// Goes on from the head while all together exceed one of their bounds.
static int plan_head(struct plan *plan) {
    struct journal *journal = plan->journal;
    MDB_cursor *cursor;
    MDB_val key, data;
    int err = 0, rc = mdb_cursor_open(plan->txn, journal->store.events, &cursor);
    if (rc) return work_error(journal, rc, "read the oldest event");
    for (;;) {
        uint64_t seq = plan->command->head;
        key = (MDB_val){sizeof seq, &seq};
        rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
        if (!rc && key.mv_size != sizeof seq) rc = MDB_CORRUPTED;
        if (rc) break;
        uint64_t time_ms = time_at(plan, cursor, key, data);
        journal->head_time_ms = time_ms ? time_ms : journal->time_ms;
        bool old = trusts_ages(journal) &&
                   is_old(journal->head_time_ms, plan->bounds.age_max_ms, plan->now_ms);
        if (!old && !all_over(&plan->bounds, plan->events, plan->bytes, 0)) break;
        uint64_t head = plan->command->head;
        if (plan->budget > 0) err = plan_one(plan, key, data, old);
        if (err || plan->command->head == head) break;
    }
    mdb_cursor_close(cursor);
    if (rc && rc != MDB_NOTFOUND) return work_error(journal, rc, "read the oldest event");
    if (rc) {
        // Without an event at the head: none is too old before the next one may be.
        journal->head_time_ms = journal->time_ms;
        plan->command->head = journal->state.last_seq + 1;
    }
    return err;
}

int retention_plan(struct journal *journal, uint64_t bytes_max, struct command *command) {
    MDB_txn *txn;
    int rc =
        journal->store.env ? mdb_txn_begin(journal->store.env, NULL, MDB_RDONLY, &txn) : MDB_PANIC;
    if (rc) return work_error(journal, rc, "begin a transaction");
    struct plan plan = {.journal = journal,
                        .command = command,
                        .txn = txn,
                        .bounds = journal->policy.is.retention,
                        .now_ms = work_now_ms(journal),
                        .events = journal->state.events,
                        .bytes = journal->state.bytes,
                        // Half for topics and half for all together, so that neither waits.
                        .budget = RETENTION_EVENTS_MAX / 2};
    if (bytes_max) plan.bounds.bytes_max = bytes_max;
    command->head = journal->state.head_seq;
    int err = plan_queue(&plan);
    if (!err) err = plan_rules(&plan);
    plan.budget += RETENTION_EVENTS_MAX / 2;
    bool hog_first = journal->hog && journal->hog->trim_queued &&
                     is_hog(&plan, journal->hog, extent_of(&plan, journal->hog));
    if (!err && !hog_first) err = plan_head(&plan);
    for (size_t i = 0; i < command->marks_count; i++) command->marks[i].topic->mark = 0;
    mdb_txn_abort(txn);
    return err;
}
