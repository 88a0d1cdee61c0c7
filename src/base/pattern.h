// SPDX-License-Identifier: MIT
// Patterns of topic names (API.md section 1): they select what a subscription gets, what a grant
// permits, what a rule applies to.
//
// A pattern is of one kind. Everything about patterns goes through the functions here, so that a
// new kind (URI templates) is added in pattern.c and nowhere else.
#ifndef TAILRACE_BASE_PATTERN_H
#define TAILRACE_BASE_PATTERN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum pattern_kind {
    PATTERN_EXACT, // a topic's name: matches that topic
    // A segment `*` matches one segment, `**` any number of them; so `a/**` matches `a` too.
    PATTERN_SEGMENTS,
    PATTERN_ANY, // `**`: every topic
};

struct pattern {
    enum pattern_kind kind;
    struct str text; // as it was written; borrowed
};

// Reads a name, or a pattern with segments `*` and `**`. Borrows the text. ERR_INVALID with the
// reason in the report, which may be NULL.
int pattern_read(struct pattern *out, struct str text, struct report *report) MUST_CHECK;

// Whether the pattern matches a checked name. Time: one look at each byte of both, whatever they
// are.
bool pattern_match(const struct pattern *pattern, struct str name);
bool pattern_match_any(const struct pattern *patterns, size_t count, struct str name);
// Whether `outer` matches every name that `inner` matches. May be false for a pair with several
// `**` although it is true; never true although it is false.
bool pattern_covers(const struct pattern *outer, const struct pattern *inner);
// Its segments before the first `*` or `**`, and how many they are: every name that the pattern
// matches begins with them. Borrowed from the pattern.
struct str pattern_prefix(const struct pattern *pattern, uint32_t *segments);
// Appends a key: two keys are equal only for equal patterns, and no key is the beginning of
// another.
void pattern_key(const struct pattern *pattern, struct buf *out);

#endif
