// SPDX-License-Identifier: MIT
// The schema of the configuration file: the hub's own options, and all tables of options together.
//
// An option is added as one row here, or in the table of its list (access.c, content.c,
// source/check.c), and one member of the row's struct. File, environment, bounds, default, reload,
// and the test that compares packaging/tailrace.yml and doc/CONFIGURATION.md come from the row.
#ifndef TAILRACE_CONFIG_SCHEMA_H
#define TAILRACE_CONFIG_SCHEMA_H

#include "base/option.h"
#include "config/tree.h"

// Options of the hub itself, members of struct config: each also has a variable in the environment.
extern const struct option_row schema_hub[];

// Every table; each ends with a row without a path.
#define SCHEMA_TABLES 6
extern const struct option_row *const schema_tables[SCHEMA_TABLES];

// The hub's own option of this path. Never NULL: only for those that there are.
const struct option_row *schema_option(const char *path);
// An option's variable in the environment, TAILRACE_STREAM_HEARTBEAT; `out` has room for 64 bytes.
// Returns out.
char *schema_env_name(const struct option_row *row, char out[64]);
// Whether all of the file is known, and is text, list or mapping where it has to be. ERR_INVALID
// with a report that says the place and what is known there.
int schema_check(const struct tree *tree, struct report *report) MUST_CHECK;

#endif
