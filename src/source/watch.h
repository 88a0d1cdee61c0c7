// SPDX-License-Identifier: MIT
// inotify, shared by all sources of a hub. It is no error when a file cannot be watched (limit of
// watches, file system without inotify): the regular scan finds its changes.
#ifndef TAILRACE_SOURCE_WATCH_H
#define TAILRACE_SOURCE_WATCH_H

#include "sys/loop.h"

struct watched;

// Embedded. Zeroed: not watching.
struct watch {
    struct watch *prev, *next; // of the same inode
    struct watched *watched;
    // `mask` has IN_… bits. May remove this watch, but no other one.
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

// Always succeeds. Without inotify, no change is ever reported.
void watch_init(struct watcher *watcher, struct loop *loop,
                void (*overflow)(struct watcher *watcher));
// All watches must have been removed.
void watch_fini(struct watcher *watcher);

// Watches an open file: reports IN_MODIFY, IN_ATTRIB, IN_MOVE_SELF.
void watch_add_file(struct watcher *watcher, struct watch *watch, int fd);
// Watches a directory: reports names that come and go, and its own removal.
void watch_add_dir(struct watcher *watcher, struct watch *watch, const char *path);
// Does nothing if the watch is not active.
void watch_remove(struct watcher *watcher, struct watch *watch);

#endif
