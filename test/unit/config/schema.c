// SPDX-License-Identifier: MIT
// The tables, the example and the manual, which have to say the same; and files that do not fit.
#include "config/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"
#include "support.h"

TestSuite(schema, .init = config_setup, .fini = config_teardown);

// The next row of all tables; NULL after the last.
static const struct option_row *next(const struct option_row *row, size_t *table) {
    row = row ? row + 1 : schema_tables[ *table = 0];
    while (!row->path && ++*table < SCHEMA_TABLES) row = schema_tables[*table];
    return *table < SCHEMA_TABLES ? row : NULL;
}

#define EACH_ROW(row)                                                                              \
    size_t table = 0;                                                                              \
    for (const struct option_row *row = next(NULL, &table); row; row = next(row, &table))

// --- rows ----------------------------------------------------------------------------------------

// More than any struct of a table.
static _Alignas(max_align_t) char room[4096];

Test(schema, every_row_is_whole_and_alone) {
    size_t rows = 0;
    EACH_ROW(row) {
        cr_assert(row->size && row->offset + row->size <= sizeof room, "%s", row->path);
        cr_assert(row->help && *row->help, "%s", row->path);
        cr_assert(!(row->required && row->fallback), "%s", row->path);
        cr_assert(!row->restart || table == 0, "%s: entries are always reloaded", row->path);
        cr_assert_lt(strlen(row->path), 64, "%s", row->path);
        for (const struct option_row *other = schema_tables[table]; other != row; other++) {
            cr_assert_str_neq(row->path, other->path);
        }
        rows++;
    }
    cr_assert_gt(rows, 50);
}

Test(schema, every_default_is_within_its_bounds) {
    EACH_ROW(row) {
        struct report report = {0};
        if (row->kind == OPTION_TEXTS) {
            cr_assert_str_eq(row->fallback, "[]", "%s", row->path);
        } else if (row->kind == OPTION_TEXT) {
            const char *value = row->fallback ? row->fallback : row->required;
            // An example may be quoted for YAML.
            if (!value || !row->check || *value == '"') continue;
            cr_assert_eq(row->check(str_from(value), &report), 0, "%s: %s", row->path, report.text);
        } else {
            cr_assert_eq(option_parse(row, str_from(row->fallback), room, &report), 0, "%s: %s",
                         row->path, report.text);
        }
    }
}

static int parse(const struct option_row *row, uint64_t number) {
    char text[32];
    bool time = row->kind == OPTION_DURATION || row->kind == OPTION_RANGE;
    snprintf(text, sizeof text, "%llu%s", (unsigned long long)number, time ? "ms" : "");
    return option_parse(row, str_from(text), room, NULL);
}

Test(schema, bounds_are_exact) {
    EACH_ROW(row) {
        if (row->max == 0) continue;
        cr_assert_eq(parse(row, row->min), 0, "%s", row->path);
        cr_assert_eq(option_check(row, room, NULL), 0, "%s", row->path);
        cr_assert_eq(parse(row, row->max), 0, "%s", row->path);
        cr_assert_eq(parse(row, row->max + 1), ERR_INVALID, "%s", row->path);
        cr_assert_eq(parse(row, 0), row->zero ? 0 : ERR_INVALID, "%s", row->path);
        if (row->min > 1) cr_assert_eq(parse(row, row->min - 1), ERR_INVALID, "%s", row->path);
    }
}

// --- documents -----------------------------------------------------------------------------------

// "sources[].simulate.order": whether an entry of the list has it.
static const struct tree_value *find_any(const struct tree_value *root,
                                         const struct option_row *row) {
    char list[64];
    snprintf(list, sizeof list, "%.*s", (int)strcspn(row->path, "["), row->path);
    if (!strchr(row->path, '[')) return tree_find(root, row->path);
    const struct tree_value *entry, *found = NULL;
    for (entry = tree_first(root, list); entry && !found; entry = entry->next) {
        found = tree_find(entry, option_name(row));
    }
    return found;
}

Test(schema, the_example_has_every_option_with_its_help) {
    char *text = config_uncommented_example();
    struct tree *tree;
    struct report report = {0};
    cr_assert_eq(tree_read(&tree, str_from(text), EXAMPLE, &report), 0, "%s", report.text);
    cr_assert_eq(schema_check(tree, &report), 0, "%s", report.text);
    EACH_ROW(row) {
        char help[256];
        snprintf(help, sizeof help, "# %s\n", row->help);
        cr_assert(strstr(text, help), "%s has no line:\n%s", EXAMPLE, help);
        cr_assert(find_any(tree_root(tree), row), "%s lacks %s", EXAMPLE, row->path);
    }
    tree_free(tree);
    free(text);
}

