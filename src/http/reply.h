// SPDX-License-Identifier: MIT
// Writing answers: status, the fields that every answer has (CORS, nosniff, Connection), problem+json.
#ifndef TAILRACE_HTTP_REPLY_H
#define TAILRACE_HTTP_REPLY_H

#include "base/buf.h"
#include "http/cors.h"
#include "proto/http1.h"
#include "server/worker.h"

// What an answer must know of its request after the request's head is gone.
struct reply {
    bool head_only;
    bool keep_alive;
    bool chunked; // HTTP/1.1: the body may be chunked
    bool varies;
    enum cors_answer cors;
    char *origin; // owned; NULL unless cors is CORS_ORIGIN
};

// ERR_NOMEM. `request` may be NULL (a request that could not be read).
int reply_init(struct reply *reply, struct worker *worker,
               const struct http1_request *request) MUST_CHECK;
void reply_fini(struct reply *reply);

// Status line and common fields. Further fields and http1_head_end follow.
void reply_head(struct buf *out, struct worker *worker, const struct reply *reply, int status);
// A whole answer. `extra`: further fields, ready made, may be empty.
void reply_body(struct buf *out, struct worker *worker, const struct reply *reply, int status,
                const char *type, struct str extra, struct str body);
void reply_empty(struct buf *out, struct worker *worker, const struct reply *reply, int status,
                 struct str extra);
// RFC 9457. `retry_after_s` 0: none. `extra` as above.
void reply_problem(struct buf *out, struct worker *worker, const struct reply *reply, int status,
                   const char *detail, unsigned retry_after_s, struct str extra);

#endif
