// SPDX-License-Identifier: MIT
// GET /metrics.
#include "api/metrics.h"

#include <stdlib.h>

#include "api/router.h"
#include "api/survey.h"
#include "base/limits.h"
#include "server/server_priv.h"
#include "sys/clock.h"

struct metrics_survey {
    struct survey survey; // first
    struct worker_counts workers;
    struct hub_counts hubs;
};

static void ask(struct survey *base, struct worker *worker) {
    struct metrics_survey *survey = (struct metrics_survey *)(void *)base;
    struct hub_counts counts;
    hub_counts(worker->hub, &counts);
#define X(name, help) survey->workers.name += worker->counts.name;
    WORKER_COUNTERS(X)
#undef X
    hub_counts_add(&survey->hubs, &counts);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value) {
    buf_printf(out, "# HELP tailrace_%s %s\n# TYPE tailrace_%s %s\ntailrace_%s %llu\n", name, help,
               name, type, name, (unsigned long long)value);
}

static void counter(struct buf *out, const char *name, const char *help, uint64_t value) {
    metric(out, name, "counter", help, value);
}

static void gauge(struct buf *out, const char *name, const char *help, uint64_t value) {
    metric(out, name, "gauge", help, value);
}

static void write_hubs(struct buf *out, const struct metrics_survey *survey) {
#define X(name, level, over_workers, help) metric(out, #name, #level, help, survey->hubs.name);
    HUB_COUNTERS(X)
#undef X
}

static void write_journal(struct buf *out, struct journal *journal) {
    struct journal_stats stats;
    journal_stats(journal, &stats);
    gauge(out, "journal_up", "1 while publishing works", stats.failed ? 0 : 1);
    gauge(out, "journal_events", "events in the store", stats.events);
    gauge(out, "journal_bytes", "bytes of their records", stats.bytes);
    gauge(out, "journal_map_bytes", "size of the store's map", stats.map_bytes);
    gauge(out, "journal_map_used_bytes", "used of it", stats.map_used_bytes);
    gauge(out, "journal_first_seq", "oldest event in the store", stats.first_seq);
    gauge(out, "journal_last_seq", "newest event", stats.last_seq);
    gauge(out, "journal_queue_events", "events waiting for a commit", stats.queue_events);
    gauge(out, "journal_queue_bytes", "their bytes", stats.queue_bytes);
    gauge(out, "journal_commit_microseconds", "duration of the last commit", stats.sync_last_us);
    counter(out, "journal_commits_total", "commits", stats.commits_total);
    counter(out, "events_total", "events committed", stats.events_total);
    counter(out, "journal_failures_total", "commits that failed", stats.failures_total);
    counter(out, "journal_trimmed_total", "events removed by retention", stats.trimmed_total);
}

struct source_lines {
    struct buf *attached, *position, *lag, *lines, *rotations, *errors;
};

static void label(struct buf *out, const char *name, struct str source, struct str topic) {
    const struct str values[] = {source, topic};
    buf_printf(out, "tailrace_source_%s{source=\"", name);
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < values[i].len; k++) {
            char c = values[i].ptr[k];
            if (c == '\\' || c == '"') buf_append_char(out, '\\');
            if (c == '\n') {
                buf_append_str(out, STR("\\n"));
            } else {
                buf_append_char(out, c);
            }
        }
        buf_append_str(out, i ? STR("\"} ") : STR("\",topic=\""));
    }
}

static void write_source(void *context, const struct source_status *status) {
    struct buf *families = context;
    const struct {
        const char *name;
        uint64_t value;
    } values[] = {
        {"attached", status->attached},
        {"position_bytes", status->position_bytes},
        {"lag_bytes", status->lag_bytes},
        {"lines_total", status->lines_total},
        {"rotations_total", status->rotations_total},
        {"errors_total", status->errors_total},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        label(&families[i], values[i].name, status->name, status->topic);
        buf_append_u64(&families[i], values[i].value);
        buf_append_char(&families[i], '\n');
    }
}

static void write_sources(struct buf *out, struct sources *sources) {
    static const struct {
        const char *name, *type, *help;
    } families[] = {
        {"attached", "gauge", "1 while the source is being read"},
        {"position_bytes", "gauge", "how far it has been read and committed"},
        {"lag_bytes", "gauge", "what is there and not yet committed"},
        {"lines_total", "counter", "lines published"},
        {"rotations_total", "counter", "rotations followed"},
        {"errors_total", "counter", "errors"},
    };
    struct buf lines[6];
    for (size_t i = 0; i < 6; i++) buf_init(&lines[i], LIMIT_TAIL_BYTES / 8);
    if (sources) sources_status(sources, write_source, lines);
    for (size_t i = 0; i < 6; i++) {
        if (lines[i].len) {
            buf_printf(out, "# HELP tailrace_source_%s %s\n# TYPE tailrace_source_%s %s\n",
                       families[i].name, families[i].help, families[i].name, families[i].type);
            buf_append_str(out, buf_str(&lines[i]));
        }
        buf_fini(&lines[i]);
    }
}

static void answer(struct survey *base, struct worker *home) {
    struct metrics_survey *survey = (struct metrics_survey *)(void *)base;
    struct server *server = home->server;
    struct buf body;
    buf_init(&body, LIMIT_TAIL_BYTES);
    buf_printf(&body,
               "# HELP tailrace_build_info version\n# TYPE tailrace_build_info gauge\n"
               "tailrace_build_info{version=\"%s\"} 1\n",
               TAILRACE_VERSION);
    gauge(&body, "uptime_seconds", "since the start",
          (clock_unix_ms() - server->started_unix_ms) / 1000);
    gauge(&body, "workers", "worker threads", server->workers_count);
    gauge(&body, "connections", "open connections", admission_count(server->admission));
    gauge(&body, "draining", "1 while the hub is going away", atomic_load(&server->draining));
    write_hubs(&body, survey);
#define X(name, help) counter(&body, #name, help, survey->workers.name);
    WORKER_COUNTERS(X)
#undef X
    write_journal(&body, server->journal);
    // The main thread makes them when we are running already.
    if (atomic_load(&server->attached)) write_sources(&body, server->sources);
    reply_body(&base->exchange.response, home, &base->exchange.reply, 200,
               "text/plain; version=0.0.4; charset=utf-8", STR("Cache-Control: no-store\r\n"),
               buf_str(&body));
    buf_fini(&body);
}

static void fini(struct survey *base) { (void)base; }

void metrics_answer(struct conn *conn, const struct http1_request *request) {
    struct metrics_survey *survey = calloc(1, sizeof *survey);
    if (!survey) {
        router_problem(conn, request, 503, "out of memory", 1);
        return;
    }
    survey->survey.ask = ask;
    survey->survey.answer = answer;
    survey->survey.fini = fini;
    survey_start(&survey->survey, conn, request);
}
