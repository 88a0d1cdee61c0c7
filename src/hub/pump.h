// SPDX-License-Identifier: MIT
// The pump: brings a subscriber that is behind up to the hub's position, a bounded amount each
// turn, then makes it live (or ends a snapshot). Newcomers, resumes and slow readers are all the
// same to it.
#ifndef TAILRACE_HUB_PUMP_H
#define TAILRACE_HUB_PUMP_H

#include "hub/hub.h"

// One turn for one subscriber that is SUB_PUMPED. The number of bytes written.
size_t pump_turn(struct hub *hub, struct subscriber *subscriber);
// One turn for all that are ready, each at most once. True: there is more to do.
bool pump_all(struct hub *hub);
// Whether anything is there for a long poll (or may be: it looks only so far). Its cursor passes
// over what is not for it.
bool pump_probe(struct hub *hub, struct subscriber *subscriber);
// Begins the answer of a long poll that is SUB_WAITING.
void pump_wake(struct hub *hub, struct subscriber *subscriber);

// Ends it with a gap: its filter has run into its limits again and again, nothing is looked for
// behind `reached`. One that comes back goes on from there.
void pump_give_up(struct hub *hub, struct subscriber *subscriber, uint64_t reached);

#endif
