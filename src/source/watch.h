// SPDX-License-Identifier: MIT
// inotify, shared by all sources of a hub. A watch that cannot be had (limit of watches, file system without it) is no error: the
// regular scan of everything stands in for it.
#ifndef TAILRACE_SOURCE_WATCH_H
#define TAILRACE_SOURCE_WATCH_H

#include "sys/loop.h"

struct watched;

// Embedded in whoever wants to know. Zeroed: not watching.
struct watch {
    struct watch *prev, *next; // others that watch the same thing
    struct watched *watched;
    // `mask` has IN_… bits. May remove this watch, no other.
    void (*changed)(struct watch *watch, uint32_t mask);
};

struct watcher {
    struct loop *loop;
    struct loop_io io; // fd -1: no inotify here
    struct watched *table;
    bool warned;
    // Events were lost: everything must be looked at.
    void (*overflow)(struct watcher *watcher);
};

// Always succeeds; without inotify nothing is ever reported.
void watch_init(struct watcher *watcher, struct loop *loop,
                void (*overflow)(struct watcher *watcher));
// All watches must have been removed.
void watch_fini(struct watcher *watcher);

// An open file: told of IN_MODIFY, IN_ATTRIB, IN_MOVE_SELF.
void watch_add_file(struct watcher *watcher, struct watch *watch, int fd);
// A directory: told of names that come and go, and of its own removal.
void watch_add_dir(struct watcher *watcher, struct watch *watch, const char *path);
// Not watching is fine.
void watch_remove(struct watcher *watcher, struct watch *watch);

#endif
