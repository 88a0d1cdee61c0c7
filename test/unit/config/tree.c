// SPDX-License-Identifier: MIT
// YAML texts as trees: places, paths, and what is refused.
#include "config/tree.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"

static struct tree *read_text(const char *text) {
    struct tree *tree = NULL;
    struct report report = {0};
    cr_assert_eq(tree_read(&tree, str_from(text), "t.yml", &report), 0, "%s: %s", text,
                 report.text);
    return tree;
}

// Refused with a message that begins with `start` ("t.yml:" left out) and says the place once more.
static void refuse(struct str text, const char *start) {
    struct tree *tree = (struct tree *)&tree;
    struct report report = {0};
    char whole[256], place[32];
    snprintf(whole, sizeof whole, "t.yml:%s", start);
    cr_assert_eq(tree_read(&tree, text, "t.yml", &report), ERR_INVALID, "taken: %.*s",
                 STR_ARG(text));
    cr_assert_eq((void *)tree, (void *)&tree);
    cr_assert(str_starts(str_from(report.text), str_from(whole)), "\n%s\nis not\n%s", report.text,
              whole);
    snprintf(place, sizeof place, "t.yml:%u:%u: ", report.line, report.column);
    cr_assert(str_starts(str_from(report.text), str_from(place)), "%s", report.text);
}

static void expect(const struct tree *tree, const char *path, const char *text, unsigned line,
                   unsigned column) {
    char name[TREE_PATH_BYTES];
    const struct tree_value *value = tree_find(tree_root(tree), path);
    cr_assert(value, "%s", path);
    cr_assert_str_eq(value->text, text, "%s", path);
    cr_assert_eq(value->place.line, line, "%s: %u", path, value->place.line);
    cr_assert_eq(value->place.column, column, "%s: %u", path, value->place.column);
    cr_assert_str_eq(tree_path(value, name), path);
}

Test(tree, every_value_knows_its_path_and_place) {
    struct tree *tree =
        read_text("a: 1\nb:\n  c: two\n  d: [x, {e: \"y z\"}]\nf:\n- g: ''\n  h:\n");
    expect(tree, "a", "1", 1, 4);
    expect(tree, "b.c", "two", 3, 6);
    expect(tree, "b.d", "", 4, 6);
    expect(tree, "b.d[0]", "x", 4, 7);
    expect(tree, "b.d[1].e", "y z", 4, 14);
    expect(tree, "f[0].g", "", 6, 6);
    const struct tree_value *h = tree_find(tree_root(tree), "f[0].h");
    cr_assert(h && h->nothing);
    cr_assert_eq(h->key_at.line, 7);
    cr_assert_eq(h->key_at.column, 3);
    cr_assert(!tree_find(tree_root(tree), "f[0].g")->nothing, "an empty text in quotes is a text");
    tree_free(tree);
    tree_free(NULL);
}

Test(tree, what_is_not_there_is_not_found) {
    struct tree *tree = read_text("a: {b: [1]}\n");
    const char *none[] = {"b",        "a.c", "a.b[1]", "a[0]", "a.b.c",
                          "a.b[0].c", "A",   "a.b[x]", "a.b[]"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        cr_assert_null(tree_find(tree_root(tree), none[i]), "%s", none[i]);
    }
    cr_assert_null(tree_find(NULL, "a"));
    cr_assert_null(tree_first(tree_root(tree), "b"));
    cr_assert_str_eq(tree_nearest(tree, "a.b[7].c")->key, "b");
    cr_assert_null(tree_nearest(tree, "--listen"));
    tree_free(tree);
}

Test(tree, entries_are_in_their_order) {
    struct tree *tree = read_text("l: [x, y, z]\n");
    const struct tree_value *value = tree_first(tree_root(tree), "l");
    for (const char *text = "xyz"; *text; text++, value = value->next) {
        cr_assert_eq(value->text[0], *text);
    }
    cr_assert_null(value);
    cr_assert_eq(tree_find(tree_root(tree), "l")->count, 3);
    tree_free(tree);
}

Test(tree, texts_that_say_nothing_have_no_root) {
    const char *texts[] = {"", "\n", "# nothing\n", "---\n", "---\n...\n", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tree *tree = read_text(texts[i]);
        cr_assert_null(tree_root(tree), "%zu", i);
        cr_assert_null(tree_nearest(tree, "a"));
        tree_free(tree);
    }
}

Test(tree, a_byte_order_mark_does_not_move_the_first_place) {
    struct tree *tree = read_text("\xEF\xBB\xBF"
                                  "a: 1\n");
    expect(tree, "a", "1", 1, 4);
    tree_free(tree);
}

Test(tree, the_file_is_utf_8) {
    refuse(STR("a: 1\nb: \xff\xfe\n"), "2:4: not text in UTF-8: ");
    refuse(STR("\xff\xfe"
               "a\0:\0"),
           "1:1: not text in UTF-8: ");
    refuse(STR("é: \xc3"), "1:4: not text in UTF-8: ");
    refuse(STR("a: b\x07\n"), "1:5: not text in UTF-8: control characters");
    refuse(STR("a: b\0c\n"), "1:5: not text in UTF-8: control characters");
}

