// SPDX-License-Identifier: MIT
// Fuzzing of config/tree and config/schema: what is refused is refused with a place, and in what is
// taken every value is found by its path.
#include "config/schema.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void yaml_fuzz_refused(const struct report *report) {
    char place[64];
    snprintf(place, sizeof place, "fuzz:%u:%u: ", report->line, report->column);
    ASSERT(report->line > 0 && report->column > 0);
    ASSERT(str_starts(str_from(report->text), str_from(place)));
    ASSERT(strlen(report->text) > strlen(place));
}

static void yaml_fuzz_walk(const struct tree_value *root, const struct tree_value *value) {
    char path[TREE_PATH_BYTES];
    size_t count = 0;
    tree_path(value, path);
    ASSERT(value->place.line > 0 && value->place.column > 0);
    // Other keys cannot be named in a path; the schema refuses them.
    bool plain = !strpbrk(value->key, ".[");
    if (plain && strlen(path) < TREE_PATH_BYTES - 1) ASSERT(tree_find(root, path) == value);
    if (!plain) return;
    for (const struct tree_value *entry = value->entries; entry; entry = entry->next, count++) {
        ASSERT(entry->parent == value && entry->index == count);
        yaml_fuzz_walk(root, entry);
    }
    ASSERT(count == value->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tree *tree;
    struct report report = {0};
    if (tree_read(&tree, (struct str){(const char *)data, size}, "fuzz", &report)) {
        yaml_fuzz_refused(&report);
        return 0;
    }
    if (tree_root(tree)) yaml_fuzz_walk(tree_root(tree), tree_root(tree));
    if (schema_check(tree, &report)) yaml_fuzz_refused(&report);
    tree_free(tree);
    return 0;
}
