// SPDX-License-Identifier: MIT
// What the parts of src/source share. Everything here belongs to the sources' thread, except what
// `lock` guards.
//
//   source (one configuration) ──┬── tail (one followed path) ── feed ── journal
//                                ├── input (stdin)            ── feed ── journal
//                                └── simulation               ── feed ── journal
#ifndef TAILRACE_SOURCE_SOURCE_PRIV_H
#define TAILRACE_SOURCE_SOURCE_PRIV_H

#include <pthread.h>

#include "source/feed.h"
#include "source/naming.h"
#include "source/source.h"
#include "source/watch.h"
#include "sys/loop.h"

// Bytes of one read: enough to make the call cheap, few enough to stay in the second-level cache.
#define SOURCE_READ_BYTES (128u * 1024)
// All files are examined again this often: some file systems have no inotify, watches get lost,
// permissions come back.
#define SOURCE_RESCAN_MS 2000
// Directory events that belong together (a rename and a create) make one scan.
#define SOURCE_SETTLE_MS 10

struct source_ops {
    // Makes all that may fail, before anything changes: state, memory. Any thread.
    int (*open)(struct source *source, struct report *report);
    // NULL: nothing to do. What is known before any of the new sources has started.
    void (*announce)(struct source *source);
    void (*start)(struct source *source);
    // Closes its feeds, and releases what `open` made, also when the source was never started. No
    // other function of the source may be called afterwards.
    void (*stop)(struct source *source);
    // Something may have changed: look soon. NULL: this kind has nothing to look at.
    void (*rescan)(struct source *source);
};

struct source {
    struct source *prev, *next; // of sources->list
    struct sources *sources;
    const struct source_ops *ops;
    struct source_config config; // our copy
    void *state;                 // the kind's own, from `open` to `stop`
    bool starting;               // announced, not started
};

struct sources {
    struct journal *journal;
    struct loop *loop;
    pthread_t thread;
    struct watcher watcher;
    char *buffer; // SOURCE_READ_BYTES, for the feed that runs
    struct source *list;
    struct naming naming;

    // The queue of feeds that have something to read. They run one after the other, one chunk each.
    struct feed *run_first, *run_last;
    struct inbox_message work;
    bool work_sent;
    size_t held_bytes; // of all chunks

    // Descriptors of followed files (park.h).
    size_t files_open, files_open_max;
    struct loop_timer park_timer;
    bool park_told;

    bool stopping;
    struct source_change *change; // a reload under way
    pthread_mutex_t reload_lock;  // one at a time

    pthread_mutex_t lock; // guards the list of feeds and their status
    struct feed *feeds;
};

extern const struct source_ops source_files, source_stdin, source_simulate;

// Has the source look at its files soon. Nothing happens for a kind that has none.
void source_rescan(struct source *source);

// check.c
// Whether the source can be started: source_check, and what is on the disk. ERR_INVALID with a
// report that names the source.
int source_config_check(const struct source_config *config, struct report *report) MUST_CHECK;
// Whether the pattern's files are one log, one after the other, under one topic (series.h).
bool source_is_series(const struct source_config *config);
int source_config_copy(struct source_config *to, const struct source_config *from) MUST_CHECK;
void source_config_free(struct source_config *config);
bool source_config_equal(const struct source_config *a, const struct source_config *b);
// The topic of a file: the template with its placeholders filled in; the last `parts` parts of the
// path, at least one, stand for {name} and {stem}. Bytes that a topic cannot have are replaced.
// *out is a terminated text on the heap. ERR_INVALID with a report: the result is not a topic.
// ERR_NOMEM.
int source_topic(const char *template, const char *path, unsigned parts, char **out,
                 struct report *report) MUST_CHECK;

#endif
