// SPDX-License-Identifier: MIT
// Looks at everything in a data directory that no process uses, and copies what is whole into a new
// one. Reads the file by itself: LMDB would trust what is damaged.
#ifndef TAILRACE_JOURNAL_AUDIT_H
#define TAILRACE_JOURNAL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct audit {
    // Called for each damage, with a line of text for a person. NULL: nobody asks.
    void (*say)(void *context, const char *text);
    void *context;

    // Filled in:
    uint64_t events, topics, sources; // that are whole
    uint64_t damages;                 // found, counting those that were not said
    // A journal of format 1 has no checksums: only its structure was checked.
    bool structure_only;
};

// 0: all is whole. ERR_CORRUPT: something is damaged, and `say` has said what. ERR_LOCKED: in use.
// ERR_NOT_FOUND: there is no data file. ERR_VERSION: of a newer tailrace. ERR_IO, ERR_NOMEM.
int audit_check(struct audit *audit, const char *dir, struct report *report) MUST_CHECK;

// Copies the events that are whole, the topics' states and the sources' positions from `dir` to a
// new journal in `out_dir`, which must not exist, or be empty. (Until it is complete it is called
// `out_dir`.unfinished.) Seqs and times stay; the new journal has
// another epoch, since events may be missing. Events of a topic whose row is damaged go to the
// topic `recovered/NUMBER`. Errors as above, but 0 also when something was damaged.
int audit_recover(struct audit *audit, const char *dir, const char *out_dir,
                  struct report *report) MUST_CHECK;

#endif
