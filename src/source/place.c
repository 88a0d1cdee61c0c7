// SPDX-License-Identifier: MIT
// Opening what a path names without following other people's links.
#include "source/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"

static int close_failed(int fd, int result) {
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

// Opens the directory that the trusted part names; *rest: what follows, relative to it.
static int open_trusted(const char *path, size_t trusted, const char **rest) {
    char dir[PATH_MAX];
    if (trusted >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(dir, path, trusted);
    dir[trusted] = '\0';
    *rest = path + trusted;
    while (**rest == '/') (*rest)++;
    return open(trusted ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int place_walk(const char *path, size_t trusted, int flags) {
    const char *at;
    int dir = open_trusted(path, trusted, &at);
    struct str rest = str_from(at);
    while (dir >= 0 && rest.ptr) {
        char name[NAME_MAX + 1];
        struct str part = str_cut(&rest, '/');
        if (part.len > NAME_MAX) {
            errno = ENAMETOOLONG;
            return close_failed(dir, -1);
        }
        memcpy(name, part.ptr, part.len);
        name[part.len] = '\0';
        int how = rest.ptr ? O_PATH | O_DIRECTORY : flags;
        dir = close_failed(dir, openat(dir, name, how | O_NOFOLLOW | O_CLOEXEC));
        // What O_DIRECTORY says of a link.
        if (dir < 0 && rest.ptr && errno == ENOTDIR) errno = ELOOP;
    }
    return dir;
}

int place_open(const char *path, size_t trusted, int flags) {
    if (trusted >= strlen(path)) return open(path, flags | O_CLOEXEC);
    const char *rest;
    int dir = open_trusted(path, trusted, &rest);
    if (dir < 0) return -1;
    struct open_how how = {.flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
                           .resolve = RESOLVE_NO_SYMLINKS};
    int fd = close_failed(dir, (int)syscall(SYS_openat2, dir, rest, &how, sizeof how));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return place_walk(path, trusted, flags);
    return fd;
}
