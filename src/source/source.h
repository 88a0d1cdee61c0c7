// SPDX-License-Identifier: MIT
// Sources: what feeds topics from inside the hub. All run on one thread of their own and publish to
// the journal like anybody else; each has at most one publish under way, so that a slow journal
// slows the reading, not the memory.
#ifndef TAILRACE_SOURCE_SOURCE_H
#define TAILRACE_SOURCE_SOURCE_H

#include "journal/journal.h"

enum source_kind { SOURCE_FILE, SOURCE_STDIN, SOURCE_SIMULATE };

#define SOURCE_BACKFILL_ALL UINT64_MAX

// What one source is to do: a union by `kind`, whose members belong to the kind that they are
// listed under. Each is a row of source_options (source/check.h).
struct source_config {
    enum source_kind kind;
    // Where events go. For files `{name}` stands for the file's name, `{stem}` for it without the
    // last extension, `{path}` for its path without the leading slash; a glob needs one of them.
    const char *topic;
    const char *type; // SSE event type, "" for none
    // FILE: the file, or a glob; relative ones from the working directory. SIMULATE: the file whose
    // lines are emitted; "" for `words`.
    const char *path;
    // FILE, STDIN: longer lines are cut there and marked.
    uint32_t line_bytes_max;
    union {
        struct { // SOURCE_FILE
            // Lines of a file never seen before that are read: the newest N, or
            // SOURCE_BACKFILL_ALL.
            uint64_t backfill_lines;
            bool follow_symlinks;
        };
        struct { // SOURCE_SIMULATE: words or lines, at random intervals
            const char *const *words;
            size_t words_count;
            uint64_t interval_min_ms, interval_max_ms;
            // A random one each time; otherwise in order, and again from the start with `repeat`.
            bool shuffle;
            bool repeat;
        };
    };
};

struct sources;

// Checks and starts all; returns when each file source has looked at its files once (they need not
// exist). The configurations are copied. ERR_INVALID with a report that names the source: what
// source_check (source/check.h) refuses, a directory in place of a file, a simulation's file that
// cannot be read.
int sources_start(struct sources **out, const struct source_config *configs, size_t count,
                  struct journal *journal, struct report *report) MUST_CHECK;
// Replaces the set: sources whose configuration is unchanged continue undisturbed. On an error
// nothing changes. Any thread.
int sources_reload(struct sources *sources, const struct source_config *configs, size_t count,
                   struct report *report) MUST_CHECK;
// Stops reading, waits for publishes under way, joins the thread. Call before journal_stop. NULL is
// fine.
void sources_stop(struct sources *sources);

struct source_status {
    struct str name; // "file:/var/log/app.log"; borrowed for the call
    struct str topic;
    bool attached; // the file is open, stdin not at its end, the simulation running
    uint64_t position_bytes;
    uint64_t lag_bytes; // what is in the file and not yet committed
    uint64_t lines_total;
    uint64_t rotations_total;
    uint64_t errors_total;
    char error[160]; // the last one, empty when all is well
};
// One call for each followed file, stdin and simulation. Any thread.
void sources_status(struct sources *sources,
                    void (*each)(void *context, const struct source_status *status), void *context);

#endif
