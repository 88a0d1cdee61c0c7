// SPDX-License-Identifier: MIT
// The time that one turn of the hub may take, shared by everything that is done in it and that
// somebody outside can make long: replays, filters, walks over topics, lists, openings.
//
// Whoever does such work does one small step (some events, some topics), then asks whether the time
// is spent, and goes on in another turn if it is. The step comes first, so that everybody gets on
// however much others take; it must be short whatever it works on.
//
// It is time of a clock on the wall, which costs a few instructions to read, not of the processor:
// on a busy machine turns end early, which is right for those who wait.
#ifndef TAILRACE_HUB_BUDGET_H
#define TAILRACE_HUB_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
    // A clock in microseconds. NULL: time is not bounded, only the amount of each step.
    uint64_t (*clock_us)(void);
    uint64_t turn_us;  // what a turn may take
    uint64_t until_us; // when that is spent; UINT64_MAX: no turn has begun
};

void budget_init(struct budget *budget, uint64_t (*clock_us)(void), uint64_t turn_us);
// A turn begins, at this time of the clock.
void budget_begin(struct budget *budget, uint64_t now_us);
// At least half of a turn's time is left from now on.
void budget_extend(struct budget *budget);
// Whether the turn has taken its time.
bool budget_spent(const struct budget *budget);

#endif
