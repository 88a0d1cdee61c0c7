// SPDX-License-Identifier: MIT
// Finding the files that a path or pattern matches. `*`, `?` and `[…]` match characters within one
// name; a component `**` matches any number of directories. A leading dot of a name must be matched
// by a dot. What stands for several patterns, or for a home directory, is expanded before that
// (expand.h).
#ifndef TAILRACE_SOURCE_GLOB_H
#define TAILRACE_SOURCE_GLOB_H

#include "source/expand.h"

// What one configured path stands for.
struct glob {
    struct expanded patterns; // absolute
    bool literal;             // one path without wildcards
};

// What a pattern matches and does not give.
enum glob_left { GLOB_LEFT_LINK, GLOB_LEFT_SPECIAL };

struct glob_walk {
    // Called for every directory that the result depends on, before it is read. For one that does
    // not exist: the nearest that does.
    void (*dir)(void *context, const char *path);
    // Called for a file that matches, with the `trusted` that opens it (place.h). Its type is known
    // only as far as the directory entry tells. False ends the walk.
    bool (*match)(void *context, const char *path, size_t trusted);
    // Called for a name that matches and is no file, as far as the entry tells: a link that is not
    // followed; a pipe, socket or device.
    void (*left)(void *context, const char *path, enum glob_left why);
    void *context;
    bool follow_symlinks; // of directories below the first wildcard, and of files
};

// Whether the text has a wildcard, or braces with alternatives.
bool glob_is_pattern(const char *path);
// Makes out of a configured path what it stands for. A file that has exactly this name is itself,
// whatever its name looks like. ERR_TOO_LONG: its braces have more than EXPAND_TEXTS_MAX
// alternatives. ERR_NOMEM.
int glob_open(struct glob *glob, const char *path) MUST_CHECK;
void glob_close(struct glob *glob);
// Finds the files. The path of a literal glob always matches, whether it exists or not.
//
// With follow_symlinks each directory is read once, however many links lead to it, and under its
// own name if that is among those that match.
void glob_walk(const struct glob_walk *walk, const struct glob *glob);
// Whether a name matches the last component of one of the patterns.
bool glob_matches_name(const struct glob *glob, const char *name);

#endif
