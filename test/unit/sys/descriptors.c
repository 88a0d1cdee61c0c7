// SPDX-License-Identifier: MIT
// Who may hold how many descriptors.
#include "sys/descriptors.h"

#include <criterion/criterion.h>
#include <sys/resource.h>

// Each Criterion test has a process of its own.
static void limit_to(rlim_t hard) {
    struct rlimit limit = {hard / 2, hard};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void adds_up(uint64_t limit, uint64_t files) {
    descriptors_set_files(files);
    cr_assert_leq(descriptors_own() + files + descriptors_for_clients(), limit);
    cr_assert_leq(descriptors_own() + descriptors_for_files(), limit);
}

Test(descriptors, files_and_clients_leave_enough_for_the_journal_and_each_other) {
    limit_to(256);
    descriptors_init(2);
    cr_assert_eq(descriptors_own(), 56);
    cr_assert_eq(descriptors_for_files(), 100);
    cr_assert_eq(descriptors_for_clients(), 175, "a part is kept for files that come later");
    for (uint64_t files = 0; files <= 100; files += 10) adds_up(256, files);
    cr_assert_eq(descriptors_for_clients(), 100);
    struct rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    cr_assert_eq(now.rlim_cur, 256, "the limit is raised as far as it goes");
}

Test(descriptors, of_a_tiny_limit_everybody_has_some) {
    limit_to(64);
    descriptors_init(8);
    cr_assert_eq(descriptors_own(), 32);
    cr_assert_gt(descriptors_for_files(), 0);
    cr_assert_gt(descriptors_for_clients(), 0);
    adds_up(64, 16);
}

Test(descriptors, without_a_look_at_the_limit_there_is_none) {
    cr_assert_gt(descriptors_for_files(), 1000000);
    cr_assert_gt(descriptors_for_clients(), 1000000);
}
