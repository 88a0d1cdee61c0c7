// SPDX-License-Identifier: MIT
// Memory that lives as long as a configuration, and the warnings that are kept with it.
#ifndef TAILRACE_CONFIG_MEMORY_H
#define TAILRACE_CONFIG_MEMORY_H

#include "config/config.h"

// Zeroed; NULL when out of memory.
void *memory_alloc(struct config *config, size_t size);
// A terminated copy; NULL when out of memory.
char *memory_copy(struct config *config, struct str text);
// Overwrites and releases all of it.
void memory_free(struct config *config);
// Adds a line to config->warnings, cut at 512 bytes. ERR_NOMEM.
int memory_warn(struct config *config, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

#endif
