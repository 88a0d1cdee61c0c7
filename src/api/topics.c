// SPDX-License-Identifier: MIT
// GET /topics.
#include "api/topics.h"

#include <stdlib.h>

#include "api/router.h"
#include "api/survey.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/topic.h"
#include "base/units.h"
#include "server/server_priv.h"

struct listed {
    uint32_t no;
    uint64_t subscribers;
    struct str name;
    struct hub_topic topic;
};

struct topics_survey {
    struct survey survey; // first
    struct listed *items;
    size_t count, cap;
    bool failed;
    struct buf names; // of the topics, one after the other
};

// --- /topics --------------------------------------------------------------------------------------------------------

static void collect(void *context, const struct hub_topic *topic) {
    struct topics_survey *survey = context;
    if (survey->count == survey->cap) {
        size_t cap = survey->cap ? survey->cap * 2 : 64;
        struct listed *items = realloc(survey->items, cap * sizeof *items);
        if (!items) {
            survey->failed = true;
            return;
        }
        survey->items = items;
        survey->cap = cap;
    }
    struct listed *listed = &survey->items[survey->count++];
    *listed = (struct listed){.no = topic->no, .topic = *topic};
    // An offset for now: the buffer may move.
    listed->name = (struct str){NULL, survey->names.len};
    buf_append_str(&survey->names, topic->name);
}

static void ask(struct survey *base, struct worker *worker) {
    struct topics_survey *survey = (struct topics_survey *)(void *)base;
    for (size_t i = 0; i < survey->count; i++) {
        survey->items[i].subscribers += hub_topic_subscribers(worker->hub, survey->items[i].no);
    }
}

static void answer(struct survey *base, struct worker *home) {
    struct topics_survey *survey = (struct topics_survey *)(void *)base;
    struct buf body;
    buf_init(&body, LIMIT_TAIL_BYTES / 2);
    struct json json = JSON(&body);
    json_array(&json, NULL);
    for (size_t i = 0; i < survey->count; i++) {
        struct listed *listed = &survey->items[i];
        listed->topic.name.ptr = survey->names.data + listed->name.len;
        hub_topic_write(&json, &listed->topic, journal_epoch(home->server->journal),
                        &listed->subscribers);
    }
    json_end(&json);
    buf_append_char(&body, '\n');
    if (buf_failed(&body) || survey->failed || buf_failed(&survey->names)) {
        reply_problem(&base->exchange.response, home, &base->exchange.reply, 503,
                      "the list is too long for one answer; ask for fewer with ?topic=PATTERN", 0,
                      STR(""));
    } else {
        reply_body(&base->exchange.response, home, &base->exchange.reply, 200, "application/json",
                   STR("Cache-Control: no-store\r\n"), buf_str(&body));
    }
    buf_fini(&body);
}

static void fini(struct survey *base) {
    struct topics_survey *survey = (struct topics_survey *)(void *)base;
    free(survey->items);
    buf_fini(&survey->names);
}

// The patterns asked for; all topics when there is none. False: answered.
static bool read_patterns(struct conn *conn, const struct http1_request *request,
                          struct params *params, struct pattern *names, uint32_t *count) {
    struct report report = {0};
    struct params_cursor cursor = {0};
    struct str name;
    int err;
    while ((err = params_next(params, "topic", &cursor, &name)) == 0) {
        if (*count == LIMIT_SELECTOR_TOPICS) {
            err = report_set(&report, ERR_LIMIT, "at most %d patterns may be asked for at once",
                             LIMIT_SELECTOR_TOPICS);
            break;
        }
        err = pattern_read(&names[*count], name, &report);
        if (err) break;
        ++*count;
    }
    if (err != ERR_NOT_FOUND) {
        router_problem(conn, request, 400,
                       report.text[0] ? report.text : "`topic` is not well percent-encoded", 0);
        return false;
    }
    if (!*count) names[(*count)++] = (struct pattern){PATTERN_ANY, STR("**")};
    return true;
}

void topics_answer(struct conn *conn, const struct http1_request *request, struct params *params,
                   const struct grant *grant) {
    struct pattern names[LIMIT_SELECTOR_TOPICS], grants[LIMIT_SELECTOR_TOPICS];
    uint32_t names_count = 0, grants_count = 0;
    bool all = true;
    if (!read_patterns(conn, request, params, names, &names_count)) return;
    for (uint32_t i = 0; i < names_count; i++) all = all && grant_may_subscribe(grant, &names[i]);
    if (!all && (!grant_subscribes_some(grant) || grant->subscribe_count > LIMIT_SELECTOR_TOPICS)) {
        router_forbidden(conn, request, grant, "see topics");
        return;
    }
    for (size_t i = 0; !all && i < grant->subscribe_count; i++)
        grants[grants_count++] = grant->subscribe[i];
    struct topics_survey *survey = calloc(1, sizeof *survey);
    if (!survey) {
        router_problem(conn, request, 503, "out of memory", 1);
        return;
    }
    buf_init(&survey->names, LIMIT_TAIL_BYTES);
    survey->survey.ask = ask;
    survey->survey.answer = answer;
    survey->survey.fini = fini;
    hub_topics(conn->worker->hub, names, names_count, grants, grants_count, collect, survey);
    survey_start(&survey->survey, conn, request);
}
