// SPDX-License-Identifier: MIT
// Staging: what a publish of a command does to the journal's memory, and what it adds to the
// transaction. It depends on the command, its entry in the log and the journal alone.
#include "journal/journal_priv.h"

// Whether the event with this seq did use the key: rows of the table of keys have no checksum. A
// damaged event counts as one that did not.
static int used_by(struct journal *journal, const struct topic_row *topic, struct str key,
                   uint64_t *seq) {
    struct record_view view;
    struct links links = work_links(journal, topic);
    int err = links_read(&links, *seq, &view);
    if (!err) err = record_check_body(&view, journal->seed);
    if (err && err != ERR_CORRUPT && err != ERR_NOT_FOUND) return err;
    if (err || view.record.topic_no != topic->no || !str_equal(view.record.key, key)) *seq = 0;
    return 0;
}

// The seq of the stored event that used this key, 0 when there is none.
static int find_key(struct journal *journal, const struct topic_row *topic, struct str key,
                    uint64_t *seq) {
    char bytes[KEYS_BYTES_MAX];
    struct str encoded = {bytes, keys_encode(bytes, topic->no, key)};
    *seq = keys_find(&journal->keys, encoded);
    if (*seq == 0 && !topic->memory) {
        MDB_val at = {encoded.len, bytes}, data;
        int rc = mdb_get(journal->work.txn, journal->store.keys, &at, &data);
        if (rc && rc != MDB_NOTFOUND) return work_error(journal, rc, "look for a key");
        if (!rc && data.mv_size == sizeof *seq) memcpy(seq, data.mv_data, sizeof *seq);
        if (*seq > topic->now.trimmed_seq) return used_by(journal, topic, key, seq);
    }
    if (*seq <= topic->now.trimmed_seq) *seq = 0;
    return 0;
}

static int jump_of(struct journal *journal, struct topic_row *topic, uint64_t seq, uint64_t *jump) {
    *jump = 0;
    if (topic->memory) return 0;
    if (!topic->stack_known) {
        struct links links = work_links(journal, topic);
        int err = links_stack(&links, topic);
        // A damaged record must not stop publishing: the topic goes on without jumps over it.
        if (err == ERR_CORRUPT) err = topic_row_stack_reset(topic, topic->now.last_ordinal);
        if (err) return err;
    }
    return topic_row_push(topic, seq, jump);
}

int stage_append(struct journal *journal, struct topic_row *topic, struct event *event,
                 uint64_t seq) {
    uint64_t jump;
    int err = work_touch(journal, topic);
    if (!err) err = jump_of(journal, topic, seq, &jump);
    if (!err && event->key_len && !(event->flags & EVENT_WIRE_ID)) {
        char bytes[KEYS_BYTES_MAX];
        struct str key = {bytes, keys_encode(bytes, topic->no, event_key(event))};
        err = keys_add(&journal->keys, key, seq, topic->memory);
    }
    if (!err) err = work_add_event(journal, event, jump);
    if (err) return err;
    event->flags &= (uint8_t)~EVENT_MEMORY;
    if (topic->memory) {
        event->flags |= EVENT_MEMORY;
        // Reserved in large steps, so that few events cost a commit. A shared log gives no seq
        // twice.
        const uint64_t step = 1 << 20;
        if (!log_is_shared(journal->log) && seq > journal->state.seq_reserved)
            journal->state.seq_reserved = seq + step;
    }
    event->seq = journal->seq = seq;
    event->time_ms = journal->time_ms = journal->work.now_ms;
    event->topic_no = topic->no;
    event->prev = topic->now.last_seq;
    event->ordinal = topic->now.last_ordinal + 1;
    topic->now.last_seq = seq;
    topic->now.last_ordinal = event->ordinal;
    if (event->ordinal == 1) topic->now.first_seq = seq;
    topic->now.last_time_ms = event->time_ms;
    topic->now.bytes += event->data_len;
    topic->now.closed = (event->flags & EVENT_CLOSE) != 0;
    topic->now.marker = (event->flags & EVENT_MARKER) != 0;
    return 0;
}

// A publish that is being staged.
struct staging {
    struct publish *publish;
    // Seq of the last event that is no alias; if it was a duplicate, of the earlier one.
    uint64_t last;
    bool duplicate;
    struct topic_row *topic; // of the event before
};

static bool has_topic(const struct topic_row *topic, const struct event *event) {
    return topic && str_equal(topic_row_name(topic), event_topic(event));
}

