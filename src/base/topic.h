// SPDX-License-Identifier: MIT
// Topic names and patterns (API.md section 1): plain functions on text.
#ifndef TAILRACE_BASE_TOPIC_H
#define TAILRACE_BASE_TOPIC_H

#include "base/err.h"
#include "base/str.h"

// A topic's name: valid UTF-8, 1..LIMIT_TOPIC_BYTES bytes, no control characters (C0, DEL, C1), no segment `*`
// or `**`, at most LIMIT_TOPIC_SEGMENTS segments. 0, or ERR_INVALID with the reason in the report (may be NULL).
int topic_check(struct str name, struct report *report) MUST_CHECK;
// The same for a pattern, in which a segment may be `*` or `**`.
int topic_check_pattern(struct str pattern, struct report *report) MUST_CHECK;
// Whether a segment of it is `*` or `**`; an exact name is a pattern that matches only itself.
bool topic_is_pattern(struct str text);
// Whether the pattern matches the name: `*` is exactly one segment, `**` zero or more (so `a/**` matches `a`).
// Both have been checked. Linear in the name for each `**`.
bool topic_match(struct str pattern, struct str name);
// Whether every name that `inner` matches is matched by `outer` too. May answer false for a pair where it is
// true in a way hard to see (several `**`), never the other way round.
bool topic_covers(struct str outer, struct str inner);
// Whether it begins with `$sys/` or is `$sys`: the hub's own, not to be published from outside.
bool topic_is_reserved(struct str name);

#endif
