// SPDX-License-Identifier: MIT
// The time of a turn.
#include "hub/budget.h"

void budget_init(struct budget *budget, uint64_t (*clock_us)(void), uint64_t turn_us) {
    *budget = (struct budget){clock_us, turn_us, UINT64_MAX};
}

void budget_begin(struct budget *budget, uint64_t now_us) {
    budget->until_us = now_us + budget->turn_us;
}

void budget_extend(struct budget *budget) {
    if (!budget->clock_us) return;
    uint64_t until_us = budget->clock_us() + budget->turn_us / 2;
    if (budget->until_us < until_us) budget->until_us = until_us;
}

bool budget_spent(const struct budget *budget) {
    return budget->clock_us && budget->clock_us() >= budget->until_us;
}
