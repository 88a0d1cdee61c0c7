// SPDX-License-Identifier: MIT
// The beginning of a response: its head, and the opening of its document out of what the hub knows.
#ifndef TAILRACE_HUB_OPENING_H
#define TAILRACE_HUB_OPENING_H

#include "hub/hub.h"

// Asks for the head (sink->begin) and puts it, and the opening, before what is queued for the
// subscriber already. ERR_TOO_LONG: head and opening are more than LIMIT_TAIL_BYTES; ERR_NOMEM.
// Nothing has been asked for then, and the subscriber has not changed. When the head cannot be made
// the subscriber is broken.
int opening_queue(struct hub *hub, struct subscriber *subscriber) MUST_CHECK;

#endif
