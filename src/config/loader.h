// SPDX-License-Identifier: MIT
// From values of the file to members of structs, by the rows of a table: what access, content and
// load share.
#ifndef TAILRACE_CONFIG_LOADER_H
#define TAILRACE_CONFIG_LOADER_H

#include "base/option.h"
#include "config/load.h"
#include "config/memory.h"
#include "config/tree.h"

struct loader {
    struct config *config;
    const struct config_flags *flags;
    const char *file;              // its name; NULL when there is none
    unsigned file_mode;            // its permission bits
    struct tree *tree;             // NULL when there is no file
    const struct tree_value *root; // what it says; NULL when that is nothing
    struct report *report;
};

// Room for the path of an option in the file, "sources[999].follow_symlinks".
#define LOADER_PATH_BYTES 160

// Fills the report: file, line and column of what is at `path` (of its nearest parent when the file
// has no such value), the path itself, the text. For what is not from the file `path` is its name:
// "TAILRACE_LISTEN", "--listen". Returns ERR_INVALID.
int loader_fail(struct loader *loader, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
int loader_no_memory(struct loader *loader);

// A copy of a text that the row's check accepts. `path` is its name in a report.
int loader_text(struct loader *loader, const struct option_row *row, const char *path,
                struct str text, const char **out) MUST_CHECK;
// Sets the member of `entry` from a text; not for lists.
int loader_set(struct loader *loader, const struct option_row *row, const char *path,
               struct str text, void *entry) MUST_CHECK;
// Sets the member from a value of the file; NULL: to its default.
int loader_value(struct loader *loader, const struct option_row *row, const char *path,
                 const struct tree_value *value, void *entry) MUST_CHECK;
// Sets all members of `entry` that its variant has, from an entry of the file at the path `where`
// ("" for the whole file); NULL: to their defaults. An option that is required and not given is an
// error.
int loader_entry(struct loader *loader, const struct option_row *rows, unsigned variant,
                 const struct tree_value *from, const char *where, void *entry) MUST_CHECK;
// Entries of `size` bytes, zeroed, one for each of the list at `path` and `more`; *count without
// those.
void *loader_entries(struct loader *loader, const char *path, size_t more, size_t size,
                     size_t *count);

// For rows: whether the text is a pattern of topics.
int loader_check_pattern(struct str text, struct report *report);

#endif
