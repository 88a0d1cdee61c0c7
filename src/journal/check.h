// SPDX-License-Identifier: MIT
// Looks at an LMDB data file with plain reads, before LMDB maps it: a damaged file must give an error, and LMDB believes what it finds (a
// file that is too short is a SIGBUS). Knows LMDB's file format 1 (lmdb 0.9), which has not changed since 2013.
#ifndef TAILRACE_JOURNAL_CHECK_H
#define TAILRACE_JOURNAL_CHECK_H

#include <stdint.h>

#include "base/err.h"

// 0; ERR_CORRUPT with what is wrong; ERR_NOT_FOUND when it is sound but has not all of `tables`; ERR_IO. Every page that can be reached
// through up to `pages_max` pages is looked at; all of them when the file is shorter than it says.
int check_data_file(int fd, const char *const *tables, size_t tables_count, uint64_t pages_max,
                    struct report *report) MUST_CHECK;

// Makes a commit with a transaction id above `txn_id` undone, as LMDB does itself when it failed to write its last page. The
// environment must be closed.
int check_roll_back(int fd, uint64_t txn_id) MUST_CHECK;

#endif
