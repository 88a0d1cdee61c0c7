// SPDX-License-Identifier: MIT
// The topics that the journal knows.
#include "journal/topics.h"

#include <stdlib.h>

#include "sys/hash.h"

static void topic_free(struct topic *topic) {
    free(topic->stack);
    free(topic);
}

void topics_fini(struct topics *topics) {
    for (size_t i = 0; i < topics->by_no.cap; i++)
        if (topics->by_no.at[i].item) topic_free(topics->by_no.at[i].item);
    slots_fini(&topics->by_no);
    slots_fini(&topics->by_name);
}

static uint64_t hash_no(uint32_t no) { return hash_bytes(&no, sizeof no); }

static bool match_name(const void *item, void *wanted) {
    return str_equal(topic_name(item), *(const struct str *)wanted);
}

static bool match_no(const void *item, void *wanted) {
    return ((const struct topic *)item)->no == *(const uint32_t *)wanted;
}

struct topic *topics_find(const struct topics *topics, struct str name) {
    return slots_find(&topics->by_name, hash_bytes(name.ptr, name.len), match_name, &name);
}

struct topic *topics_find_no(const struct topics *topics, uint32_t no) {
    return slots_find(&topics->by_no, hash_no(no), match_no, &no);
}

int topics_add(struct topics *topics, struct str name, uint32_t no, struct topic **out) {
    struct topic *topic = calloc(1, sizeof *topic + name.len);
    if (!topic) return ERR_NOMEM;
    topic->hash = hash_bytes(name.ptr, name.len);
    topic->no = no;
    topic->name_len = (uint16_t)name.len;
    memcpy(topic->name, name.ptr, name.len);
    int err = slots_add(&topics->by_name, topic->hash, topic);
    if (err) goto failed;
    err = slots_add(&topics->by_no, hash_no(no), topic);
    if (err) {
        slots_remove(&topics->by_name, topic->hash, topic);
        goto failed;
    }
    *out = topic;
    return 0;
failed:
    topic_free(topic);
    return err;
}

void topics_drop(struct topics *topics, struct topic *topic) {
    slots_remove(&topics->by_name, topic->hash, topic);
    slots_remove(&topics->by_no, hash_no(topic->no), topic);
    topic_free(topic);
}

static int stack_room(struct topic *topic, unsigned depth) {
    if (depth <= topic->stack_cap) return 0;
    unsigned cap = topic->stack_cap ? topic->stack_cap * 2u : 2u;
    if (cap < depth) cap = depth;
    uint64_t *stack = realloc(topic->stack, cap * sizeof *stack);
    if (!stack) return ERR_NOMEM;
    topic->stack = stack;
    topic->stack_cap = (uint8_t)cap;
    return 0;
}

int topic_stack_reset(struct topic *topic, uint64_t ordinal) {
    unsigned depth = (unsigned)__builtin_popcountll(ordinal);
    int err = stack_room(topic, depth);
    if (err) return err;
    if (depth) memset(topic->stack, 0, depth * sizeof *topic->stack);
    topic->stack_depth = (uint8_t)depth;
    topic->stack_known = true;
    return 0;
}

int topic_push(struct topic *topic, uint64_t seq, uint64_t *jump) {
    ASSERT(topic->stack_known);
    unsigned ones = (unsigned)__builtin_ctzll(~topic->now.last_ordinal);
    unsigned depth = topic->stack_depth - ones;
    int err = stack_room(topic, depth + 1);
    if (err) return err;
    *jump = depth ? topic->stack[depth - 1] : 0;
    topic->stack[depth] = seq;
    topic->stack_depth = (uint8_t)(depth + 1);
    return 0;
}
