// SPDX-License-Identifier: MIT
// Records what a program does to the files below a directory, so that it can be said what a power
// cut would leave of them at any moment: preloaded (LD_PRELOAD) into the program under test.
//
//   TAILRACE_POWERLOSS=RECORD:ROOT  ROOT without symbolic links; the file RECORD is elsewhere
//   TAILRACE_POWERLOSS_KILL=N       the process is killed when it has made N operations
//   TAILRACE_POWERLOSS_FAIL=N       its N-th write through a descriptor opened O_DSYNC or O_SYNC
//                                   answers EIO, though it may arrive
//
// RECORD is appended to, so that several processes, one after the other, make one recording. A
// power cut does not follow a kill: what a killed process wrote is still to be synced.
//
// An operation and its entry are made under one lock, so the entries are in the order in which the
// operations took effect. Calls that tailrace and LMDB do not use are not wrapped: whoever uses a
// recording compares its end with the real files (disk_differs in test/unit/journal/disk.h).
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "powerloss.h"

#define EXPORT __attribute__((visibility("default")))
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define PATH_BYTES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record_fd = -1;
static char root[PATH_BYTES];
static long kill_at, operations, fail_at, synced_writes;

// A file below the root.
struct place {
    char name[PATH_BYTES];
    struct stat status;
};

