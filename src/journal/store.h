// SPDX-License-Identifier: MIT
// The journal's directory and its LMDB environment: claiming, opening, reopening after LMDB refused
// to go on, and the meaning of LMDB's return codes. Only this module decides how LMDB is used.
//
// The gate: threads other than the journal thread hold its read side while they use the
// environment; reopening takes the write side.
#ifndef TAILRACE_JOURNAL_STORE_H
#define TAILRACE_JOURNAL_STORE_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

// Names in the directory.
#define STORE_DATA_FILE "data.mdb"
#define STORE_LOCK_FILE "lock"

struct journal_reader;
struct copy;

struct store {
    char *dir;
    size_t map_bytes;
    bool sync;
    int lock_fd;
    off_t lock_commit_at; // where the lock file says which commit was the last, 0: not yet
    // data.mdb is not the file that this directory had at the last commit: a copy was put in place.
    bool restored;
    char lock_epoch[16]; // the epoch that the lock file names, empty: none
    // LMDB's table of readers, lock.mdb. Open for as long as the environment is: LMDB has record
    // locks on that file, and closing any descriptor of it would give them all up.
    int table_fd;
    // As of store_reader_trims. Raised before the commit is made.
    _Atomic(uint64_t) trims;
    MDB_env *env; // NULL after reopening failed
    MDB_dbi meta, events, topics, keys, sources;
    size_t txn_id; // of the last commit that succeeded
    // Reopening could not take the commit back that had failed, on the disk. `env` is for reading
    // only, until reopening succeeds.
    bool unsettled;
    pthread_rwlock_t gate;
    pthread_mutex_t readers_lock;
    struct journal_reader *readers;
    pthread_mutex_t copy_lock;
    struct copy *copy; // under way, or ended and not waited for (copy.h)
};

// Claims the directory (creating it), checks that it is a journal's, opens the environment, creates
// the tables when it is new.
int store_open(struct store *store, const char *dir, size_t map_bytes, bool sync, bool *created,
               struct report *report) MUST_CHECK;
// Also after a failed store_open.
void store_close(struct store *store);
// Opening is complete: marks the directory as the journal with this epoch, which must be kept.
int store_seal(struct store *store, const char *epoch, struct report *report) MUST_CHECK;

// Opens the data file of a journal that no process uses, for reading; `lock_fd` keeps others away,
// -1 when there is no lock file (a backup). The caller closes both. ERR_LOCKED, ERR_NOT_FOUND,
// ERR_DENIED, ERR_IO.
int store_open_data(const char *dir, int *fd, int *lock_fd, struct report *report) MUST_CHECK;

// Makes the entry of this file or directory in its directory last. ERR_IO.
int store_sync_parent(const char *path) MUST_CHECK;
// ERR_… for a return code of LMDB.
int store_error(int rc);
// Commits and keeps the transaction's id as the last good one. The transaction is over in any case.
// Returns LMDB's code.
int store_commit(struct store *store, MDB_txn *txn) MUST_CHECK;
// Whether nothing can be written until it is reopened.
bool store_panicked(const struct store *store);
// Closes LMDB and opens it in the state of the last commit that succeeded. On the journal thread,
// outside any transaction. Readers wait. After an error they may go on when `env` is not NULL.
int store_reopen(struct store *store) MUST_CHECK;
// Makes the map this large, for when even deleting finds no room. Same rules.
int store_grow(struct store *store, size_t map_bytes) MUST_CHECK;

#endif
