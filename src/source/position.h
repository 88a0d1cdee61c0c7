// SPDX-License-Identifier: MIT
// A position: what the journal stores for a followed path. It has the mark of the file being read
// and the mark of the file before it.
#ifndef TAILRACE_SOURCE_POSITION_H
#define TAILRACE_SOURCE_POSITION_H

#include "base/limits.h"
#include "base/str.h"
#include "source/mark.h"

struct position {
    struct mark now, before; // before.id.ino 0: none
    int64_t mtime_ns;        // of the file before it was last read; a copy of the file is not older
    uint64_t generation;     // files read under this path so far
};

// Writes at most LIMIT_SOURCE_POSITION_BYTES bytes, without a terminator. Returns their number.
size_t position_encode(const struct position *position, char out[LIMIT_SOURCE_POSITION_BYTES]);
// ERR_CORRUPT for anything but what position_encode wrote.
int position_decode(struct position *out, struct str text) MUST_CHECK;

#endif
