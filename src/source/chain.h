// SPDX-License-Identifier: MIT
// The chain of a followed path: which files are behind it, in the order in which they are read.
//
//   before ──> now ──> pending[0] ──> pending[1] … the file at the path
//
// tail.c reads `now` to its end, then moves on to the next one. Here the chain is started, and it
// grows when the path has another file.
#ifndef TAILRACE_SOURCE_CHAIN_H
#define TAILRACE_SOURCE_CHAIN_H

#include "source/tail.h"

// Looks at the path and opens what is new there.
void chain_check(struct tail *tail);
// Whether one of the chain's open files is this one.
bool chain_holds(const struct tail *tail, struct file_id id);
// For a truncated file `now`: looks for a copy of its former content, which has at least what the
// mark of `now` covers. The copy becomes `now`; later copies and the truncated file come after it.
// ERR_NOT_FOUND: there is no copy. ERR_AGAIN: this cannot be decided yet, try again.
int chain_find_copy(struct tail *tail) MUST_CHECK;

#endif
