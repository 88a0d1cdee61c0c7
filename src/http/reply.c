// SPDX-License-Identifier: MIT
// Writing answers.
#include "http/reply.h"

#include <stdlib.h>

#include "base/json.h"

int reply_init(struct reply *reply, struct worker *worker, const struct http1_request *request) {
    *reply = (struct reply){.varies = cors_varies(worker->site->cors)};
    if (!request) return 0;
    struct str origin = http1_header(request, "Origin");
    reply->head_only = request->method == HTTP1_HEAD;
    reply->keep_alive = request->keep_alive && !worker->draining;
    reply->chunked = request->minor >= 1;
    reply->cors = cors_check(worker->site->cors, origin);
    if (reply->cors != CORS_ORIGIN) return 0;
    reply->origin = str_dup(origin);
    return reply->origin ? 0 : ERR_NOMEM;
}

void reply_fini(struct reply *reply) {
    free(reply->origin);
    reply->origin = NULL;
}

void reply_head(struct buf *out, struct worker *worker, const struct reply *reply, int status) {
    if (status >= 500) {
        worker->counts.errors_5xx_total++;
    } else if (status >= 400) {
        worker->counts.errors_4xx_total++;
    }
    http1_head(out, status, worker_date(worker));
    http1_field_text(out, "X-Content-Type-Options", "nosniff");
    if (reply->varies) http1_field_text(out, "Vary", "Origin");
    if (reply->cors != CORS_NONE) {
        bool any = reply->cors == CORS_ANY;
        http1_field_text(out, "Access-Control-Allow-Origin", any ? "*" : reply->origin);
        if (!any) http1_field_text(out, "Access-Control-Allow-Credentials", "true");
        http1_field_text(out, "Access-Control-Expose-Headers", "ETag, Retry-After");
    }
    if (!reply->keep_alive) {
        http1_field_text(out, "Connection", "close");
    } else if (!reply->chunked) {
        http1_field_text(out, "Connection", "keep-alive");
    }
}

void reply_body(struct buf *out, struct worker *worker, const struct reply *reply, int status,
                const char *type, struct str extra, struct str body) {
    reply_head(out, worker, reply, status);
    if (type) http1_field_text(out, "Content-Type", type);
    buf_append_str(out, extra);
    http1_field_u64(out, "Content-Length", body.len);
    http1_head_end(out);
    if (!reply->head_only) buf_append_str(out, body);
}

void reply_empty(struct buf *out, struct worker *worker, const struct reply *reply, int status,
                 struct str extra) {
    reply_head(out, worker, reply, status);
    buf_append_str(out, extra);
    // RFC 9110, 8.6: no Content-Length in a 204, and 304 has no body.
    if (status != 204 && status != 304) http1_field_u64(out, "Content-Length", 0);
    http1_head_end(out);
}

void reply_problem(struct buf *out, struct worker *worker, const struct reply *reply, int status,
                   const char *detail, unsigned retry_after_s, struct str extra) {
    struct buf body, fields;
    bool first = true;
    buf_init(&body, 8192);
    buf_init(&fields, 8192);
    buf_append_char(&body, '{');
    json_pair_str(&body, &first, "title", str_from(http1_reason(status)));
    json_pair_u64(&body, &first, "status", (uint64_t)status);
    json_pair_str(&body, &first, "detail", str_from(detail));
    buf_append_str(&body, STR("}\n"));
    http1_field_text(&fields, "Cache-Control", "no-store");
    if (retry_after_s) http1_field_u64(&fields, "Retry-After", retry_after_s);
    buf_append_str(&fields, extra);
    reply_body(out, worker, reply, status, "application/problem+json", buf_str(&fields),
               buf_str(&body));
    buf_fini(&body);
    buf_fini(&fields);
}
