// SPDX-License-Identifier: MIT
// Memory of a configuration, and its warnings.
#include "config/memory.h"

#include <criterion/criterion.h>

Test(memory, lives_until_all_of_it_is_freed) {
    struct config config = {0};
    char *zeroed = memory_alloc(&config, 100);
    for (int i = 0; i < 100; i++) cr_assert_eq(zeroed[i], 0);
    struct str text = STR("abcdef");
    char *copy = memory_copy(&config, (struct str){text.ptr, 3});
    cr_assert_str_eq(copy, "abc");
    cr_assert_str_eq(memory_copy(&config, (struct str){NULL, 0}), "");
    memory_free(&config);
    cr_assert_null(config.memory);
    memory_free(&config);
}

Test(memory, warnings_keep_their_order_and_are_cut) {
    struct config config = {0};
    for (int i = 0; i < 5; i++) cr_assert_eq(memory_warn(&config, "warning %d", i), 0);
    cr_assert_eq(memory_warn(&config, "%0600d", 0), 0);
    cr_assert_eq(config.warnings_count, 6);
    cr_assert_str_eq(config.warnings[0], "warning 0");
    cr_assert_str_eq(config.warnings[4], "warning 4");
    cr_assert_eq(strlen(config.warnings[5]), 511);
    memory_free(&config);
}
