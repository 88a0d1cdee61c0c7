// SPDX-License-Identifier: MIT
// Sets of topic numbers.
#include "hub/number_set.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(number_set, is_a_set_in_order) {
    enum { RANGE = 3000, ROUNDS = 20000 };
    static bool model[RANGE];
    struct number_set set = {0};
    uint32_t count = 0;
    srandom(1);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t no = (uint32_t)random() % RANGE;
        if (random() % 3) {
            cr_assert(number_set_add(&set, no));
            count += !model[no];
            model[no] = true;
        } else {
            number_set_remove(&set, no);
            count -= model[no];
            model[no] = false;
        }
        cr_assert_eq(set.count, count);
        cr_assert_eq(number_set_has(&set, no), model[no]);
    }
    uint32_t at = 0;
    for (uint32_t no = 0; no < RANGE; no++) {
        cr_assert_eq(number_set_has(&set, no), model[no]);
        if (!model[no]) continue;
        cr_assert(number_set_from(&set, &at));
        cr_assert_eq(at, no);
        at++;
    }
    cr_assert(!number_set_from(&set, &at));
    for (uint32_t no = 0; no < RANGE; no++) number_set_remove(&set, no);
    cr_assert(!set.count && !set.words_count);
    number_set_fini(&set);
}

Test(number_set, has_the_highest_numbers_too) {
    struct number_set set = {0};
    uint32_t at = 5;
    cr_assert(number_set_add(&set, UINT32_MAX - 1) && number_set_add(&set, 0));
    cr_assert(number_set_from(&set, &at));
    cr_assert_eq(at, UINT32_MAX - 1);
    cr_assert(!number_set_has(&set, UINT32_MAX) && number_set_has(&set, 0));
    number_set_fini(&set);
}
