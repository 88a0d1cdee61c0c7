// SPDX-License-Identifier: MIT
// A hash table of pointers.
#include "journal/slots.h"

#include <stdlib.h>
#include <string.h>

void slots_fini(struct slots *slots) {
    free(slots->at);
    *slots = (struct slots){0};
}

void slots_clear(struct slots *slots) {
    if (slots->cap) memset(slots->at, 0, slots->cap * sizeof *slots->at);
    slots->count = 0;
}

static void put(struct slot *at, size_t cap, struct slot slot) {
    size_t i = slot.hash & (cap - 1);
    while (at[i].item) i = (i + 1) & (cap - 1);
    at[i] = slot;
}

int slots_add(struct slots *slots, uint64_t hash, void *item) {
    if ((slots->count + 1) * 4 > slots->cap * 3) {
        size_t cap = slots->cap ? slots->cap * 2 : 64;
        struct slot *at = calloc(cap, sizeof *at);
        if (!at) return ERR_NOMEM;
        for (size_t i = 0; i < slots->cap; i++)
            if (slots->at[i].item) put(at, cap, slots->at[i]);
        free(slots->at);
        slots->at = at;
        slots->cap = cap;
    }
    put(slots->at, slots->cap, (struct slot){hash, item});
    slots->count++;
    return 0;
}

void slots_remove(struct slots *slots, uint64_t hash, const void *item) {
    size_t mask = slots->cap - 1, hole = hash & mask;
    while (slots->at[hole].item != item) {
        ASSERT(slots->at[hole].item);
        hole = (hole + 1) & mask;
    }
    // What follows moves up, unless that would put it before its home.
    for (size_t i = (hole + 1) & mask; slots->at[i].item; i = (i + 1) & mask) {
        size_t home = slots->at[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        slots->at[hole] = slots->at[i];
        hole = i;
    }
    slots->at[hole] = (struct slot){0};
    slots->count--;
}

void *slots_find(const struct slots *slots, uint64_t hash,
                 bool (*match)(const void *item, void *wanted), void *wanted) {
    if (!slots->cap) return NULL;
    size_t mask = slots->cap - 1;
    for (size_t i = hash & mask; slots->at[i].item; i = (i + 1) & mask)
        if (slots->at[i].hash == hash && match(slots->at[i].item, wanted)) return slots->at[i].item;
    return NULL;
}
