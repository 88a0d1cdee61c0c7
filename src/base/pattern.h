// SPDX-License-Identifier: MIT
// Patterns of topic names (API.md section 1): what subscriptions ask for, what grants permit, what
// rules apply to.
//
// A pattern is of one kind. All that is said of patterns goes through the functions here, so that a
// further kind (URI templates) is added in pattern.c and nowhere else.
#ifndef TAILRACE_BASE_PATTERN_H
#define TAILRACE_BASE_PATTERN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum pattern_kind {
    PATTERN_EXACT, // a topic's name: matches that topic
    PATTERN_SEGMENTS, // a segment `*` is exactly one segment, `**` zero or more (so `a/**` matches `a`)
    PATTERN_ANY,      // `**`: every topic
};

struct pattern {
    enum pattern_kind kind;
    struct str text; // as it was written; borrowed, lives as long as its owner says
};

// Reads a name or a pattern with segments `*` and `**`. Borrows the text. ERR_INVALID with the reason
// in the report (may be NULL).
int pattern_read(struct pattern *out, struct str text, struct report *report) MUST_CHECK;

// Whether it matches the name, which has been checked. Linear in the name for each `**`.
bool pattern_match(const struct pattern *pattern, struct str name);
bool pattern_match_any(const struct pattern *patterns, size_t count, struct str name);
// Whether every name that `inner` matches is matched by `outer` too. May answer false for a pair
// where it is true in a way that is hard to see (several `**`), never the other way round.
bool pattern_covers(const struct pattern *outer, const struct pattern *inner);
// Appends bytes that are the same for equal patterns only, also when others follow them.
void pattern_key(const struct pattern *pattern, struct buf *out);

#endif
