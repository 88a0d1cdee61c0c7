// SPDX-License-Identifier: MIT
// The schema: the table of the hub's own options, and whether a file fits all tables.
#include "config/schema.h"

#include <stdio.h>

#include "auth/hosts.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/quote.h"
#include "config/access.h"
#include "config/content.h"
#include "http/cors.h"
#include "source/check.h"

_Static_assert(LOG_ERROR == 0 && LOG_DEBUG == 3 && LOG_LOGFMT == 0 && LOG_JSON == 1,
               "the choices of log.level and log.format are in the order of their enums");

static int check_origin(struct str text, struct report *report) {
    struct cors *cors;
    int err = cors_new(&cors, &text.ptr, 1, report);
    if (!err) cors_free(cors);
    return err;
}

// clang-format off
const struct option_row schema_hub[] = {
    {.path = "listen", .kind = OPTION_TEXT, OPTION_MEMBER(struct config, listen), .restart = true,
     .fallback = "127.0.0.1:8080",
     .help = "Address and port to serve on; \":8080\" is all addresses, port 0 picks a free one."},
    {.path = "data", .kind = OPTION_TEXT, OPTION_MEMBER(struct config, data), .restart = true,
     .fallback = "",
     .help = "Directory of the journal; empty: /var/lib/tailrace for root, otherwise "
             "~/.local/state/tailrace."},
    {.path = "open", .kind = OPTION_BOOL, OPTION_MEMBER(struct config, open), .fallback = "false",
     .help = "Serve addresses beyond this machine although there are no keys."},
    {.path = "workers", .kind = OPTION_NUMBER, OPTION_MEMBER(struct config, workers), .zero = true,
     .min = 1, .max = LIMIT_WORKERS, .restart = true, .fallback = "0",
     .help = "Worker threads; 0: one for each core that may be used, at most 64."},
    {.path = "metrics.listen", .kind = OPTION_TEXT, OPTION_MEMBER(struct config, metrics_listen),
     .restart = true, .fallback = "",
     .help = "Address and port of a listener only for /metrics; empty: /metrics is on the main "
             "one."},
    {.path = "stream.heartbeat", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct config, heartbeat_ms), .min = 100, .max = HOUR, .fallback = "15s",
     .help = "An idle stream is sent a sign of life this often, so that no proxy closes it."},
    {.path = "stream.retry", .kind = OPTION_DURATION, OPTION_MEMBER(struct config, retry_ms),
     .min = 10, .max = HOUR, .fallback = "2s",
     .help = "How long a client waits before it reconnects; each client is sent a slightly "
             "different time."},
    {.path = "stream.max_age", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct config, max_stream_age_ms), .zero = true, .min = SECOND, .max = 30 * DAY,
     .fallback = "0",
     .help = "Streams are ended cleanly at this age, for platforms that limit how long a "
             "response may take; 0: never."},
    {.path = "stream.drain", .kind = OPTION_DURATION, OPTION_MEMBER(struct config, drain_ms),
     .zero = true, .min = 100, .max = HOUR, .fallback = "5s",
     .help = "At shutdown streams are ended one after the other within this time; 0: all at once."},
    {.path = "stream.ring_events", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct config, ring_events), .min = 64, .max = 16777216, .restart = true,
     .fallback = "65536",
     .help = "Recent events kept in memory for subscribers that are a little behind."},
    {.path = "stream.ring_bytes", .kind = OPTION_SIZE, OPTION_MEMBER(struct config, ring_bytes),
     .min = MB, .max = TB, .restart = true, .fallback = "64MB",
     .help = "Memory for those recent events in each worker, without their encodings."},
    {.path = "limits.connections", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct config, connections_max), .min = 1, .max = 10000000,
     .fallback = "100000",
     .help = "Connections in all; a new one beyond that is refused, none that exists is closed."},
    {.path = "limits.connections_per_address", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct config, connections_per_address_max), .min = 1, .max = 10000000,
     .fallback = "100000",
     .help = "Connections from one address. A reverse proxy is one address: raise it there; "
             "lower it where the hub faces the world."},
    {.path = "limits.header_bytes", .kind = OPTION_SIZE,
     OPTION_MEMBER(struct config, header_bytes_max), .min = KB, .max = MB, .fallback = "16KB",
     .help = "Size of the request line and headers of one request."},
    {.path = "limits.event_bytes", .kind = OPTION_SIZE,
     OPTION_MEMBER(struct config, event_bytes_max), .min = 64, .max = LIMIT_DATA_BYTES,
     .fallback = "1MB",
     .help = "Size of the data of one event."},
    {.path = "limits.header_timeout", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct config, header_timeout_ms), .min = 100, .max = HOUR, .fallback = "10s",
     .help = "Time for a client to send the request line and headers."},
    {.path = "limits.body_timeout", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct config, body_timeout_ms), .min = 100, .max = HOUR, .fallback = "30s",
     .help = "A request whose body makes no progress is given up after this time."},
    {.path = "limits.idle_timeout", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct config, idle_timeout_ms), .min = 100, .max = DAY, .fallback = "75s",
     .help = "Time for which an unused connection is kept open for the next request."},
    {.path = "limits.write_timeout", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct config, write_timeout_ms), .min = 100, .max = HOUR, .fallback = "60s",
     .help = "A client that takes no byte of what waits for it is disconnected after this time."},
    {.path = "limits.queue_events", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct config, publish_queue_events_max), .min = LIMIT_PUBLISH_EVENTS,
     .max = 16777216, .restart = true, .fallback = "65536",
     .help = "Published events that may wait for the disk; beyond that publishers are answered "
             "503."},
    {.path = "limits.queue_bytes", .kind = OPTION_SIZE,
     OPTION_MEMBER(struct config, publish_queue_bytes_max), .min = LIMIT_PUBLISH_BYTES, .max = TB,
     .restart = true, .fallback = "64MB",
     .help = "Memory that events waiting for the disk may take."},
    {.path = "limits.held_bytes", .kind = OPTION_SIZE,
     OPTION_MEMBER(struct config, held_bytes_max), .min = MB, .max = TB, .fallback = "64MB",
     .help = "Memory of one worker for what clients have begun and not ended: bodies, lines, "
             "answers, subscriptions; beyond that newcomers are asked to come later."},
    {.path = "limits.topics", .kind = OPTION_NUMBER, OPTION_MEMBER(struct config, topics_max),
     .min = 1, .max = LIMIT_TOPICS, .restart = true, .fallback = "100000",
     .help = "Topics that may exist; about 300 bytes each in every worker."},
    {.path = "limits.topics_per_key", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct config, topics_per_key_max), .zero = true, .min = 1,
     .max = LIMIT_TOPICS, .restart = true, .fallback = "0",
     .help = "Topics that may exist which were made by one key; 0: half of limits.topics."},
    {.path = "limits.turn_time", .kind = OPTION_DURATION, OPTION_MEMBER(struct config, turn_ms),
     .min = 1, .max = SECOND, .fallback = "10ms",
     .help = "Time for long tasks (replays, filters, searches, lists) in each turn of a worker's "
             "loop."},
    {.path = "retention.bytes", .kind = OPTION_SIZE,
     OPTION_MEMBER(struct config, policy.retention.bytes_max), .zero = true, .min = MB,
     .max = 1024 * TB, .fallback = "1GB",
     .help = "Size of the records that are kept, all topics together; 0: no such bound."},
    {.path = "retention.count", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct config, policy.retention.count_max), .zero = true, .min = 1,
     .max = INT64_MAX, .fallback = "10000000",
     .help = "Number of events that are kept, all topics together; 0: no such bound."},
    {.path = "retention.age", .kind = OPTION_DURATION,
     OPTION_MEMBER(struct config, policy.retention.age_max_ms), .zero = true, .min = SECOND,
     .max = 36500 * DAY, .fallback = "30d",
     .help = "Age up to which events are kept; 0: no such bound."},
    {.path = "retention.topic_share", .kind = OPTION_NUMBER,
     OPTION_MEMBER(struct config, policy.topic_share), .min = 1, .max = 100, .fallback = "50",
     .help = "Percent of retention.bytes that one topic may take while all together exceed it."},
    {.path = "origins", .kind = OPTION_TEXTS, OPTION_MEMBERS(struct config, origins),
     .fallback = "[]", .check = check_origin,
     .help = "Origins of other sites whose pages may read and, but for \"*\", write: "
             "https://app.example.com, https://*.example.com, or \"*\"."},
    {.path = "hosts", .kind = OPTION_TEXTS, OPTION_MEMBERS(struct config, hosts),
     .fallback = "[]", .check = hosts_check,
     .help = "Names under which the hub answers without a key, besides addresses and localhost: "
             "logs.example.com, *.example.com, or \"*\"."},
    {.path = "log.level", .kind = OPTION_CHOICE, OPTION_MEMBER(struct config, log_level),
     .choices = "error|warn|info|debug", .fallback = "warn",
     .help = "What the hub logs about itself: error, warn, info or debug."},
    {.path = "log.format", .kind = OPTION_CHOICE, OPTION_MEMBER(struct config, log_format),
     .choices = "logfmt|json", .fallback = "logfmt",
     .help = "Form of the hub's log lines: logfmt or json."},
    {.path = NULL},
};
// clang-format on

