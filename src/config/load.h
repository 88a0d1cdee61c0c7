// SPDX-License-Identifier: MIT
// Loading the configuration.
//
// Precedence: flags over environment (TAILRACE_LISTEN, …; then PORT) over file over defaults.
#ifndef TAILRACE_CONFIG_LOAD_H
#define TAILRACE_CONFIG_LOAD_H

#include "config/config.h"

// What the command line gives; NULL or 0 where it says nothing.
struct config_flags {
    const char *file;   // -c; NULL: TAILRACE_CONFIG, then none (the defaults)
    const char *listen; // --listen
    const char *data;   // --data
    bool open;          // --open
    const char *log_level;
    const char *log_format;
    // LOGFILE…: each becomes a file source with topic logs/{name}, added to those of the file.
    const char *const *log_files;
    size_t log_files_count;
    bool log_stdin; // a source of standard input, topic logs/stdin
};

// Loads, merges, and checks everything that can be checked without serving. On an error *out is
// untouched and the report says it all in its text, "tailrace.yml:12:9: stream.heartbeat: …" (file,
// line and column where known, the option, what is allowed): ERR_INVALID, ERR_NOT_FOUND,
// ERR_DENIED, ERR_IO, ERR_NOMEM.
int load_config(struct config **out, const struct config_flags *flags,
                struct report *report) MUST_CHECK;

#endif
