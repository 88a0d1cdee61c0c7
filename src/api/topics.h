// SPDX-License-Identifier: MIT
// GET /topics.
#ifndef TAILRACE_API_TOPICS_H
#define TAILRACE_API_TOPICS_H

#include "http/conn.h"
#include "http/params.h"

void topics_answer(struct conn *conn, const struct http1_request *request, struct params *params,
                   const struct grant *grant);

#endif
