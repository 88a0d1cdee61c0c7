// SPDX-License-Identifier: MIT
// Surveys.
#include "api/survey.h"

#include <stdlib.h>

struct question {
    struct inbox_message message;
    struct survey *survey;
    struct api *api;
};

struct survey_round {
    _Atomic(unsigned) left;       // who has not answered
    struct inbox_message message; // from the last of them
    struct question questions[];
};

static void tell(struct survey *survey, bool all) {
    loop_timer_clear(survey->home->http.loop, &survey->timer);
    if (survey->told) return;
    survey->told = true;
    survey->ops->done(survey, all);
}

static void finish(struct survey *survey) {
    tell(survey, true);
    free(survey->round);
    survey->ops->free(survey);
}

static void run_finish(struct inbox_message *message, void *receiver) {
    struct survey_round *round = container_of(message, struct survey_round, message);
    (void)receiver;
    finish(round->questions[0].survey);
}

// Whether it was the last one.
static bool ask(struct question *question) {
    struct survey *survey = question->survey;
    survey->ops->ask(survey, question->api);
    return atomic_fetch_sub(&survey->round->left, 1) == 1;
}

static void run_question(struct inbox_message *message, void *receiver) {
    struct question *question = container_of(message, struct question, message);
    struct survey *survey = question->survey;
    (void)receiver;
    if (ask(question)) loop_send(survey->home->http.loop, &survey->round->message);
}

static void time_is_up(struct loop_timer *timer) {
    tell(container_of(timer, struct survey, timer), false);
}

int survey_start(struct survey *survey, struct api *home) {
    const struct api_common *common = home->common;
    unsigned count = common->workers_count;
    struct survey_round *round = malloc(sizeof *round + count * sizeof *round->questions);
    if (!round) return ERR_NOMEM;
    *survey = (struct survey){
        .ops = survey->ops, .home = home, .round = round, .timer = {.fire = time_is_up}};
    atomic_init(&round->left, count);
    round->message.run = run_finish;
    // Without a timer it waits for all of them.
    (void)!loop_timer_set(home->http.loop, &survey->timer, api_now(home) + SURVEY_MS);
    for (unsigned i = 0; i < count; i++) {
        round->questions[i] = (struct question){{.run = run_question}, survey, common->workers[i]};
    }
    for (unsigned i = 0; i < count; i++) {
        if (i != home->index)
            loop_send(common->workers[i]->http.loop, &round->questions[i].message);
    }
    // If others come later, their message does the rest.
    if (ask(&round->questions[home->index])) finish(survey);
    return 0;
}

void survey_leave(struct survey *survey) { survey->told = true; }
