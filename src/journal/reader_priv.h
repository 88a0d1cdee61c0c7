// SPDX-License-Identifier: MIT
// Readers, for the store and the tests.
#ifndef TAILRACE_JOURNAL_READER_PRIV_H
#define TAILRACE_JOURNAL_READER_PRIV_H

#include "journal/journal.h"
#include "journal/store.h"

// Aborts the transactions of all readers. The caller holds the gate's write side, so none is in
// use.
void reader_forget_all(struct store *store);
// How many records the reader has looked at.
uint64_t reader_reads(struct store_reader *reader);

#endif
