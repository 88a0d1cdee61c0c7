// SPDX-License-Identifier: MIT
// Copies a journal while a hub, another process, uses it, or not.
#ifndef TAILRACE_JOURNAL_BACKUP_H
#define TAILRACE_JOURNAL_BACKUP_H

#include <stdint.h>

#include "base/err.h"

// Writes everything that is committed at one moment to the file `out`, which must not exist,
// without free pages, and syncs it. Put into an empty directory as data.mdb it is a journal. Events
// that are published meanwhile go on; pages that they would reuse are kept until the copy is done.
// The journal must not be open in this process. ERR_EXISTS, ERR_NOT_FOUND, ERR_CORRUPT, ERR_CLOSED
// (the hub gave the snapshot up), ERR_DENIED, ERR_FULL, ERR_IO.
int backup_write(const char *dir, const char *out, uint64_t *bytes,
                 struct report *report) MUST_CHECK;

#endif