const struct option_row *const schema_tables[SCHEMA_TABLES] = {
    schema_hub, access_keys, access_anonymous, source_options, content_routes, content_topics,
};

const struct option_row *schema_option(const char *path) {
    const struct option_row *row = schema_hub;
    while (row->path && strcmp(row->path, path)) row++;
    ASSERT(row->path);
    return row;
}

char *schema_env_name(const struct option_row *row, char out[64]) {
    size_t at = (size_t)snprintf(out, 64, "TAILRACE_%s", row->path);
    ASSERT(at < 64);
    for (char *c = out; *c; c++) {
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
        if (*c == '.') *c = '_';
    }
    return out;
}

// --- whether a file fits -------------------------------------------------------------------------

// Paths here name all entries of a list at once, as those of rows do: "sources[].simulate.order".
#define PATH_BYTES 128

// What is expected at a path: a kind of value, or nothing at all.
static bool expected(const char *path, enum tree_kind *kind) {
    size_t len = strlen(path);
    *kind = TREE_MAPPING;
    for (size_t i = 0; i < SCHEMA_TABLES; i++) {
        for (const struct option_row *row = schema_tables[i]; row->path; row++) {
            bool list = row->kind == OPTION_TEXTS;
            size_t whole = strlen(row->path);
            if (list && len == whole + 2 && !strncmp(path, row->path, whole) &&
                !strcmp(path + whole, "[]")) {
                *kind = TREE_TEXT;
                return true;
            }
            if (strncmp(path, row->path, len)) continue;
            char next = row->path[len];
            if (next && next != '.' && next != '[') continue;
            if (next == '[' || (!next && list)) *kind = TREE_LIST;
            if (!next && !list) *kind = TREE_TEXT;
            return true;
        }
    }
    return false;
}

