// SPDX-License-Identifier: MIT
// Splitting a stream of bytes into lines, however the bytes arrive: bytes in, lines out, no I/O.
//
// A line ends at LF. One CR directly before the LF belongs to the ending. Any other CR and bytes
// that are not UTF-8 are content. Of NULs in a row one is, at the beginning of a line none: a file
// may have any number of them in place of text that is gone. What becomes of the rest is the
// caller's decision (base/repair.h). A line that arrives whole and has no NUL is returned as a part
// of the input, without a copy. Memory is used only for other lines, and for at most `line_max`
// bytes of each.
//
// Not thread-safe.
#ifndef TAILRACE_BASE_LINES_H
#define TAILRACE_BASE_LINES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum lines_long {
    LINES_CUT,    // at `line_max` bytes, not within a UTF-8 character; a mark is added
    LINES_REFUSE, // ERR_TOO_LONG
};

// Room for the mark of a cut line, " …[cut, 18446744073709551615 bytes]". The number is the length
// of the whole line.
#define LINES_MARK_BYTES 64

struct lines {
    struct buf kept;  // up to line_max + 1 bytes of the unfinished line; the line that is returned
    size_t line_max;  // bytes of a line without its ending
    uint64_t length;  // of the line that was returned last, before it was cut
    uint64_t pending; // bytes of the unfinished line so far
    uint64_t content; // those of them that are content, kept or not
    enum lines_long when_long;
    bool ends_with_cr, ends_with_nul; // the unfinished line so far
    bool returned;                    // `kept` is the line that the last call returned
};

// `line_max` is at least 1. Allocates nothing.
void lines_init(struct lines *lines, size_t line_max, enum lines_long when_long);
// Releases the memory and forgets the unfinished line. The splitter can be used again.
void lines_fini(struct lines *lines);

// Takes bytes from the front of *input until a line is complete.
//
// 1: *line is a line without its ending. It is valid until the next call, and as long as the
// input's memory. 0: all of the input was taken, and no line is complete. ERR_TOO_LONG (with
// LINES_REFUSE): the unfinished line is over the bound. Call lines_fini. ERR_NOMEM: the bytes that
// could not be kept are still in *input. The call may be repeated.
int lines_next(struct lines *lines, struct str *input, struct str *line) MUST_CHECK;
// The input has ended. 1: *line is the unfinished last line, as above. 0: there was none.
// ERR_NOMEM, ERR_TOO_LONG as above.
int lines_end(struct lines *lines, struct str *line) MUST_CHECK;

// Bytes of the unfinished line that were taken so far. To read that line again from its start, go
// back in the input by this much.
static inline uint64_t lines_pending(const struct lines *lines) { return lines->pending; }

// Appends at most `max` bytes of `text` to `out`, and the mark, which names `total` as the length.
// For texts that became too long after they were split. `max` is at most text.len.
void lines_mark_cut(struct buf *out, struct str text, size_t max, uint64_t total);

#endif