static long number(const char *variable) {
    const char *text = getenv(variable);
    return text ? strtol(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void start(void) {
    const char *setting = getenv("TAILRACE_POWERLOSS");
    const char *colon = setting ? strchr(setting, ':') : NULL;
    char path[PATH_BYTES];
    if (!colon || colon - setting >= PATH_BYTES) return;
    snprintf(path, sizeof path, "%.*s", (int)(colon - setting), setting);
    snprintf(root, sizeof root, "%s", colon + 1);
    kill_at = number("TAILRACE_POWERLOSS_KILL");
    fail_at = number("TAILRACE_POWERLOSS_FAIL");
    record_fd =
        (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (record_fd < 0) abort();
}

// --- the recording -------------------------------------------------------------------------------

// `parts` hold at least `len` bytes.
static void record(enum powerloss_kind kind, uint64_t file, uint64_t at, const char *name,
                   const struct iovec *parts, int count, size_t len) {
    const struct powerloss_head head = {
        .kind = kind, .name_len = (uint32_t)strlen(name), .data_len = len, .file = file, .at = at};
    struct iovec all[IOV_MAX] = {{(void *)&head, sizeof head}, {(void *)name, head.name_len}};
    size_t wanted = sizeof head + head.name_len + len;
    int used = 2;
    if (count > IOV_MAX - 2) abort();
    for (int i = 0; i < count && len > 0; i++) {
        size_t part = parts[i].iov_len < len ? parts[i].iov_len : len;
        all[used++] = (struct iovec){parts[i].iov_base, part};
        len -= part;
    }
    // A recording with a hole is worth nothing.
    if (syscall(SYS_writev, record_fd, all, used) != (long)wanted) abort();
    if (kind != POWERLOSS_NOTE && ++operations == kill_at) raise(SIGKILL);
}

static void record_plain(enum powerloss_kind kind, const struct place *place, uint64_t at) {
    record(kind, place->status.st_ino, at, place->name, NULL, 0, 0);
}

EXPORT powerloss_note_fn powerloss_note;
void powerloss_note(const void *data, uint64_t len) {
    const struct iovec part = {(void *)data, len};
    pthread_mutex_lock(&lock);
    record(POWERLOSS_NOTE, 0, 0, "", &part, 1, len);
    pthread_mutex_unlock(&lock);
}

// --- what is below the root ----------------------------------------------------------------------

static bool name_below(const char *path, char name[PATH_BYTES]) {
    size_t len = strlen(root);
    if (strncmp(path, root, len) != 0 || (path[len] && path[len] != '/')) return false;
    strcpy(name, path + len + (path[len] == '/'));
    return true;
}

static bool find(int fd, struct place *place) {
    char link[64], path[PATH_BYTES];
    if (record_fd < 0) return false;
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    bool found = name_below(path, place->name) && fstat(fd, &place->status) == 0;
    errno = saved;
    return found;
}

// The same by name, which need not exist.
static bool find_name(const char *path, char name[PATH_BYTES]) {
    char parent[PATH_BYTES], base[PATH_BYTES], real[PATH_BYTES], whole[2 * PATH_BYTES];
    if (record_fd < 0) return false;
    int saved = errno;
    snprintf(parent, sizeof parent, "%s", path);
    snprintf(base, sizeof base, "%s", path);
    bool found = realpath(dirname(parent), real);
    snprintf(whole, sizeof whole, "%s/%s", real, basename(base));
    found = found && strlen(whole) < PATH_BYTES && name_below(whole, name);
    errno = saved;
    return found;
}

// With true the lock is held, until leave.
static bool enter(int fd, struct place *place) {
    if (!find(fd, place)) return false;
    pthread_mutex_lock(&lock);
    return true;
}

static void leave(int saved_errno) {
    pthread_mutex_unlock(&lock);
    errno = saved_errno;
}

// --- content -------------------------------------------------------------------------------------

static off_t position(int fd) {
    return lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
}

// What the call answers.
static ssize_t wrote(int fd, const struct place *place, off_t at, const struct iovec *parts,
                     int count, ssize_t done) {
    int saved = errno;
    bool synced = fcntl(fd, F_GETFL) & (O_DSYNC | O_SYNC), fails = false;
    if (done > 0) {
        record(synced ? POWERLOSS_WRITE_SYNCED : POWERLOSS_WRITE, place->status.st_ino,
               (uint64_t)at, place->name, parts, count, (size_t)done);
        fails = synced && ++synced_writes == fail_at;
        if (synced && !fails) record_plain(POWERLOSS_RETURNED, place, 0);
    }
    leave(fails ? EIO : saved);
    return fails ? -1 : done;
}

#define WRAP_WRITE(name, parameters, arguments, offset, list, count)                               \
    EXPORT ssize_t name parameters;                                                                \
    ssize_t name parameters {                                                                      \
        struct place place;                                                                        \
        if (!enter(fd, &place)) return NEXT(name) arguments;                                       \
        off_t begin = offset;                                                                      \
        ssize_t done = NEXT(name) arguments;                                                       \
        return wrote(fd, &place, begin, list, count, done);                                        \
    }
#define ONE_PART (&(const struct iovec){(void *)data, len})

WRAP_WRITE(write, (int fd, const void *data, size_t len), (fd, data, len), position(fd), ONE_PART,
           1)
WRAP_WRITE(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), position(fd),
           parts, count)
WRAP_WRITE(pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at), at,
           ONE_PART, 1)
WRAP_WRITE(pwrite64, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at), at,
           ONE_PART, 1)
WRAP_WRITE(pwritev, (int fd, const struct iovec *parts, int count, off_t at),
           (fd, parts, count, at), at, parts, count)
WRAP_WRITE(pwritev64, (int fd, const struct iovec *parts, int count, off_t at),
           (fd, parts, count, at), at, parts, count)

// Calls that are recorded when they have succeeded.
#define WRAP_CALL(name, parameters, arguments, kind, at)                                           \
    EXPORT int name parameters;                                                                    \
    int name parameters {                                                                          \
        struct place place;                                                                        \
        if (!enter(fd, &place)) return NEXT(name) arguments;                                       \
        int rc = NEXT(name) arguments;                                                             \
        int saved = errno;                                                                         \
        if (rc == 0) record_plain(kind, &place, (uint64_t)(at));                                   \
        leave(saved);                                                                              \
        return rc;                                                                                 \
    }