Test(tree, a_text_has_no_nul) {
    refuse(STR("a: \"b\\0c\"\n"), "1:4: this text has a NUL");
    refuse(STR("\"a\\0\": b\n"), "1:1: this text has a NUL");
}

Test(tree, anchors_aliases_and_tags_are_refused) {
    refuse(STR("a: &x 1\nb: *x\n"), "1:4: anchors and aliases");
    refuse(STR("a: &x {}\n"), "1:4: anchors and aliases");
    refuse(STR("a: &x []\n"), "1:4: anchors and aliases");
    refuse(STR("&x a: 1\n"), "1:1: anchors and aliases");
    refuse(STR("b: *x\n"), "1:4: anchors and aliases");
    refuse(STR("a:\n- !!str 1\n"), "2:3: tags (!name)");
    refuse(STR("a: !x {}\n"), "1:4: tags (!name)");
    refuse(STR("a: ! []\n"), "1:4: tags (!name)");
}

Test(tree, there_is_one_document) {
    refuse(STR("a: 1\n---\nb: 2\n"), "2:1: a second document");
    refuse(STR("a: 1\n...\n---\nb: 2\n"), "3:1: a second document");
}

Test(tree, keys_are_plain_words_and_given_once) {
    refuse(STR("? [a]\n: 1\n"), "1:3: a key must be a plain word");
    refuse(STR("? {a: b}\n: 1\n"), "1:3: a key must be a plain word");
    refuse(STR("'': 1\n"), "1:1: a key must be a plain word");
    refuse(STR("a: 1\nb: 2\na: 3\n"), "3:1: a: this key is given twice; the first is in line 1");
    refuse(STR("a:\n- {b: 1, \"b\": 2}\n"), "2:10: a[0].b: this key is given twice");
}

Test(tree, what_is_no_yaml_is_refused_with_its_place) {
    refuse(STR("a:\n\tb: 1\n"), "2:1: not YAML: ");
    refuse(STR("a: \"b\n"), "2:1: not YAML: ");
    refuse(STR("a: [1\n"), "2:1: not YAML: ");
    refuse(STR("a: b: c\n"), "1:5: not YAML: ");
    refuse(STR(": 1\n"), "1:1: not YAML: ");
    refuse(STR("a: 1\n...\nb: 2\n"), "3:1: not YAML: ");
    refuse(STR("a: @b\n"), "1:4: not YAML: ");
    refuse(STR("a: [**]\n"), "1:6: not YAML: ");
    refuse(STR("%YAML 9.9\n---\n"), "1:1: not YAML: ");
}

Test(tree, depth_entries_and_values_are_bounded) {
    refuse(STR("a: [[[[[[[[[[1]]]]]]]]]]\n"), "1:11: this is nested too deeply");
    refuse(STR("a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n"),
           "1:32: this is nested too deeply");
    struct buf text;
    buf_init(&text, 2000000);
    buf_append_str(&text, STR("origins:\n"));
    for (int i = 0; i <= LIMIT_CONFIG_ENTRIES; i++) buf_printf(&text, "- https://h%d.test\n", i);
    refuse(buf_str(&text), "1002:3: origins: more than 1000 entries");
    buf_clear(&text);
    for (int i = 0; i <= LIMIT_CONFIG_ENTRIES; i++) buf_printf(&text, "k%d: 1\n", i);
    refuse(buf_str(&text), "1001:8: more than 1000 entries");
    buf_clear(&text);
    for (int i = 0; i < LIMIT_CONFIG_ENTRIES; i++) {
        buf_printf(&text, "k%d: [", i);
        for (int n = 0; n < 200; n++) buf_append_str(&text, STR("1,"));
        buf_append_str(&text, STR("]\n"));
    }
    refuse(buf_str(&text), "498:");
    cr_assert(!buf_failed(&text));
    buf_clear(&text);
    for (int i = 0; i < 100000; i++) buf_append_char(&text, '[');
    refuse(buf_str(&text), "1:9: this is nested too deeply");
    buf_fini(&text);
}

Test(tree, long_texts_are_whole_and_long_paths_are_cut) {
    struct buf text;
    buf_init(&text, 1000000);
    buf_append_str(&text, STR("a: "));
    for (int i = 0; i < 500000; i++) buf_append_char(&text, 'x');
    struct tree *tree = read_text(buf_cstr(&text));
    cr_assert_eq(strlen(tree_find(tree_root(tree), "a")->text), 500000);
    tree_free(tree);
    buf_clear(&text);
    for (int i = 0; i < 300; i++) buf_append_char(&text, 'k');
    buf_append_str(&text, STR(": {a: {b: 1}}\n"));
    tree = read_text(buf_cstr(&text));
    char path[TREE_PATH_BYTES];
    const struct tree_value *a = tree_root(tree)->entries->entries;
    cr_assert_str_eq(a->key, "a");
    cr_assert_eq(strlen(tree_path(a->entries, path)), TREE_PATH_BYTES - 1);
    tree_free(tree);
    buf_fini(&text);
}
