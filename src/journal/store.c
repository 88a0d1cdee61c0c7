// SPDX-License-Identifier: MIT
// The journal's directory and its LMDB environment.
#include "journal/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "journal/copy_priv.h"
#include "journal/lmdb_check.h"
#include "journal/reader_priv.h"
#include "sys/clock.h"

static const char *const tables[] = {"meta", "events", "topics", "keys", "sources"};
#define TABLES_COUNT (sizeof tables / sizeof tables[0])

// The first line of the lock file marks the directory as a journal's. The line `creating` follows
// until the journal is complete; afterwards the lines by which a data file is known again.
#define LOCK_MARK "tailrace data directory\n"
#define LOCK_CREATING "creating\n"
#define LOCK_BYTES_MAX 256

int store_error(int rc) {
    switch (rc) {
        case 0: return 0;
        case ENOMEM: return ERR_NOMEM;
        case EACCES:
        case EPERM: return ERR_DENIED;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case MDB_MAP_FULL: return ERR_FULL;
        case MDB_NOTFOUND: return ERR_NOT_FOUND;
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_INVALID:
        case MDB_VERSION_MISMATCH:
        case MDB_INCOMPATIBLE: return ERR_CORRUPT;
        case MDB_READERS_FULL: return ERR_LIMIT;
        default: return ERR_IO;
    }
}

static int open_error(int rc) { return rc == EROFS ? ERR_DENIED : store_error(rc); }

// --- the lock file -------------------------------------------------------------------------------

struct lock_text {
    char text[LOCK_BYTES_MAX];
    bool ours, creating;
    // Of a complete journal; the epoch is empty in a file of tailrace 0.1 before it had these
    // lines.
    char epoch[16];
    uint64_t born_ns; // when data.mdb was created, 0: the file system does not say
    uint64_t commit;  // the last transaction
};

static int read_lock(int fd, struct lock_text *out) {
    *out = (struct lock_text){0};
    ssize_t got = pread(fd, out->text, sizeof out->text - 1, 0);
    if (got < 0) return ERR_IO;
    out->ours = str_starts(str_from(out->text), STR(LOCK_MARK));
    out->creating = out->ours && strstr(out->text, LOCK_CREATING);
    const char *line = out->ours ? strstr(out->text, "\njournal ") : NULL;
    if (line && sscanf(line, "\njournal %15[0-9a-z] born %" SCNu64 " commit %" SCNu64, out->epoch,
                       &out->born_ns, &out->commit) != 3)
        out->epoch[0] = '\0';
    return 0;
}

// When data.mdb was created: copies of it are younger, whatever else they keep.
static uint64_t data_born_ns(const struct store *store) {
    char path[4096];
    struct statx status;
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    if (statx(AT_FDCWD, path, 0, STATX_BTIME, &status) || !(status.stx_mask & STATX_BTIME))
        return 0;
    return (uint64_t)status.stx_btime.tv_sec * 1000000000u + status.stx_btime.tv_nsec;
}

// `epoch` NULL: creating.
static int write_lock(struct store *store, const char *epoch, struct report *report) {
    char text[LOCK_BYTES_MAX];
    int len = snprintf(text, sizeof text, LOCK_MARK "pid %ld\n", (long)getpid()), digits_at = 0;
    if (epoch) {
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "journal %s born %" PRIu64 " commit ", epoch, data_born_ns(store));
        digits_at = len;
        len += snprintf(text + len, sizeof text - (size_t)len, "%020zu\n", store->txn_id);
    } else {
        len += snprintf(text + len, sizeof text - (size_t)len, LOCK_CREATING);
    }
    // Written before it is cut to its length: a crash between the two must not leave the file
    // without its first line.
    if (pwrite(store->lock_fd, text, (size_t)len, 0) != len || ftruncate(store->lock_fd, len) ||
        (store->sync && fdatasync(store->lock_fd)))
        return report_errno(report, errno == ENOSPC ? ERR_FULL : ERR_IO,
                            "cannot write %s/" STORE_LOCK_FILE, store->dir);
    store->lock_commit_at = digits_at;
    return 0;
}

// After each commit, without a sync: it says at most what data.mdb has. A failure leaves an older
// commit there, by which fewer copies are recognised.
static void note_commit(const struct store *store) {
    char digits[21];
    if (!store->lock_commit_at) return;
    snprintf(digits, sizeof digits, "%020zu", store->txn_id);
    (void)!pwrite(store->lock_fd, digits, 20, store->lock_commit_at);
}

static int sync_dir(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ERR_IO;
    int err = fsync(fd) ? ERR_IO : 0;
    close(fd);
    return err;
}