WRAP_CALL(ftruncate, (int fd, off_t len), (fd, len), POWERLOSS_TRUNCATE, len)
WRAP_CALL(ftruncate64, (int fd, off_t len), (fd, len), POWERLOSS_TRUNCATE, len)
WRAP_CALL(fsync, (int fd), (fd), POWERLOSS_SYNC, S_ISDIR(place.status.st_mode))
WRAP_CALL(fdatasync, (int fd), (fd), POWERLOSS_SYNC, S_ISDIR(place.status.st_mode))

// The system call: the next definition is needed before dlsym works.
static void *map(void *address, size_t len, int protection, int flags, int fd, off_t at) {
    struct place place;
    void *mapped = (void *)syscall(SYS_mmap, address, len, protection, flags, fd, at);
    bool writes = (flags & MAP_SHARED) && (protection & PROT_WRITE) && fd >= 0;
    if (mapped != MAP_FAILED && writes && enter(fd, &place)) {
        record_plain(POWERLOSS_MAP, &place, 0);
        leave(errno);
    }
    return mapped;
}

EXPORT void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t at) {
    return map(address, len, protection, flags, fd, at);
}
EXPORT void *mmap64(void *address, size_t len, int protection, int flags, int fd, off_t at) {
    return map(address, len, protection, flags, fd, at);
}

// --- entries of directories ----------------------------------------------------------------------

static uint64_t born_ns(int fd) {
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) || !(status.stx_mask & STATX_BTIME))
        return 0;
    return (uint64_t)status.stx_btime.tv_sec * 1000000000u + status.stx_btime.tv_nsec;
}

// Under the lock.
static void opened(int fd, int flags, bool existed) {
    struct place place;
    int saved = errno;
    if (fd >= 0 && find(fd, &place) && S_ISREG(place.status.st_mode)) {
        if (!existed)
            record_plain(POWERLOSS_CREATE, &place, born_ns(fd));
        else if (flags & O_TRUNC)
            record_plain(POWERLOSS_TRUNCATE, &place, 0);
    }
    errno = saved;
}

#define WRAP_OPEN(name)                                                                            \
    EXPORT int name(const char *path, int flags, ...);                                             \
    int name(const char *path, int flags, ...) {                                                   \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;                                  \
        va_end(list);                                                                              \
        if (record_fd < 0 || !(flags & (O_CREAT | O_TRUNC))) return NEXT(name)(path, flags, mode); \
        pthread_mutex_lock(&lock);                                                                 \
        bool existed = faccessat(AT_FDCWD, path, F_OK, 0) == 0;                                    \
        int fd = NEXT(name)(path, flags, mode);                                                    \
        opened(fd, flags, existed);                                                                \
        pthread_mutex_unlock(&lock);                                                               \
        return fd;                                                                                 \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)

static int change_entry(enum powerloss_kind kind, const char *name, const char *to, int rc) {
    const struct iovec part = {(void *)to, strlen(to)};
    int saved = errno;
    if (rc == 0) record(kind, 0, 0, name, &part, 1, part.iov_len);
    leave(saved);
    return rc;
}

EXPORT int mkdir(const char *path, mode_t mode) {
    char name[PATH_BYTES];
    if (!find_name(path, name)) return NEXT(mkdir)(path, mode);
    pthread_mutex_lock(&lock);
    return change_entry(POWERLOSS_MKDIR, name, "", NEXT(mkdir)(path, mode));
}

EXPORT int unlink(const char *path) {
    char name[PATH_BYTES];
    if (!find_name(path, name)) return NEXT(unlink)(path);
    pthread_mutex_lock(&lock);
    return change_entry(POWERLOSS_UNLINK, name, "", NEXT(unlink)(path));
}

EXPORT int rename(const char *from, const char *to) {
    char name[PATH_BYTES], new_name[PATH_BYTES];
    if (!find_name(from, name) || !find_name(to, new_name)) return NEXT(rename)(from, to);
    pthread_mutex_lock(&lock);
    return change_entry(POWERLOSS_RENAME, name, new_name, NEXT(rename)(from, to));
}
