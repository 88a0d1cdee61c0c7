// SPDX-License-Identifier: MIT
// A subscriber that is answered from the past: a page of history (the newest N before an event,
// oldest first), or a search (newest first, hits are given as they are found). Driven by the pump,
// a bounded slice each turn.
//
// Found events are a list of seqs, never copies: a page's, or as many hits as are found between two
// writes. A client that takes nothing stops its search.
#ifndef TAILRACE_HUB_HISTORY_H
#define TAILRACE_HUB_HISTORY_H

#include "hub/hub.h"

// Makes the subscriber's replay, for HUB_START_BEFORE. ERR_NOMEM.
int history_start(struct hub *hub, struct subscriber *subscriber,
                  const struct hub_request *request) MUST_CHECK;
// One turn, in place of the pump's. The number of bytes written.
size_t history_turn(struct hub *hub, struct subscriber *subscriber);

#endif
