// SPDX-License-Identifier: MIT
// Copies a journal while a hub uses it.
#include "journal/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/lmdb_check.h"
#include "journal/store.h"

static int open_env(MDB_env **env, const char *dir, struct report *report) {
    char path[4096];
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, dir);
    if (access(path, R_OK))
        return report_errno(report,
                            errno == ENOENT   ? ERR_NOT_FOUND
                            : errno == EACCES ? ERR_DENIED
                                              : ERR_IO,
                            "cannot read %s", path);
    int rc = mdb_env_create(env);
    if (!rc) rc = mdb_env_open(*env, dir, MDB_RDONLY | MDB_NOTLS, 0600);
    if (!rc) return 0;
    mdb_env_close(*env);
    return report_set(report, store_error(rc), "cannot open %s: %s", path, mdb_strerror(rc));
}

// LMDB walks over all of the file, and trusts it. A snapshot is held, so that no page that is
// looked at is written to meanwhile.
static int check(const char *dir, struct report *report) {
    static const char *const tables[] = {"meta", "events", "topics", "keys", "sources"};
    const size_t count = sizeof tables / sizeof tables[0];
    char path[4096];
    struct report why = {0};
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return report_errno(report, ERR_IO, "cannot open %s", path);
    int err = lmdb_check_file(fd, tables, count, UINT64_MAX, 0, NULL, &why);
    close(fd);
    if (err == ERR_NOT_FOUND)
        return report_set(report, ERR_CORRUPT, "%s is not a journal: other tables are in it", path);
    return err ? report_set(report, err,
                            "%s is damaged: %s; `tailrace recover` copies what is whole", path,
                            why.text)
               : 0;
}

struct wanted_row {
    int pid;
    size_t txn_id;
    bool found;
};

// Called by mdb_reader_list for its headline, then for each row: pid, thread, transaction or -.
static int look_for_row(const char *text, void *context) {
    struct wanted_row *wanted = context;
    int pid;
    size_t txn_id;
    // On a file system that nobody can write to.
    if (strncmp(text, "(no reader locks)", 17) == 0) wanted->found = true;
    if (sscanf(text, "%d %*s %zu", &pid, &txn_id) == 2 && pid == wanted->pid &&
        txn_id == wanted->txn_id)
        wanted->found = true;
    return 0;
}

// A hub that had no space, or waited long enough, has given the snapshot up: pages of it may have
// been written to before they were copied.
static bool is_held(MDB_env *env, const MDB_txn *txn) {
    struct wanted_row wanted = {.pid = (int)getpid(), .txn_id = mdb_txn_id((MDB_txn *)txn)};
    (void)mdb_reader_list(env, look_for_row, &wanted);
    return wanted.found;
}

static int copy_and_sync(MDB_env *env, const MDB_txn *txn, int fd, const char *out, uint64_t *bytes,
                         struct report *report) {
    struct stat status;
    int rc = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
    // Whatever LMDB made of the pages then.
    if (!is_held(env, txn))
        return report_set(report, ERR_CLOSED,
                          "the hub gave the backup up: it took too long, or there was no space");
    if (rc)
        return report_set(report, store_error(rc), "cannot write %s: %s", out, mdb_strerror(rc));
    if (fsync(fd) || store_sync_parent(out))
        return report_errno(report, ERR_IO, "cannot sync %s", out);
    if (fstat(fd, &status)) return report_errno(report, ERR_IO, "cannot read the size of %s", out);
    *bytes = (uint64_t)status.st_size;
    return 0;
}

static int write_copy(MDB_env *env, const MDB_txn *txn, const char *out, uint64_t *bytes,
                      struct report *report) {
    int fd = open(out, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return report_errno(report,
                            errno == EEXIST                      ? ERR_EXISTS
                            : errno == EACCES || errno == EROFS  ? ERR_DENIED
                            : errno == ENOSPC || errno == EDQUOT ? ERR_FULL
                                                                 : ERR_IO,
                            "cannot create %s", out);
    int err = copy_and_sync(env, txn, fd, out, bytes, report);
    close(fd);
    if (err) (void)unlink(out);
    return err;
}

int backup_write(const char *dir, const char *out, uint64_t *bytes, struct report *report) {
    MDB_env *env;
    MDB_txn *txn;
    int err = lmdb_check_version(report);
    if (!err) err = open_env(&env, dir, report);
    if (err) return err;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc) {
        err = report_set(report, store_error(rc), "cannot read %s: %s", dir, mdb_strerror(rc));
    } else {
        err = check(dir, report);
        if (!err) err = write_copy(env, txn, out, bytes, report);
        mdb_txn_abort(txn);
    }
    mdb_env_close(env);
    return err;
}
