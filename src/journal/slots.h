// SPDX-License-Identifier: MIT
// A hash table of pointers by 64-bit hash, for one thread: open addressing, linear probing, at most
// three quarters full. The items own themselves; two of them may have the same hash.
//
// Not uthash, for two reasons. Running out of memory is an error that undoes one commit; uthash
// ends the process, or with its non-fatal switch leaves out the item. And it costs 16 bytes a slot
// where uthash's handle costs 56 an item, in two tables of up to a million topics.
#ifndef TAILRACE_JOURNAL_SLOTS_H
#define TAILRACE_JOURNAL_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct slot {
    uint64_t hash;
    void *item; // NULL: empty
};

struct slots {
    struct slot *at;
    size_t cap; // a power of two, or 0
    size_t count;
};

void slots_fini(struct slots *slots);
void slots_clear(struct slots *slots);
int slots_add(struct slots *slots, uint64_t hash, void *item) MUST_CHECK;
// The item must be in the table.
void slots_remove(struct slots *slots, uint64_t hash, const void *item);
// The first item with this hash for which `match` returns true; NULL when there is none.
void *slots_find(const struct slots *slots, uint64_t hash,
                 bool (*match)(const void *item, void *wanted), void *wanted);

#endif
