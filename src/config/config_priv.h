// SPDX-License-Identifier: MIT
// What the files of the configuration share: the table of options, the raw values as they stand in the YAML file, the loader.
#ifndef TAILRACE_CONFIG_CONFIG_PRIV_H
#define TAILRACE_CONFIG_CONFIG_PRIV_H

#include "config/config.h"

// --- the table of options (config_option.c) -------------------------------------------------------------------------

enum option_kind {
    OPTION_TEXT,     // char *; checked by whom it concerns
    OPTION_BOOL,     // bool
    OPTION_U32,      // uint32_t
    OPTION_U64,      // uint64_t
    OPTION_SIZE,     // uint64_t, bytes
    OPTION_SIZE32,   // uint32_t, bytes
    OPTION_DURATION, // uint64_t, milliseconds
    OPTION_CHOICE,   // unsigned: which of the words in `choices`
    OPTION_LIST,     // several words; not converted by option_parse
};

enum option_section {
    SECTION_ROOT,
    SECTION_METRICS,
    SECTION_STREAM,
    SECTION_LIMITS,
    SECTION_RETENTION,
    SECTION_LOG,
    SECTION_COUNT,
};

struct option {
    const char *path; // in the file: "stream.heartbeat", "sources[].backfill"
    const char *name; // its last part
    enum option_section section;
    enum option_kind kind;
    bool reload;   // SIGHUP takes it
    bool zero;     // 0 is allowed whatever `min` says, and means what `help` says
    size_t offset; // into struct config
    uint64_t min, max;
    const char *fallback; // the default, as written in the file
    const char *choices;  // "error|warn|info|debug"
    const char *help;     // one line, also in packaging/tailrace.yml and doc/CONFIGURATION.md
};

#define KB ((uint64_t)1 << 10)
#define MB ((uint64_t)1 << 20)
#define GB ((uint64_t)1 << 30)
#define TB ((uint64_t)1 << 40)
#define SECOND ((uint64_t)1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

// clang-format off
// id, section, name, member of struct config, kind, taken by a reload, zero allowed, least, most, default, choices, help
#define CONFIG_OPTIONS(X) \
X(LISTEN, ROOT, listen, listen, TEXT, false, false, 0, 0, "127.0.0.1:8080", NULL, \
  "Address and port to serve on; \":8080\" is all addresses, port 0 picks a free one.") \
X(DATA, ROOT, data, data, TEXT, false, false, 0, 0, "", NULL, \
  "Directory of the journal; empty: /var/lib/tailrace for root, otherwise ~/.local/state/tailrace.") \
X(OPEN, ROOT, open, open, BOOL, true, false, 0, 0, "false", NULL, \
  "Serve addresses beyond this machine although there are no keys.") \
X(WORKERS, ROOT, workers, workers, U32, false, true, 1, 256, "0", NULL, \
  "Worker threads; 0: one for each core that may be used.") \
X(METRICS_LISTEN, METRICS, listen, metrics_listen, TEXT, false, false, 0, 0, "", NULL, \
  "Address and port of a listener only for /metrics; empty: it is on the main one.") \
X(HEARTBEAT, STREAM, heartbeat, heartbeat_ms, DURATION, true, false, 100, HOUR, "15s", NULL, \
  "An idle stream gets a sign of life this often, so that nobody on the way cuts it.") \
X(RETRY, STREAM, retry, retry_ms, DURATION, true, false, 10, HOUR, "2s", NULL, \
  "How long a client waits before it reconnects; each is told a somewhat different time.") \
X(MAX_AGE, STREAM, max_age, max_stream_age_ms, DURATION, true, true, SECOND, 30 * DAY, "0", NULL, \
  "Streams are ended cleanly at this age, for platforms that cap a response's life; 0: never.") \
X(DRAIN, STREAM, drain, drain_ms, DURATION, true, true, 100, HOUR, "5s", NULL, \
  "At shutdown streams are ended spread over this time; 0: all at once.") \
X(RING_EVENTS, STREAM, ring_events, ring_events, U32, false, false, 64, 16777216, "65536", NULL, \
  "Recent events kept in memory for subscribers that are a little behind.") \
X(RING_BYTES, STREAM, ring_bytes, ring_bytes, SIZE, false, false, MB, TB, "64MB", NULL, \
  "Memory that those recent events may take.") \
X(CONNECTIONS, LIMITS, connections, connections_max, U32, true, false, 1, 10000000, "100000", NULL, \
  "Connections in all; a newcomer beyond that is refused, nobody is thrown out.") \
X(CONNECTIONS_PER_ADDRESS, LIMITS, connections_per_address, connections_per_address_max, U32, true, false, \
  1, 10000000, "100000", NULL, \
  "Connections from one address. A reverse proxy is one address: raise it there; lower it where the hub faces the world.") \
X(HEADER_BYTES, LIMITS, header_bytes, header_bytes_max, SIZE, true, false, KB, MB, "16KB", NULL, \
  "Request line and headers of one request.") \
