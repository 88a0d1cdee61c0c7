// SPDX-License-Identifier: MIT
// Finding the files that a path or pattern stands for. `*`, `?` and `[…]` stand for characters within one name, a component `**` for
// any number of directories. Names that begin with a dot match only a dot.
#ifndef TAILRACE_SOURCE_GLOB_H
#define TAILRACE_SOURCE_GLOB_H

#include "base/err.h"
#include "base/str.h"

struct glob_walk {
    // Every directory that has a say in the result, before it is read; the nearest that exists where one does not.
    void (*dir)(void *context, const char *path);
    // A file that matches; its type has been looked at only as far as the directory tells. False ends the walk.
    bool (*match)(void *context, const char *path);
    void *context;
    bool follow_symlinks; // of directories below the first wildcard, and of files
};

// An absolute path or pattern, without `//` and `/./`, on the heap. Relative ones start at the working directory. NULL: out of memory.
char *glob_absolute(const char *path);
// Whether it has a wildcard and no file of exactly this name exists.
bool glob_is_pattern(const char *path);
// Walks an absolute pattern, or path: that one always matches, whether it exists or not.
void glob_walk(const struct glob_walk *walk, const char *pattern);
// Whether a name matches the last component of the pattern.
bool glob_matches_name(const char *pattern, const char *name);

#endif
