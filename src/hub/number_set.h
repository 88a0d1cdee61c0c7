// SPDX-License-Identifier: MIT
// A set of topic numbers: a bit for each, in words of 64, of which only those are kept that are not
// empty. Topics that are matched together mostly have numbers close together; of all topics of a
// hub it takes two bits each.
#ifndef TAILRACE_HUB_NUMBER_SET_H
#define TAILRACE_HUB_NUMBER_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct number_word {
    uint32_t high; // the numbers' bits but for the lowest six
    uint64_t bits; // by those
};

// Zeroed: empty.
struct number_set {
    struct number_word *words; // ascending
    uint32_t words_count, words_cap;
    uint32_t count;
};

void number_set_fini(struct number_set *set);
// False: out of memory, nothing has changed. Fine when it is in the set already.
bool number_set_add(struct number_set *set, uint32_t no) MUST_CHECK;
// Fine when it is not in the set.
void number_set_remove(struct number_set *set, uint32_t no);
bool number_set_has(const struct number_set *set, uint32_t no);
// The lowest number at or above *no, into *no. False: there is none.
bool number_set_from(const struct number_set *set, uint32_t *no);

#endif
