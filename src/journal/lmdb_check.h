// SPDX-License-Identifier: MIT
// Checks an LMDB data file with plain reads before LMDB maps it. A damaged file must give an error,
// and LMDB trusts its file: a page beyond the file's end is a SIGBUS. Knows file format 1 (LMDB
// 0.9), which has not changed since 2013.
#ifndef TAILRACE_JOURNAL_LMDB_CHECK_H
#define TAILRACE_JOURNAL_LMDB_CHECK_H

#include <stdint.h>

#include "base/err.h"

// ERR_VERSION unless the LMDB that the program runs with is a 0.9.
int lmdb_check_version(struct report *report) MUST_CHECK;

// 0; ERR_CORRUPT with what is wrong; ERR_NOT_FOUND when it is sound but has not all of `tables`;
// ERR_IO. Checks the pages that can be reached through up to `pages_max` pages; all of them when
// the file is shorter than its header says.
int lmdb_check_file(int fd, const char *const *tables, size_t tables_count, uint64_t pages_max,
                    struct report *report) MUST_CHECK;

// Undoes a commit with a transaction id above `txn_id`, as LMDB does itself when writing the last
// page of a commit has failed. The environment must be closed.
int lmdb_check_roll_back(int fd, uint64_t txn_id) MUST_CHECK;

#endif
