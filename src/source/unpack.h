// SPDX-License-Identifier: MIT
// A rotated log that was compressed with gzip meanwhile (RFC 1952), read as if it had not been. The
// only file that knows zlib.
//
// The file's text appears in memory piece by piece, at its own offsets, while it is read: what was
// read already is given back to the system. So a huge file costs time, but neither memory nor disk.
// All of it is outside input: a damaged file ends where the damage begins.
#ifndef TAILRACE_SOURCE_UNPACK_H
#define TAILRACE_SOURCE_UNPACK_H

#include "source/mark.h"

struct unpack;

// Unpacks the file `packed`, which is to be read from `mark` on; NULL: from its start. Looks at the
// head only. Takes over the descriptor, also when it fails. *fd is the memory in which the text
// appears; the caller closes it after unpack_free. ERR_NOT_FOUND: it does not have the head from
// which the mark was made. ERR_CORRUPT: it is not in gzip's format. ERR_NOMEM, ERR_IO.
int unpack_open(struct unpack **out, int packed, const struct mark *mark, int *fd) MUST_CHECK;
// NULL is fine.
void unpack_free(struct unpack *unpack);

enum unpacked {
    UNPACKED_MORE,     // text was added, or passed over on the way to the mark
    UNPACKED_END,      // all of it is there
    UNPACKED_MISMATCH, // before the mark it has another text; begins again at the start
    UNPACKED_DAMAGED,  // as END, but something is missing
};

// Unpacks at most *budget bytes more, and takes what they are from it. Text before `keep_from` is
// not needed any more, except the head and what a mark needs.
enum unpacked unpack_step(struct unpack *unpack, uint64_t keep_from, size_t *budget) MUST_CHECK;
// Whether reading may begin: the mark was reached, and the text before it is that of the mark.
bool unpack_is_ready(const struct unpack *unpack);

#endif
