// SPDX-License-Identifier: MIT
// Files that the user named: the configuration, and those that hold secrets.
#ifndef TAILRACE_CONFIG_FILE_H
#define TAILRACE_CONFIG_FILE_H

#include "base/buf.h"
#include "base/err.h"

// Reads the whole file into `out`, whose maximum is the longest file that is taken; *mode are its
// permission bits. Errors name the file: ERR_NOT_FOUND, ERR_DENIED, ERR_IO, ERR_INVALID (too long),
// ERR_NOMEM.
int file_read(const char *path, struct buf *out, unsigned *mode, struct report *report) MUST_CHECK;
// Overwrites the content, which may be a secret, and releases it.
void file_erase(struct buf *content);

#endif
