// SPDX-License-Identifier: MIT
// A subscription's filter: text that the data must contain, or a regular expression (PCRE2, the
// adapter of which this is).
#ifndef TAILRACE_HUB_FILTER_H
#define TAILRACE_HUB_FILTER_H

#include "base/err.h"
#include "base/str.h"

struct filter;

// `TEXT`, or `/REGEX/` with the optional flag `i`. At most LIMIT_FILTER_BYTES. ERR_INVALID with the
// place of the mistake in the report.
int filter_new(struct filter **out, struct str text, struct report *report) MUST_CHECK;
void filter_free(struct filter *filter); // NULL is fine
// Whether a match may take long: it is a regular expression. NULL is none.
bool filter_is_regex(const struct filter *filter);
// Whether it matches. A regular expression that runs into its match limit does not match. One
// thread at a time.
bool filter_match(const struct filter *filter, struct str data);

#endif
