// SPDX-License-Identifier: MIT
// Older marks of a file that is being read.
#include "source/trail.h"

#include <string.h>
#include <unistd.h>

#include "sys/hash.h"

// How far before its distance the start of a line is looked for.
#define LOOK_BYTES 1024
#define NEAREST ((uint64_t)MARK_TAIL_BYTES)

static uint64_t distance(unsigned index) { return NEAREST << index; }

// The start of the last line that begins at or before `target`, with the hash of what is before it.
// False: there is none within LOOK_BYTES.
static bool mark_line(int fd, uint64_t target, struct trail_mark *mark) {
    char bytes[LOOK_BYTES + MARK_TAIL_BYTES];
    size_t len = target < sizeof bytes ? (size_t)target : sizeof bytes;
    if (len < MARK_TAIL_BYTES || pread(fd, bytes, len, (off_t)(target - len)) != (ssize_t)len)
        return false;
    const char *lf = memrchr(bytes, '\n', len);
    size_t start = lf ? (size_t)(lf - bytes) + 1 : 0;
    // Next to a NUL it is half of a character in UTF-16.
    if (start < MARK_TAIL_BYTES || !lf[-1] || (start < len && !bytes[start])) return false;
    mark->offset = target - len + start;
    mark->hash = hash_content(bytes + start - MARK_TAIL_BYTES, MARK_TAIL_BYTES);
    return true;
}

void trail_move(struct trail *trail, int fd, uint64_t offset) {
    if (offset >= trail->at && offset - trail->at < NEAREST) return;
    struct trail moved = {.at = offset};
    unsigned next = 0;
    for (unsigned i = 0; i < TRAIL_MARKS; i++) {
        const struct trail_mark *mark = &trail->marks[i];
        if (!mark->offset || mark->offset + NEAREST > offset) continue;
        while (next < TRAIL_MARKS && offset - mark->offset >= distance(next + 1)) next++;
        if (next < TRAIL_MARKS && !moved.marks[next].offset) moved.marks[next] = *mark;
    }
    for (unsigned i = 0; i < TRAIL_MARKS && offset > distance(i); i++) {
        struct trail_mark mark;
        if (!moved.marks[i].offset && mark_line(fd, offset - distance(i), &mark) &&
            offset - mark.offset < distance(i + 1))
            moved.marks[i] = mark;
    }
    *trail = moved;
}

bool trail_find(const struct trail *trail, const struct mark *mark, int fd, struct mark *out) {
    struct stat st;
    if (fstat(fd, &st)) return false;
    uint64_t size = (uint64_t)st.st_size;
    // Of a file that is shorter than its head was, the bytes before the mark are the proof.
    if (size >= mark->head_len && !mark_head_holds(mark, fd)) return false;
    for (unsigned i = 0; i < TRAIL_MARKS; i++) {
        const struct trail_mark *at = &trail->marks[i];
        *out = (struct mark){.id = file_id(&st)};
        if (at->offset && at->offset <= size && mark_move(out, fd, at->offset) == 0 &&
            out->tail_hash == at->hash)
            return true;
    }
    return false;
}
