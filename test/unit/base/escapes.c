// SPDX-License-Identifier: MIT
// Text without escape sequences.
#include "base/escapes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "config/tree.h"

TestSuite(escapes, .timeout = 60);

// A file of the tests, to be freed.
static char *read_data(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    cr_assert(file, "run it from the top of the tree");
    char *text = malloc(1 << 20);
    *len = fread(text, 1, 1 << 20, file);
    cr_assert_lt(*len, 1 << 20);
    fclose(file);
    return text;
}

// JSON is YAML, in which the configuration's reader takes lists of texts.
Test(escapes, real_lines_read_as_the_page_reads_them) {
    struct tree *tree;
    struct report report = {0};
    size_t len, count = 0;
    char *json = read_data("test/data/escapes.json", &len);
    cr_assert_eq(tree_read(&tree, (struct str){json, len}, "escapes.json", &report), 0, "%s",
                 report.text);
    for (const struct tree_value *pair = tree_root(tree)->entries; pair; pair = pair->next) {
        const char *raw = pair->entries->text, *plain = pair->entries->next->text;
        struct str text = str_from(raw);
        char *out = malloc(text.len + 1);
        out[escapes_strip(out, text)] = '\0';
        cr_expect_str_eq(out, plain, "%s", raw);
        cr_expect_eq(escapes_are_in(text), strcmp(raw, plain) != 0, "%s", raw);
        free(out);
        count++;
    }
    cr_assert_gt(count, 50);
    tree_free(tree);
    free(json);
}

Test(escapes, whatever_is_cut_valid_text_stays_valid) {
    char raw[] = "a\x1b[1;3\xc3\xa9m\x1b]8;;\xf0\x9f\x98\x80\x1b\\z\x0e\x1b(\xe2\x82\xac";
    for (size_t from = 0; from < sizeof raw; from++) {
        for (size_t to = from; to < sizeof raw; to++) {
            struct str text = {raw + from, to - from};
            char out[sizeof raw];
            if (!utf8_valid(text)) continue;
            size_t len = escapes_strip(out, text);
            cr_assert_leq(len, text.len);
            cr_assert(utf8_valid((struct str){out, len}));
            cr_assert(!escapes_are_in((struct str){out, len}));
        }
    }
    char same[sizeof raw];
    memcpy(same, raw, sizeof raw);
    size_t len = escapes_strip(same, (struct str){same, sizeof raw - 1});
    cr_assert_eq(len, strlen("a\xc3\xa9mz\xe2\x82\xac"));
    cr_assert(!memcmp(same, "a\xc3\xa9mz\xe2\x82\xac", len), "in place");
}
