// SPDX-License-Identifier: MIT
// A series: log files that follow each other in time, each under a name of its own.
//
//   log-20261126.txt  log-20261127.txt  log-20261127_001.txt     numbers and dates in their order
//   app.26-11-2026.log  app.27-11-2026.log                      year last: by time of change
#ifndef TAILRACE_SOURCE_SERIES_H
#define TAILRACE_SOURCE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

// Files of a series, oldest first; paths are absolute. Zeroed: none.
struct series {
    struct series_file {
        char *path;
        int64_t mtime_ns;
    } * files;
    size_t count, cap;
};

// Compares texts like strcmp, but numbers in them by their value.
int series_compare_names(const char *a, const char *b);
// Below 0 when `a` comes before `b`.
int series_compare(const struct series_file *a, const struct series_file *b);
// Adds a file; series_sort brings it to its place. Copies the path, which has no links.
// ERR_NOT_FOUND: it is not a regular file. ERR_NOMEM.
int series_add(struct series *series, const char *path) MUST_CHECK;
// Puts the files in their order, each once.
void series_sort(struct series *series);
// Adds the files in the directory of `path` whose names differ from that of `path` in numbers only,
// sorted. What cannot be read is left out.
void series_around(struct series *series, const char *path);
void series_clear(struct series *series);

#endif
