// SPDX-License-Identifier: MIT
// GET /position: the id of the newest event.
//
// An application takes it, then reads its own database, renders a page of that, and lets the page
// subscribe from there: whatever is published after this answer is newer than the id.
#include "api/access.h"
#include "api/api.h"
#include "api/resource.h"
#include "base/json.h"

#define ID_BYTES_MAX 64

// An id tells how much is published, and nothing else: whoever may do anything gets ids anyway.
static bool may_know(const struct grant *grant) {
    return grant->publish_count + grant->subscribe_count > 0;
}

static void answer_id(struct exchange *exchange) {
    const struct api *api = api_of(exchange);
    struct answer answer = {.status = 200, .type = "application/json"};
    struct buf id, body;
    buf_init(&id, ID_BYTES_MAX);
    buf_init(&body, ID_BYTES_MAX * 2);
    struct json json = JSON(&body);
    uint64_t newest = journal_last_seq(api->common->journal);
    document_id(&id, api_epoch(api), newest);
    json_object(&json, NULL);
    json_id(&json, "id", api_epoch(api), newest);
    json_end(&json);
    buf_append_char(&body, '\n');
    if (buf_failed(&id) || buf_failed(&body)) {
        exchange_refuse_no_memory(exchange);
    } else {
        answer.body = buf_str(&body);
        answer_text(&answer, "Cache-Control", "no-store");
        answer_field(&answer, "Tailrace-Position", buf_str(&id));
        exchange_answer(exchange, &answer);
    }
    buf_fini(&id);
    buf_fini(&body);
}

static void answer_position(struct exchange *exchange) {
    struct params params;
    if (!access_params(exchange, &params)) return;
    struct grant *grant = access_check(exchange, &params);
    if (grant && may_know(grant)) {
        answer_id(exchange);
    } else if (grant) {
        access_forbid(exchange, grant, "know the position");
    }
    grant_put(grant);
    params_fini(&params);
}

static const struct handler position_handler = {.begin = answer_position};
const struct resource position_resource = {.get = &position_handler};
