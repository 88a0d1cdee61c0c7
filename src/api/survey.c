// SPDX-License-Identifier: MIT
// Surveys.
#include "api/survey.h"

#include <stdlib.h>

#include "base/limits.h"
#include "server/server_priv.h"

static void release(struct exchange *exchange) {
    struct survey *survey = (struct survey *)(void *)exchange;
    survey->fini(survey);
    buf_fini(&exchange->response);
    reply_fini(&exchange->reply);
    free(survey);
}

static void step(struct inbox_message *message, void *receiver) {
    struct survey *survey =
        (struct survey *)(void *)((char *)message - offsetof(struct survey, message));
    struct worker *worker = receiver;
    struct server *server = worker->server;
    if (survey->asked == server->workers_count) {
        survey->answer(survey, worker);
        conn_exchange_done(&survey->exchange);
        return;
    }
    survey->ask(survey, worker);
    survey->asked++;
    bool last = survey->asked == server->workers_count;
    struct worker *next =
        last ? survey->home
             : server->workers[(survey->home->index + survey->asked) % server->workers_count];
    if (next == worker) {
        step(message, worker);
    } else {
        loop_send(next->loop, message);
    }
}

void survey_start(struct survey *survey, struct conn *conn, const struct http1_request *request) {
    survey->home = conn->worker;
    survey->asked = 0;
    survey->message.run = step;
    survey->exchange.release = release;
    buf_init(&survey->exchange.response, LIMIT_TAIL_BYTES);
    if (reply_init(&survey->exchange.reply, conn->worker, request)) {
        release(&survey->exchange);
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    conn_exchange_add(conn, &survey->exchange);
    step(&survey->message, conn->worker);
}
