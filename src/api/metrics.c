// SPDX-License-Identifier: MIT
// GET /metrics: Prometheus text exposition format 0.0.4. The names, levels and help texts stand in
// the tables of the modules that count.
#include <stdlib.h>

#include "api/access.h"
#include "api/resource.h"
#include "api/survey.h"
#include "base/limits.h"
#include "sys/clock.h"
#include "sys/loop.h"

struct metrics_survey {
    struct survey survey;
    struct exchange *exchange;
    bool names; // the caller may see paths and topics
};

// A worker says what it has counted. What it says is kept: when it is too busy to be asked, that is
// what is known of it.
static void ask(struct survey *base, struct api *api) {
    struct api_said said = {
        .http = api->http.counts, .api = api->counts, .turns = loop_turns(api->http.loop)};
    (void)base;
    hub_counts(api->hub, &said.hub);
    said.held_bytes = api->http.account.held;
    said.held_bytes_max = api->http.account.most;
    pthread_mutex_lock(&api->said_lock);
    api->said = said;
    pthread_mutex_unlock(&api->said_lock);
}

static void add(struct api_said *total, const struct api_said *said) {
    hub_counts_add(&total->hub, &said->hub);
    if (said->turns.cpu_us_max > total->turns.cpu_us_max)
        total->turns.cpu_us_max = said->turns.cpu_us_max;
    total->turns.long_total += said->turns.long_total;
    total->held_bytes += said->held_bytes;
    total->held_bytes_max += said->held_bytes_max;
#define X(name, level, help) total->http.name += said->http.name;
    HTTP_COUNTERS(X)
#undef X
#define X(name, level, help) total->api.name += said->api.name;
    API_COUNTERS(X)
#undef X
}

static struct api_said add_up(const struct api_common *common) {
    struct api_said total = {0};
    for (unsigned i = 0; i < common->workers_count; i++) {
        struct api *api = common->workers[i];
        pthread_mutex_lock(&api->said_lock);
        struct api_said said = api->said;
        pthread_mutex_unlock(&api->said_lock);
        add(&total, &said);
    }
    return total;
}

// --- writing -------------------------------------------------------------------------------------

static void family(struct buf *out, const char *name, const char *level, const char *help) {
    buf_printf(out, "# HELP tailrace_%s %s\n# TYPE tailrace_%s %s\n", name, help, name, level);
}

static void metric(struct buf *out, const char *name, const char *level, const char *help,
                   uint64_t value) {
    family(out, name, level, help);
    buf_printf(out, "tailrace_%s %llu\n", name, (unsigned long long)value);
}

static void append_seconds(struct buf *out, uint64_t us) {
    buf_printf(out, "%llu.%06llu\n", (unsigned long long)(us / 1000000),
               (unsigned long long)(us % 1000000));
}

static void histogram(struct buf *out, const char *name, const char *help,
                      const struct durations *durations) {
#define X(us, seconds) seconds,
    static const char *const bounds[] = {DURATIONS_TABLE(X)};
#undef X
    uint64_t count = 0;
    family(out, name, "histogram", help);
    for (size_t i = 0; i < DURATIONS_COUNT; i++) {
        count += durations->within[i];
        buf_printf(out, "tailrace_%s_bucket{le=\"%s\"} %llu\n", name, bounds[i],
                   (unsigned long long)count);
    }
    buf_printf(out, "tailrace_%s_bucket{le=\"+Inf\"} %llu\n", name,
               (unsigned long long)durations->count);
    buf_printf(out, "tailrace_%s_sum ", name);
    append_seconds(out, durations->sum_us);
    buf_printf(out, "tailrace_%s_count %llu\n", name, (unsigned long long)durations->count);
}

static void write_process(struct buf *out, const struct api *api) {
    const struct api_common *common = api->common;
    family(out, "build_info", "gauge", "version");
    buf_append_str(out, STR("tailrace_build_info{version=\"" TAILRACE_VERSION "\"} 1\n"));
    metric(out, "uptime_seconds", "gauge", "since the start",
           (clock_unix_ms() - common->started_unix_ms) / 1000);
    metric(out, "workers", "gauge", "worker threads", common->workers_count);
    metric(out, "connections", "gauge", "open connections", admission_count(api->http.admission));
    metric(out, "draining", "gauge", "1 while the hub is going away",
           atomic_load(&common->draining));
}

static void write_turns(struct buf *out, const struct loop_turns *turns) {
    family(out, "turn_cpu_seconds_max", "gauge",
           "processor time of the longest turn of a worker's loop");
    buf_append_str(out, STR("tailrace_turn_cpu_seconds_max "));
    append_seconds(out, turns->cpu_us_max);
    metric(out, "long_turns_total", "counter", "turns of workers that took more than 50 ms of it",
           turns->long_total);
}

static void write_counts(struct buf *out, const struct api_said *said) {
    metric(out, "held_bytes", "gauge", "memory of what clients have begun and not ended",
           said->held_bytes);
    metric(out, "held_bytes_max", "gauge", "the most that it may be, all workers",
           said->held_bytes_max);
#define X(name, level, over_workers, help) metric(out, #name, #level, help, said->hub.name);
    HUB_COUNTERS(X)
#undef X
#define X(name, level, help) metric(out, #name, #level, help, said->http.name);
    HTTP_COUNTERS(X)
#undef X
#define X(name, level, help) metric(out, #name, #level, help, said->api.name);
    API_COUNTERS(X)
#undef X
}