// The names that are known below a path, each once: rows of one group follow each other.
static void list_names(const char *path, struct buf *out) {
    size_t len = strlen(path);
    struct str last = {0};
    for (size_t i = 0; i < SCHEMA_TABLES; i++) {
        for (const struct option_row *row = schema_tables[i]; row->path; row++) {
            if (strncmp(path, row->path, len) || (len && row->path[len] != '.')) continue;
            const char *name = row->path + len + (len ? 1 : 0);
            struct str part = {name, strcspn(name, ".[")};
            if (str_equal(part, last)) continue;
            buf_printf(out, "%s%.*s", last.ptr ? ", " : "", STR_ARG(part));
            last = part;
        }
    }
}

static int unknown_key(const struct tree *tree, const struct tree_value *value, const char *parent,
                       struct report *report) {
    char path[TREE_PATH_BYTES];
    struct buf names;
    buf_init(&names, 4096);
    list_names(parent, &names);
    int err = tree_fail(tree, value->key_at, tree_path(value->parent, path), report,
                        "unknown key %s; known here: %s", quote(str_from(value->key)).text,
                        buf_cstr(&names));
    buf_fini(&names);
    return err;
}

static int wrong_kind(const struct tree *tree, const struct tree_value *value, enum tree_kind kind,
                      struct report *report) {
    static const char *const texts[] = {
        [TREE_TEXT] = "a single value is expected here",
        [TREE_LIST] = "a list is expected here: [one, two], or lines that begin with \"- \"",
        [TREE_MAPPING] = "a set of \"key: value\" lines is expected here",
    };
    char path[TREE_PATH_BYTES];
    return tree_fail(tree, value->place, tree_path(value, path), report, "%s", texts[kind]);
}

static int check_value(const struct tree *tree, const struct tree_value *value, const char *path,
                       enum tree_kind kind, struct report *report);

static int check_entries(const struct tree *tree, const struct tree_value *value, const char *path,
                         struct report *report) {
    const struct tree_value *entry;
    DL_FOREACH(value->entries, entry) {
        char below[PATH_BYTES];
        // A longer path is not one of ours, and neither is what it is cut to.
        if (value->kind == TREE_LIST) {
            snprintf(below, sizeof below, "%s[]", path);
        } else {
            snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", entry->key);
        }
        enum tree_kind kind;
        if (strpbrk(entry->key, ".[") || !expected(below, &kind)) {
            return unknown_key(tree, entry, path, report);
        }
        int err = check_value(tree, entry, below, kind, report);
        if (err) return err;
    }
    return 0;
}

// `kind`: what is expected at the path.
static int check_value(const struct tree *tree, const struct tree_value *value, const char *path,
                       enum tree_kind kind, struct report *report) {
    // "keys:" with nothing behind it is a list without entries.
    if (value->nothing && kind != TREE_TEXT) return 0;
    if (value->kind != kind) return wrong_kind(tree, value, kind, report);
    return check_entries(tree, value, path, report);
}

int schema_check(const struct tree *tree, struct report *report) {
    const struct tree_value *root = tree_root(tree);
    return root ? check_value(tree, root, "", TREE_MAPPING, report) : 0;
}
