// SPDX-License-Identifier: MIT
// The chain of a followed path: which files are behind it, in the order in which they are read.
//
//   before ──> now ──> pending[0] ──> pending[1] … the file at the path
//
// tail.c reads `now` to its end, then moves on to the next one. Here the chain is started, and it
// grows when the path has another file. resume.h starts it from a stored position.
#ifndef TAILRACE_SOURCE_CHAIN_H
#define TAILRACE_SOURCE_CHAIN_H

#include "source/tail.h"

// Looks at the path and opens what is new there.
void chain_check(struct tail *tail);
// Whether one of the chain's open files is this one.
bool chain_holds(const struct tail *tail, struct file_id id);
// Whether one more file can be appended.
bool chain_has_room(const struct tail *tail);
// Appends a file, which the chain owns from now on; there must be room. NULL is fine.
void chain_append(struct tail *tail, struct followed_file *file);
// Appends the file at the path itself. Takes over fd; -1: there is none.
void chain_append_path(struct tail *tail, int fd, struct file_id id);

#endif
