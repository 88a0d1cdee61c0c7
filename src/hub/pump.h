// SPDX-License-Identifier: MIT
// The pump: brings a subscriber that is behind up to the hub's position, a bounded amount each
// turn, then makes it live (or ends a snapshot). Newcomers, resumes and slow readers are all the
// same to it.
#ifndef TAILRACE_HUB_PUMP_H
#define TAILRACE_HUB_PUMP_H

#include "hub/hub.h"

// Goes on with finding the subscriber's topics, for one slice; look at selection->resolved.
// ERR_LIMIT: there is no room in the account for them. ERR_NOMEM.
int pump_resolve(struct hub *hub, struct subscriber *subscriber) MUST_CHECK;
// Begins its answer, which makes it SUB_PUMPED: at once, or when its topics are known. Errors as of
// opening_queue.
int pump_begin(struct hub *hub, struct subscriber *subscriber) MUST_CHECK;
// A long poll begins. False: there is something for it, its answer is to be begun. True: it waits,
// or does not know yet whether it must.
bool pump_wait(struct hub *hub, struct subscriber *subscriber);
// One turn for one subscriber that is SUB_PUMPED. The number of bytes written.
size_t pump_turn(struct hub *hub, struct subscriber *subscriber);
// One turn for all that are ready, each at most once. True: there is more to do.
bool pump_all(struct hub *hub);
// Whether retention is known to have taken what a subscriber that begins now was to be given; false
// when its topics are not all found yet.
bool pump_lacks(const struct hub *hub, const struct subscriber *subscriber);
// Begins the answer of a long poll that is SUB_WAITING.
void pump_wake(struct hub *hub, struct subscriber *subscriber);

// Ends it with a gap: its filter has run into its limits again and again, nothing is looked for
// behind `reached`. One that comes back goes on from there.
void pump_give_up(struct hub *hub, struct subscriber *subscriber, uint64_t reached);

#endif
