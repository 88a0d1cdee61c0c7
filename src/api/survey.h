// SPDX-License-Identifier: MIT
// Surveys: answers that need a word from every worker (/topics: subscribers; /metrics: counters).
// One message goes from worker to worker, each adds its own, the first one answers: nothing is
// shared, nothing is locked.
#ifndef TAILRACE_API_SURVEY_H
#define TAILRACE_API_SURVEY_H

#include "api/api.h"

struct survey;

struct survey_ops {
    void (*ask)(struct survey *survey, struct api *api); // on each worker's thread
    // Answers survey->exchange. Only when its connection is still there.
    void (*answer)(struct survey *survey);
    void (*fini)(struct survey *survey); // frees what it holds, not the survey itself
};

struct survey {
    const struct survey_ops *ops;
    struct exchange *exchange; // NULL when its connection is gone
    struct api *home;          // the worker that answers
    struct inbox_message message;
    unsigned asked;
};

// Takes over a survey made with malloc, with ops set, and goes round. The exchange's handler must
// have survey_gone as its `gone`; its state is the survey's.
void survey_start(struct survey *survey, struct exchange *exchange);
void survey_gone(struct exchange *exchange);

#endif
