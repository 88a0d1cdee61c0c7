// SPDX-License-Identifier: MIT
// A copy of the journal of this process while it is in use (GET /backup): everything that is
// committed at one moment, without free pages, as a data.mdb. (backup.h is for other processes.)
//
// Threads of its own make it; the caller reads it from a pipe. While it is made LMDB reuses no page
// that it needs, so it is given up when it is as old as another process' snapshot may be
// (readers.h), at once when there is no space, and when the journal has to be reopened or closed:
// publishing goes before a backup.
#ifndef TAILRACE_JOURNAL_COPY_H
#define TAILRACE_JOURNAL_COPY_H

#include "journal/journal.h"

struct copy;

// One at a time: ERR_BUSY. ERR_NOMEM, ERR_SYSTEM. Any thread; the copy belongs to the caller's.
// Does not wait.
int copy_start(struct journal *journal, struct copy **out) MUST_CHECK;
// A pipe, not blocking. Its end says that copy_result is known. Stays the copy's.
int copy_fd(const struct copy *copy);
// 0: what was read is all of it. ERR_CLOSED: it was given up. ERR_CORRUPT: the journal is damaged,
// so that nothing was copied. ERR_IO, ERR_NOMEM. `text`, of at least 256 bytes, says why.
int copy_result(const struct copy *copy, char *text, size_t size);
// At any time. Does not wait.
void copy_close(struct copy *copy);

#endif
