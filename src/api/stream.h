// SPDX-License-Identifier: MIT
// A subscription over HTTP: a GET that is answered out of the hub, as a stream, as a snapshot, or as a long poll.
#ifndef TAILRACE_API_STREAM_H
#define TAILRACE_API_STREAM_H

#include "http/conn.h"
#include "http/params.h"

struct stream;

extern const struct hub_sink stream_sink;

// Answers a GET or HEAD. `topic`: the decoded topic of /t/…, ptr NULL for /events. The grant has been checked for credentials only.
void stream_start(struct conn *conn, const struct http1_request *request, struct params *params,
                  struct str topic, const struct grant *grant);

// Whether the request is a browser's address bar: it wants the page (Accept prefers text/html).
bool stream_wants_page(const struct http1_request *request, bool one_topic);

// The connection's side. `stream_closed`: the connection is gone; frees.
void stream_closed(struct stream *stream);
void stream_writable(struct stream *stream);
void stream_timeout(struct stream *stream);
// Whether it ends by itself and the connection goes on after it.
bool stream_ends(const struct stream *stream);
bool stream_is_snapshot(const struct stream *stream);
// A long poll that has not been answered yet.
bool stream_is_waiting(const struct stream *stream);
// One that may look through all of the history and find nothing.
bool stream_is_search(const struct stream *stream);
// After `finished`: frees it; whether the connection may be used for another request.
bool stream_finish(struct stream *stream);

#endif
