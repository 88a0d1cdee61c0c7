// SPDX-License-Identifier: MIT
// Splitting a stream of bytes into lines, however it is chopped: bytes in, lines out, no I/O.
//
// LF ends a line; one CR directly before it belongs to the ending. Any other CR, NUL and bytes that are not UTF-8 are
// content: the caller decides what to do with them. A line that arrives whole is returned where it stands in the input, without a copy;
// memory is used only for a line that is not finished yet, and at most for `line_max` bytes of it.
//
// Not thread-safe.
#ifndef TAILRACE_BASE_LINES_H
#define TAILRACE_BASE_LINES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum lines_long {
    LINES_CUT,    // cut at `line_max` bytes (not within a UTF-8 character), with a mark added
    LINES_REFUSE, // ERR_TOO_LONG
};

// Room for the mark of a cut line, " …[cut, 18446744073709551615 bytes]"; the number is the length of the whole line.
#define LINES_MARK_BYTES 64

struct lines {
    struct buf kept; // the unfinished line, at most line_max + 1 bytes of it; a line to be returned
    size_t line_max; // bytes of a line without its ending
    uint64_t length; // of the line that was returned last, before it was cut
    uint64_t pending; // bytes of the unfinished line that have been taken, whether kept or not
    enum lines_long when_long;
    bool ends_with_cr; // the unfinished line does, so far
    bool returned;     // `kept` is the line that the last call returned
};

// `line_max` at least 1. Allocates nothing.
void lines_init(struct lines *lines, size_t line_max, enum lines_long when_long);
// Releases the memory and forgets the unfinished line; usable again afterwards.
void lines_fini(struct lines *lines);

// Takes from the front of *input until a line is complete. 1: *line is one, without its ending, valid until the next call with these
// `lines` and as long as the input's memory. 0: all of the input was taken and no line is complete. ERR_TOO_LONG (LINES_REFUSE only):
// the unfinished line is over the bound; only lines_fini makes sense then. ERR_NOMEM: the input that could not be kept is still in
// *input; the call may be repeated.
int lines_next(struct lines *lines, struct str *input, struct str *line) MUST_CHECK;
// The input has come to its end. 1: *line is the unfinished rest, as above. 0: there was none. ERR_NOMEM, ERR_TOO_LONG as above.
int lines_end(struct lines *lines, struct str *line) MUST_CHECK;

// Bytes of the unfinished line taken so far: what the input must go back by to begin it anew.
static inline uint64_t lines_pending(const struct lines *lines) { return lines->pending; }

// Cuts `text` to at most `max` bytes of it and appends it with the mark to `out`; `total` is the length it says. For texts
// that became too long after splitting. `max` at most text.len.
void lines_mark_cut(struct buf *out, struct str text, size_t max, uint64_t total);

#endif
