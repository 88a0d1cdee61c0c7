// SPDX-License-Identifier: MIT
// The adapter of libyaml: a YAML text as a tree whose every key and value knows its place. (libyaml
// has the prefix yaml_, also for functions that it does not declare.)
//
// It takes what a configuration has use for: mappings, lists, and values, which are all text.
// Anchors, aliases, tags, several documents, keys that are no plain words, a key that is given
// twice and NUL characters are errors with their place. Depth, entries and the number of nodes are
// bounded.
#ifndef TAILRACE_CONFIG_TREE_H
#define TAILRACE_CONFIG_TREE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

// Counted from 1.
struct tree_place {
    unsigned line, column;
};

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAPPING };

// A value: all of it lives as long as its tree.
struct tree_value {
    enum tree_kind kind;
    // Nothing is written where a value could be ("keys:"): an empty text without quotes.
    bool nothing;
    const char *key;          // in a mapping; "" in a list and for the whole document
    const char *text;         // TEXT; terminated, has no NUL; otherwise ""
    struct tree_place place;  // where it starts
    struct tree_place key_at; // where its key starts; in a list the same as `place`
    size_t index;             // among those of its parent
    size_t count;             // of its own entries
    struct tree_value *parent, *entries, *prev, *next;
};

struct tree;

// Reads a text. ERR_INVALID with a whole message, "tailrace.yml:12:9: stream.heartbeat: …", and its
// place; ERR_NOMEM. `name` (of the file) is borrowed until tree_free, the text is not.
int tree_read(struct tree **out, struct str text, const char *name,
              struct report *report) MUST_CHECK;
// NULL is fine. Values are overwritten before their memory is given back: some are secrets.
void tree_free(struct tree *tree);

// The value of the whole document; NULL when the text says nothing.
const struct tree_value *tree_root(const struct tree *tree);
// The value at `path` below `from`: "stream.heartbeat", "keys[2].secret" (entries count from 0).
// NULL when there is none, or `from` is NULL.
const struct tree_value *tree_find(const struct tree_value *from, const char *path);
// The first entry of the list or mapping at `path`; NULL when there is none. The others are at
// `next`.
const struct tree_value *tree_first(const struct tree_value *from, const char *path);
// The value at `path`, or its nearest parent that there is; NULL when there is not even its first
// part.
const struct tree_value *tree_nearest(const struct tree *tree, const char *path);

// The path of a value, cut when it does not fit; returns out.
#define TREE_PATH_BYTES 256
char *tree_path(const struct tree_value *value, char out[TREE_PATH_BYTES]);
// Fills the report: file, place, path (may be empty), text. Returns ERR_INVALID.
int tree_fail(const struct tree *tree, struct tree_place place, const char *path,
              struct report *report, const char *fmt, ...) PRINTF_LIKE(5, 6);

#endif
