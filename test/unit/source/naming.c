// SPDX-License-Identifier: MIT
// Topics of files whose names are alike.
#include "source/naming.h"

#include <criterion/criterion.h>
#include <string.h>

static struct naming naming;
static const char *known_topic;

static bool known(void *context, const char *path, const char *topic) {
    (void)context;
    (void)path;
    return known_topic && strcmp(topic, known_topic) == 0;
}

static void expect_for(struct naming_entry *entry, const char *template, bool together,
                       const char *topic) {
    const struct naming_choice choice = {template, together, known, NULL};
    cr_assert_eq(naming_choose(entry, &choice, NULL), 0);
    cr_assert_str_eq(entry->topic, topic);
}

static void expect(struct naming_entry *entry, bool together, const char *topic) {
    expect_for(entry, "logs/{name}", together, topic);
}

static struct naming_entry *enter(const char *path) {
    struct naming_entry *entry = naming_enter(&naming, path);
    cr_assert_not_null(entry);
    return entry;
}

Test(naming, a_name_of_one_file_is_its_topic) {
    struct naming_entry *a = enter("/l/shop/access.log"), *b = enter("/l/shop/error.log");
    expect(a, true, "logs/access.log");
    expect(b, true, "logs/error.log");
    naming_leave(&naming, a);
    naming_leave(&naming, b);
    cr_assert_null(naming.bases);
}

Test(naming, files_found_together_are_told_apart_alike) {
    struct naming_entry *a = enter("/l/shop/access.log"), *b = enter("/l/blog/access.log"),
                        *c = enter("/l/blog/old/access.log"), *d = enter("/k/old/access.log");
    expect(a, true, "logs/shop/access.log");
    expect(b, true, "logs/blog/access.log");
    expect(c, true, "logs/blog/old/access.log");
    expect(d, true, "logs/k/old/access.log");
}

Test(naming, who_comes_later_gets_the_longer_name_and_nobody_loses_his) {
    struct naming_entry *a = enter("/l/shop/access.log");
    expect(a, true, "logs/access.log");
    struct naming_entry *b = enter("/l/blog/access.log");
    expect(b, false, "logs/blog/access.log");
    naming_leave(&naming, a);
    // The topic is free now; its readers come back to a file that they know.
    a = enter("/l/shop/access.log");
    expect(a, false, "logs/access.log");
}

Test(naming, a_topic_that_a_file_had_stays_its_topic) {
    struct naming_entry *a = enter("/l/shop/access.log"), *b = enter("/l/blog/access.log");
    known_topic = "logs/access.log";
    expect(a, true, "logs/access.log");
    known_topic = "logs/blog/access.log";
    expect(b, true, "logs/blog/access.log");
    naming_leave(&naming, b);
    b = enter("/l/shop/access.log.d/x");
    known_topic = NULL;
    expect(b, true, "logs/x");
}

Test(naming, one_file_of_two_sources_is_one_file) {
    struct naming_entry *a = enter("/l/access.log"), *b = enter("/l/access.log");
    expect(a, true, "logs/access.log");
    expect(b, true, "logs/access.log");
}

Test(naming, stems_and_fixed_topics) {
    struct naming_entry *a = enter("/l/a/app.log"), *b = enter("/l/b/app.log"),
                        *c = enter("/l/b/app.err");
    expect_for(a, "x/{stem}", true, "x/a/app");
    expect_for(b, "x/{stem}", true, "x/app");
    expect_for(c, "x/{stem}", true, "x/b/app");
    expect_for(c, "fixed", true, "fixed");
    expect_for(b, "fixed", true, "fixed");
    expect_for(b, "{path}", true, "l/b/app.log");
}

Test(naming, a_path_that_is_no_topic_is_refused) {
    char path[3000] = "/";
    memset(path + 1, 'x', sizeof path - 2);
    struct report report = {0};
    const struct naming_choice choice = {"logs/{name}", true, known, NULL};
    cr_assert_eq(naming_choose(enter(path), &choice, &report), ERR_INVALID);
    cr_assert(report.text[0]);
}
