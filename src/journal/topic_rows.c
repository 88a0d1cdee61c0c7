// SPDX-License-Identifier: MIT
// The journal's topics in memory.
#include "journal/topic_rows.h"

#include <stdlib.h>

#include "base/array.h"
#include "sys/hash.h"

static void topic_row_free(struct topic_row *topic) {
    free(topic->stack);
    free(topic);
}

void topic_owners_fini(struct topic_owners *owners) {
    free(owners->list);
    *owners = (struct topic_owners){0};
}

static struct topic_owner *find_owner(const struct topic_owners *owners, uint32_t owner) {
    for (size_t i = 0; i < owners->count; i++)
        if (owners->list[i].owner == owner) return &owners->list[i];
    return NULL;
}

uint32_t topic_owners_count(const struct topic_owners *owners, uint32_t owner) {
    const struct topic_owner *found = find_owner(owners, owner);
    return found ? found->topics : 0;
}

int topic_owners_add(struct topic_owners *owners, uint32_t owner) {
    struct topic_owner *found = owner ? find_owner(owners, owner) : NULL;
    if (found) found->topics++;
    if (!owner || found) return 0;
    if (!array_reserve(owners->list, owners->cap, owners->count + 1)) return ERR_NOMEM;
    owners->list[owners->count++] = (struct topic_owner){owner, 1};
    return 0;
}

void topic_owners_remove(struct topic_owners *owners, uint32_t owner) {
    struct topic_owner *found = owner ? find_owner(owners, owner) : NULL;
    if (found && --found->topics == 0) *found = owners->list[--owners->count];
}

static struct topic_row **page_of(const struct topic_numbers *numbers, uint32_t no) {
    size_t page = no / TOPIC_NUMBERS_PAGE;
    return page < numbers->cap ? numbers->pages[page] : NULL;
}

static int put_no(struct topic_numbers *numbers, uint32_t no, struct topic_row *topic) {
    size_t page = no / TOPIC_NUMBERS_PAGE, cap = numbers->cap;
    if (!array_reserve(numbers->pages, numbers->cap, page + 1)) return ERR_NOMEM;
    if (numbers->cap > cap)
        memset(numbers->pages + cap, 0, (numbers->cap - cap) * sizeof *numbers->pages);
    if (!numbers->pages[page])
        numbers->pages[page] = calloc(TOPIC_NUMBERS_PAGE, sizeof *numbers->pages[page]);
    if (!numbers->pages[page]) return ERR_NOMEM;
    numbers->pages[page][no % TOPIC_NUMBERS_PAGE] = topic;
    return 0;
}

static void clear_no(const struct topic_numbers *numbers, uint32_t no) {
    page_of(numbers, no)[no % TOPIC_NUMBERS_PAGE] = NULL;
}

static void free_pages(struct topic_numbers *numbers) {
    for (size_t i = 0; i < numbers->cap; i++) free(numbers->pages[i]);
    free(numbers->pages);
    *numbers = (struct topic_numbers){0};
}

void topic_rows_fini(struct topic_rows *topics) {
    for (size_t i = 0; i < topics->by_name.cap; i++)
        if (topics->by_name.at[i].item) topic_row_free(topics->by_name.at[i].item);
    free_pages(&topics->by_no);
    slots_fini(&topics->by_name);
    topic_owners_fini(&topics->owners);
}

static bool match_name(const void *item, void *wanted) {
    return str_equal(topic_row_name(item), *(const struct str *)wanted);
}

uint64_t topic_rows_hash(struct str name) { return hash_bytes(name.ptr, name.len); }

struct topic_row *topic_rows_find_hashed(const struct topic_rows *topics, struct str name,
                                         uint64_t *hash) {
    *hash = topic_rows_hash(name);
    return slots_find(&topics->by_name, *hash, match_name, &name);
}

struct topic_row *topic_rows_find(const struct topic_rows *topics, struct str name) {
    uint64_t hash;
    return topic_rows_find_hashed(topics, name, &hash);
}

struct topic_row *topic_rows_find_no(const struct topic_rows *topics, uint32_t no) {
    struct topic_row *const *page = page_of(&topics->by_no, no);
    return page ? page[no % TOPIC_NUMBERS_PAGE] : NULL;
}

int topic_rows_add(struct topic_rows *topics, struct str name, uint32_t no, uint32_t owner,
                   struct topic_row **out) {
    struct topic_row *topic = calloc(1, sizeof *topic + name.len);
    if (!topic) return ERR_NOMEM;
    topic->hash = topic_rows_hash(name);
    topic->no = no;
    topic->now.owner = owner;
    topic->name_len = (uint16_t)name.len;
    memcpy(topic->name, name.ptr, name.len);
    int err = slots_add(&topics->by_name, topic->hash, topic);
    if (err) goto failed;
    err = put_no(&topics->by_no, no, topic);
    if (err) goto failed_no;
    err = topic_owners_add(&topics->owners, owner);
    if (err) goto failed_owner;
    *out = topic;
    return 0;
failed_owner:
    clear_no(&topics->by_no, no);
failed_no:
    slots_remove(&topics->by_name, topic->hash, topic);
failed:
    topic_row_free(topic);
    return err;
}

void topic_rows_drop(struct topic_rows *topics, struct topic_row *topic) {
    slots_remove(&topics->by_name, topic->hash, topic);
    clear_no(&topics->by_no, topic->no);
    topic_owners_remove(&topics->owners, topic->now.owner);
    topic_row_free(topic);
}

int topic_row_stack_reset(struct topic_row *topic, uint64_t ordinal) {
    unsigned depth = (unsigned)__builtin_popcountll(ordinal);
    if (!array_reserve(topic->stack, topic->stack_cap, depth)) return ERR_NOMEM;
    if (depth) memset(topic->stack, 0, depth * sizeof *topic->stack);
    topic->stack_depth = (uint8_t)depth;
    topic->stack_known = true;
    return 0;
}

int topic_row_push(struct topic_row *topic, uint64_t seq, uint64_t *jump) {
    ASSERT(topic->stack_known);
    unsigned ones = (unsigned)__builtin_ctzll(~topic->now.last_ordinal);
    unsigned depth = topic->stack_depth - ones;
    if (!array_reserve(topic->stack, topic->stack_cap, depth + 1)) return ERR_NOMEM;
    *jump = depth ? topic->stack[depth - 1] : 0;
    topic->stack[depth] = seq;
    topic->stack_depth = (uint8_t)(depth + 1);
    return 0;
}
