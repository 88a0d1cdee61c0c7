// SPDX-License-Identifier: MIT
// Sources: feed topics from inside the hub. All of them run on one thread of their own and publish
// to the journal like any client. Each has at most one publish on its way, so that a slow journal
// slows reading down and does not fill the memory.
#ifndef TAILRACE_SOURCE_SOURCE_H
#define TAILRACE_SOURCE_SOURCE_H

#include "journal/journal.h"

enum source_kind { SOURCE_FILE, SOURCE_STDIN, SOURCE_SIMULATE };

#define SOURCE_BACKFILL_ALL UINT64_MAX

struct source_config {
    enum source_kind kind;
    // Where events go. For files `{name}` stands for the file's name, `{stem}` for it without the last extension, `{path}`
    // for its path without the leading slash; a glob needs one of them.
    const char *topic;
    const char *type; // SSE event type, "" for none

    // SOURCE_FILE
    const char *path; // or a glob; relative ones from the working directory
    uint64_t
        backfill_lines; // lines of a file never seen before that are taken: the newest N, or SOURCE_BACKFILL_ALL
    uint32_t line_bytes_max; // longer lines are cut there and marked
    bool follow_symlinks;

    // SOURCE_SIMULATE: words or lines, in order or at random, at random intervals
    const char *const *words; // used when `path` is empty, else the lines of the file at `path`
    size_t words_count;
    uint64_t interval_min_ms, interval_max_ms;
    bool
        shuffle; // a random one each time; otherwise in order, beginning again at the end when `repeat`
    bool repeat;
};

struct sources;

// Checks and starts all sources. Returns when each file source has looked for its files once; the
// files need not exist. Copies the configurations. ERR_INVALID with a report that names the source:
// bad glob, topic without placeholder, a directory in place of a file.
int sources_start(struct sources **out, const struct source_config *configs, size_t count,
                  struct journal *journal, struct report *report) MUST_CHECK;
// Replaces the set. Sources whose configuration is unchanged go on undisturbed. On an error nothing
// changes. Any thread.
int sources_reload(struct sources *sources, const struct source_config *configs, size_t count,
                   struct report *report) MUST_CHECK;
// Stops reading, waits for publishes that are on their way, joins the thread. Call it before
// journal_stop. NULL is fine.
void sources_stop(struct sources *sources);

struct source_status {
    struct str name; // "file:/var/log/app.log"; borrowed for the call
    struct str topic;
    bool attached; // the file is open, stdin not at its end, the simulation running
    uint64_t position_bytes;
    uint64_t lag_bytes; // in the file, not committed yet
    uint64_t lines_total;
    uint64_t rotations_total;
    uint64_t errors_total;
    char error[160]; // the last one, empty when there is none
};
// One call for each followed file, stdin and simulation. Any thread.
void sources_status(struct sources *sources,
                    void (*each)(void *context, const struct source_status *status), void *context);

#endif
