// SPDX-License-Identifier: MIT
// Older marks of a file that is being read, at growing distances before the place where reading is.
// After a power cut a file may have lost its newest bytes, or have NULs in their place. Its newest
// mark holds no longer, but one of these does: reading goes on there, and not at the start.
//
// There is one mark for distances from 256 bytes, one from 512, and so on, so that at most about
// four times of what the file has lost is read again.
#ifndef TAILRACE_SOURCE_TRAIL_H
#define TAILRACE_SOURCE_TRAIL_H

#include "source/mark.h"

// Distances up to 32 MB: more than is written to a log before a file system writes it to the disk.
#define TRAIL_MARKS 17

struct trail {
    uint64_t at; // where reading was when the marks were last looked at
    struct trail_mark {
        uint64_t offset;  // start of a line, at least MARK_TAIL_BYTES; 0: none
        uint64_t hash;    // of the MARK_TAIL_BYTES before it
    } marks[TRAIL_MARKS]; // nearest first
};

// Reading is at `offset` now; what is before it was read from this file. Looks for line starts at
// the distances that have no mark.
void trail_move(struct trail *trail, int fd, uint64_t offset);
// Finds the newest of the marks that the file still has, if its head is that of `mark`: *out is
// the mark of this file there.
bool trail_find(const struct trail *trail, const struct mark *mark, int fd, struct mark *out);

#endif
