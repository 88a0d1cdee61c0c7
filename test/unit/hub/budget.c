// SPDX-License-Identifier: MIT
// The time of a turn.
#include "hub/budget.h"

#include <criterion/criterion.h>

static uint64_t now_us;

static uint64_t clock_us(void) { return now_us; }

TestSuite(budget, .timeout = 60);

Test(budget, is_spent_when_the_turn_has_taken_its_time) {
    struct budget budget;
    budget_init(&budget, clock_us, 10000);
    now_us = 50000;
    cr_assert(!budget_spent(&budget), "no turn has begun");
    budget_begin(&budget, 50000);
    now_us = 59999;
    cr_assert(!budget_spent(&budget));
    now_us = 60000;
    cr_assert(budget_spent(&budget));
    budget_begin(&budget, 60000);
    cr_assert(!budget_spent(&budget), "the next turn has its own");
    budget.turn_us = 20000;
    budget_begin(&budget, 60000);
    now_us = 79999;
    cr_assert(!budget_spent(&budget), "a change holds from the next turn on");
}

Test(budget, is_never_spent_without_a_clock) {
    struct budget budget;
    budget_init(&budget, NULL, 0);
    budget_begin(&budget, 0);
    cr_assert(!budget_spent(&budget));
}
