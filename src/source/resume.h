// SPDX-License-Identifier: MIT
// Where reading goes on in a log that has changed while nobody looked: at a start, from the stored
// position; and in a file that was truncated.
//
// Numbers of devices and inodes are a hint where to look first. Content decides: after a boot the
// numbers may be others, and a file may be replaced by one that begins with all that was read.
#ifndef TAILRACE_SOURCE_RESUME_H
#define TAILRACE_SOURCE_RESUME_H

#include "source/tail.h"

// Starts the chain from the tail's position. fd is the file at the path, -1: there is none; takes
// it over. During a rotation it does nothing; the next check tries again.
void resume_at(struct tail *tail, int fd, struct file_id id);
// For a truncated file `now`: looks for a copy of its former content, which has at least what the
// mark of `now` covers. The copy becomes `now`; later copies and the truncated file come after it.
// ERR_NOT_FOUND: there is no copy. ERR_AGAIN: this cannot be decided yet, try again.
int resume_in_copy(struct tail *tail) MUST_CHECK;

#endif