X(EVENT_BYTES, LIMITS, event_bytes, event_bytes_max, SIZE, true, false, 64, LIMIT_DATA_BYTES, "1MB", NULL, \
  "Data of one event.") \
X(HEADER_TIMEOUT, LIMITS, header_timeout, header_timeout_ms, DURATION, true, false, 100, HOUR, "10s", NULL, \
  "Time for sending request line and headers.") \
X(BODY_TIMEOUT, LIMITS, body_timeout, body_timeout_ms, DURATION, true, false, 100, HOUR, "30s", NULL, \
  "Time without a single byte of a request's body.") \
X(IDLE_TIMEOUT, LIMITS, idle_timeout, idle_timeout_ms, DURATION, true, false, 100, DAY, "75s", NULL, \
  "Time that an unused connection is kept for its next request.") \
X(WRITE_TIMEOUT, LIMITS, write_timeout, write_timeout_ms, DURATION, true, false, 100, HOUR, "60s", NULL, \
  "Time in which a client takes not a single byte of what waits for it.") \
X(QUEUE_EVENTS, LIMITS, queue_events, publish_queue_events_max, U32, false, false, LIMIT_PUBLISH_EVENTS, 16777216, "65536", NULL, \
  "Published events that may wait for the disk; beyond that publishers get 503.") \
X(QUEUE_BYTES, LIMITS, queue_bytes, publish_queue_bytes_max, SIZE, false, false, LIMIT_PUBLISH_BYTES, TB, "64MB", NULL, \
  "Memory that those waiting events may take.") \
X(TOPICS, LIMITS, topics, topics_max, U32, false, false, 1, LIMIT_TOPICS, "100000", NULL, \
  "Topics that may exist; about 300 bytes each in every worker.") \
X(RETENTION_BYTES, RETENTION, bytes, policy.retention.bytes_max, SIZE, true, true, MB, 1024 * TB, "1GB", NULL, \
  "Bytes of events that are kept, all topics together; 0: no such bound.") \
X(RETENTION_COUNT, RETENTION, count, policy.retention.count_max, U64, true, true, 1, INT64_MAX, "10000000", NULL, \
  "Number of events that are kept, all topics together; 0: no such bound.") \
X(RETENTION_AGE, RETENTION, age, policy.retention.age_max_ms, DURATION, true, true, SECOND, 36500 * DAY, "30d", NULL, \
  "Age up to which events are kept; 0: no such bound.") \
X(ORIGINS, ROOT, origins, origins, LIST, true, false, 0, 0, "[]", NULL, \
  "Origins of other sites' pages that may read: https://app.example.com, https://*.example.com, or \"*\".") \
X(LOG_LEVEL, LOG, level, log_level, CHOICE, true, false, 0, 0, "warn", "error|warn|info|debug", \
  "What the hub logs about itself: error, warn, info or debug.") \
X(LOG_FORMAT, LOG, format, log_format, CHOICE, true, false, 0, 0, "logfmt", "logfmt|json", \
  "Form of the hub's log lines: logfmt or json.")

// Options of the entries of lists: id, path, kind, zero allowed, least, most, default, choices, help
#define CONFIG_ENTRY_OPTIONS(X) \
X(TOPIC_BYTES, "topics[].retention.bytes", SIZE, true, 1, 1024 * TB, "0", NULL, \
  "Bytes that are kept of each of these topics; 0: no bound of their own.") \
X(TOPIC_COUNT, "topics[].retention.count", U64, true, 1, INT64_MAX, "0", NULL, \
  "Events that are kept of each of these topics; 0: no bound of their own.") \
X(TOPIC_AGE, "topics[].retention.age", DURATION, true, SECOND, 36500 * DAY, "0", NULL, \
  "Age up to which events of these topics are kept; 0: no bound of their own.") \
X(TOPIC_DURABILITY, "topics[].durability", CHOICE, false, 0, 0, "disk", "disk|memory", \
  "memory: their events never go to the disk and are lost at a restart.") \
X(SOURCE_BACKFILL, "sources[].backfill", U64, true, 1, 1000000000, "1000", NULL, \
  "Lines that are taken of a file never seen before: the newest N, or all.") \
X(SOURCE_LINE_BYTES, "sources[].line_bytes", SIZE32, false, 64, LIMIT_DATA_BYTES - KB, "1MB", NULL, \
  "Longer lines are cut there; at most limits.event_bytes, which is also the default if it is less.") \
X(SOURCE_FOLLOW_SYMLINKS, "sources[].follow_symlinks", BOOL, false, 0, 0, "false", NULL, \
  "Whether symbolic links that a pattern finds are followed; a file that is named always is.") \
X(SIMULATE_ORDER, "sources[].simulate.order", CHOICE, false, 0, 0, "sequence", "sequence|shuffle", \
  "sequence: one after the other; shuffle: a random one each time.") \
X(SIMULATE_REPEAT, "sources[].simulate.repeat", BOOL, false, 0, 0, "true", NULL, \
  "Begin again at the end.") \
