// SPDX-License-Identifier: MIT
// What a pattern matches and a source does not follow. Each name is told once in the log, all that
// are left out for one reason together: a pattern that stands for nothing must not be silent.
//
// The sources' thread.
#ifndef TAILRACE_SOURCE_LEFT_H
#define TAILRACE_SOURCE_LEFT_H

#include "source/mark.h"

enum left_why { LEFT_LINK, LEFT_SPECIAL, LEFT_NO_TEXT, LEFT_COMPRESSED, LEFT_ROTATED, LEFT_WHYS };

struct left_name;

// Zeroed: nothing is left out.
struct left {
    struct left_name *names;
    uint64_t scan;
    uint64_t minute; // in which lines were logged last
    unsigned lines;  // of that minute
};

// A scan begins. What was left out and is not named again until its end is forgotten then.
void left_begin(struct left *left);
// The path is left out. `what`: what it is, for LEFT_NO_TEXT; outlives the scan. At most
// LIMIT_SOURCE_FILES are remembered.
void left_note(struct left *left, const char *path, enum left_why why, const char *what);
// Whether the path was left out for its content, and has not changed since. Notes it again if so.
bool left_again(struct left *left, const char *path, const struct stat *st);
// Remembers what left_again compares with.
void left_state(struct left *left, const char *path, const struct stat *st);
// The scan is over. Logs what is new, at most ten lines in a minute, since the owner of a directory
// can make any number of names; the rest is told later. `first`: it was the source's first scan.
// Compressed and rotated files, which come every day, are worth a warning only then.
void left_end(struct left *left, const char *pattern, bool first);
// Forgets everything.
void left_fini(struct left *left);

#endif
