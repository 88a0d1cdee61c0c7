// SPDX-License-Identifier: MIT
// The fan-out: what was applied to every live subscriber that asked for some of it, in one write
// each. The live subscribers of a selector are all at the same place, so what they get is put
// together once, and a delivery is one send() of shared bytes.
#ifndef TAILRACE_HUB_FANOUT_H
#define TAILRACE_HUB_FANOUT_H

#include "hub/hub.h"

// Delivers everything that was applied, wakes the long polls that have something now, and ends the
// streams whose topics are all closed.
void fanout_deliver(struct hub *hub);
// Empties the ring. Everything must have been delivered.
void fanout_forget_recent(struct hub *hub);

#endif
