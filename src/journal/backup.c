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
    if (!rc) rc = mdb_env_open(*env, dir, MDB_RDONLY, 0600);
    if (!rc) return 0;
    mdb_env_close(*env);
    return report_set(report, store_error(rc), "cannot open %s: %s", path, mdb_strerror(rc));
}

static int sync_parent(const char *path) {
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash) slash[slash == dir] = '\0';
    int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ERR_IO;
    int err = fsync(fd) ? ERR_IO : 0;
    close(fd);
    return err;
}

// The copy is read again: if the hub gave up the snapshot meanwhile, pages of it were overwritten.
static int check(int fd, const char *out, uint64_t *bytes, struct report *report) {
    static const char *const tables[] = {"meta", "events", "topics", "keys", "sources"};
    struct report why = {0};
    struct stat status;
    int err = lmdb_check_file(fd, tables, sizeof tables / sizeof tables[0], UINT64_MAX, &why);
    if (err == ERR_NOT_FOUND)
        return report_set(report, ERR_CORRUPT, "it is not a journal: other tables are in it");
    if (err) return report_set(report, err, "the copy %s is damaged: %s", out, why.text);
    if (fstat(fd, &status)) return report_errno(report, ERR_IO, "cannot read the size of %s", out);
    *bytes = (uint64_t)status.st_size;
    return 0;
}

static int write_copy(MDB_env *env, int fd, const char *out, uint64_t *bytes,
                      struct report *report) {
    int rc = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
    if (rc)
        return report_set(report, store_error(rc), "cannot write %s: %s", out, mdb_strerror(rc));
    if (fsync(fd) || sync_parent(out)) return report_errno(report, ERR_IO, "cannot sync %s", out);
    return check(fd, out, bytes, report);
}

int backup_write(const char *dir, const char *out, uint64_t *bytes, struct report *report) {
    MDB_env *env;
    int err = lmdb_check_version(report);
    if (!err) err = open_env(&env, dir, report);
    if (err) return err;
    int fd = open(out, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = report_errno(report,
                           errno == EEXIST   ? ERR_EXISTS
                           : errno == EACCES ? ERR_DENIED
                                             : ERR_IO,
                           "cannot create %s", out);
    } else {
        err = write_copy(env, fd, out, bytes, report);
        close(fd);
        if (err) (void)unlink(out);
    }
    mdb_env_close(env);
    return err;
}
