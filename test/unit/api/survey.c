// SPDX-License-Identifier: MIT
// Surveys over workers of whom some do not answer: two loops, run by one thread.
#include "api/survey.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct sum {
    struct survey survey;
    _Atomic(unsigned) asked;
    unsigned done, freed;
    bool all;
};

static void ask(struct survey *survey, struct api *api) {
    atomic_fetch_or(&container_of(survey, struct sum, survey)->asked, 1u << api->index);
}

static void done(struct survey *survey, bool all) {
    struct sum *sum = container_of(survey, struct sum, survey);
    sum->done++;
    sum->all = all;
    loop_stop(survey->home->http.loop);
}

static void free_sum(struct survey *survey) { container_of(survey, struct sum, survey)->freed++; }

static const struct survey_ops ops = {.ask = ask, .done = done, .free = free_sum};

static struct api_common common;
static struct api home = {.common = &common}, busy = {.common = &common, .index = 1};
static struct api *workers[] = {&home, &busy};

static void open_workers(unsigned count) {
    common.workers = workers;
    common.workers_count = count;
    cr_assert_eq(loop_new(&home.http.loop, &home, NULL), 0);
    cr_assert_eq(loop_new(&busy.http.loop, &busy, NULL), 0);
}

static void close_workers(void) {
    for (int round = 0; round < 3; round++) {
        loop_drain(home.http.loop);
        loop_drain(busy.http.loop);
    }
    loop_free(home.http.loop);
    loop_free(busy.http.loop);
}

Test(survey, of_one_worker_is_over_at_once) {
    struct sum sum = {.survey.ops = &ops};
    open_workers(1);
    cr_assert_eq(survey_start(&sum.survey, &home), 0);
    cr_assert(sum.done == 1 && sum.freed == 1 && sum.all && sum.asked == 1);
    close_workers();
}

Test(survey, waits_for_all_who_answer) {
    struct sum sum = {.survey.ops = &ops};
    open_workers(2);
    cr_assert_eq(survey_start(&sum.survey, &home), 0);
    cr_assert(!sum.done);
    loop_drain(busy.http.loop);
    loop_run(home.http.loop, NULL);
    cr_assert(sum.done == 1 && sum.freed == 1 && sum.all && sum.asked == 3);
    close_workers();
}

// A survey went from one worker to the next: one that was busy held up the answers of all.
Test(survey, does_not_wait_for_one_that_is_busy) {
    struct sum sum = {.survey.ops = &ops};
    open_workers(2);
    cr_assert_eq(survey_start(&sum.survey, &home), 0);
    loop_run(home.http.loop, NULL);
    cr_assert(sum.done == 1 && !sum.freed && !sum.all && sum.asked == 1);
    close_workers(); // its word comes late
    cr_assert(sum.done == 1 && sum.freed == 1);
}

Test(survey, that_nobody_waits_for_any_more_is_only_freed) {
    struct sum sum = {.survey.ops = &ops};
    open_workers(2);
    cr_assert_eq(survey_start(&sum.survey, &home), 0);
    survey_leave(&sum.survey);
    close_workers();
    cr_assert(sum.done == 0 && sum.freed == 1);
}