int store_sync_parent(const char *path) {
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash) slash[slash == dir] = '\0';
    return sync_dir(slash ? dir : ".");
}

// The entry of the journal's directory, which somebody may have made or moved a moment ago.
static int sync_above(const struct store *store, struct report *report) {
    char path[4096];
    snprintf(path, sizeof path, "%s/..", store->dir);
    // One that may not be read, or cannot be synced where it is, must not keep the journal away.
    if (!store->sync || !sync_dir(path) || (errno != EIO && errno != ENOSPC && errno != EDQUOT))
        return 0;
    return report_errno(report, ERR_IO, "cannot sync the directory above %s", store->dir);
}

int store_seal(struct store *store, const char *epoch, struct report *report) {
    // In this order: data.mdb must be found whenever the lock file names its epoch.
    if (store->sync && sync_dir(store->dir))
        return report_errno(report, ERR_IO, "cannot sync %s", store->dir);
    int err = sync_above(store, report);
    return err ? err : write_lock(store, epoch, report);
}

// What a directory holds beside the lock files: a journal's data file (perhaps restored from a
// backup), or files of somebody else.
static int look_around(const char *dir, bool *has_data, bool *has_other, struct report *report) {
    *has_data = *has_other = false;
    DIR *list = opendir(dir);
    if (!list)
        return report_errno(report, errno == EACCES ? ERR_DENIED : ERR_IO, "cannot read %s", dir);
    for (struct dirent *entry; (entry = readdir(list));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0)
            continue;
        if (strcmp(name, STORE_DATA_FILE) == 0)
            *has_data = true;
        else if (strcmp(name, "lock.mdb") != 0 && strcmp(name, STORE_LOCK_FILE) != 0)
            *has_other = true;
    }
    closedir(list);
    return 0;
}

static int stop_at_row(void *context, struct str table, struct str key, struct str data) {
    (void)key, (void)data;
    bool *found = context;
    *found = !str_equal(table, STR("meta"));
    return *found ? ERR_EXISTS : 0;
}

static void pass_damage(void *context, struct str table, const char *what) {
    (void)context, (void)table, (void)what;
}

// Whether anything was ever published to data.mdb: then it is not what an unfinished creation has
// left. Damage counts as nothing; a file that cannot be read as something.
static bool holds_rows(const struct store *store) {
    char path[4096];
    bool found = false;
    struct report ignored = {0};
    const struct lmdb_visitor visitor = {&found, stop_at_row, pass_damage};
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return true;
    int err = lmdb_check_walk(fd, &visitor, &ignored);
    close(fd);
    return found || err == ERR_IO || err == ERR_NOMEM;
}

static int check_file(struct store *store, struct report *report) {
    // 64 MB of each table, and what can be read in a time that a start may take: whatever is not
    // checked may end the hub when LMDB meets it.
    enum { CHECK_PAGES_MIN = 16384, CHECK_MS = 2000 };
    char path[4096];
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return report_errno(report, errno == EACCES ? ERR_DENIED : ERR_IO, "cannot open %s", path);
    struct report why = {0};
    int err = lmdb_check_file(fd, tables, TABLES_COUNT, CHECK_PAGES_MIN, CHECK_MS, NULL, &why);
    close(fd);
    if (err == ERR_NOT_FOUND)
        return report_set(report, ERR_CORRUPT,
                          "%s is not a tailrace data directory: %s has other tables", store->dir,
                          path);
    if (err)
        return report_set(report, err,
                          "%s is damaged: %s; `tailrace recover` copies what is whole to a new "
                          "journal; or restore it from a backup, or move %s away to start with an "
                          "empty journal",
                          path, why.text, store->dir);
    return 0;
}

static int make_dir(struct store *store, struct report *report) {
    if (mkdir(store->dir, 0700) == 0) return 0;
    if (errno == EEXIST) {
        struct stat status;
        if (stat(store->dir, &status) || !S_ISDIR(status.st_mode))
            return report_set(report, ERR_INVALID, "%s is not a directory", store->dir);
        if (!(status.st_mode & S_IWOTH)) return 0;
        return report_set(report, ERR_DENIED,
                          "everybody on this machine may put files into %s; take that right away "
                          "(chmod o-w %s), or give another data directory",
                          store->dir, store->dir);
    }
    int err = errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED
              : errno == ENOENT                                   ? ERR_NOT_FOUND
              : errno == ENOSPC                                   ? ERR_FULL
                                                                  : ERR_IO;
    return report_errno(report, err, "cannot create the data directory %s", store->dir);
}

