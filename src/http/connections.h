// SPDX-License-Identifier: MIT
// The connections of a worker, of whatever kind: what the worker does with all of them. A kind is a
// row in connections.c.
#ifndef TAILRACE_HTTP_CONNECTIONS_H
#define TAILRACE_HTTP_CONNECTIONS_H

#include "http/exchange.h"
#include "sys/net.h"

// A socket was accepted: asks for admission, and gives it to a kind of connection. Takes over the
// descriptor.
void connections_accept(struct http *http, int fd, const struct net_address *address,
                        enum http_listener listener);
// When all that was ready has been handled: looks at the connections that something happened to.
void connections_after_turn(struct http *http);
// Whether some wait to be looked at: another turn is due.
bool connections_are_due(const struct http *http);
// Idle ones are closed, streams that wait for something are asked to end. The others go when they
// have been answered. To be called again and again while http->draining.
void connections_drain(struct http *http);
// Closes all of them. Their memory is free at the end of the turn.
void connections_close(struct http *http);

#endif
