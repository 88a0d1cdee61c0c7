// SPDX-License-Identifier: MIT
// A data file that is read without LMDB: shared by audit.c (checking) and recover.c (copying).
#ifndef TAILRACE_JOURNAL_AUDIT_PRIV_H
#define TAILRACE_JOURNAL_AUDIT_PRIV_H

#include "journal/audit.h"
#include "journal/lmdb_check.h"
#include "journal/record.h"

struct audit_source {
    struct audit *audit;
    struct report *report;
    int fd, lock_fd;
    int format_err, state_err;
    uint32_t version;
    struct record_format format;
    struct record_state state;
};

// Opens the file, checks its structure and reads `meta`. Damage is said, not returned, unless
// nothing can be read without what is damaged.
int audit_open(struct audit_source *source, struct audit *audit, const char *dir,
               struct report *report) MUST_CHECK;
void audit_close(struct audit_source *source);
// Visits the rows of all pages that are whole. An error of `record` ends it.
int audit_walk(struct audit_source *source,
               int (*record)(void *context, struct str table, struct str key, struct str data),
               void *context) MUST_CHECK;
// A record of the table of events, wholly checked.
int audit_read_event(struct audit_source *source, struct str key, struct str data,
                     struct record_view *out) MUST_CHECK;
void audit_say(struct audit *audit, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
