// SPDX-License-Identifier: MIT
// GET /healthz (and /livez), /readyz, /version: what supervisors and balancers ask.
#include <stdio.h>

#include "api/api.h"
#include "api/resource.h"

static void answer_health(struct exchange *exchange) {
    exchange_answer_now(exchange, "text/plain; charset=utf-8", STR("ok\n"));
}

static void answer_version(struct exchange *exchange) {
    exchange_answer_now(exchange, "application/json",
                        STR("{\"name\":\"tailrace\",\"version\":\"" TAILRACE_VERSION "\"}\n"));
}

static void answer_ready(struct exchange *exchange) {
    struct api_common *common = api_of(exchange)->common;
    struct journal_stats stats;
    journal_stats(common->journal, &stats);
    char detail[400], ready[400];
    struct problem problem = {.status = 503, .retry_after_s = 1};
    if (atomic_load(&common->draining)) {
        problem.detail = "the hub is shutting down";
    } else if (stats.failed) {
        snprintf(detail, sizeof detail, "the journal cannot write: %s", stats.failure);
        problem.detail = detail;
    } else if (!atomic_load(&common->attached)) {
        problem.detail = "the sources are not attached yet";
    }
    if (problem.detail) {
        exchange_problem(exchange, &problem);
    } else {
        const char *end = stats.trouble[0] ? "\n" : "";
        int len = snprintf(ready, sizeof ready, "ready\n%s%s", stats.trouble, end);
        exchange_answer_now(exchange, "text/plain; charset=utf-8",
                            (struct str){ready, (size_t)len});
    }
}

static const struct handler health_handler = {.begin = answer_health};
static const struct handler ready_handler = {.begin = answer_ready};
static const struct handler version_handler = {.begin = answer_version};

const struct resource health_resource = {.get = &health_handler, .on_metrics_listener = true};
const struct resource ready_resource = {.get = &ready_handler, .on_metrics_listener = true};
const struct resource version_resource = {.get = &version_handler};
