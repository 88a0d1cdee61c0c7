// SPDX-License-Identifier: MIT
// The configuration: one YAML file, the environment, flags. Each option stands once, in the table in config_priv.h, with type, bounds,
// default, whether a reload takes it, and its text in the commented example (packaging/tailrace.yml).
//
// Precedence: flags over environment (TAILRACE_LISTEN, …; then PORT) over file over defaults.
#ifndef TAILRACE_CONFIG_CONFIG_H
#define TAILRACE_CONFIG_CONFIG_H

#include "auth/auth.h"
#include "journal/journal.h"
#include "source/source.h"
#include "sys/log.h"

// `path` is answered like a GET of `target` (`/t/…` or `/events` with a query).
struct config_route {
    const char *path;
    const char *target;
};

// Everything is owned by the configuration and lives until config_free.
struct config {
    // where
    char *listen;         // "127.0.0.1:8080", "[::1]:0", ":8080" (all addresses); never a host name
    char *metrics_listen; // "" : /metrics is on the main listener
    char *data;           // directory
    bool data_is_default; // nobody named it: its parents are made as well
    bool open;            // serve beyond loopback without keys
    uint32_t workers;     // 0: one for each usable core

    // streams
    uint64_t heartbeat_ms, retry_ms, max_stream_age_ms, drain_ms;
    uint64_t ring_bytes; // of recent events in memory, each worker
    uint32_t ring_events;

    // limits and time-outs of connections
    uint32_t connections_max, connections_per_address_max;
    uint64_t header_bytes_max, event_bytes_max;
    uint64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms;
    uint32_t publish_queue_events_max;
    uint64_t publish_queue_bytes_max;

    // journal
    struct journal_policy policy; // retention, topic rules
    uint32_t topics_max;

    // access
    struct auth_config auth;
    const char *const *origins;
    size_t origins_count;

    // content
    struct config_route *routes;
    size_t routes_count;
    struct source_config *sources;
    size_t sources_count;

    // log
    enum log_level log_level;
    enum log_format log_format;

    // What is allowed but looks like a mistake (an unknown TAILRACE_ variable, a secret that others may read): lines for the log.
    char **warnings;
    size_t warnings_count;

    void *memory; // the loader's own
};

// What the command line gives; NULL or 0 where it says nothing.
struct config_flags {
    const char *file;   // -c; NULL: TAILRACE_CONFIG, then none (the defaults)
    const char *listen; // --listen
    const char *data;   // --data
    bool open;          // --open
    const char *log_level;
    const char *log_format;
    const char *const *
        log_files; // LOGFILE…: each becomes a file source with topic logs/{name}, added to those of the file
    size_t log_files_count;
    bool log_stdin; // a source of standard input, topic logs/stdin
};

// Loads, merges, checks everything that can be checked without serving. On an error *out is untouched and the report
// says it all in its text, "tailrace.yml:12:9: stream.heartbeat: …" (file, line and column where known, the key, what is allowed): ERR_INVALID, ERR_NOT_FOUND, ERR_DENIED, ERR_NOMEM.
int config_load(struct config **out, const struct config_flags *flags,
                struct report *report) MUST_CHECK;
void config_free(struct config *config);

// Whether a reload may go from one to the other without a restart; otherwise ERR_INVALID with a report naming the first option
// that needs one.
int config_check_reload(const struct config *running, const struct config *next,
                        struct report *report) MUST_CHECK;

#endif
