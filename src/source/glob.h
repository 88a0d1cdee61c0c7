// SPDX-License-Identifier: MIT
// Finding the files that a path or pattern matches. `*`, `?` and `[…]` match characters within one
// name; a component `**` matches any number of directories. A leading dot of a name must be matched
// by a dot.
#ifndef TAILRACE_SOURCE_GLOB_H
#define TAILRACE_SOURCE_GLOB_H

#include "base/err.h"
#include "base/str.h"

struct glob_walk {
    // Called for every directory that the result depends on, before it is read. For one that does
    // not exist: the nearest that does.
    void (*dir)(void *context, const char *path);
    // Called for a file that matches. Its type is known only as far as the directory entry tells.
    // False ends the walk.
    bool (*match)(void *context, const char *path);
    void *context;
    bool follow_symlinks; // of directories below the first wildcard, and of files
};

// Makes a path or pattern absolute, without `//` and `/./`; a relative one starts at the working
// directory. On the heap; NULL: out of memory.
char *glob_absolute(const char *path);
// Whether it has a wildcard, and no file has exactly this name.
bool glob_is_pattern(const char *path);
// Walks an absolute pattern or path. A path without wildcards always matches, whether it exists or
// not.
void glob_walk(const struct glob_walk *walk, const char *pattern);
// Whether a name matches the last component of the pattern.
bool glob_matches_name(const char *pattern, const char *name);

#endif
