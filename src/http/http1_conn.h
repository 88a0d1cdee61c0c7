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

// As connections_… (http/connections.h), for connections of this kind.
void http1_conn_after_turn(struct http *http);
bool http1_conn_are_due(const struct http *http);
// One on which nothing was asked for yet is not closed by drain: its first request may be on its
// way.
void http1_conn_drain(struct http *http);
void http1_conn_close_all(struct http *http);

#endif
