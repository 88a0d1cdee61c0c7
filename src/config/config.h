// SPDX-License-Identifier: MIT
// The configuration as the program uses it: one YAML file, the environment and flags, merged and
// checked. Each option stands once, as a row of a table (config/schema.h).
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
    const char *listen; // "127.0.0.1:8080", "[::1]:0", ":8080" (all addresses); no host name
    const char *metrics_listen; // "": /metrics is on the main listener
    const char *data;           // directory
    bool data_is_default;       // nobody named it: its parents are made as well
    bool open;                  // serve beyond loopback without keys
    uint32_t workers;           // 0: one for each usable core, at most LIMIT_WORKERS

    // streams
    uint64_t heartbeat_ms, retry_ms, max_stream_age_ms, drain_ms;
    uint64_t ring_bytes; // of recent events in memory, each worker
    uint32_t ring_events;

    // limits and time-outs of connections
    uint32_t connections_max, connections_per_address_max;
    uint64_t header_bytes_max, event_bytes_max;
    uint64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms;
    uint64_t turn_ms; // of what one turn of a worker does for its clients
    uint32_t publish_queue_events_max;
    uint64_t publish_queue_bytes_max;
    size_t held_bytes_max;

    // journal
    struct journal_policy policy; // retention, topic rules
    uint32_t topics_max;
    uint32_t topics_per_key_max; // 0: half of topics_max

    // access
    struct auth_config auth;
    const char *const *origins;
    size_t origins_count;
    const char *const *hosts; // names under which the hub answers without a key
    size_t hosts_count;

    // content
    struct config_route *routes;
    size_t routes_count;
    struct source_config *sources;
    size_t sources_count;

    // log
    enum log_level log_level;
    enum log_format log_format;

    // What is allowed but looks like a mistake (an unknown TAILRACE_ variable, a secret that others
    // may read): lines for the log.
    char **warnings;
    size_t warnings_count;

    void *memory; // all of the above, see config/memory.h
};

// Any thread; NULL is fine. All memory is overwritten first: some of it are secrets.
void config_free(struct config *config);

// Whether a reload may go from one to the other without a restart; otherwise ERR_INVALID with a
// report that names the first option that needs one.
int config_check_reload(const struct config *running, const struct config *next,
                        struct report *report) MUST_CHECK;

#endif
