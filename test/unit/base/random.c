// SPDX-License-Identifier: MIT
// The random number generator: repeatable, within bounds, spread evenly enough.
#include "base/random.h"

#include <criterion/criterion.h>

Test(random, the_same_seed_gives_the_same_numbers) {
    struct random a, b;
    random_seed(&a, 42);
    random_seed(&b, 42);
    for (int i = 0; i < 100; i++) cr_assert_eq(random_next(&a), random_next(&b));
}

Test(random, seeds_that_differ_in_a_bit_give_other_numbers) {
    // 0 as well, at which a xorshift generator would stay for ever.
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct random a, b;
        random_seed(&a, seed);
        random_seed(&b, seed ^ 1);
        uint64_t first = random_next(&a);
        cr_assert_neq(first, random_next(&b), "seed %llu", (unsigned long long)seed);
        cr_assert_neq(first, random_next(&a), "seed %llu", (unsigned long long)seed);
    }
}

Test(random, numbers_are_below_the_bound_and_reach_all_of_it) {
    struct random random;
    unsigned counts[10] = {0};
    random_seed(&random, 1);
    for (int i = 0; i < 10000; i++) {
        uint64_t number = random_below(&random, 10);
        cr_assert_lt(number, 10);
        counts[number]++;
    }
    // Expected are 1000 of each; 200 is more than six standard deviations.
    for (int i = 0; i < 10; i++) cr_assert(counts[i] > 800 && counts[i] < 1200, "%u", counts[i]);
    for (int i = 0; i < 100; i++) cr_assert_eq(random_below(&random, 1), 0);
}
