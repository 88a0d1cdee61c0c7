// SPDX-License-Identifier: MIT
// Sets of topic numbers.
#include "hub/number_set.h"

#include <stdlib.h>
#include <string.h>

// Not array_reserve, which begins with room for four: most sets have one number.
static bool reserve(struct number_set *set) {
    if (set->words_count < set->words_cap) return true;
    uint32_t cap = set->words_cap ? set->words_cap * 2 : 1;
    struct number_word *words = realloc(set->words, cap * sizeof *words);
    if (!words) return false;
    set->words = words;
    set->words_cap = cap;
    return true;
}

void number_set_fini(struct number_set *set) {
    free(set->words);
    *set = (struct number_set){0};
}

// The first word at or above `high`.
static uint32_t find_word(const struct number_set *set, uint32_t high) {
    uint32_t low = 0, end = set->words_count;
    // Numbers mostly come in their order.
    if (end && set->words[end - 1].high < high) return end;
    while (low < end) {
        uint32_t middle = low + (end - low) / 2;
        if (set->words[middle].high < high) {
            low = middle + 1;
        } else {
            end = middle;
        }
    }
    return low;
}

static uint64_t bit_of(uint32_t no) { return (uint64_t)1 << (no % 64); }

static bool is_there(const struct number_set *set, uint32_t at, uint32_t no) {
    return at < set->words_count && set->words[at].high == no / 64;
}

bool number_set_add(struct number_set *set, uint32_t no) {
    uint32_t at = find_word(set, no / 64);
    if (!is_there(set, at, no)) {
        if (!reserve(set)) return false;
        memmove(set->words + at + 1, set->words + at, (set->words_count - at) * sizeof *set->words);
        set->words[at] = (struct number_word){.high = no / 64};
        set->words_count++;
    }
    if (!(set->words[at].bits & bit_of(no))) set->count++;
    set->words[at].bits |= bit_of(no);
    return true;
}

void number_set_remove(struct number_set *set, uint32_t no) {
    uint32_t at = find_word(set, no / 64);
    if (!is_there(set, at, no) || !(set->words[at].bits & bit_of(no))) return;
    set->count--;
    set->words[at].bits &= ~bit_of(no);
    if (set->words[at].bits) return;
    set->words_count--;
    memmove(set->words + at, set->words + at + 1, (set->words_count - at) * sizeof *set->words);
}

bool number_set_has(const struct number_set *set, uint32_t no) {
    uint32_t at = find_word(set, no / 64);
    return is_there(set, at, no) && set->words[at].bits & bit_of(no);
}

bool number_set_from(const struct number_set *set, uint32_t *no) {
    uint32_t at = find_word(set, *no / 64);
    uint64_t bits = 0;
    if (is_there(set, at, *no)) bits = set->words[at++].bits & ~(bit_of(*no) - 1);
    if (!bits) {
        // What was looked at had nothing at or above it; the next word has something.
        if (at == set->words_count) return false;
        bits = set->words[at++].bits;
    }
    *no = set->words[at - 1].high * 64 + (uint32_t)__builtin_ctzll(bits);
    return true;
}
