// SPDX-License-Identifier: MIT
// Rotated siblings: their names, their order, and finding them in a directory.
#include "source/rotated.h"

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
    cr_assert(rotated_is("20261122-app.log", "app.log"));
    cr_assert(rotated_is("app.log-1795000000", "app.log"), "seconds since 1970");
    cr_assert(rotated_is("app.26-11-22.log", "app.log"));
    cr_assert(rotated_is("0.log.20261127-101010", "0.log"));
    cr_assert(rotated_is("@4000000065643c1a2b3c4d5e.s", "current"));
    cr_assert_not(rotated_is("@4000000065643c1a2b3c4d5e.s", "other"));
}

Test(rotated, numbers_of_ports_processes_versions_and_addresses_are_other_logs) {
    static const char *const names[] = {
        "app.8080.log",   "app-8080.log",           "app-10.0.0.12.log", "app.10.20.30.40.log",
        "app-123456.log", "app.4194303.log",        "app-1.2.3.log",     "app.log.1.2.3",
        "app_2.log",      "192.168.100.200-app.log"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert_not(rotated_is(names[i], "app.log"), "%s", names[i]);
}

static bool is_current(void *context, const char *base) { return strcmp(base, context) == 0; }

Test(rotated, bases_of_a_name) {
    cr_assert(rotated_bases("app.log.1", is_current, "app.log"));
    cr_assert(rotated_bases("app.1.log", is_current, "app.log"));
    cr_assert(rotated_bases("2026-11-22-app.log", is_current, "app.log"));
    cr_assert(rotated_bases("@4000000065643c1a2b3c4d5e.s", is_current, "current"));
    cr_assert_not(rotated_bases("app.8080.log", is_current, "app.log"));
}

Test(rotated, order) {
    struct sibling one = {.name = "a.1", .mtime_ns = 5}, two = {.name = "a.2.gz", .mtime_ns = 9};
    struct sibling day = {.name = "a-20261122", .mtime_ns = 7}, self = {.name = "a", .self = true};
    struct sibling next = {.name = "a-20261123.gz", .mtime_ns = 1};
    cr_assert_gt(rotated_compare(&one, &two, "a"), 0);
    cr_assert_lt(rotated_compare(&one, &day, "a"), 0);
    cr_assert_lt(rotated_compare(&day, &next, "a"), 0, "the date in the name counts");
    cr_assert_gt(rotated_compare(&self, &next, "a"), 0);
    cr_assert(rotated_alike(&one, &two, "a"));
    cr_assert(rotated_alike(&day, &next, "a"));
    cr_assert(rotated_alike(&day, &self, "a"));
    cr_assert_not(rotated_alike(&one, &day, "a"));
    cr_assert(rotated_has_number(&one, "a"));
    cr_assert_not(rotated_has_number(&(struct sibling){.name = "a.bak"}, "a"));
    cr_assert_not(rotated_has_number(&(struct sibling){.name = "a~"}, "a"));
}

static void touch(const char *dir, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fclose(file);
}

static void expect_names(const struct siblings *siblings, const char *expected) {
    char names[512] = "";
    for (size_t i = 0; i < siblings->count; i++) {
        strcat(names, siblings->list[i].name);
        strcat(names, "|");
    }
    cr_assert_str_eq(names, expected);
}

Test(rotated, siblings_of_a_directory_come_oldest_first) {
    static const char *const names[] = {"app.log.1",    "app.log",   "app.log.10",   "app.log.2",
                                        "app.log.4.xz", "other.log", "app.log.3.gz", "moved"};
    char dir[] = "/tmp/tailrace-rotated-XXXXXX", log[128], path[160];
    cr_assert_not_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) touch(dir, names[i]);
    snprintf(path, sizeof path, "%s/old", dir);
    cr_assert_eq(mkdir(path, 0755), 0);
    touch(dir, "old/app.log.11");
    snprintf(log, sizeof log, "%s/app.log", dir);
    struct rotated_search search = {.log = log};
    struct siblings list;
    cr_assert_eq(rotated_list(&list, &search), 0);
    expect_names(&list, "app.log.10|app.log.3.gz|app.log.2|app.log.1|");
    cr_assert(list.list[1].packed);
    rotated_free(&list);
    search.deep = search.self = true;
    cr_assert_eq(rotated_list(&list, &search), 0);
    expect_names(&list, "old/app.log.11|app.log.10|app.log.3.gz|app.log.2|app.log.1|app.log|");
    rotated_free(&list);
    struct stat st;
    snprintf(path, sizeof path, "%s/moved", dir);
    cr_assert_eq(stat(path, &st), 0);
    struct file_id wanted = file_id(&st);
    cr_assert_eq(rotated_list(&list, &(struct rotated_search){log, &wanted, 1, false, false}), 0);
    cr_assert_eq(list.count, 5, "the file with this inode, whatever it is called");
    rotated_free(&list);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/old/app.log.11", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/old", dir);
    rmdir(path);
    rmdir(dir);
    cr_assert_eq(rotated_list(&list, &search), ERR_IO);
}
