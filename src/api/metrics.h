// SPDX-License-Identifier: MIT
// GET /metrics: Prometheus text exposition format 0.0.4.
#ifndef TAILRACE_API_METRICS_H
#define TAILRACE_API_METRICS_H

#include "http/conn.h"

void metrics_answer(struct conn *conn, const struct http1_request *request);

#endif
