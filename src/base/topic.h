// SPDX-License-Identifier: MIT
// Topic names (API.md section 1): plain functions on text. Patterns of them: base/pattern.h.
#ifndef TAILRACE_BASE_TOPIC_H
#define TAILRACE_BASE_TOPIC_H

#include "base/err.h"
#include "base/str.h"

// A topic's name: valid UTF-8, 1..LIMIT_TOPIC_BYTES bytes, no control characters (C0, DEL, C1), no
// segment `*` or `**`, at most LIMIT_TOPIC_SEGMENTS segments. 0, or ERR_INVALID with the reason in
// the report (may be NULL).
int topic_check(struct str name, struct report *report) MUST_CHECK;
// The same for a topic that somebody wants to make or go on with: no segment is `.` or `..` either.
// URLs cannot name such a topic: they lose both segments, percent-encoded or not (WHATWG URL, 4.4).
// Journals may still hold some, which can be read and deleted.
int topic_check_new(struct str name, struct report *report) MUST_CHECK;
// What names and patterns have in common: all of the above but for `*` and `**`. `what` is its name
// in the report.
int topic_check_text(struct str text, const char *what, struct report *report) MUST_CHECK;
// Whether it begins with `$sys/` or is `$sys`: the hub's own, not to be published from outside.
bool topic_is_reserved(struct str name);

#endif
