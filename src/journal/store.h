// SPDX-License-Identifier: MIT
// The journal's directory and its LMDB environment: claiming, opening, opening again after LMDB gave up, and what LMDB's
// return codes mean. The only place that decides how LMDB is used.
//
// The gate: whoever uses the environment outside the journal thread holds its read side; opening again takes the write side.
#ifndef TAILRACE_JOURNAL_STORE_H
#define TAILRACE_JOURNAL_STORE_H

#include <lmdb.h>
#include <pthread.h>

#include "base/err.h"
#include "base/str.h"

// Names in the directory.
#define STORE_DATA_FILE "data.mdb"
#define STORE_LOCK_FILE "lock"

struct journal_reader;

struct store {
    char *dir;
    size_t map_bytes;
    bool sync;
    int lock_fd;
    MDB_env *env; // NULL while LMDB could not be opened again
    MDB_dbi meta, events, topics, keys, sources;
    size_t txn_id; // of the last commit that succeeded
    pthread_rwlock_t gate;
    pthread_mutex_t readers_lock;
    struct journal_reader *readers;
};

// Claims the directory (making it), checks that it is ours, opens the environment, creates the tables when it is new.
int store_open(struct store *store, const char *dir, size_t map_bytes, bool sync, bool *created,
               struct report *report) MUST_CHECK;
// Also after a failed store_open.
void store_close(struct store *store);
// After creation is complete: from now on the directory holds something worth keeping.
int store_seal(struct store *store, struct report *report) MUST_CHECK;

// ERR_… for a return code of LMDB.
int store_error(int rc);
// Commits and remembers it as good. The transaction is over in any case. LMDB's return code.
int store_commit(struct store *store, MDB_txn *txn) MUST_CHECK;
// Whether LMDB refuses everything until it is opened again.
bool store_panicked(const struct store *store);
// Closes and opens LMDB again in the state of the last commit that succeeded. Journal thread, outside any transaction. Readers wait.
int store_reopen(struct store *store) MUST_CHECK;
// Makes the map larger by a part, for when even deleting finds no room. Same rules.
int store_grow(struct store *store, size_t map_bytes) MUST_CHECK;

#endif
