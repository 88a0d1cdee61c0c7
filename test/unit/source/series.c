// SPDX-License-Identifier: MIT
// Files that follow each other in time: their order.
#include "source/series.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(series, numbers_count_by_their_value) {
    cr_assert_lt(series_compare_names("log-2.txt", "log-10.txt"), 0);
    cr_assert_lt(series_compare_names("log-20261126.txt", "log-20261127.txt"), 0);
    cr_assert_lt(series_compare_names("log-20261127.txt", "log-20261127_001.txt"), 0);
    cr_assert_lt(series_compare_names("log-20261127_009.txt", "log-20261127_010.txt"), 0);
    cr_assert_lt(series_compare_names("log-20261127_010.txt", "log-20261128.txt"), 0);
    cr_assert_lt(series_compare_names("a-2026-11-27.log", "a-2026-11-27.log.1"), 0);
    cr_assert_eq(series_compare_names("log-007", "log-7"), 0);
}

Test(series, with_the_year_last_it_is_the_time) {
    struct series_file older = {"/x/app.30-11-2026.log", 5}, newer = {"/x/app.01-12-2026.log", 9};
    cr_assert_lt(series_compare(&older, &newer), 0);
    struct series_file a = {"/x/app-2026-11-30.log", 9}, b = {"/x/app-2026-12-01.log", 5};
    cr_assert_lt(series_compare(&a, &b), 0);
}

Test(series, around_a_file_are_those_that_differ_in_numbers) {
    static const char *const names[] = {"a.2026-11-9.log", "a.2026-11-10.log", "b.2026-11-9.log",
                                        "a.2026-11-10.txt"};
    char dir[] = "/tmp/tailrace-series-XXXXXX", path[4][128];
    cr_assert_not_null(mkdtemp(dir));
    for (int i = 0; i < 4; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", dir, names[i]);
        FILE *file = fopen(path[i], "we");
        cr_assert_not_null(file);
        fclose(file);
    }
    struct series series = {0};
    series_around(&series, path[1]);
    cr_assert_eq(series.count, 2);
    cr_assert_str_eq(series.files[0].path, path[0]);
    cr_assert_str_eq(series.files[1].path, path[1]);
    series_clear(&series);
    cr_assert_eq(series_add(&series, dir), ERR_NOT_FOUND);
    for (int i = 0; i < 4; i++) unlink(path[i]);
    rmdir(dir);
}
