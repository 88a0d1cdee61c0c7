// SPDX-License-Identifier: MIT
// Rotated siblings of a log file: their names and their order.
//
//   app.log.1  app.log-20261122  app.log.2026-11-22-10  app.log.old     suffix after the name
//   app.1.log  app-20261122.log                                         before the extension
//   20261122-app.log                                                    a date before the name
//   @400000006564….s                                                    of a log named `current`
//
// Each may be compressed (`.gz` after all that). A number is a rotation's when it is small, a date
// when it has a year: ports, process numbers, versions and addresses are names of other logs.
#ifndef TAILRACE_SOURCE_ROTATED_H
#define TAILRACE_SOURCE_ROTATED_H

#include "source/mark.h"

// Whether rotation turns `base` into `name`. False for compressed files.
bool rotated_is(const char *name, const char *base);
// Whether the name ends like that of a compressed file (.gz .xz .bz2 .zst .lz4 .zip …). No such
// file is a log of its own.
bool rotated_is_compressed(const char *name);
// Calls `each` with every name of which `name` may be a rotated sibling, until `each` returns true.
// Returns whether it did.
bool rotated_bases(const char *name, bool (*each)(void *context, const char *base), void *context);

struct sibling {
    char *name; // in the directory; of a subdirectory, with its name and a slash
    struct file_id id;
    int64_t mtime_ns;
    // Its name is that of a rotated sibling. False: it is here for its inode, or its name only
    // begins with the base.
    bool rotated;
    bool packed; // .gz
    bool self;   // the base itself
};

// Oldest first. Zeroed: none.
struct siblings {
    char *dir, *base; // of the log
    struct sibling *list;
    size_t count;
};

struct rotated_search {
    const char *log; // absolute path of the log, without links: none are followed
    // Files with these inodes belong to the list whatever they are called.
    const struct file_id *wanted;
    size_t wanted_count;
    bool self; // the file at the log's own path too, as the newest
    bool deep; // also in the directories beside the log, where they were moved to
};

// The regular files beside the log whose names begin with its name or are rotated_is, compressed
// with gzip or not; not the log itself, nor what is compressed otherwise. Looks until two looks
// give the same, because a rotation may be in progress; ERR_AGAIN when none do. ERR_IO with errno,
// ERR_NOMEM. Free the list with rotated_free.
int rotated_list(struct siblings *out, const struct rotated_search *search) MUST_CHECK;
void rotated_free(struct siblings *siblings);
// Below 0 when `a` was rotated before `b`.
int rotated_compare(const struct sibling *a, const struct sibling *b, const char *base);
// Whether both were named by one way of rotating, as .1 and .2 are, or two dates. The base itself
// is alike to all of them.
bool rotated_alike(const struct sibling *a, const struct sibling *b, const char *base);
// Whether the name has a number or a date, which only rotation gives; not a word like `old`, which
// is also given to a copy that is kept when a file is edited.
bool rotated_has_number(const struct sibling *sibling, const char *base);

#endif
