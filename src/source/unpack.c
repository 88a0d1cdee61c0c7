// SPDX-License-Identifier: MIT
// Rotated logs that were compressed, read through zlib.
#include "source/unpack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define INPUT_BYTES (32u * 1024)
#define OUTPUT_BYTES (64u * 1024)
#define PAGE 4096u
// The text of a file that is hostile or damaged may be endless.
#define TEXT_BYTES_MAX ((uint64_t)16 << 30)
// The text of a line that has no end is held in memory.
#define LINE_BYTES_MAX ((uint64_t)64 << 20)

struct unpack {
    z_stream z;
    int packed, memory;
    struct mark mark; // where reading is to begin
    bool ready, ended;
    uint64_t size;    // of the text so far
    uint64_t dropped; // text before this was given back, except the first page
    unsigned char input[INPUT_BYTES], output[OUTPUT_BYTES];
};

static int begin(struct unpack *unpack) {
    unpack->z.avail_in = 0;
    unpack->size = unpack->dropped = 0;
    unpack->ready = unpack->mark.offset == 0;
    unpack->ended = false;
    // 16: gzip's format only.
    if (inflateReset2(&unpack->z, 16 + MAX_WBITS) != Z_OK || ftruncate(unpack->memory, 0) ||
        lseek(unpack->packed, 0, SEEK_SET))
        return ERR_IO;
    return 0;
}

// Stores text where it belongs, if it is needed: the head, what the mark is made of, and the rest.
static int store(struct unpack *unpack, size_t len) {
    uint64_t from = unpack->size, to = from + len;
    unpack->size = to;
    bool needed = from < PAGE || to + MARK_TAIL_BYTES > unpack->mark.offset;
    if (!needed) return ftruncate(unpack->memory, (off_t)to) ? ERR_IO : 0;
    return pwrite(unpack->memory, unpack->output, len, (off_t)from) == (ssize_t)len ? 0 : ERR_NOMEM;
}

// 1: there is input. 0: the file has ended. ERR_IO.
static int feed(struct unpack *unpack) {
    if (unpack->z.avail_in) return 1;
    ssize_t got = read(unpack->packed, unpack->input, sizeof unpack->input);
    if (got < 0) return ERR_IO;
    unpack->z.next_in = unpack->input;
    unpack->z.avail_in = (unsigned)got;
    return got > 0;
}

// A file may have several members, one after the other, and anything after the last one.
static bool next_member(struct unpack *unpack) {
    return feed(unpack) == 1 && unpack->z.next_in[0] == 0x1F &&
           inflateReset2(&unpack->z, 16 + MAX_WBITS) == Z_OK;
}

static enum unpacked end(struct unpack *unpack, enum unpacked how) {
    unpack->ended = true;
    return how;
}

// Unpacks one piece.
static enum unpacked piece(struct unpack *unpack, size_t max) {
    z_stream *z = &unpack->z;
    z->next_out = unpack->output;
    z->avail_out = max < OUTPUT_BYTES ? (unsigned)max : OUTPUT_BYTES;
    unsigned room = z->avail_out;
    int fed = feed(unpack);
    if (fed < 0) return end(unpack, UNPACKED_DAMAGED);
    // Without input too: some text may not have had room before.
    int got = inflate(z, Z_NO_FLUSH);
    size_t len = room - z->avail_out;
    if (!fed && !len && got != Z_STREAM_END) return end(unpack, UNPACKED_DAMAGED);
    if (len && store(unpack, len)) return end(unpack, UNPACKED_DAMAGED);
    if (got == Z_STREAM_END) return next_member(unpack) ? UNPACKED_MORE : end(unpack, UNPACKED_END);
    if (got != Z_OK && got != Z_BUF_ERROR) return end(unpack, UNPACKED_DAMAGED);
    return unpack->size > TEXT_BYTES_MAX ? end(unpack, UNPACKED_DAMAGED) : UNPACKED_MORE;
}

// Gives memory back that is behind the reader.
static void drop(struct unpack *unpack, uint64_t keep_from) {
    uint64_t to = keep_from / PAGE * PAGE;
    if (to < unpack->dropped + 16 * (uint64_t)PAGE) return;
    uint64_t from = unpack->dropped < PAGE ? PAGE : unpack->dropped;
    // A mark is made of what is before it.
    to -= PAGE;
    if (fallocate(unpack->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
                  (off_t)(to - from)) == 0)
        unpack->dropped = to;
}

enum unpacked unpack_step(struct unpack *unpack, uint64_t keep_from, size_t *budget) {
    enum unpacked how = unpack->ended ? UNPACKED_END : UNPACKED_MORE;
    if (unpack->ready && unpack->size > keep_from + LINE_BYTES_MAX && !unpack->ended)
        how = end(unpack, UNPACKED_DAMAGED);
    drop(unpack, keep_from);
    while (how == UNPACKED_MORE && *budget) {
        uint64_t before = unpack->size;
        how = piece(unpack, *budget);
        *budget -= (size_t)(unpack->size - before);
        if (unpack->size == before && how == UNPACKED_MORE)
            *budget -= *budget < PAGE ? *budget : PAGE;
        if (unpack->ready) break;
        unpack->ready = unpack->size >= unpack->mark.offset;
        if (!unpack->ready && how == UNPACKED_MORE) continue;
        if (unpack->ready && mark_holds(&unpack->mark, unpack->memory)) break;
        unpack->mark = (struct mark){0};
        return begin(unpack) ? end(unpack, UNPACKED_DAMAGED) : UNPACKED_MISMATCH;
    }
    return how;
}

bool unpack_is_ready(const struct unpack *unpack) { return unpack->ready; }

void unpack_free(struct unpack *unpack) {
    if (!unpack) return;
    inflateEnd(&unpack->z);
    close(unpack->packed);
    free(unpack);
}

int unpack_open(struct unpack **out, int packed, const struct mark *mark, int *fd) {
    struct unpack *unpack = calloc(1, sizeof *unpack);
    int memory = memfd_create("unpacked", MFD_CLOEXEC);
    if (!unpack || memory < 0 || inflateInit2(&unpack->z, 16 + MAX_WBITS) != Z_OK) {
        free(unpack);
        close(packed);
        if (memory >= 0) close(memory);
        return ERR_NOMEM;
    }
    unpack->packed = packed;
    unpack->memory = memory;
    if (mark) unpack->mark = *mark;
    int err = begin(unpack);
    enum unpacked how = UNPACKED_MORE;
    // An empty text is a file like any other.
    uint64_t head = unpack->mark.head_len ? unpack->mark.head_len : 1;
    for (size_t tries = 0; !err && how == UNPACKED_MORE && unpack->size < head && tries < 64;
         tries++)
        how = piece(unpack, OUTPUT_BYTES);
    if (!err && how == UNPACKED_DAMAGED && unpack->size == 0) err = ERR_CORRUPT;
    if (!err && unpack->size < unpack->mark.head_len) err = ERR_NOT_FOUND;
    if (!err && !mark_head_holds(&unpack->mark, memory)) err = ERR_NOT_FOUND;
    if (!err) err = begin(unpack);
    if (err) {
        unpack_free(unpack);
        close(memory);
        return err;
    }
    *out = unpack;
    *fd = memory;
    return 0;
}
