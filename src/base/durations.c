// SPDX-License-Identifier: MIT
// A histogram of durations.
#include "base/durations.h"

#include <stddef.h>

void durations_add(struct durations *durations, uint64_t us) {
#define X(bound, seconds) bound,
    static const uint64_t bounds[] = {DURATIONS_TABLE(X)};
#undef X
    size_t i = 0;
    while (i < DURATIONS_COUNT && us > bounds[i]) i++;
    if (i < DURATIONS_COUNT) durations->within[i]++;
    durations->count++;
    durations->sum_us += us;
}
