// SPDX-License-Identifier: MIT
// Publishers' keys used since the last checkpoint, in memory until the next checkpoint writes them
// in sorted order. For the journal thread (and opening) only. Bounded by the distance of
// checkpoints.
#ifndef TAILRACE_JOURNAL_KEYS_H
#define TAILRACE_JOURNAL_KEYS_H

#include "base/str.h"
#include "journal/slots.h"

struct used_key {
    uint64_t hash;
    uint64_t seq;
    uint16_t len;
    bool memory;  // of a memory topic: never written
    char bytes[]; // as in the table: topic number (4 bytes, highest first), key
};

struct keys {
    struct slots slots;
    struct used_key **list; // in the order of use
    size_t count;
    size_t cap;
};

// Topic number and a key of LIMIT_KEY_BYTES.
#define KEYS_BYTES_MAX (4 + 255)

void keys_fini(struct keys *keys);
// The key's form in the table; returns its length. Publishers' own ids (EVENT_WIRE_ID) are in the
// table with topic number 0, which no topic has.
size_t keys_encode(char out[KEYS_BYTES_MAX], uint32_t topic_no, struct str key);
int keys_add(struct keys *keys, struct str encoded, uint64_t seq, bool memory) MUST_CHECK;
// The newest seq that used it, 0 when none did.
uint64_t keys_find(const struct keys *keys, struct str encoded);
// Keeps the first `count` only.
void keys_cut(struct keys *keys, size_t count);
// All keys in the order of the table, of equal ones the newest last. The caller frees the list.
int keys_sort(const struct keys *keys, struct used_key ***out) MUST_CHECK;

#endif
