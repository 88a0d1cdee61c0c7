// SPDX-License-Identifier: MIT
// Heartbeats: what keeps idle event streams alive.
#ifndef TAILRACE_HUB_HEARTBEAT_H
#define TAILRACE_HUB_HEARTBEAT_H

#include "hub/hub.h"

// Prepares what is sent. ERR_NOMEM.
int heartbeat_init(struct hub *hub) MUST_CHECK;
void heartbeat_fini(struct hub *hub);
// One tick: those whose turn it is, if they are idle.
void heartbeat_tick(struct hub *hub);

#endif
