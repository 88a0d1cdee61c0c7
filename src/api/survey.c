// SPDX-License-Identifier: MIT
// Surveys.
#include "api/survey.h"

#include <stdlib.h>

static void finish(struct survey *survey) {
    if (survey->exchange) {
        survey->exchange->state = NULL;
        survey->ops->answer(survey);
    }
    survey->ops->fini(survey);
    free(survey);
}

static void step(struct inbox_message *message, void *receiver) {
    struct survey *survey = container_of(message, struct survey, message);
    const struct api_common *common = survey->home->common;
    (void)receiver;
    if (survey->asked == common->workers_count) {
        finish(survey);
        return;
    }
    unsigned at = (survey->home->index + survey->asked) % common->workers_count;
    struct api *here = common->workers[at];
    survey->ops->ask(survey, here);
    survey->asked++;
    struct api *next = common->workers[(at + 1) % common->workers_count];
    if (next == here) {
        step(message, receiver);
    } else {
        loop_send(next->http.loop, message);
    }
}

void survey_start(struct survey *survey, struct exchange *exchange) {
    survey->exchange = exchange;
    survey->home = api_of(exchange);
    survey->asked = 0;
    survey->message.run = step;
    exchange->state = survey;
    step(&survey->message, NULL);
}

void survey_gone(struct exchange *exchange) {
    struct survey *survey = exchange->state;
    if (survey) survey->exchange = NULL;
}
