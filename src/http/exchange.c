// SPDX-License-Identifier: MIT
// Exchanges: what is the same for all kinds of connections.
#include "http/exchange.h"

#include "proto/url.h"
#include "sys/log.h"

// A larger answer is not given while there is no room for what may be left of it.
#define LARGE_BYTES ((size_t)64 * 1024)

static void log_request(const struct request *request, const struct net_address *client) {
    if (!log_enabled(LOG_DEBUG)) return;
    char address[64];
    struct buf target;
    buf_init(&target, 65536);
    url_redact(&target, request->target);
    log_write(LOG_DEBUG, "request", LOG_TEXT("client", net_format_address(client, address)),
              LOG_STR("method", request->method_text), LOG_STR("target", buf_str(&target)));
    buf_fini(&target);
}

void exchange_route(struct exchange *exchange, const struct net_address *client) {
    exchange->http->counts.requests_total++;
    log_request(exchange_request(exchange), client);
    exchange->handler = exchange->http->route(exchange);
}

static void count(struct exchange *exchange, int status) {
    struct http_counts *counts = &exchange->http->counts;
    if (status >= 500) {
        counts->errors_5xx_total++;
    } else if (status >= 400) {
        counts->errors_4xx_total++;
    }
}

void exchange_answer(struct exchange *exchange, const struct answer *answer) {
    // Its client may not read it.
    if (answer->body.len > LARGE_BYTES &&
        !account_fits(&exchange->http->account, answer->body.len)) {
        exchange->http->counts.refused_total++;
        exchange_problem(exchange,
                         &(struct problem){503,
                                           "the hub holds as many answers as it may "
                                           "(limits.held_bytes); try again, or ask for less",
                                           .retry_after_s = 1});
        return;
    }
    count(exchange, answer->status);
    exchange->ops->answer(exchange, answer);
}

void exchange_answer_now(struct exchange *exchange, const char *type, struct str body) {
    struct answer answer = {.status = 200, .type = type, .body = body};
    answer_text(&answer, "Cache-Control", "no-store");
    exchange_answer(exchange, &answer);
}

void exchange_problem(struct exchange *exchange, const struct problem *problem) {
    struct problem_text text;
    struct answer answer;
    problem_answer(problem, &text, &answer);
    if (buf_failed(&text.body))
        exchange_abort(exchange);
    else
        exchange_answer(exchange, &answer);
    problem_fini(&text);
}

void exchange_refuse(struct exchange *exchange, int status, const char *detail) {
    exchange_problem(exchange, &(struct problem){.status = status, .detail = detail});
}

void exchange_refuse_no_memory(struct exchange *exchange) {
    exchange_problem(exchange, &(struct problem){503, "out of memory", .retry_after_s = 1});
}

void exchange_stream(struct exchange *exchange, const struct answer *answer, struct buf *head) {
    ASSERT(answer->length != ANSWER_WHOLE);
    count(exchange, answer->status);
    exchange->ops->stream(exchange, answer, head);
}

unsigned exchange_common_fields(const struct exchange *exchange, struct str origin,
                                struct field out[EXCHANGE_COMMON_FIELDS_MAX]) {
    unsigned count = 0;
    out[count++] = (struct field){STR("X-Content-Type-Options"), STR("nosniff")};
    if (cors_varies(exchange->http->settings->cors))
        out[count++] = (struct field){STR("Vary"), STR("Origin")};
    if (exchange->cors == CORS_NONE) return count;
    bool any = exchange->cors == CORS_ANY;
    out[count++] = (struct field){STR("Access-Control-Allow-Origin"), any ? STR("*") : origin};
    if (!any) out[count++] = (struct field){STR("Access-Control-Allow-Credentials"), STR("true")};
    out[count++] = (struct field){STR("Access-Control-Expose-Headers"),
                                  STR("Allow, Date, ETag, Retry-After, Tailrace-Gap, "
                                      "Tailrace-Position, WWW-Authenticate")};
    return count;
}
