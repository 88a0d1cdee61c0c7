// SPDX-License-Identifier: MIT
// Configurations of sources: their options, and what is a good one.
#ifndef TAILRACE_SOURCE_CHECK_H
#define TAILRACE_SOURCE_CHECK_H

#include "base/option.h"
#include "source/source.h"

// The options of an entry of `sources`, members of struct source_config; their variants are kinds
// of sources. The last row has no path.
extern const struct option_row source_options[];

// Room for the name of an option below its entry.
#define SOURCE_OPTION_BYTES 64

// Whether a source can do what the configuration says; the only place that judges it. Looks at no
// file: what is on the disk may change, and is judged by sources_start. ERR_INVALID with a report,
// and in `option` which one is wrong ("topic", "simulate.words[2]"; "" for the entry as a whole).
// ERR_NOMEM.
int source_check(const struct source_config *config, char option[SOURCE_OPTION_BYTES],
                 struct report *report) MUST_CHECK;

#endif