static long lock_pid(int fd) {
    struct lock_text lock;
    (void)!read_lock(fd, &lock);
    const char *pid = strstr(lock.text, "pid ");
    return pid ? strtol(pid + 4, NULL, 10) : 0;
}

static int open_existing(const char *path, int *fd, struct report *report) {
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd >= 0) return 0;
    return report_errno(report,
                        errno == ENOENT   ? ERR_NOT_FOUND
                        : errno == EACCES ? ERR_DENIED
                                          : ERR_IO,
                        "cannot open %s", path);
}

int store_open_data(const char *dir, int *fd, int *lock_fd, struct report *report) {
    char path[4096];
    *fd = -1;
    snprintf(path, sizeof path, "%s/" STORE_LOCK_FILE, dir);
    int err = open_existing(path, lock_fd, report);
    // Without a lock file it is a backup. One that cannot be read may be a running hub's.
    if (err == ERR_NOT_FOUND) err = 0;
    if (!err && *lock_fd >= 0 && flock(*lock_fd, LOCK_EX | LOCK_NB))
        err = report_set(report, ERR_LOCKED,
                         "%s is in use by a tailrace (process %ld); stop it, or check a copy", dir,
                         lock_pid(*lock_fd));
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, dir);
    if (!err) err = open_existing(path, fd, report);
    if (err && *lock_fd >= 0) close(*lock_fd);
    return err;
}

// A process that was killed has its locks until it is wholly gone, which takes some time when it
// had much memory.
#define LOCK_PATIENCE_MS 2000
#define LOCK_PAUSE_MS 10

// As flock() does it.
static int lock_soon(int fd) {
    uint64_t until_ms = clock_mono_ms() + LOCK_PATIENCE_MS;
    int rc;
    while ((rc = flock(fd, LOCK_EX | LOCK_NB)) && errno == EWOULDBLOCK &&
           clock_mono_ms() < until_ms)
        poll(NULL, 0, LOCK_PAUSE_MS);
    return rc;
}

static int take_lock(struct store *store, struct report *report) {
    char path[4096];
    snprintf(path, sizeof path, "%s/" STORE_LOCK_FILE, store->dir);
    // Not through a link, by which somebody could have a file made elsewhere.
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0 && errno == ELOOP)
        return report_set(report, ERR_DENIED, "%s is a symbolic link, not a lock of tailrace",
                          path);
    if (store->lock_fd < 0)
        return report_errno(report,
                            errno == EACCES || errno == EROFS || errno == EPERM ? ERR_DENIED
                            : errno == ENOSPC                                   ? ERR_FULL
                                                                                : ERR_IO,
                            "cannot open %s; the data directory must be writable", path);
    if (lock_soon(store->lock_fd) == 0) return 0;
    if (errno != EWOULDBLOCK) return report_errno(report, ERR_IO, "cannot lock %s", path);
    return report_set(report, ERR_LOCKED,
                      "%s is in use by another tailrace (process %ld); stop it, or give this one "
                      "another data directory",
                      store->dir, lock_pid(store->lock_fd));
}

// Whether data.mdb is an older copy, or a copy at all.
static int know_again(struct store *store, struct report *report) {
    char path[4096];
    struct lock_text lock;
    uint64_t last_txn, born_ns = data_born_ns(store);
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? ERR_IO : lmdb_check_last_txn(fd, &last_txn);
    if (fd >= 0) close(fd);
    if (err) return report_errno(report, err, "cannot read %s", path);
    (void)!read_lock(store->lock_fd, &lock);
    store->restored = !lock.ours || lock.creating;
    if (lock.epoch[0])
        store->restored =
            last_txn < lock.commit || (born_ns && lock.born_ns && born_ns != lock.born_ns);
    memcpy(store->lock_epoch, lock.epoch, sizeof store->lock_epoch);
    return 0;
}

// Before anything is created: whether the directory holds a journal, nothing, or something else.
static int look_first(struct store *store, bool *created, struct report *report) {
    char path[4096];
    struct lock_text lock = {0};
    if (strlen(store->dir) > sizeof path - 64)
        return report_set(report, ERR_TOO_LONG, "the data directory's path is too long");
    snprintf(path, sizeof path, "%s/" STORE_LOCK_FILE, store->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!read_lock(fd, &lock);
        close(fd);
    }
    bool has_data, has_other;
    int err = look_around(store->dir, &has_data, &has_other, report);
    if (err) return err;
    // A backup may have been put into a directory whose creation did not finish.
    *created = !has_data || (lock.creating && !holds_rows(store));
    if (!has_data && lock.epoch[0])
        return report_set(
            report, ERR_CORRUPT,
            "the journal in %s is gone: " STORE_DATA_FILE
            " is missing; restore it from a backup, or remove %s to start with an empty "
            "journal",
            store->dir, path);
    if (!has_data && (has_other || (lock.text[0] && !lock.ours)))
        return report_set(report, ERR_CORRUPT,
                          "%s is not a tailrace data directory and not empty; give another one",
                          store->dir);
    if (has_data && !lock.ours) err = check_file(store, report);
    return err;
}

