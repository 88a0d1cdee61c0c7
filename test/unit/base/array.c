// SPDX-License-Identifier: MIT
// Growing arrays: capacity, content, bounds.
#include "base/array.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

Test(array, grows_and_keeps_its_items) {
    uint16_t *items = NULL;
    uint32_t cap = 0, changes = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t before = cap;
        cr_assert(array_reserve(items, cap, i + 1));
        cr_assert_gt(cap, i);
        changes += cap != before;
        items[i] = (uint16_t)i;
    }
    for (uint32_t i = 0; i < 10000; i++) cr_assert_eq(items[i], (uint16_t)i);
    cr_assert_leq(changes, 14, "it at least doubles: %u", changes);
    free(items);
}

Test(array, room_for_many_items_at_once) {
    char *items = NULL;
    size_t cap = 0;
    cr_assert(array_reserve(items, cap, 1000));
    cr_assert_geq(cap, 1000);
    void *same = items;
    cr_assert(array_reserve(items, cap, cap));
    cr_assert_eq((void *)items, same);
    free(items);
}

Test(array, sizes_that_overflow_are_refused_and_change_nothing) {
    uint64_t *items = NULL;
    size_t cap = 0;
    cr_assert(array_reserve(items, cap, 1));
    items[0] = 7;
    size_t before = cap;
    cr_assert_not(array_reserve(items, cap, SIZE_MAX));
    cr_assert_not(array_reserve(items, cap, SIZE_MAX / 8 + 1));
    cr_assert_not(array_reserve(items, cap, (size_t)UINT32_MAX));
    cr_assert_eq(cap, before);
    cr_assert_eq(items[0], 7);
    free(items);
}

Test(array, a_size_is_evaluated_once) {
    int *items = NULL;
    unsigned cap = 0, count = 0;
    cr_assert(array_reserve(items, cap, ++count));
    cr_assert_eq(count, 1);
    free(items);
}
