// SPDX-License-Identifier: MIT
// The beginning of a response: its head, and the opening of its document out of what the hub knows.
#ifndef TAILRACE_HUB_OPENING_H
#define TAILRACE_HUB_OPENING_H

#include "hub/hub.h"

// Appends the opening to the head (which may hold LIMIT_TAIL_BYTES), and puts both before what the
// subscriber has been told already. ERR_TOO_LONG: they are more than that; ERR_NOMEM. The
// subscriber has not changed then.
int opening_queue(struct hub *hub, struct subscriber *subscriber, struct buf *head) MUST_CHECK;

#endif
