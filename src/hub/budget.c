// SPDX-License-Identifier: MIT
// The time of a turn.
#include "hub/budget.h"

void budget_init(struct budget *budget, uint64_t (*clock_us)(void), uint64_t turn_us) {
    *budget = (struct budget){clock_us, turn_us, UINT64_MAX};
}

void budget_begin(struct budget *budget, uint64_t now_us) {
    budget->until_us = now_us + budget->turn_us;
}

bool budget_spent(const struct budget *budget) {
    return budget->clock_us && budget->clock_us() >= budget->until_us;
}
