// SPDX-License-Identifier: MIT
// Makes a disk fail: preloaded (LD_PRELOAD) into the program under test.
//
//   TAILRACE_IOFAULT=CONTROL:TEXT
//
// While the file CONTROL exists, writing and syncing of files whose path contains TEXT fails. The
// content of CONTROL says how: any of the words `full` (ENOSPC; the default is EIO), `write` `sync`
// (only those; the default is both), `osync` (only writes through a descriptor opened O_DSYNC or
// O_SYNC: the last page of an LMDB commit), `late` (everything, but that last page first). With
// `read@N` only reading of the byte at N fails.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum operation { OP_WRITE, OP_SYNC, OP_READ };

static bool names_file(int fd, const char *text) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0) return false;
    path[len] = '\0';
    return path[0] == '/' && strstr(path, text);
}

// Reads the control file. False: it does not exist.
static bool read_control(const char *path, char text[64]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t len = read(fd, text, 63);
    text[len > 0 ? len : 0] = '\0';
    close(fd);
    return true;
}

// 0, or the errno of the failure. `at` and `len` are those of reading.
static int fault_at(int fd, enum operation operation, off_t at, size_t len) {
    static _Atomic(bool) has_begun;
    const char *setting = getenv("TAILRACE_IOFAULT");
    const char *colon = setting ? strrchr(setting, ':') : NULL;
    if (!colon || colon - setting > 4000) return 0;
    char control[4096], how[64];
    memcpy(control, setting, (size_t)(colon - setting));
    control[colon - setting] = '\0';
    int saved = errno;
    bool last_page = operation == OP_WRITE && (fcntl(fd, F_GETFL) & (O_DSYNC | O_SYNC));
    bool exists = read_control(control, how), fails = exists && names_file(fd, colon + 1);
    const char *read_at = fails ? strstr(how, "read@") : NULL;
    if (!exists) has_begun = false;
    if (fails && (read_at || operation == OP_READ)) {
        off_t byte = read_at ? (off_t)strtoll(read_at + 5, NULL, 10) : 0;
        fails = read_at && operation == OP_READ && byte >= at && byte < at + (off_t)len;
    } else if (fails && strstr(how, "late"))
        fails = has_begun = has_begun || last_page;
    else if (fails && strstr(how, "osync"))
        fails = last_page;
    else if (fails && (strstr(how, "write") || strstr(how, "sync")))
        fails = strstr(how, operation == OP_WRITE ? "write" : "sync") != NULL;
    errno = saved;
    return !fails ? 0 : strstr(how, "full") ? ENOSPC : EIO;
}

static int fault(int fd, enum operation operation) { return fault_at(fd, operation, 0, 0); }

// Calls the next definition of the function, with the same arguments, unless there is a fault.
#define WRAP(type, name, operation, parameters, arguments)                                         \
    EXPORT type name parameters;                                                                   \
    type name parameters {                                                                         \
        type(*next) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);                      \
        int err = fault(fd, operation);                                                            \
        if (err) {                                                                                 \
            errno = err;                                                                           \
            return -1;                                                                             \
        }                                                                                          \
        return next arguments;                                                                     \
    }

WRAP(ssize_t, write, OP_WRITE, (int fd, const void *data, size_t len), (fd, data, len))
WRAP(ssize_t, writev, OP_WRITE, (int fd, const struct iovec *parts, int count), (fd, parts, count))
WRAP(ssize_t, pwrite, OP_WRITE, (int fd, const void *data, size_t len, off_t at),
     (fd, data, len, at))
WRAP(ssize_t, pwrite64, OP_WRITE, (int fd, const void *data, size_t len, off_t at),
     (fd, data, len, at))
WRAP(ssize_t, pwritev, OP_WRITE, (int fd, const struct iovec *parts, int count, off_t at),
     (fd, parts, count, at))
WRAP(ssize_t, pwritev64, OP_WRITE, (int fd, const struct iovec *parts, int count, off_t at),
     (fd, parts, count, at))
#define WRAP_READ(name)                                                                            \
    EXPORT ssize_t name(int fd, void *data, size_t len, off_t at);                                 \
    ssize_t name(int fd, void *data, size_t len, off_t at) {                                       \
        ssize_t (*next)(int, void *, size_t, off_t) =                                              \
            (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, #name);                       \
        int err = fault_at(fd, OP_READ, at, len);                                                  \
        if (err) {                                                                                 \
            errno = err;                                                                           \
            return -1;                                                                             \
        }                                                                                          \
        return next(fd, data, len, at);                                                            \
    }

WRAP_READ(pread)
WRAP_READ(pread64)
WRAP(int, ftruncate, OP_WRITE, (int fd, off_t len), (fd, len))
WRAP(int, ftruncate64, OP_WRITE, (int fd, off_t len), (fd, len))
WRAP(int, fdatasync, OP_SYNC, (int fd), (fd))
WRAP(int, fsync, OP_SYNC, (int fd), (fd))
