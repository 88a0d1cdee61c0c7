// SPDX-License-Identifier: MIT
// A position: what the journal stores for a followed path. It has the mark of the file being read,
// older marks of it, the mark of the file before it, and where the file really was, if its path is
// a link or a pattern.
#ifndef TAILRACE_SOURCE_POSITION_H
#define TAILRACE_SOURCE_POSITION_H

#include "base/limits.h"
#include "base/str.h"
#include "source/mark.h"
#include "source/trail.h"

struct position {
    struct mark now, before; // before.id.ino 0: none
    struct trail trail;      // of `now`
    int64_t mtime_ns;        // of the file before it was last read; a copy of the file is not older
    uint64_t generation;     // files read under this path so far
    // The log's name, absolute, where rotated siblings of `now` are beside it. Borrowed. Empty: not
    // known.
    struct str place;
};

// Writes at most LIMIT_SOURCE_POSITION_BYTES bytes, without a terminator. Returns their number. A
// place that is longer than a path can be is left out.
size_t position_encode(const struct position *position, char out[LIMIT_SOURCE_POSITION_BYTES]);
// The place is a part of `text`. Reads the form of earlier versions too. ERR_CORRUPT for anything
// but what position_encode wrote.
int position_decode(struct position *out, struct str text) MUST_CHECK;

#endif
