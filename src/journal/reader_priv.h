// SPDX-License-Identifier: MIT
// What the store and the tests see of readers.
#ifndef TAILRACE_JOURNAL_READER_PRIV_H
#define TAILRACE_JOURNAL_READER_PRIV_H

#include "journal/journal.h"
#include "journal/store.h"

// Gives up the transactions of all readers. The caller holds the gate's write side, so none is in use.
void reader_forget_all(struct store *store);
// How many records it has looked at.
uint64_t reader_reads(struct store_reader *reader);

#endif
