// SPDX-License-Identifier: MIT
// Surveys: answers that need a word from every worker (/topics: subscribers; /metrics: counters). One message goes from
// worker to worker, each adds its own, the first one answers: nothing is shared, nothing is locked.
#ifndef TAILRACE_API_SURVEY_H
#define TAILRACE_API_SURVEY_H

#include "http/conn.h"

struct survey {
    struct exchange exchange; // first
    struct inbox_message message;
    struct worker *home;
    unsigned asked;
    void (*ask)(struct survey *survey, struct worker *worker);  // on each worker's thread
    void (*answer)(struct survey *survey, struct worker *home); // fills exchange.response
    void (*fini)(struct survey *survey);                        // frees what it holds (not itself)
};

// Takes over a survey made with malloc, with ask, answer and fini set: queues the answer on the connection, goes round.
void survey_start(struct survey *survey, struct conn *conn, const struct http1_request *request);

#endif
