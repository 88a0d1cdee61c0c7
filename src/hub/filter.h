// SPDX-License-Identifier: MIT
// A subscription's filter: text that the data must contain, or a regular expression (PCRE2, the
// adapter of which this is). Both look at the data without the escape sequences of terminals
// (base/escapes.h): what is found is what can be read.
//
// Patterns are those of strangers. Making a filter takes less than a millisecond. A match has one
// budget of steps and of time, whatever the pattern and wherever in the data it is tried: the
// limits of PCRE2 itself count anew for each place in the data, and do not count what a repeated
// character passes over.
#ifndef TAILRACE_HUB_FILTER_H
#define TAILRACE_HUB_FILTER_H

#include "base/err.h"
#include "base/str.h"

// What a regular expression looks at of an event's data, from its beginning. Text is looked for in
// all of it.
#define FILTER_DATA_BYTES ((size_t)64 * 1024)
// What a match may take: steps (about one for each item of the pattern that is tried somewhere),
// and microseconds.
#define FILTER_MATCH_STEPS 100000
#define FILTER_MATCH_US 8000

struct filter;

// What matching needs; one serves all filters of a thread.
struct filter_matcher;
// `clock_us`, `cpu_us`: clocks in microseconds, of the wall (cheap to read) and of the thread's
// time on the processor. NULL: only steps are bounded. ERR_NOMEM.
int filter_matcher_new(struct filter_matcher **out, uint64_t (*clock_us)(void),
                       uint64_t (*cpu_us)(void)) MUST_CHECK;
void filter_matcher_free(struct filter_matcher *matcher); // NULL is fine

// `TEXT`, or `/REGEX/` with the optional flag `i`. At most LIMIT_FILTER_BYTES. ERR_INVALID with the
// place of the mistake in the report; ERR_NOMEM.
int filter_new(struct filter **out, struct str text, struct report *report) MUST_CHECK;
void filter_free(struct filter *filter); // NULL is fine
// Whether it matches data that is valid UTF-8. A match that runs into its budget, or for which
// there is no memory, is none.
bool filter_match(struct filter *filter, struct filter_matcher *matcher, struct str data);
// Whether its matches run into their budget again and again, more than one in a hundred: it is not
// to be used any more. NULL does not.
bool filter_gave_up(const struct filter *filter);

#endif
