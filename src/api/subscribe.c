// SPDX-License-Identifier: MIT
// Subscribing over HTTP: a GET that is answered out of the hub, as a stream, as a snapshot, or as a
// long poll.
#include <stdio.h>

#include "api/access.h"
#include "api/page.h"
#include "api/publish.h"
#include "api/resource.h"
#include "api/stream.h"
#include "api/subscription.h"
#include "proto/sse.h"
#include "sys/clock.h"

// How long a subscriber that cannot be served now is asked to wait, with jitter.
#define TURNED_AWAY_RETRY_MS 30000
// The same for answers that are no streams.
#define REFUSED_RETRY_S 5

// An EventSource gives up for good on anything but 200: what cannot be served now is answered with
// an empty stream that says when to come again.
static void turn_away(struct exchange *exchange, const char *why) {
    struct buf body;
    buf_init(&body, 1024);
    sse_comment(&body, str_from(why));
    sse_retry(&body, http_jitter(exchange->http, TURNED_AWAY_RETRY_MS));
    sse_end(&body);
    struct answer answer = {
        .status = 200, .type = "text/event-stream", .body = buf_str(&body), .last = true};
    answer_text(&answer, "Cache-Control", "no-cache, no-transform");
    exchange_answer(exchange, &answer);
    buf_fini(&body);
}

static bool is_head(struct exchange *exchange) {
    return exchange_request(exchange)->method == METHOD_HEAD;
}

static bool has_room(struct exchange *exchange, const struct subscription *asked) {
    struct problem problem = {.status = 503, .retry_after_s = REFUSED_RETRY_S};
    problem.detail = admission_problem((enum admission_answer)exchange->admission, &problem.status);
    if (!problem.detail && exchange->http->draining) problem.detail = "the hub is shutting down";
    if (!problem.detail) return true;
    exchange->http->counts.refused_total++;
    if (asked->form == FORM_SSE) {
        turn_away(exchange, problem.detail);
    } else {
        exchange_problem(exchange, &problem);
    }
    return false;
}

// hub_subscribe has refused.
static void refuse(struct exchange *exchange, const struct subscription *asked, int err,
                   const char *detail) {
    if (err == ERR_NOT_FOUND) {
        struct answer answer = {.status = 204};
        answer_text(&answer, "Cache-Control", "no-store");
        exchange_answer(exchange, &answer);
    } else if (err == ERR_INVALID) {
        exchange_refuse(exchange, 400, detail);
    } else if (asked->form == FORM_SSE) {
        exchange->http->counts.refused_total++;
        turn_away(exchange, detail);
    } else {
        exchange_problem(exchange, &(struct problem){503, detail[0] ? detail : "out of memory",
                                                     .retry_after_s = REFUSED_RETRY_S});
    }
}

static uint64_t age_of(struct exchange *exchange, const struct subscription *asked) {
    uint64_t age = api_of(exchange)->site->config->max_stream_age_ms;
    return asked->hub.mode == HUB_STREAM && age ? http_jitter(exchange->http, age) : 0;
}

static void subscribe(struct exchange *exchange, struct subscription *asked, struct grant *grant) {
    struct api *api = api_of(exchange);
    struct report report = {0};
    bool waits = false;
    // The framing is the connection's, the coding what was asked for.
    asked->hub.wire.framing = exchange_wire(exchange).framing;
    asked->hub.sink = stream_sink(exchange);
    asked->hub.retry_ms = http_jitter(exchange->http, api->site->config->retry_ms);
    bool tagged = asked->form == FORM_JSON;
    struct str known = {NULL, 0};
    if (tagged) known = request_field(exchange_request(exchange), "If-None-Match");
    struct stream *stream = stream_new(exchange, &asked->hub, grant, known);
    if (!stream) {
        refuse(exchange, asked, ERR_NOMEM, "out of memory");
        return;
    }
    bool searches = asked->hub.start == HUB_START_BEFORE && asked->hub.filter.ptr;
    // A search may go through all of the history and find nothing.
    if (searches) exchange->flags |= EXCHANGE_WATCHED;
    stream->tagged = tagged;
    if (tagged) stream->question = subscription_fingerprint(asked);
    int err =
        hub_subscribe(api->hub, &stream->subscriber, &asked->hub, api_now(api), &waits, &report);
    if (err) {
        stream_discard(stream);
        refuse(exchange, asked, err, report.text);
    } else if (waits) {
        stream_wait(stream, asked->wait_ms);
    } else if (stream_begin(stream, age_of(exchange, asked))) {
        stream_discard(stream);
        exchange_refuse_no_memory(exchange);
    }
}

// HEAD: what a GET would begin with, and nothing else.
static void answer_head(struct exchange *exchange, const struct subscription *asked) {
    struct answer answer;
    stream_head(&answer, asked->hub.format, asked->hub.wire.coding, asked->hub.mode == HUB_STREAM);
    exchange_answer(exchange, &answer);
}

static void answer_asked(struct exchange *exchange, struct subscription *asked, struct str topic,
                         struct grant *grant) {
    struct api *api = api_of(exchange);
    asked->epoch = api_epoch(api);
    asked->committed = journal_last_seq(api->common->journal);
    asked->now_unix_ms = clock_unix_ms();
    if (asked->form == FORM_NONE || asked->form == FORM_HTML) {
        exchange_refuse(exchange, 406,
                        "this is available as text/event-stream, application/json, "
                        "application/x-ndjson or text/plain");
    } else if (subscription_read(asked, topic)) {
        exchange_refuse(exchange, asked->status, asked->problem);
    } else if (subscription_grant(asked, grant)) {
        access_forbid(exchange, grant, "subscribe to this");
    } else if (is_head(exchange)) {
        answer_head(exchange, asked);
    } else if (has_room(exchange, asked)) {
        subscribe(exchange, asked, grant);
    }
}

// `one`: the path names a topic or a pattern. `page`: a browser's address bar gets the page.
static void begin(struct exchange *exchange, bool one, bool page) {
    const struct request *request = exchange_request(exchange);
    struct params params;
    char memory[LIMIT_TOPIC_BYTES];
    struct str topic = {NULL, 0};
    struct subscription asked = {
        .request = request, .params = &params, .form = subscription_form(request, one)};
    if (page && asked.form == FORM_HTML) {
        page_answer(exchange);
        return;
    }
    if (one && !access_decode_topic(exchange, memory, &topic)) return;
    if (!access_params(exchange, &params)) return;
    struct grant *grant = access_check(exchange, &params);
    if (grant) answer_asked(exchange, &asked, topic, grant);
    grant_put(grant);
    params_fini(&params);
}

static void begin_topic(struct exchange *exchange) { begin(exchange, true, true); }

static void begin_events(struct exchange *exchange) { begin(exchange, false, true); }

static void begin_routed(struct exchange *exchange) {
    begin(exchange, exchange_request(exchange)->rest.ptr != NULL, false);
}

#define STREAM_FUNCTIONS                                                                           \
    .writable = stream_writable, .timer = stream_timer, .drain = stream_drain, .gone = stream_gone

static const struct handler topic_handler = {.begin = begin_topic, STREAM_FUNCTIONS};
static const struct handler events_handler = {.begin = begin_events, STREAM_FUNCTIONS};
static const struct handler routed_handler = {.begin = begin_routed, STREAM_FUNCTIONS};

const struct resource topic_resource = {
    .get = &topic_handler, .post = &publish_handler, .delete_ = &forget_handler};
const struct resource events_resource = {.get = &events_handler};
const struct resource routed_resource = {.get = &routed_handler};
