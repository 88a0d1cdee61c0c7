// SPDX-License-Identifier: MIT
// Staging: what a publish does to the journal's memory, and what it adds to the transaction.
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

int stage_append(struct journal *journal, struct topic_row *topic, struct event *event) {
    uint64_t jump, seq = journal->seq + 1;
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
        // Reserved in large steps, so that few events cost a commit.
        const uint64_t step = 1 << 20;
        if (seq > journal->state.seq_reserved) journal->state.seq_reserved = seq + step;
    }
    event->seq = journal->seq = seq;
    event->time_ms = journal->time_ms = journal->work.now_ms;
    event->topic_no = topic->no;
    event->prev = topic->now.last_seq;
    event->ordinal = topic->now.last_ordinal + 1;
    topic->now.last_seq = seq;
    topic->now.last_ordinal = event->ordinal;
    topic->now.last_time_ms = event->time_ms;
    topic->now.bytes += event->data_len;
    topic->now.closed = (event->flags & EVENT_CLOSE) != 0;
    topic->now.marker = (event->flags & EVENT_MARKER) != 0;
    return 0;
}

static bool needs_store(const struct journal *journal, const struct topic_row *topic,
                        const struct event *event) {
    return !topic || !topic->memory || topic->now.closed || event->key_len ||
           journal->seq >= journal->state.seq_reserved;
}

// *seq is the event's, or that of an earlier event with its key. ERR_CLOSED and ERR_LIMIT refuse
// the publish; other errors are the store's.
static int stage_event(struct journal *journal, struct publish *publish, struct event *event,
                       uint64_t *seq) {
    struct topic_row *topic = topic_rows_find(&journal->topics, event_topic(event));
    int err = 0;
    *seq = 0;
    if (!journal->work.txn && needs_store(journal, topic, event)) return STAGE_STORE;
    if (topic && event->key_len && !(event->flags & EVENT_WIRE_ID))
        err = find_key(journal, topic, event_key(event), seq);
    if (err) return err;
    if (*seq) {
        publish->duplicates++;
        return 0;
    }
    if (topic && topic->now.closed) return ERR_CLOSED;
    if (!topic) err = work_new_topic(journal, event_topic(event), &topic);
    if (!err) err = stage_append(journal, topic, event);
    *seq = event->seq;
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

static bool refuses_publish(int err) {
    return err == ERR_CLOSED || err == ERR_LIMIT || err == ERR_NOT_FOUND;
}

int stage_publish(struct journal *journal, struct publish *publish) {
    struct work_savepoint before = work_save(journal);
    int err = 0;
    publish->result = 0;
    publish->first = publish->last = 0;
    publish->duplicates = 0;
    bool plain = publish->op == PUBLISH_EVENTS && !publish->source_name.ptr;
    if (!journal->work.txn && !plain) return STAGE_STORE;
    if (publish->op == PUBLISH_FORGET) {
        err = forget_topic(journal, publish);
    } else {
        for (uint32_t i = 0; i < publish->count && !err; i++) {
            err = stage_event(journal, publish, publish->events[i], &publish->last);
            if (i == 0) publish->first = publish->last;
        }
    }
    if (!err && publish->source_name.ptr)
        err = stage_source(journal, publish->source_name, publish->source_position);
    if (!refuses_publish(err) && err != STAGE_STORE) return err;
    work_back_to(journal, &before);
    if (err == STAGE_STORE) return err;
    publish->result = err;
    publish->first = publish->last = 0;
    publish->duplicates = 0;
    return 0;
}
