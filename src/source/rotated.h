// SPDX-License-Identifier: MIT
// Rotated siblings of a log file: their names and their order.
//
//   app.log.1  app.log-20261122  app.log.2026-11-22-10  app.log.old     suffix after the name
//   app.1.log  app-20261122.log                                         before the extension
#ifndef TAILRACE_SOURCE_ROTATED_H
#define TAILRACE_SOURCE_ROTATED_H

#include "source/mark.h"

// Whether rotation turns `base` into `name`. False for compressed files.
bool rotated_is(const char *name, const char *base);
// Whether the name ends like that of a compressed file (.gz .xz .bz2 .zst .lz4 .zip …). Such files
// are never read.
bool rotated_is_compressed(const char *name);
// Calls `each` with every name of which `name` may be a rotated sibling, until `each` returns true.
// Returns whether it did.
bool rotated_bases(const char *name, bool (*each)(void *context, const char *base), void *context);

struct sibling {
    char *name;
    struct file_id id;
    int64_t mtime_ns;
    bool rotated; // rotated_is(); false: the name only begins with the base
};

// The regular files in `dir` whose names begin with `base` or are rotated_is, except `base` itself
// and compressed ones, oldest first. Looks until two looks give the same, because a rotation may be
// in progress; ERR_AGAIN when none do. ERR_IO with errno, ERR_NOMEM. Free the list with
// rotated_free.
//
// `trusted`: of the path of `dir` (place.h).
int rotated_list(const char *dir, size_t trusted, const char *base, struct sibling **out,
                 size_t *count) MUST_CHECK;
void rotated_free(struct sibling *list, size_t count);
// Below 0 when `a` was rotated before `b`.
int rotated_compare(const struct sibling *a, const struct sibling *b, const char *base);

#endif