static void write_journal(struct buf *out, struct journal *journal) {
    struct journal_stats stats;
    journal_stats(journal, &stats);
    metric(out, "journal_up", "gauge", "1 while publishing works", stats.failed ? 0 : 1);
    histogram(out, "journal_commit_seconds", "how long commits took", &stats.commits);
#define X(field, name, level, help) metric(out, name, #level, help, stats.field);
    JOURNAL_COUNTERS(X)
#undef X
}

// A label's value: backslash, quote and line end are escaped.
static void append_label(struct buf *out, const char *name, struct str value) {
    buf_append(out, name, strlen(name));
    buf_append_str(out, STR("=\""));
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' || c == '"') buf_append_char(out, '\\');
        if (c == '\n') {
            buf_append_str(out, STR("\\n"));
        } else {
            buf_append_char(out, c);
        }
    }
    buf_append_char(out, '"');
}

enum source_family {
#define X(name, level, help) SOURCE_##name,
    SOURCE_COUNTERS(X)
#undef X
        SOURCE_FAMILIES
};

static void write_source_value(struct buf *out, const char *name,
                               const struct source_status *status, uint64_t value) {
    buf_printf(out, "tailrace_source_%s{", name);
    append_label(out, "source", status->name);
    buf_append_char(out, ',');
    append_label(out, "topic", status->topic);
    buf_printf(out, "} %llu\n", (unsigned long long)value);
}

static void write_source(void *context, const struct source_status *status) {
    struct buf *families = context;
#define X(name, level, help)                                                                       \
    write_source_value(&families[SOURCE_##name], #name, status, status->name);
    SOURCE_COUNTERS(X)
#undef X
}

// The lines of one family stand together.
static void write_sources(struct buf *out, struct sources *sources) {
    static const struct {
        const char *name, *level, *help;
    } table[] = {
#define X(name, level, help) {"source_" #name, #level, help},
        SOURCE_COUNTERS(X)
#undef X
    };
    struct buf families[SOURCE_FAMILIES];
    for (size_t i = 0; i < SOURCE_FAMILIES; i++) buf_init(&families[i], LIMIT_TAIL_BYTES / 8);
    if (sources) sources_status(sources, write_source, families);
    for (size_t i = 0; i < SOURCE_FAMILIES; i++) {
        if (families[i].len) {
            family(out, table[i].name, table[i].level, table[i].help);
            buf_append_str(out, buf_str(&families[i]));
        }
        buf_fini(&families[i]);
    }
}

static void answer(struct exchange *exchange, bool names) {
    const struct api *api = api_of(exchange);
    struct api_common *common = api->common;
    struct api_said said = add_up(common);
    struct buf body;
    buf_init(&body, LIMIT_TAIL_BYTES);
    write_process(&body, api);
    write_turns(&body, &said.turns);
    write_counts(&body, &said);
    write_journal(&body, common->journal);
    // The main thread makes the sources when the workers are running already.
    if (names && atomic_load(&common->attached)) write_sources(&body, common->sources);
    if (buf_failed(&body)) {
        exchange_refuse(exchange, 503, "the metrics are too many for one answer");
    } else {
        exchange_answer_now(exchange, "text/plain; version=0.0.4; charset=utf-8", buf_str(&body));
    }
    buf_fini(&body);
}

static void done(struct survey *base, bool all) {
    const struct metrics_survey *survey = container_of(base, struct metrics_survey, survey);
    (void)all;
    survey->exchange->state = NULL;
    answer(survey->exchange, survey->names);
}

static void free_survey(struct survey *base) {
    free(container_of(base, struct metrics_survey, survey));
}

static const struct survey_ops metrics_ops = {.ask = ask, .done = done, .free = free_survey};

// --- who may see them ----------------------------------------------------------------------------

// Paths of files and topics are for who may subscribe to everything, numbers for whoever has a key
// that may subscribe to something. The listener of its own is the operator's.
static bool may_see(struct exchange *exchange, bool *names) {
    static const struct pattern everything = {PATTERN_ANY, {"**", 2}};
    *names = true;
    if (exchange->listener == HTTP_LISTENER_METRICS) return true;
    if (api_of(exchange)->site->config->metrics_listen[0]) {
        exchange_refuse(exchange, 404, "metrics have a listener of their own (metrics.listen)");
        return false;
    }
    struct params params;
    if (!access_params(exchange, &params)) return false;
    struct grant *grant = access_check(exchange, &params);
    *names = grant && grant_may_subscribe(grant, &everything);
    bool may = grant && (*names || (grant->is_key && grant_subscribes_some(grant)));
    if (grant && !may) access_forbid(exchange, grant, "see metrics");
    grant_put(grant);
    params_fini(&params);
    return may;
}

static void answer_metrics(struct exchange *exchange) {
    bool names;
    if (!may_see(exchange, &names)) return;
    struct metrics_survey *survey = calloc(1, sizeof *survey);
    if (!survey) {
        exchange_refuse_no_memory(exchange);
        return;
    }
    survey->survey.ops = &metrics_ops;
    survey->exchange = exchange;
    survey->names = names;
    exchange->state = survey;
    if (survey_start(&survey->survey, api_of(exchange))) {
        exchange->state = NULL;
        free(survey);
        exchange_refuse_no_memory(exchange);
    }
}

static void gone(struct exchange *exchange) {
    struct metrics_survey *survey = exchange->state;
    if (survey) survey_leave(&survey->survey);
}

static const struct handler metrics_handler = {.begin = answer_metrics, .gone = gone};
const struct resource metrics_resource = {.get = &metrics_handler, .on_metrics_listener = true};
