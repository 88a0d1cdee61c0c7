// SPDX-License-Identifier: MIT
// Topic rules, routes and sources of the configuration.
#ifndef TAILRACE_CONFIG_CONTENT_H
#define TAILRACE_CONFIG_CONTENT_H

#include "config/loader.h"

// The options of an entry of `topics`, and of `routes`; those of `sources` are source_options
// (source/source.h). The last row has no path.
extern const struct option_row content_topics[], content_routes[];

// Sets the rules of config->policy, config->routes and config->sources. After the hub's own
// options, some of which bound those of sources.
int content_load(struct loader *loader) MUST_CHECK;

#endif
