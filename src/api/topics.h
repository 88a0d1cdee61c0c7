// SPDX-License-Identifier: MIT
// GET /topics, and the list of topics that opens a JSON snapshot.
#ifndef TAILRACE_API_TOPICS_H
#define TAILRACE_API_TOPICS_H

#include "http/conn.h"
#include "http/params.h"

void topics_answer(struct conn *conn, const struct http1_request *request, struct params *params,
                   const struct grant *grant);

// Appends the JSON array `[{topic,last_id,last_time,events,bytes,closed}]` of the matching topics.
void topics_write(struct buf *out, struct worker *worker, const struct pattern *names,
                  uint32_t names_count, const struct pattern *grants, uint32_t grants_count);

#endif