// By the number that the door has found, if the topic is still that one.
static struct topic_row *find_topic(const struct journal *journal, const struct staging *staging,
                                    const struct event *event) {
    if (has_topic(staging->topic, event)) return staging->topic;
    struct topic_row *topic = NULL;
    if (event->topic_no) topic = topic_rows_find_no(&journal->topics, event->topic_no);
    return has_topic(topic, event) ? topic : topic_rows_find(&journal->topics, event_topic(event));
}

// ERR_CLOSED refuses the publish; other errors are the store's.
static int stage_event(struct journal *journal, struct staging *staging, struct event *event) {
    struct topic_row *topic = find_topic(journal, staging, event);
    struct work *work = &journal->work;
    uint64_t seq = work->next_seq ? work->next_seq++ : journal->seq + 1, used = 0;
    int err = 0;
    if (event->flags & EVENT_ALIAS) {
        if (staging->duplicate) return 0;
        memcpy(event_alias_data(event), &staging->last, sizeof staging->last);
    } else if (topic && event->key_len && !(event->flags & EVENT_WIRE_ID)) {
        err = find_key(journal, topic, event_key(event), &used);
        if (err) return err;
    }
    staging->duplicate = used != 0;
    if (used) {
        staging->publish->duplicates++;
        staging->last = used;
        return 0;
    }
    if (topic && topic->now.closed) return ERR_CLOSED;
    if (!topic)
        err = work_new_topic(journal, event_topic(event), staging->publish->owner,
                             event->flags & EVENT_MEMORY, &topic);
    if (!err) err = stage_append(journal, topic, event, seq);
    staging->topic = topic;
    if (!(event->flags & EVENT_ALIAS)) staging->last = seq;
    return err;
}

int stage_forget(struct journal *journal, struct topic_row *topic) {
    int err = work_touch(journal, topic);
    if (!err) err = work_row(journal, topic);
    if (!err) err = work_changed(journal, topic);
    if (err) return err;
    struct topic_now *now = &topic->now;
    bool pending = topic_row_pending(topic);
    now->trimmed_seq = now->last_seq;
    now->trimmed_ordinal = now->last_ordinal;
    now->bytes = 0;
    now->closed = false;
    if (topic->memory) {
        now->gone_seq = now->trimmed_seq;
        now->gone_ordinal = now->trimmed_ordinal;
    }
    if (!pending && topic_row_pending(topic)) journal->state.topics_pending++;
    return 0;
}

// DELETE: also open again.
static int forget_topic(struct journal *journal, struct publish *publish) {
    struct topic_row *topic = topic_rows_find(&journal->topics, event_topic(publish->events[0]));
    if (!topic || (topic_row_left(topic) == 0 && !topic->now.closed)) return ERR_NOT_FOUND;
    publish->first = publish->last = topic->now.last_seq;
    return stage_forget(journal, topic);
}

int stage_source(struct journal *journal, struct str name, struct str position) {
    MDB_val key = {name.len, (void *)name.ptr}, data = {record_source_size(position), NULL};
    MDB_txn *txn = journal->work.txn;
    int rc = position.len ? mdb_put(txn, journal->store.sources, &key, &data, MDB_RESERVE)
                          : mdb_del(txn, journal->store.sources, &key, NULL);
    if (rc == MDB_NOTFOUND) return 0;
    if (rc) return work_error(journal, rc, "write a source's position");
    if (position.len) record_encode_source(data.mv_data, name, position, journal->seed);
    journal->work.wrote = true;
    return 0;
}

static int stage_events(struct journal *journal, struct publish *publish) {
    struct staging staging = {.publish = publish};
    for (uint32_t i = 0; i < publish->count; i++) {
        int err = stage_event(journal, &staging, publish->events[i]);
        if (err) return err;
        if (i == 0) publish->first = staging.last;
        publish->last = staging.last;
    }
    return 0;
}

static bool refuses_publish(int err) { return err == ERR_CLOSED || err == ERR_NOT_FOUND; }

int stage_publish(struct journal *journal, struct publish *publish) {
    struct work_savepoint before = work_save(journal);
    uint64_t next_seq = journal->work.next_seq ? journal->work.next_seq + publish->count : 0;
    publish->result = 0;
    publish->first = publish->last = 0;
    publish->duplicates = 0;
    int err = publish->op == PUBLISH_FORGET ? forget_topic(journal, publish)
                                            : stage_events(journal, publish);
    if (!err && publish->source_name.ptr)
        err = stage_source(journal, publish->source_name, publish->source_position);
    // Refused events have their places too, so that seqs depend on the log alone.
    journal->work.next_seq = next_seq;
    if (!refuses_publish(err)) return err;
    work_back_to(journal, &before);
    publish->result = err;
    publish->first = publish->last = 0;
    publish->duplicates = 0;
    return 0;
}
