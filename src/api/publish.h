// SPDX-License-Identifier: MIT
// Publishing over HTTP: POST /t/{topic} with one event or with lines as they come, DELETE /t/{topic}.
#ifndef TAILRACE_API_PUBLISH_H
#define TAILRACE_API_PUBLISH_H

#include "http/conn.h"
#include "http/params.h"

struct publishing;

// Begins a publish: checks the parameters, queues the answer. On a bad request the answer is ready at once, *out is NULL.
void publish_begin(struct conn *conn, const struct http1_request *request, struct params *params,
                   struct str topic, struct publishing **out);
// The body as it comes.
void publish_body(struct publishing *publishing, struct str bytes);
// Nothing more is there for now: what has come is published.
void publish_pause(struct publishing *publishing);
// The body is complete (or refused): answers when all is committed. The publishing is no longer the caller's.
void publish_end(struct publishing *publishing);
// Sets the answer to an error, unless there is one.
void publish_fail(struct publishing *publishing, int status, const char *detail);
bool publish_failed(const struct publishing *publishing);
// The connection is gone before the body was complete. What came as whole lines stays published.
void publish_abandon(struct publishing *publishing);

// DELETE: answers when it is done.
void publish_forget(struct conn *conn, const struct http1_request *request, struct str topic);

#endif
