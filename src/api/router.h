// SPDX-License-Identifier: MIT
// From a request to who answers it (API.md): paths, methods, configured routes, access.
#ifndef TAILRACE_API_ROUTER_H
#define TAILRACE_API_ROUTER_H

#include "http/conn.h"

// A request's head has come. A publish begins here: conn->publishing is set, or CONN_ANSWERED when it was refused. Everything else waits
// for router_request.
void router_head(struct conn *conn, const struct http1_request *request);
// The whole request has come and no publish took it.
void router_request(struct conn *conn, const struct http1_request *request);
// Whether the request must wait until all earlier answers have left; publishes may be pipelined.
bool router_waits(const struct http1_request *request);

// Answers with problem+json.
void router_problem(struct conn *conn, const struct http1_request *request, int status,
                    const char *detail, unsigned retry_after_s);

// 401 or 403 for somebody who may not.
void router_forbidden(struct conn *conn, const struct http1_request *request,
                      const struct grant *grant, const char *what);

#endif
