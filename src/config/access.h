// SPDX-License-Identifier: MIT
// Keys and anonymous access of the configuration.
#ifndef TAILRACE_CONFIG_ACCESS_H
#define TAILRACE_CONFIG_ACCESS_H

#include "config/loader.h"

// The options of an entry of `keys`, and of `anonymous`. The last row has no path.
extern const struct option_row access_keys[], access_anonymous[];

// Sets config->auth. Warns of secrets that every user of the machine can read.
int access_load(struct loader *loader) MUST_CHECK;
// Whether a key of the file takes its secret from this variable of the environment, or from the
// file that the variable with _FILE at its end names.
bool access_names_env(const struct loader *loader, struct str name);

#endif
