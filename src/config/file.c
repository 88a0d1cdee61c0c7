// SPDX-License-Identifier: MIT
// Files that the user named.
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, const char *path, struct buf *out, unsigned *mode,
                    struct report *report) {
    struct stat stat;
    if (fstat(fd, &stat)) return report_errno(report, ERR_IO, "cannot read %s", path);
    *mode = (unsigned)stat.st_mode & 07777;
    // All room at once: a buffer that moves would leave a copy of a secret behind. One byte more
    // shows that the file is too long.
    char *room = buf_reserve(out, out->max);
    if (!room) return report_set(report, ERR_NOMEM, "no memory to read %s", path);
    for (;;) {
        char more;
        size_t left = out->max - out->len;
        ssize_t got = read(fd, left ? out->data + out->len : &more, left ? left : 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return report_errno(report, ERR_IO, "cannot read %s", path);
        if (got == 0) return 0;
        if (left == 0) {
            return report_set(report, ERR_INVALID, "%s is longer than %zu bytes", path, out->max);
        }
        out->len += (size_t)got;
    }
}

int file_read(const char *path, struct buf *out, unsigned *mode, struct report *report) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return report_errno(report, errno == EACCES ? ERR_DENIED : ERR_NOT_FOUND, "cannot open %s",
                            path);
    }
    int err = read_all(fd, path, out, mode, report);
    close(fd);
    return err;
}

void file_erase(struct buf *content) {
    if (content->len) explicit_bzero(content->data, content->len);
    buf_fini(content);
}
