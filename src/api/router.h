// SPDX-License-Identifier: MIT
// From a request to the handler that answers it (API.md): paths, methods, configured routes.
#ifndef TAILRACE_API_ROUTER_H
#define TAILRACE_API_ROUTER_H

#include "http/exchange.h"

// For struct http: chooses once for each request. Sets request->rest and preset; never NULL.
const struct handler *router_route(struct exchange *exchange);

#endif
