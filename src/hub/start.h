// SPDX-License-Identifier: MIT
// Where a subscriber begins: turns what was asked for (an id, a time, the newest N of each topic)
// into a cursor, or into a window where a cursor cannot say it.
#ifndef TAILRACE_HUB_START_H
#define TAILRACE_HUB_START_H

#include "hub/hub.h"

// Sets cursor, replay and `told`. Errors as of hub_subscribe.
int start_resolve(struct hub *hub, struct subscriber *subscriber, const struct hub_request *request,
                  struct report *report) MUST_CHECK;

#endif
