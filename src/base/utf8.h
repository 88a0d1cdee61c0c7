// SPDX-License-Identifier: MIT
// UTF-8 (RFC 3629): checking and repairing.
#ifndef TAILRACE_BASE_UTF8_H
#define TAILRACE_BASE_UTF8_H

#include "base/buf.h"
#include "base/str.h"

// Whether all of it is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool utf8_valid(struct str s);
// Length of the well-formed prefix.
size_t utf8_valid_prefix(struct str s);
// Appends `s`, with one U+FFFD for each maximal ill-formed subpart (Unicode 15, section 3.9, the
// recommended practice).
void utf8_repair(struct buf *out, struct str s);
// The longest prefix of `s` of at most `max` bytes that does not cut a character in two.
struct str utf8_cut(struct str s, size_t max);

#endif