X(SIMULATE_INTERVAL, "sources[].simulate.interval", TEXT, false, 0, 0, "5s..15s", NULL, \
  "Time between two events: 5s, or at random from a range such as 5s..15s.")
// clang-format on

enum option_id {
#define X(id, ...) OPTION_ID_##id,
    CONFIG_OPTIONS(X)
#undef X
        OPTION_COUNT,
};

enum entry_option_id {
#define X(id, ...) ENTRY_ID_##id,
    CONFIG_ENTRY_OPTIONS(X)
#undef X
        ENTRY_OPTION_COUNT,
};

extern const struct option config_options[OPTION_COUNT];
extern const struct option config_entry_options[ENTRY_OPTION_COUNT];
extern const char *const config_section_names[SECTION_COUNT]; // "" for the root

// The option's variable in the environment, TAILRACE_STREAM_HEARTBEAT; `out` has room for 64 bytes. Returns out.
char *option_env_name(const struct option *option, char out[64]);
// Converts `text` and stores it at `into`, whose type the kind says (not OPTION_TEXT, OPTION_LIST). ERR_INVALID with a report that
// says what is allowed, without place or name.
int option_parse(const struct option *option, struct str text, void *into,
                 struct report *report) MUST_CHECK;
// Whether two configurations have the same value.
bool option_same(const struct option *option, const struct config *a, const struct config *b);

// A value of the user's for a message: no control characters, cut when long.
struct quoted {
    char text[96];
};
struct quoted config_quote(struct str value);

// --- the file (config_yaml.c) ---------------------------------------------------------------------------------------

struct raw_list {
    char **items;
    uint32_t count;
};

struct raw_values {
    char *values[OPTION_COUNT]; // NULL: not given
};

struct raw_retention {
    char *bytes, *count, *age;
};

struct raw_topic {
    char *match, *durability;
    struct raw_retention *retention;
};

struct raw_key {
    char *name, *secret, *secret_file, *secret_env;
    struct raw_list publish, subscribe;
};

struct raw_anonymous {
    struct raw_list publish, subscribe;
};

struct raw_route {
    char *path, *to;
};

struct raw_simulate {
    struct raw_list words;
    char *file, *interval, *order, *repeat;
};

struct raw_source {
    char *file, *topic, *type, *backfill, *line_bytes, *follow_symlinks;
    struct raw_simulate *simulate;
};

// All as text, NULL where the file says nothing.
struct raw_config {
    struct raw_values root;
    struct raw_values *sections[SECTION_COUNT];
    struct raw_list origins;
    struct raw_topic *topics;
    uint32_t topics_count;
    struct raw_key *keys;
    uint32_t keys_count;
    struct raw_anonymous *anonymous;
    struct raw_route *routes;
    uint32_t routes_count;
    struct raw_source *sources;
    uint32_t sources_count;
};

struct config_yaml;

// Reads YAML text by the schema made from the table of options. `name` (of the file, for messages) is borrowed until config_yaml_free. ERR_INVALID with
// a complete report: name, line, column, what is allowed.
int config_yaml_load(struct config_yaml **out, struct str text, const char *name,
                     struct report *report) MUST_CHECK;
void config_yaml_free(struct config_yaml *yaml);
// Never NULL; lives as long as `yaml`.
const struct raw_config *config_yaml_raw(const struct config_yaml *yaml);
// Where the value at `path` ("keys[2].secret", entries count from 0) begins; of its nearest parent when it is not there.
// False when there is no such place.
bool config_yaml_find(const struct config_yaml *yaml, const char *path, unsigned *line,
                      unsigned *column);

// --- the loader (config.c) ------------------------------------------------------------------------------------------

enum option_origin { FROM_DEFAULT, FROM_FILE, FROM_PORT, FROM_ENV, FROM_FLAG };

struct config_loader {
    struct config *config;
    const struct config_flags *flags;
    const char *file;         // its name, NULL when there is none
    struct config_yaml *yaml; // NULL when there is none
    const struct raw_config *raw;
    struct report *report;
    enum option_origin origins[OPTION_COUNT];
};

// Zeroed memory that lives as long as the configuration; NULL when out of memory.
void *config_alloc(struct config *config, size_t size);
char *config_copy(struct config *config, struct str text);
int config_warn(struct config *config, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
// Fills the report: place (file, line, column), `path`, text. Returns ERR_INVALID.
int config_fail(struct config_loader *loader, const char *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
int config_no_memory(struct config_loader *loader);

// --- lists of entries (config_access.c, config_content.c) -----------------------------------------------------------

int config_load_access(struct config_loader *loader) MUST_CHECK;  // keys, anonymous, origins
int config_load_content(struct config_loader *loader) MUST_CHECK; // topics, routes, sources
// The text of a whole file that the user named, without a newline at its end; *mode are its permission bits.
int config_read_file(struct config *config, const char *path, size_t max, struct str *out,
                     unsigned *mode, struct report *report) MUST_CHECK;

#endif