// --- the environment -----------------------------------------------------------------------------

// One for each worker, the sources, and tools; each takes 64 bytes in lock.mdb.
#define READERS_MAX 1024

// LMDB says EIO for a write that was cut short, which is how a full disk and a limit to the size of
// files begin. Writing on says why.
static int why_cut(const struct store *store) {
    char path[4096];
    static const char block[64 * 1024];
    struct stat status;
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC), rc = EIO;
    if (fd < 0) return rc;
    if (fstat(fd, &status) == 0) {
        ssize_t len = pwrite(fd, block, sizeof block, status.st_size);
        if (len < 0) rc = errno;
        if (len >= 0 && len < (ssize_t)sizeof block) rc = ENOSPC;
        (void)!ftruncate(fd, status.st_size);
    }
    close(fd);
    return rc;
}

static int open_tables(struct store *store, bool create) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    if (rc) return rc;
    const unsigned integer = MDB_INTEGERKEY;
    const unsigned flags[TABLES_COUNT] = {0, integer, integer, 0, 0};
    MDB_dbi *const dbis[TABLES_COUNT] = {&store->meta, &store->events, &store->topics, &store->keys,
                                         &store->sources};
    for (size_t i = 0; i < TABLES_COUNT; i++) {
        rc = mdb_dbi_open(txn, tables[i], flags[i] | (create ? MDB_CREATE : 0), dbis[i]);
        if (rc) {
            mdb_txn_abort(txn);
            return rc;
        }
    }
    rc = mdb_txn_commit(txn);
    return rc == EIO ? why_cut(store) : rc;
}

// LMDB writes its table of readers through a map: where the disk has no block for it, that is a
// SIGBUS. So the blocks are taken before, at least the first one. Returns an errno.
static int reserve_readers(const struct store *store) {
    const off_t page = 4096, whole = (READERS_MAX + 2) * 64;
    int rc = fallocate(store->table_fd, 0, 0, whole) ? errno : 0;
    if (rc == ENOSPC) rc = fallocate(store->table_fd, 0, 0, page) ? errno : 0;
    return rc == EOPNOTSUPP ? 0 : rc;
}

static void close_env(struct store *store) {
    if (store->env) mdb_env_close(store->env);
    store->env = NULL;
    if (store->table_fd >= 0) close(store->table_fd);
    store->table_fd = -1;
}

static int open_table(struct store *store) {
    char path[4096];
    snprintf(path, sizeof path, "%s/lock.mdb", store->dir);
    store->table_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return store->table_fd < 0 ? errno : 0;
}

static int open_env(struct store *store, bool create) {
    // If the machine refuses the map (ulimit -v, small address spaces), half the size is tried.
    const size_t map_bytes_min = (size_t)64 << 20;
    const unsigned flags =
        MDB_NOTLS | (store->sync ? 0 : MDB_NOSYNC) | (store->unsettled ? MDB_RDONLY : 0);
    int rc;
    for (;;) {
        rc = open_table(store);
        if (!rc) rc = mdb_env_create(&store->env);
        if (rc) {
            close_env(store);
            return rc;
        }
        mdb_env_set_maxdbs(store->env, TABLES_COUNT);
        mdb_env_set_maxreaders(store->env, READERS_MAX);
        rc = mdb_env_set_mapsize(store->env, store->map_bytes);
        if (!rc) rc = reserve_readers(store);
        if (!rc) rc = mdb_env_open(store->env, store->dir, flags, 0600);
        if (!rc) rc = open_tables(store, create);
        if (!rc) break;
        close_env(store);
        if (rc != ENOMEM || store->map_bytes <= map_bytes_min) return rc;
        store->map_bytes /= 2;
    }
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    store->map_bytes = info.me_mapsize;
    store->txn_id = info.me_last_txnid;
    return 0;
}

// The lock file must be found after a power cut whenever data.mdb is, whatever the order in which
// the file system writes entries of the directory.
static int prepare_creation(struct store *store, struct report *report) {
    char path[4096];
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    int err = write_lock(store, NULL, report);
    if (!err && unlink(path) && errno != ENOENT)
        err = report_errno(report, ERR_IO, "cannot remove the unfinished %s", path);
    if (!err && store->sync && sync_dir(store->dir))
        err = report_errno(report, ERR_IO, "cannot sync %s", store->dir);
    return err;
}

