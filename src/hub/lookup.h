// SPDX-License-Identifier: MIT
// One event by its seq, wherever it is: in the ring, or in the store.
#ifndef TAILRACE_HUB_LOOKUP_H
#define TAILRACE_HUB_LOOKUP_H

#include "journal/event.h"
#include "journal/store_reader.h"

struct hub;

struct lookup {
    struct event *event;  // NULL: it is not in the ring
    struct record record; // of either; the texts are borrowed until the end of the turn
};

// An event as it would be stored.
struct record lookup_record(const struct event *event);
// Begins the turn's reading when the store is needed. ERR_NOT_FOUND: it is gone, or it was never
// there. ERR_CORRUPT: it is damaged, out->record is what is left of it. ERR_IO, ERR_NOMEM.
int lookup_event(struct hub *hub, uint64_t seq, struct lookup *out) MUST_CHECK;
// The event that an alias with these data stands for. ERR_NOT_FOUND: it is gone, or the data are
// damaged.
int lookup_target(struct hub *hub, struct str data, struct lookup *out) MUST_CHECK;

#endif
