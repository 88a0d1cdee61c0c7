// SPDX-License-Identifier: MIT
// Rotated siblings: their names, their order, and finding them in a directory.
#include "source/rotated.h"
#include "source/place.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(rotated, names) {
    cr_assert(rotated_is("app.log.1", "app.log"));
    cr_assert(rotated_is("app.log-20261122", "app.log"));
    cr_assert(rotated_is("app.log.2026-11-22T10:00", "app.log"));
    cr_assert(rotated_is("app.log.old", "app.log"));
    cr_assert(rotated_is("app.1.log", "app.log"));
    cr_assert(rotated_is("app-20261122.log", "app.log"));
    cr_assert_not(rotated_is("app-1.log", "app.log"), "may be the log of another writer");
    cr_assert_not(rotated_is("app.log", "app.log"));
    cr_assert_not(rotated_is("app.log.1.gz", "app.log"));
    cr_assert_not(rotated_is("app.log.txt", "app.log"));
    cr_assert_not(rotated_is("app.logger", "app.log"));
    cr_assert_not(rotated_is("ap.log.1", "app.log"));
}

Test(rotated, order) {
    struct sibling one = {.name = "a.1", .mtime_ns = 5}, two = {.name = "a.2", .mtime_ns = 9};
    struct sibling day = {.name = "a-20261122", .mtime_ns = 7};
    cr_assert_gt(rotated_compare(&one, &two, "a"), 0);
    cr_assert_lt(rotated_compare(&one, &day, "a"), 0);
}

static void touch(const char *dir, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fclose(file);
}

Test(rotated, siblings_of_a_directory_come_oldest_first) {
    static const char *const names[] = {"app.log.1",  "app.log",   "app.log.10",  "app.log.2",
                                        "app.log.gz", "other.log", "app.log.3.gz"};
    char dir[] = "/tmp/tailrace-rotated-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) touch(dir, names[i]);
    struct sibling *list;
    size_t count;
    cr_assert_eq(rotated_list(dir, PLACE_ALL, "app.log", &list, &count), 0);
    cr_assert_eq(count, 3);
    cr_assert_str_eq(list[0].name, "app.log.10");
    cr_assert_str_eq(list[1].name, "app.log.2");
    cr_assert_str_eq(list[2].name, "app.log.1");
    rotated_free(list, count);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    cr_assert_eq(rotated_list(dir, PLACE_ALL, "app.log", &list, &count), ERR_IO);
}
