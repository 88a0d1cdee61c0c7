// SPDX-License-Identifier: MIT
// The beginning of a response: its head, and the opening of its document out of what the hub knows.
// The topics that a document begins with are written in pieces, as the connection takes them: each
// topic that is there all the time once, as it is when it is written.
#ifndef TAILRACE_HUB_OPENING_H
#define TAILRACE_HUB_OPENING_H

#include "hub/hub.h"

// Asks for the head (sink->begin) and puts it, and the opening, before what is queued for the
// subscriber already. ERR_NOMEM: nothing has been asked for then, and the subscriber is to be
// broken or removed. When the head cannot be made the subscriber is broken; when it is the whole
// answer it is finished. A snapshot's selection must be resolved.
int opening_queue(struct hub *hub, struct subscriber *subscriber) MUST_CHECK;
// Whether topics are still to be written.
bool opening_lists(const struct subscriber *subscriber);
// Writes some more, of one that is SUB_PUMPED, and puts it into the ready queue again. How many
// bytes.
size_t opening_go_on(struct hub *hub, struct subscriber *subscriber);

#endif
