// SPDX-License-Identifier: MIT
// How far a file has been read, in a form that finds the file again: device, inode, offset, and
// hashes of its head and of the bytes before the offset. Numbers alone prove nothing: inode numbers
// are reused, and files are truncated.
#ifndef TAILRACE_SOURCE_MARK_H
#define TAILRACE_SOURCE_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

struct file_id {
    uint64_t dev, ino; // ino 0: none
};

static inline struct file_id file_id(const struct stat *st) {
    return (struct file_id){st->st_dev, st->st_ino};
}
static inline bool file_id_equal(struct file_id a, struct file_id b) {
    return a.ino == b.ino && a.dev == b.dev;
}
static inline int64_t file_mtime_ns(const struct stat *st) {
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}
static inline int64_t file_ctime_ns(const struct stat *st) {
    return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

struct mark {
    struct file_id id;
    uint64_t offset;
    uint32_t head_len; // of the first bytes, at most MARK_HEAD_BYTES and at most `offset`
    uint32_t tail_len; // of the bytes before `offset`
    uint64_t head_hash, tail_hash;
};

#define MARK_HEAD_BYTES 1024
#define MARK_TAIL_BYTES 256
// With fewer bytes before its offset, a mark does not prove that two files are one: many logs begin
// with the same word.
#define MARK_PROOF_BYTES 16

// Moves the mark of this file to `offset` and hashes what has changed. ERR_IO: the file does not
// have these bytes; the mark is unchanged.
int mark_move(struct mark *mark, int fd, uint64_t offset) MUST_CHECK;
// Whether the file has the content from which the mark was made: at least `offset` bytes, with this
// head and tail. Ignores the inode.
bool mark_holds(const struct mark *mark, int fd);
// Whether the file has the head from which the mark was made. The rest may be missing or another.
bool mark_head_holds(const struct mark *mark, int fd);

#endif
