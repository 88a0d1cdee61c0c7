// SPDX-License-Identifier: MIT
// Checks an LMDB data file with plain reads before LMDB maps it. A damaged file must give an error,
// and LMDB trusts its file: a page beyond the file's end is a SIGBUS, a wrong flag an assertion or
// a write to foreign memory. Knows file format 1 (LMDB 0.9), which has not changed since 2013.
//
// What is checked of each page that can be reached: that it is of the kind that its tree says and
// in no other place of any tree; that its nodes fill it without a gap; that keys rise and lie
// between the parent's separators. Of each tree: that it has as many pages and entries as its
// header says. Of the list of free pages: that they are in the file, listed once, and not in use.
// Of the two first pages: that they are of two commits that follow each other.
#ifndef TAILRACE_JOURNAL_LMDB_CHECK_H
#define TAILRACE_JOURNAL_LMDB_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

// ERR_VERSION unless the LMDB that the program runs with is a 0.9.
int lmdb_check_version(struct report *report) MUST_CHECK;

// 0; ERR_CORRUPT with what is wrong; ERR_NOT_FOUND when it is sound but has not all of `tables`;
// ERR_IO, ERR_NOMEM. Checks the list of free pages, at least `pages_min` pages of each table, and
// more of them until `ms` have passed; all of them when the file is shorter than its header says.
// ERR_CLOSED once *stop is true (another thread may set it; NULL: nobody does).
int lmdb_check_file(int fd, const char *const *tables, size_t tables_count, uint64_t pages_min,
                    uint64_t ms, const _Atomic(bool) *stop, struct report *report) MUST_CHECK;

struct lmdb_visitor {
    void *context;
    // Each record of a table, in the order of keys; borrowed until it returns. An error ends the
    // walk, which returns it.
    int (*record)(void *context, struct str table, struct str key, struct str data);
    // A damaged page or tree; `table` is empty for the list of free pages and the list of tables.
    void (*damage)(void *context, struct str table, const char *what);
};

// Reads the whole file, past damage and past what the disk cannot read. Records of such pages are
// not visited. When the state of the last commit cannot be found that of the one before is read. 0,
// or ERR_CORRUPT when anything is damaged; ERR_IO, ERR_NOMEM.
int lmdb_check_walk(int fd, const struct lmdb_visitor *visitor, struct report *report) MUST_CHECK;

// The id of the last committed transaction. ERR_CORRUPT, ERR_IO.
int lmdb_check_last_txn(int fd, uint64_t *txn_id) MUST_CHECK;

// Undoes a commit with a transaction id above `txn_id`, as LMDB does itself when writing the last
// page of a commit has failed, and syncs that. The environment must be closed. ERR_CORRUPT,
// ERR_FULL, ERR_IO.
int lmdb_check_roll_back(int fd, uint64_t txn_id) MUST_CHECK;

#endif
