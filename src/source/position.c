// SPDX-License-Identifier: MIT
// Positions of followed paths, as the journal stores them.
#include "source/position.h"

#include <inttypes.h>
#include <stdio.h>

// Version of the text. To change the form: raise the number, and keep position_decode able to read
// the old form.
#define FORMAT "1"

static int encode_mark(char *out, size_t size, const struct mark *mark) {
    return snprintf(out, size,
                    " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx32 " %" PRIx64 " %" PRIx32
                    " %" PRIx64,
                    mark->id.dev, mark->id.ino, mark->offset, mark->head_len, mark->head_hash,
                    mark->tail_len, mark->tail_hash);
}

size_t position_encode(const struct position *position, char out[LIMIT_SOURCE_POSITION_BYTES]) {
    size_t size = LIMIT_SOURCE_POSITION_BYTES;
    int len = snprintf(out, size, FORMAT " %" PRIx64 " %" PRIx64, position->generation,
                       (uint64_t)position->mtime_ns);
    len += encode_mark(out + len, size - (size_t)len, &position->now);
    len += encode_mark(out + len, size - (size_t)len, &position->before);
    // 2 + 2 × 17 + 2 × (5 × 17 + 2 × 9): far below the bound.
    ASSERT(len > 0 && (size_t)len < size);
    return (size_t)len;
}

static bool decode_number(struct str *rest, uint64_t max, uint64_t *out) {
    struct str word = str_cut(rest, ' ');
    if (word.len == 0 || word.len > 16) return false;
    *out = 0;
    for (size_t i = 0; i < word.len; i++) {
        const char *digits = "0123456789abcdef", *digit = memchr(digits, word.ptr[i], 16);
        if (!digit) return false;
        *out = *out << 4 | (uint64_t)(digit - digits);
    }
    return *out <= max;
}

static bool decode_mark(struct str *rest, struct mark *mark) {
    uint64_t head_len, tail_len;
    if (!decode_number(rest, UINT64_MAX, &mark->id.dev) ||
        !decode_number(rest, UINT64_MAX, &mark->id.ino) ||
        !decode_number(rest, INT64_MAX, &mark->offset) ||
        !decode_number(rest, MARK_HEAD_BYTES, &head_len) ||
        !decode_number(rest, UINT64_MAX, &mark->head_hash) ||
        !decode_number(rest, MARK_TAIL_BYTES, &tail_len) ||
        !decode_number(rest, UINT64_MAX, &mark->tail_hash))
        return false;
    mark->head_len = (uint32_t)head_len;
    mark->tail_len = (uint32_t)tail_len;
    return head_len <= mark->offset && tail_len <= mark->offset;
}

int position_decode(struct position *out, struct str text) {
    struct str rest = text;
    uint64_t mtime;
    *out = (struct position){0};
    if (!str_equal(str_cut(&rest, ' '), STR(FORMAT)) || !rest.ptr ||
        !decode_number(&rest, UINT64_MAX, &out->generation) || !rest.ptr ||
        !decode_number(&rest, UINT64_MAX, &mtime) || !rest.ptr || !decode_mark(&rest, &out->now) ||
        !rest.ptr || !decode_mark(&rest, &out->before) || rest.ptr)
        return ERR_CORRUPT;
    out->mtime_ns = (int64_t)mtime;
    return 0;
}
