// SPDX-License-Identifier: MIT
// Running a hub in the foreground until a signal ends it, for serve, demo and a bare `tailrace
// FILE`.
#ifndef TAILRACE_CLI_RUN_H
#define TAILRACE_CLI_RUN_H

#include "config/load.h"

// Blocks the signals that run_hub waits for. Call it before any thread is started.
void run_block_signals(void);

// Loads the configuration, serves, writes `listening on URL` to stderr and waits for signals.
// SIGHUP reloads. SIGTERM and SIGINT drain; a second one ends at once. Returns an exit code.
// `ready`, which may be NULL, is called once it serves.
int run_hub(const char *command, const struct config_flags *flags,
            void (*ready)(void *context, const char *url), void *context);

// Makes a private directory for a hub that leaves nothing behind. `out` has room for 64 bytes. 0 or
// ERR_SYSTEM.
int run_temporary_dir(char out[64]) MUST_CHECK;
void run_remove_dir(const char *dir);

#endif
