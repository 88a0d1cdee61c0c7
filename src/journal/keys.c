// SPDX-License-Identifier: MIT
// Publishers' keys used since the last checkpoint.
#include "journal/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sys/hash.h"

void keys_fini(struct keys *keys) {
    keys_cut(keys, 0);
    slots_fini(&keys->slots);
    free(keys->list);
    *keys = (struct keys){0};
}

size_t keys_encode(char out[KEYS_BYTES_MAX], uint32_t topic_no, struct str key) {
    ASSERT(key.len <= KEYS_BYTES_MAX - 4);
    uint32_t no = __builtin_bswap32(topic_no);
    memcpy(out, &no, 4);
    memcpy(out + 4, key.ptr, key.len);
    return 4 + key.len;
}

int keys_add(struct keys *keys, struct str encoded, uint64_t seq, bool memory) {
    if (!array_reserve(keys->list, keys->cap, keys->count + 1)) return ERR_NOMEM;
    struct used_key *key = malloc(sizeof *key + encoded.len);
    if (!key) return ERR_NOMEM;
    *key = (struct used_key){.hash = hash_bytes(encoded.ptr, encoded.len),
                             .seq = seq,
                             .len = (uint16_t)encoded.len,
                             .memory = memory};
    memcpy(key->bytes, encoded.ptr, encoded.len);
    int err = slots_add(&keys->slots, key->hash, key);
    if (err) {
        free(key);
        return err;
    }
    keys->list[keys->count++] = key;
    return 0;
}

struct search {
    struct str encoded;
    uint64_t newest;
};

// A key is in the table twice when the first event that used it was forgotten meanwhile: compare
// all entries and take the newest.
static bool newest(const void *item, void *wanted) {
    const struct used_key *key = item;
    struct search *search = wanted;
    if (str_equal((struct str){key->bytes, key->len}, search->encoded) && key->seq > search->newest)
        search->newest = key->seq;
    return false;
}

uint64_t keys_find(const struct keys *keys, struct str encoded) {
    struct search search = {encoded, 0};
    slots_find(&keys->slots, hash_bytes(encoded.ptr, encoded.len), newest, &search);
    return search.newest;
}

void keys_cut(struct keys *keys, size_t count) {
    if (count == 0) slots_clear(&keys->slots);
    while (keys->count > count) {
        struct used_key *key = keys->list[--keys->count];
        if (count) slots_remove(&keys->slots, key->hash, key);
        free(key);
    }
}

static int compare(const void *a, const void *b) {
    const struct used_key *x = *(struct used_key *const *)a, *y = *(struct used_key *const *)b;
    int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
    if (order) return order;
    if (x->len != y->len) return x->len < y->len ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

int keys_sort(const struct keys *keys, struct used_key ***out) {
    struct used_key **sorted = calloc(keys->count + 1, sizeof(*sorted));
    if (!sorted) return ERR_NOMEM;
    for (size_t i = 0; i < keys->count; i++) sorted[i] = keys->list[i];
    qsort(sorted, keys->count, sizeof(*sorted), compare);
    *out = sorted;
    return 0;
}
