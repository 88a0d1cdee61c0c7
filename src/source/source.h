// SPDX-License-Identifier: MIT
// Sources: feed topics from inside the hub. All of them run on one thread of their own and publish
// to the journal like any client. Each has at most one publish on its way, so that a slow journal
// slows reading down and does not fill the memory.
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
            // Files named like rotated parts of another one are logs of their own.
            bool separate;
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

// Checks and starts all sources. Returns when each file source has looked for its files once; the
// files need not exist. Copies the configurations. ERR_INVALID with a report that names the source:
// what source_check (source/check.h) refuses, a directory in place of a file, a simulation's file
// that cannot be read.
int sources_start(struct sources **out, const struct source_config *configs, size_t count,
                  struct journal *journal, struct report *report) MUST_CHECK;
// Replaces the set. Sources whose configuration is unchanged go on undisturbed. On an error nothing
// changes. Any thread.
int sources_reload(struct sources *sources, const struct source_config *configs, size_t count,
                   struct report *report) MUST_CHECK;
// Stops reading, waits for publishes that are on their way, joins the thread. Call it before
// journal_stop. What sources_status tells stays until sources_free. NULL is fine.
void sources_stop(struct sources *sources);
// After sources_stop, when no thread asks for anything any more. NULL is fine.
void sources_free(struct sources *sources);

// What is measured of each source: name (of the metric tailrace_source_NAME too), level, help.
#define SOURCE_COUNTERS(X)                                                                         \
    X(attached, gauge, "1 while the source is being read")                                         \
    X(position_bytes, gauge, "how far it has been read and committed")                             \
    X(lag_bytes, gauge, "what is there and not yet committed")                                     \
    X(lines_total, counter, "lines published")                                                     \
    X(rotations_total, counter, "rotations followed")                                              \
    X(parked, gauge, "1 while a quiet file is closed because descriptors are short")               \
    X(errors_total, counter, "errors")

struct source_status {
    struct str name; // "file:/var/log/app.log"; borrowed for the call
    struct str topic;
    // `attached`: the file is open, stdin is not at its end, the simulation runs.
#define X(name, level, help) uint64_t name;
    SOURCE_COUNTERS(X)
#undef X
    char error[160]; // the last one, empty when there is none
};
// One call for each followed file, stdin and simulation. Any thread.
void sources_status(struct sources *sources,
                    void (*each)(void *context, const struct source_status *status), void *context);

#endif