// A process that was killed within a commit, or a backup that was just copied into place, may have
// left what is not on the disk yet. It is about to be shown.
static int sync_data(struct store *store, struct report *report) {
    char path[4096];
    if (!store->sync) return 0;
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int err = fd < 0 || fdatasync(fd) ? ERR_IO : 0;
    if (err)
        err = report_errno(report, errno == EACCES || errno == EROFS ? ERR_DENIED : err,
                           "cannot sync %s", path);
    if (fd >= 0) close(fd);
    return err;
}

int store_open(struct store *store, const char *dir, size_t map_bytes, bool sync, bool *created,
               struct report *report) {
    long page = sysconf(_SC_PAGESIZE);
    *store = (struct store){.lock_fd = -1, .table_fd = -1, .sync = sync};
    store->map_bytes = map_bytes & ~((size_t)page - 1);
    // Readers go before writers (the default), so that a thread may hold the read side twice.
    pthread_rwlock_init(&store->gate, NULL);
    pthread_mutex_init(&store->readers_lock, NULL);
    pthread_mutex_init(&store->copy_lock, NULL);
    store->dir = str_dup(str_from(dir));
    if (!store->dir) return report_set(report, ERR_NOMEM, "out of memory");

    int err = lmdb_check_version(report);
    if (!err) err = make_dir(store, report);
    if (!err) err = look_first(store, created, report);
    if (!err) err = take_lock(store, report);
    // Again under the lock: another process may have created the journal meanwhile.
    if (!err) err = look_first(store, created, report);
    if (!err && !*created) err = check_file(store, report);
    if (!err && !*created) err = know_again(store, report);
    if (!err) err = *created ? prepare_creation(store, report) : sync_data(store, report);
    if (err) return err;
    int rc = open_env(store, *created);
    if (rc)
        return report_set(report, open_error(rc), "cannot open the journal in %s: %s", store->dir,
                          mdb_strerror(rc));
    return 0;
}

void store_close(struct store *store) {
    ASSERT(!store->readers);
    pthread_mutex_lock(&store->copy_lock);
    copy_end(store);
    pthread_mutex_unlock(&store->copy_lock);
    close_env(store);
    if (store->lock_fd >= 0) close(store->lock_fd);
    pthread_rwlock_destroy(&store->gate);
    pthread_mutex_destroy(&store->readers_lock);
    pthread_mutex_destroy(&store->copy_lock);
    free(store->dir);
    *store = (struct store){.lock_fd = -1, .table_fd = -1};
}

int store_commit(struct store *store, MDB_txn *txn) {
    size_t txn_id = mdb_txn_id(txn);
    int rc = mdb_txn_commit(txn);
    if (rc == EIO) rc = why_cut(store);
    if (rc) return rc;
    store->txn_id = txn_id;
    note_commit(store);
    return 0;
}

bool store_panicked(const struct store *store) {
    if (!store->env || store->unsettled) return true;
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (!rc) mdb_txn_abort(txn);
    return rc == MDB_PANIC;
}

// A copy under way would hold the gate for as long as its reader likes.
static void close_gate(struct store *store) {
    pthread_mutex_lock(&store->copy_lock);
    copy_end(store);
    pthread_rwlock_wrlock(&store->gate);
    pthread_mutex_unlock(&store->copy_lock);
}

int store_reopen(struct store *store) {
    close_gate(store);
    size_t good = store->txn_id;
    if (store->env) {
        reader_forget_all(store);
        close_env(store);
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, store->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int err = fd < 0 ? ERR_IO : lmdb_check_roll_back(fd, good);
    uint64_t last;
    // Without a disk that takes it readers see the right commit all the same, if memory has it.
    bool readable = !err || (fd >= 0 && !lmdb_check_last_txn(fd, &last) && last == good);
    if (fd >= 0) close(fd);
    store->unsettled = err != 0;
    int rc = readable ? open_env(store, false) : 0;
    if (!err) err = store_error(rc);
    if (store->env && store->txn_id != good) err = ERR_CORRUPT;
    store->txn_id = good;
    pthread_rwlock_unlock(&store->gate);
    return err;
}

int store_grow(struct store *store, size_t map_bytes) {
    close_gate(store);
    reader_forget_all(store);
    int rc = mdb_env_set_mapsize(store->env, map_bytes);
    if (!rc) store->map_bytes = map_bytes;
    pthread_rwlock_unlock(&store->gate);
    return store_error(rc);
}
