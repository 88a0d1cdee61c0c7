// SPDX-License-Identifier: MIT
// Entries of a made-up table.
#include "config/loader.h"

#include <criterion/criterion.h>

struct item {
    const char *name, *note;
    const char *const *words;
    size_t words_count;
    uint64_t wait_ms;
    bool odd;
};

static int check_name(struct str text, struct report *report) {
    return text.len ? 0 : report_set(report, ERR_INVALID, "the name is empty");
}

static const struct option_row rows[] = {
    {.path = "items[].name",
     .kind = OPTION_TEXT,
     OPTION_MEMBER(struct item, name),
     .required = "x",
     .check = check_name},
    {.path = "items[].note", .kind = OPTION_TEXT, OPTION_MEMBER(struct item, note)},
    {.path = "items[].words",
     .kind = OPTION_TEXTS,
     OPTION_MEMBERS(struct item, words),
     .fallback = "[]",
     .check = check_name},
    {.path = "items[].slow.wait",
     .kind = OPTION_DURATION,
     OPTION_MEMBER(struct item, wait_ms),
     .max = HOUR,
     .fallback = "2s"},
    {.path = "items[].odd",
     .kind = OPTION_BOOL,
     OPTION_MEMBER(struct item, odd),
     .fallback = "true",
     .variants = 1u << 1},
    {.path = NULL},
};

static struct config config;
static struct report report;
static struct loader loader;

static void open_text(const char *text) {
    loader = (struct loader){.config = &config, .file = "t.yml", .report = &report};
    cr_assert_eq(tree_read(&loader.tree, str_from(text), "t.yml", &report), 0, "%s", report.text);
    loader.root = tree_root(loader.tree);
}

static void close_text(void) {
    tree_free(loader.tree);
    memory_free(&config);
}

static int load(unsigned variant, struct item *item) {
    const struct tree_value *from = tree_first(loader.root, "items");
    return loader_entry(&loader, rows, variant, from, "items[0]", item);
}

Test(loader, values_and_defaults_become_members) {
    struct item item = {0};
    open_text("items: [{name: a, words: [b, c], slow: {wait: 1s}}]\n");
    cr_assert_eq(load(1, &item), 0, "%s", report.text);
    cr_assert_str_eq(item.name, "a");
    cr_assert_null(item.note, "without a default it is not given");
    cr_assert_eq(item.words_count, 2);
    cr_assert_str_eq(item.words[1], "c");
    cr_assert_eq(item.wait_ms, 1000);
    cr_assert(item.odd);
    close_text();
    open_text("items: [{name: a, words: , slow: }]\n");
    cr_assert_eq(load(0, &item), 0, "%s", report.text);
    cr_assert_eq(item.words_count, 0);
    cr_assert_eq(item.wait_ms, 2000);
    close_text();
}

Test(loader, options_of_other_variants_are_left_alone) {
    struct item item = {0};
    open_text("items: [{name: a}]\n");
    cr_assert_eq(load(0, &item), 0);
    cr_assert_not(item.odd);
    close_text();
}

static void refuse(const char *text, const char *message) {
    struct item item = {0};
    open_text(text);
    cr_assert_eq(load(0, &item), ERR_INVALID, "%s", text);
    cr_assert_str_eq(report.text, message);
    close_text();
}

Test(loader, mistakes_are_found_where_they_are) {
    refuse("items: [{note: a}]\n", "t.yml:1:9: items[0]: name is missing, for example name: x");
    refuse("items: [{name: }]\n", "t.yml:1:16: items[0].name: the name is empty");
    refuse("items:\n- name: a\n  words: [b, '']\n",
           "t.yml:3:14: items[0].words[1]: the name is empty");
    refuse("items:\n- name: a\n  slow:\n    wait: 2h\n",
           "t.yml:4:11: items[0].slow.wait: \"2h\" is out of bounds; allowed is from 0 to 1h");
}

Test(loader, what_is_not_in_the_file_has_no_place) {
    open_text("a: 1\n");
    cr_assert_eq(loader_fail(&loader, "--listen", "no %s", "good"), ERR_INVALID);
    cr_assert_str_eq(report.text, "--listen: no good");
    cr_assert_eq(report.line, 0);
    close_text();
}

Test(loader, entries_have_room_for_more) {
    size_t count = 7;
    open_text("items: [{name: a}, {name: b}]\n");
    struct item *items = loader_entries(&loader, "items", 3, sizeof *items, &count);
    cr_assert_eq(count, 2);
    items[4].name = "last";
    cr_assert_not_null(loader_entries(&loader, "none", 0, 1, &count));
    cr_assert_eq(count, 0);
    close_text();
}
