// SPDX-License-Identifier: MIT
// HTTP/1.1 and 1.0 as a kind of connection (RFC 9112): reads requests, keeps their answers in
// order, ends what is too slow. What a request means is the handlers' affair (http/exchange.h).
//
// A connection that has become an idle stream holds no parser and no buffers.
#ifndef TAILRACE_HTTP_HTTP1_CONN_H
#define TAILRACE_HTTP_HTTP1_CONN_H

#include "http/exchange.h"
#include "sys/net.h"

// Takes over an accepted descriptor and what admission_enter said of it. When memory is out the
// descriptor is closed.
void http1_conn_accept(struct http *http, int fd, enum http_listener listener,
                       struct visitor *visitor, enum admission_answer admission);

// When all that was ready has been handled: looks at the connections that something happened to.
void http1_conn_after_turn(struct http *http);
// Idle connections are closed, but for new ones, whose first request may be under way. Streams that
// wait for something are asked to end (handler->drain).
// The others go when they have been answered.
void http1_conn_drain(struct http *http);
// Closes all of them. Their memory is free at the end of the turn.
void http1_conn_close_all(struct http *http);

#endif
