// SPDX-License-Identifier: MIT
// The hub's use of its store: one snapshot a turn, begun by the first that reads in it and ended
// with the turn.
#ifndef TAILRACE_HUB_READING_H
#define TAILRACE_HUB_READING_H

#include "journal/store_reader.h"

struct reading {
    struct store_reader *store;
    bool open;
};

// Does nothing when the turn's snapshot is open. ERR_IO, ERR_NOMEM.
static inline int MUST_CHECK reading_begin(struct reading *reading) {
    if (reading->open) return 0;
    int err = store_reader_begin(reading->store);
    if (!err) reading->open = true;
    return err;
}

// Ends the snapshot if there is one: nothing that was borrowed from it may be used any more.
static inline void reading_end(struct reading *reading) {
    if (!reading->open) return;
    store_reader_end(reading->store);
    reading->open = false;
}

#endif