Test(schema, the_example_gives_every_default) {
    char *text = config_read_whole(EXAMPLE);
    struct tree *tree;
    struct report report = {0};
    cr_assert_eq(tree_read(&tree, str_from(text), EXAMPLE, &report), 0, "%s", report.text);
    EACH_ROW(row) {
        if (strchr(row->path, '[')) continue;
        const struct tree_value *value = tree_find(tree_root(tree), row->path);
        cr_assert(value, "%s lacks %s", EXAMPLE, row->path);
        if (row->kind == OPTION_TEXTS) {
            cr_assert_eq(value->count, 0, "%s: %s", EXAMPLE, row->path);
        } else {
            cr_assert_str_eq(value->text, row->fallback, "%s: %s", EXAMPLE, row->path);
        }
    }
    tree_free(tree);
    free(text);
}

Test(schema, the_manual_has_every_option_with_its_default) {
    char *text = config_read_whole(MANUAL);
    EACH_ROW(row) {
        char value[64] = "", line[512];
        if (row->fallback) {
            snprintf(value, sizeof value, "`%s`", *row->fallback ? row->fallback : "\"\"");
        } else if (row->required) {
            strcpy(value, "required");
        }
        snprintf(line, sizeof line, "| `%s` | %s | %s | %s |\n", row->path, value,
                 row->restart ? "restart" : "", row->help);
        cr_assert(strstr(text, line), "%s has no line:\n%s", MANUAL, line);
    }
    free(text);
}

// --- files that do not fit -----------------------------------------------------------------------

Test(schema, unknown_keys_are_named_with_those_that_are_known) {
    config_refused("\nstream:\n  retry: 1s\n  hartbeat: 1s\n",
                   "4:3: stream: unknown key \"hartbeat\"",
                   "known here: heartbeat, retry, max_age");
    config_refused("open: false\nlissten: x\n", "2:1: unknown key \"lissten\"",
                   "listen, data, open, workers, metrics, stream");
    config_refused("keys:\n  - name: a\n    scret: verysecret\n",
                   "3:5: keys[0]: unknown key \"scret\"", "secret_file");
    config_refused("sources:\n- simulate: {orders: x}\n",
                   "2:14: sources[0].simulate: unknown key \"orders\"",
                   "known here: words, file, interval, order, repeat");
    config_refused("sources:\n- {file: a, simulat: x}\n", "2:13: sources[0]: unknown key",
                   "follow_symlinks, simulate");
    config_refused("anonymous: {read: []}\n", "1:13: anonymous: unknown key \"read\"",
                   "known here: publish, subscribe");
    config_refused("<<: {workers: 1}\n", "1:1: unknown key \"<<\"", "");
    config_refused("streams: {}\n", "1:1: unknown key \"streams\"", "");
    config_refused("strea: {}\n", "1:1: unknown key \"strea\"", "");
}

Test(schema, a_path_is_not_a_key) {
    config_refused("stream.heartbeat: 1s\n", "1:1: unknown key \"stream.heartbeat\"", "");
    config_refused("\"keys[]\": []\n", "1:1: unknown key \"keys[]\"", "");
    char text[2000];
    snprintf(text, sizeof text, "\"%0*d\": 1\n", 1000, 0);
    config_refused(text, "1:1: unknown key \"000", "…");
    snprintf(text, sizeof text, "origins%0*d: 1\n", 200, 0);
    config_refused(text, "1:1: unknown key \"origins000", "");
}

Test(schema, wrong_kinds_of_values_are_refused) {
    config_refused("workers: [1]\n", "1:10: workers: a single value", "");
    config_refused("workers: {a: 1}\n", "1:10: workers: a single value", "");
    config_refused("stream: 5\n", "1:9: stream: a set of \"key: value\" lines", "");
    config_refused("stream: \"\"\n", "1:9: stream: a set of", "");
    config_refused("stream: []\n", "1:9: stream: a set of", "");
    config_refused("keys: {a: b}\n", "1:7: keys: a list", "");
    config_refused("origins: https://a.test\n", "1:10: origins: a list is expected", "[one, two]");
    config_refused("keys:\n  - abc\n", "2:5: keys[0]: a set of", "");
    config_refused("keys:\n- {name: a, publish: a}\n", "2:22: keys[0].publish: a list", "");
    config_refused("keys:\n- {name: a, publish: [[a]]}\n", "2:23: keys[0].publish[0]: a single",
                   "");
    config_refused("topics:\n- {match: [a]}\n", "2:11: topics[0].match: a single value", "");
    config_refused("- a\n", "1:1: a set of", "");
    config_refused("abc\n", "1:1: a set of", "");
}
