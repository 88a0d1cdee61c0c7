// SPDX-License-Identifier: MIT
// The log of a journal that shares its log with nobody. It holds no more than one record, from its
// append to its read: what has been applied is in the journal, and the position with it, in one
// transaction.
#ifndef TAILRACE_LOG_LOCAL_H
#define TAILRACE_LOG_LOCAL_H

#include "log/log.h"

struct log_local {
    struct log log;
    uint64_t (*now_ms)(void *context);
    void *context;
    const struct log_record *waits; // appended and not read
};

// `now_ms` gives entries their time, on the log's thread.
void log_local_init(struct log_local *local, uint64_t (*now_ms)(void *context), void *context);

#endif
