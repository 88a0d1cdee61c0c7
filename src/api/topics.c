// SPDX-License-Identifier: MIT
// GET /topics.
#include <stdlib.h>

#include "api/access.h"
#include "api/resource.h"
#include "api/survey.h"
#include "base/array.h"
#include "base/json.h"

struct listed {
    struct hub_topic topic;
    size_t name_at; // in the survey's names
    uint64_t subscribers;
};

struct topics_survey {
    struct survey survey;
    struct listed *items;
    size_t count, cap;
    struct buf names; // of the topics, one after the other
    bool failed;
};

static void collect(void *context, const struct hub_topic *topic) {
    struct topics_survey *survey = context;
    if (!array_reserve(survey->items, survey->cap, survey->count + 1)) {
        survey->failed = true;
        return;
    }
    survey->items[survey->count++] = (struct listed){.topic = *topic, .name_at = survey->names.len};
    buf_append_str(&survey->names, topic->name);
}

static void ask(struct survey *base, struct api *api) {
    struct topics_survey *survey = container_of(base, struct topics_survey, survey);
    for (size_t i = 0; i < survey->count; i++) {
        struct listed *item = &survey->items[i];
        item->subscribers += hub_topic_subscribers(api->hub, item->topic.no);
    }
}

static void answer(struct survey *base) {
    struct topics_survey *survey = container_of(base, struct topics_survey, survey);
    const char *epoch = api_epoch(base->home);
    struct buf body;
    buf_init(&body, LIMIT_TAIL_BYTES / 2);
    struct json json = JSON(&body);
    json_array(&json, NULL);
    for (size_t i = 0; i < survey->count; i++) {
        struct listed *item = &survey->items[i];
        item->topic.name.ptr = survey->names.data + item->name_at;
        hub_topic_write(&json, &item->topic, epoch, &item->subscribers);
    }
    json_end(&json);
    buf_append_char(&body, '\n');
    if (buf_failed(&body) || survey->failed || buf_failed(&survey->names)) {
        exchange_refuse(base->exchange, 503,
                        "the list is too long for one answer; ask for fewer with ?topic=PATTERN");
    } else {
        exchange_answer_now(base->exchange, "application/json", buf_str(&body));
    }
    buf_fini(&body);
}

static void fini(struct survey *base) {
    struct topics_survey *survey = container_of(base, struct topics_survey, survey);
    free(survey->items);
    buf_fini(&survey->names);
}

static const struct survey_ops topics_ops = {.ask = ask, .answer = answer, .fini = fini};

// --- what is asked for ---------------------------------------------------------------------------

// The patterns asked for; all topics when there is none. False: answered.
static bool read_patterns(struct exchange *exchange, struct params *params, struct pattern *names,
                          uint32_t *count) {
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
        exchange_refuse(exchange, 400,
                        report.text[0] ? report.text : "`topic` is not valid percent-encoding");
        return false;
    }
    if (!*count) names[(*count)++] = (struct pattern){PATTERN_ANY, STR("**")};
    return true;
}

static void start(struct exchange *exchange, const struct pattern *names, uint32_t names_count,
                  const struct grant *grant) {
    bool all = true;
    for (uint32_t i = 0; i < names_count; i++) all = all && grant_may_subscribe(grant, &names[i]);
    if (!all && (!grant_subscribes_some(grant) || grant->subscribe_count > LIMIT_SELECTOR_TOPICS)) {
        access_forbid(exchange, grant, "see topics");
        return;
    }
    struct topics_survey *survey = calloc(1, sizeof *survey);
    if (!survey) {
        exchange_refuse_no_memory(exchange);
        return;
    }
    survey->survey.ops = &topics_ops;
    buf_init(&survey->names, LIMIT_TAIL_BYTES);
    hub_topics(api_of(exchange)->hub, names, names_count, all ? NULL : grant->subscribe,
               all ? 0 : (uint32_t)grant->subscribe_count, collect, survey);
    survey_start(&survey->survey, exchange);
}

static void answer_topics(struct exchange *exchange) {
    struct pattern names[LIMIT_SELECTOR_TOPICS];
    uint32_t names_count = 0;
    struct params params;
    if (!access_params(exchange, &params)) return;
    struct grant *grant = access_check(exchange, &params);
    if (grant && read_patterns(exchange, &params, names, &names_count))
        start(exchange, names, names_count, grant);
    grant_put(grant);
    params_fini(&params);
}

static const struct handler topics_handler = {.begin = answer_topics, .gone = survey_gone};
const struct resource topics_resource = {.get = &topics_handler};
