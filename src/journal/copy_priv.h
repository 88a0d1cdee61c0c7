// SPDX-License-Identifier: MIT
// The copy under way, as the store knows it.
#ifndef TAILRACE_JOURNAL_COPY_PRIV_H
#define TAILRACE_JOURNAL_COPY_PRIV_H

#include "journal/copy.h"
#include "journal/store.h"

// Gives a copy up that is at least this old. False: there is none. Any thread; does not wait, but
// the copy holds the gate only for a moment longer.
bool copy_give_up(struct store *store, uint64_t age_ms);
// The same for one of any age, and waits until nothing of it uses the store. The caller holds
// store->copy_lock, so that none begins.
void copy_end(struct store *store);

#endif
