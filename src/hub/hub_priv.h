// SPDX-License-Identifier: MIT
// The hub's own struct: what its files share.
#ifndef TAILRACE_HUB_HUB_PRIV_H
#define TAILRACE_HUB_HUB_PRIV_H

#include "hub/budget.h"
#include "hub/directory.h"
#include "hub/hub.h"
#include "hub/reading.h"
#include "hub/ready.h"
#include "hub/ring.h"
#include "hub/round.h"
#include "hub/wheel.h"

// A round is filled up to about this much before it is written, whatever a turn brings: it has room
// for this and for one more of the largest events.
#define HUB_ROUND_BYTES ((size_t)1024 * 1024)

struct hub {
    const char *epoch;
    struct reading reading;
    struct directory directory;
    struct ring ring;
    struct account *account; // the worker's
    struct account own;      // where there is none
    uint64_t position;       // everything up to here was applied
    uint64_t delivered;      // everything up to here was written to the live ones
    uint64_t last_time_ms;   // of the newest event
    uint64_t trims;          // as of store_reader_trims: those that were applied
    uint64_t now_ms;
    struct budget budget;
    struct round round; // what is being written now
    struct parcel_account pinned;
    struct ready ready;
    struct wheel wheel;
    uint64_t heartbeat_ms;
    // What an idle stream is sent, prepared: [format][with notices][wire]. Empty: nothing.
    struct buf heartbeats[FRAME_FORMATS][2][WIRE_KINDS];
    uint64_t looked_total; // events looked at by the pump
    uint64_t walked_total; // steps of selection_resolve
    struct hub_counts counts;
};

#endif
