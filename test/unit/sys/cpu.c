// SPDX-License-Identifier: MIT
// The number of usable cores.
#include "sys/cpu.h"

#include <criterion/criterion.h>
#include <sched.h>

Test(cpu, the_affinity_mask_is_respected) {
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    unsigned usable = cpu_usable();
    cr_assert_geq(usable, 1);
    cr_assert_leq(usable, (unsigned)CPU_COUNT(&all));
    int first = 0;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(cpu_usable(), 1);
}
