// SPDX-License-Identifier: MIT
// What the bytes of a line become: text that every client can show. The one way for lines of
// followed files, standard input, HTTP and `tailrace pub`.
#ifndef TAILRACE_BASE_REPAIR_H
#define TAILRACE_BASE_REPAIR_H

#include "base/buf.h"
#include "base/str.h"

// Appends `line`, which has no line ending, as valid UTF-8 (RFC 3629) without NUL, of at most
// line_max + LINES_MARK_BYTES bytes (base/lines.h).
//
// Each ill-formed part becomes U+FFFD. NULs are no text: a file that was truncated under its writer
// has them in place of what was there before. Those at the beginning and at the end of the line are
// left out, and each run between text becomes one U+FFFD.
//
// `length` is the length of the whole line as it was read. It differs from line.len when LINES_CUT
// (base/lines.h) has cut and marked the line. A whole line that is longer than line_max, and any
// line that repairing has made too long, is cut at line_max, not within a character, and marked
// with `length`. `line_max` is at least 1.
//
// Errors stick in `out`, as those of all appending do. It never refuses a line. Any thread.
void repair_line(struct buf *out, struct str line, size_t line_max, uint64_t length);

#endif
