// SPDX-License-Identifier: MIT
// Who reads the store: snapshots in LMDB's table of readers, of this process and of others
// (backups, tools). LMDB reuses no page that a snapshot may still need, so one that is forgotten
// makes the data file grow until the map or the disk is full.
//
// Slots of dead processes are cleared. A snapshot of another process that is alive, and a copy that
// this one makes (copy.h), is given up when it is too old, or at once when there is no space:
// publishing goes before a backup that hangs.
// What that process reads afterwards may be wrong; `tailrace check --data` finds out.
#ifndef TAILRACE_JOURNAL_READERS_H
#define TAILRACE_JOURNAL_READERS_H

#include "journal/store.h"

struct readers {
    uint64_t age_max_ms;
    // The oldest snapshot of another process, and when it was seen first; pid 0: none.
    int pid;
    uint64_t txn_id;
    uint64_t since_ms;
    // Found by the last check.
    uint64_t lag; // commits since the oldest snapshot in use, 0: none is
    uint64_t cleared_total;
};

// Journal thread, outside any transaction. `pressed`: there is no space. Failures change nothing.
void readers_check(struct readers *readers, struct store *store, bool pressed);

#endif
