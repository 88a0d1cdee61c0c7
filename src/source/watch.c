// SPDX-License-Identifier: MIT
// inotify, shared by all sources of a hub.
#include "source/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/container.h"
#include "base/list.h"
#include "sys/hash.h"
#include "sys/log.h"

#define FILE_MASK (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF)
#define DIR_MASK                                                                                   \
    (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |         \
     IN_ATTRIB | IN_ONLYDIR)

// One watched inode. Several watches may share it.
struct watched {
    int wd;
    struct watch *list;
    UT_hash_handle hh;
};

// Calls every watch. A watch may remove itself, even the last one: then `watched` is gone.
static void tell(struct watched *watched, uint32_t mask) {
    struct watch *watch = watched->list;
    while (watch) {
        struct watch *next = watch->next;
        watch->changed(watch, mask);
        watch = next;
    }
}

static void forget(struct watcher *watcher, struct watched *watched) {
    HASH_DEL(watcher->table, watched);
    free(watched);
}

// The kernel has dropped the watch: the inode is gone or its file system unmounted.
static void dropped(struct watcher *watcher, struct watched *watched) {
    struct watch *watch, *next;
    DL_FOREACH_SAFE(watched->list, watch, next) {
        DL_DELETE(watched->list, watch);
        watch->watched = NULL;
    }
    forget(watcher, watched);
}

static void handle(struct watcher *watcher, const struct inotify_event *event) {
    if (event->mask & IN_Q_OVERFLOW) {
        watcher->overflow(watcher);
        return;
    }
    struct watched *watched;
    HASH_FIND_INT(watcher->table, &event->wd, watched);
    if (!watched) return;
    if (event->mask & IN_IGNORED) {
        dropped(watcher, watched);
        return;
    }
    tell(watched, event->mask);
}

static void ready(struct loop_io *io, uint32_t events) {
    (void)events;
    struct watcher *watcher = container_of(io, struct watcher, io);
    _Alignas(struct inotify_event) char buffer[16384];
    ssize_t got = read(io->fd, buffer, sizeof buffer);
    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
        at += (ssize_t)(sizeof *event + event->len);
        handle(watcher, event);
    }
}

void watch_init(struct watcher *watcher, struct loop *loop,
                void (*overflow)(struct watcher *watcher)) {
    *watcher = (struct watcher){.loop = loop, .overflow = overflow};
    watcher->io = (struct loop_io){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .ready = ready};
    if (watcher->io.fd < 0 || loop_add(loop, &watcher->io, EPOLLIN)) {
        log_write(LOG_WARN, "inotify is not available; files are checked every two seconds",
                  LOG_TEXT("error", strerror(errno)));
        if (watcher->io.fd >= 0) close(watcher->io.fd);
        watcher->io.fd = -1;
    }
}

void watch_fini(struct watcher *watcher) {
    ASSERT(!watcher->table);
    if (watcher->io.fd < 0) return;
    loop_remove(watcher->loop, &watcher->io);
    close(watcher->io.fd);
    watcher->io.fd = -1;
}

static void add(struct watcher *watcher, struct watch *watch, const char *path, uint32_t mask) {
    ASSERT(!watch->watched);
    if (watcher->io.fd < 0) return;
    int wd = inotify_add_watch(watcher->io.fd, path, mask);
    if (wd < 0) {
        if (errno == ENOSPC && !watcher->warned) {
            watcher->warned = true;
            log_write(LOG_WARN,
                      "out of inotify watches: some files are checked only every two seconds; "
                      "raise fs.inotify.max_user_watches");
        }
        return;
    }
    struct watched *watched;
    HASH_FIND_INT(watcher->table, &wd, watched);
    if (!watched) {
        watched = calloc(1, sizeof *watched);
        if (!watched) {
            inotify_rm_watch(watcher->io.fd, wd);
            return;
        }
        watched->wd = wd;
        HASH_ADD_INT(watcher->table, wd, watched);
    }
    DL_PREPEND(watched->list, watch);
    watch->watched = watched;
}

void watch_add_file(struct watcher *watcher, struct watch *watch, int fd) {
    // By descriptor: another file may have the name by now.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    add(watcher, watch, path, FILE_MASK);
}

void watch_add_dir(struct watcher *watcher, struct watch *watch, const char *path) {
    add(watcher, watch, path, DIR_MASK);
}

void watch_remove(struct watcher *watcher, struct watch *watch) {
    struct watched *watched = watch->watched;
    if (!watched) return;
    DL_DELETE(watched->list, watch);
    watch->watched = NULL;
    if (watched->list) return;
    inotify_rm_watch(watcher->io.fd, watched->wd);
    forget(watcher, watched);
}
