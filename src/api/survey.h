// SPDX-License-Identifier: MIT
// Surveys: answers that need a word from every worker (/topics: subscribers; /metrics: counters). A
// message goes to each of them. What they say comes together on the worker that has asked, which
// waits for all of them, but not for long: one that is busy must not hold up what is asked of
// others.
#ifndef TAILRACE_API_SURVEY_H
#define TAILRACE_API_SURVEY_H

#include "api/api.h"

struct survey;

// How long workers have for their answers.
#define SURVEY_MS 1000

struct survey_ops {
    // On each worker's thread, at the same time: what it writes to is atomic, or that worker's own.
    void (*ask)(struct survey *survey, struct api *api);
    // On the thread that has asked, unless survey_leave was called before: all have been asked
    // (`all`), or time is up, and workers may still be writing. Once.
    void (*done)(struct survey *survey, bool all);
    // On the thread that has asked, when no worker will write any more: frees the survey.
    void (*free)(struct survey *survey);
};

struct survey {
    const struct survey_ops *ops;
    struct api *home; // the worker that has asked
    struct survey_round *round;
    struct loop_timer timer;
    bool told; // `done` has been called, or is not to be
};

// Takes over a survey made with malloc, with ops set, and asks all workers. `done` may be called
// before it returns. ERR_NOMEM: nothing was taken over.
int survey_start(struct survey *survey, struct api *home) MUST_CHECK;
// Nobody waits for it any more.
void survey_leave(struct survey *survey);

#endif
