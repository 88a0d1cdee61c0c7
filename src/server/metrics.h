// SPDX-License-Identifier: MIT
// GET /metrics: Prometheus text exposition format 0.0.4.
#ifndef TAILRACE_SERVER_METRICS_H
#define TAILRACE_SERVER_METRICS_H

#include "server/conn.h"

void metrics_answer(struct conn *conn, const struct http1_request *request);

#endif
