// SPDX-License-Identifier: MIT
// Rotated siblings of a log file: which names they have, and which of them came after which.
//
//   app.log.1  app.log-20261122  app.log.2026-11-22-10  app.log.old     suffix after the name
//   app.1.log  app-20261122.log                                         before the extension
#ifndef TAILRACE_SOURCE_ROTATED_H
#define TAILRACE_SOURCE_ROTATED_H

#include "source/mark.h"

// Whether `name` is what rotation makes of `base`. Compressed ones are not.
bool rotated_is(const char *name, const char *base);
// Whether the name ends like a compressed file (.gz .xz .bz2 .zst .lz4 .zip …): never read as lines.
bool rotated_is_compressed(const char *name);
// Calls `each` with every name that `name` may be a rotated sibling of, until it answers true. Whether it did.
bool rotated_bases(const char *name, bool (*each)(void *context, const char *base), void *context);

struct sibling {
    char *name;
    struct file_id id;
    int64_t mtime_ns;
    bool rotated; // rotated_is(); otherwise the name only begins like the base
};

// The regular files in `dir` whose names begin with `base` or are rotated_is, without `base` itself and without compressed ones,
// oldest first. Looked at until two looks agree, since rotation may be under way: ERR_AGAIN when they do not.
// ERR_IO with errno, ERR_NOMEM. Freed with siblings_free.
int siblings_list(const char *dir, const char *base, struct sibling **out,
                  size_t *count) MUST_CHECK;
void siblings_free(struct sibling *list, size_t count);
// Below 0 when `a` was rotated before `b`.
int sibling_compare(const struct sibling *a, const struct sibling *b, const char *base);

#endif
