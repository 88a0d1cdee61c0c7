// SPDX-License-Identifier: MIT
// What is decided about a publish before it becomes part of a command.
#include "journal/door.h"

#include "journal/journal_priv.h"

void door_fini(struct door *door) {
    slots_fini(&door->names);
    topic_owners_fini(&door->owners);
}

void door_clear(struct door *door) {
    if (door->names.count == 0) return;
    // One flood of new topics must not make each later command clear as much.
    const size_t cap_max = 1024;
    if (door->names.cap > cap_max) slots_fini(&door->names);
    slots_clear(&door->names);
    topic_owners_fini(&door->owners);
}

static bool match_topic(const void *item, void *wanted) {
    return str_equal(event_topic(item), *(const struct str *)wanted);
}

static int admit_new(struct journal *journal, const struct publish *publish, struct event *event,
                     uint64_t hash) {
    const struct journal_config *config = &journal->config;
    struct door *door = &journal->door;
    struct str name = event_topic(event);
    const struct journal_topic_rule *rule =
        policy_rule(&journal->policy, policy_find(&journal->policy, name));
    if (rule && rule->memory) event->flags |= EVENT_MEMORY;
    if (slots_find(&door->names, hash, match_topic, &name)) return 0;
    if (journal->topics.by_name.count + door->names.count >= config->topics_max) return ERR_LIMIT;
    uint32_t owned = topic_owners_count(&journal->topics.owners, publish->owner) +
                     topic_owners_count(&door->owners, publish->owner);
    if (publish->owner && config->owner_topics_max && owned >= config->owner_topics_max)
        return ERR_LIMIT;
    int err = slots_add(&door->names, hash, event);
    if (err) return err;
    err = topic_owners_add(&door->owners, publish->owner);
    if (err) slots_remove(&door->names, hash, event);
    return err;
}

// Of a publish that is not let in: its events are the names in the table, and are freed.
static void take_back(struct door *door, const struct publish *publish, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct event *event = publish->events[i];
        struct str name = event_topic(event);
        uint64_t hash = topic_rows_hash(name);
        if (slots_find(&door->names, hash, match_topic, &name) != event) continue;
        slots_remove(&door->names, hash, event);
        topic_owners_remove(&door->owners, publish->owner);
    }
}

static bool event_needs_store(const struct topic_row *topic, const struct event *event) {
    return !topic || !topic->memory || topic->now.closed || event->key_len;
}

int door_admit(struct journal *journal, struct publish *publish, bool *needs_store) {
    *needs_store = publish->op != PUBLISH_EVENTS || publish->source_name.ptr ||
                   journal->seq + publish->count > journal->state.seq_reserved;
    if (publish->op != PUBLISH_EVENTS) return 0;
    const struct topic_row *topic = NULL;
    uint64_t hash = 0;
    for (uint32_t i = 0; i < publish->count; i++) {
        struct event *event = publish->events[i];
        struct str name = event_topic(event);
        // Most have the topic of the one before.
        if (!topic || !str_equal(topic_row_name(topic), name))
            topic = topic_rows_find_hashed(&journal->topics, name, &hash);
        *needs_store |= event_needs_store(topic, event);
        event->flags &= (uint8_t)~EVENT_MEMORY;
        // Another journal of the log may not know the topic any more.
        if (topic && topic->memory) event->flags |= EVENT_MEMORY;
        event->topic_no = topic ? topic->no : 0;
        int err = topic ? 0 : admit_new(journal, publish, event, hash);
        if (err) {
            take_back(&journal->door, publish, i);
            return err;
        }
    }
    return 0;
}
