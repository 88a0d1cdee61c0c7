// SPDX-License-Identifier: MIT
// How far a file has been read.
#include "source/mark.h"

#include <unistd.h>

#include "sys/hash.h"

// ERR_IO: the file does not have all of these bytes.
static int hash_range(int fd, uint64_t at, uint32_t len, uint64_t *hash) {
    char bytes[MARK_HEAD_BYTES];
    ASSERT(len <= sizeof bytes);
    if (len && pread(fd, bytes, len, (off_t)at) != (ssize_t)len) return ERR_IO;
    *hash = hash_content(bytes, len);
    return 0;
}

static uint32_t at_most(uint64_t offset, uint32_t max) {
    return offset < max ? (uint32_t)offset : max;
}

int mark_move(struct mark *mark, int fd, uint64_t offset) {
    uint32_t head_len = at_most(offset, MARK_HEAD_BYTES);
    uint32_t tail_len = at_most(offset, MARK_TAIL_BYTES);
    uint64_t head = mark->head_hash, tail;
    if ((head_len != mark->head_len && hash_range(fd, 0, head_len, &head)) ||
        hash_range(fd, offset - tail_len, tail_len, &tail))
        return ERR_IO;
    *mark = (struct mark){mark->id, offset, head_len, tail_len, head, tail};
    return 0;
}

bool mark_head_holds(const struct mark *mark, int fd) {
    uint64_t hash;
    return !mark->head_len ||
           (hash_range(fd, 0, mark->head_len, &hash) == 0 && hash == mark->head_hash);
}

bool mark_holds(const struct mark *mark, int fd) {
    struct stat st;
    uint64_t hash;
    if (fstat(fd, &st) || (uint64_t)st.st_size < mark->offset || !mark_head_holds(mark, fd))
        return false;
    return !mark->tail_len ||
           (hash_range(fd, mark->offset - mark->tail_len, mark->tail_len, &hash) == 0 &&
            hash == mark->tail_hash);
}
