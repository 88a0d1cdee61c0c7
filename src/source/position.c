// SPDX-License-Identifier: MIT
// Positions of followed paths, as the journal stores them.
#include "source/position.h"

#include <inttypes.h>
#include <stdio.h>

// Version of the text. To change the form: raise the number, and keep position_decode able to read
// the old ones. Form 1 ends after the marks.
#define FORMAT "2"

static int encode_mark(char *out, size_t size, const struct mark *mark) {
    return snprintf(out, size,
                    " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx32 " %" PRIx64 " %" PRIx32
                    " %" PRIx64,
                    mark->id.dev, mark->id.ino, mark->offset, mark->head_len, mark->head_hash,
                    mark->tail_len, mark->tail_hash);
}

static int encode_trail(char *out, size_t size, const struct trail *trail) {
    int len = 0;
    for (unsigned i = 0; i < TRAIL_MARKS; i++) {
        if (trail->marks[i].offset)
            len += snprintf(out + len, size - (size_t)len, " %x %" PRIx64 " %" PRIx64, i,
                            trail->marks[i].offset, trail->marks[i].hash);
    }
    return len;
}

size_t position_encode(const struct position *position, char out[LIMIT_SOURCE_POSITION_BYTES]) {
    size_t size = LIMIT_SOURCE_POSITION_BYTES;
    int len = snprintf(out, size, FORMAT " %" PRIx64 " %" PRIx64, position->generation,
                       (uint64_t)position->mtime_ns);
    len += encode_mark(out + len, size - (size_t)len, &position->now);
    len += encode_mark(out + len, size - (size_t)len, &position->before);
    len += encode_trail(out + len, size - (size_t)len, &position->trail);
    // 2 + 2 × 17 + 2 × (5 × 17 + 2 × 9) + 17 × (3 + 2 × 17): below 1024.
    ASSERT(len > 0 && len < 1024);
    if (position->place.len && position->place.len < size - 1024)
        len += snprintf(out + len, size - (size_t)len, " %.*s", STR_ARG(position->place));
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

// What follows the marks in form 2: marks of the trail, then the place, which may have any bytes.
static int decode_more(struct str *rest, struct position *out) {
    while (rest->ptr && !str_starts(*rest, STR("/"))) {
        uint64_t index;
        struct trail_mark mark;
        if (!decode_number(rest, TRAIL_MARKS - 1, &index) || !rest->ptr ||
            !decode_number(rest, INT64_MAX, &mark.offset) || !rest->ptr ||
            !decode_number(rest, UINT64_MAX, &mark.hash) || mark.offset < MARK_TAIL_BYTES ||
            mark.offset > out->now.offset)
            return ERR_CORRUPT;
        out->trail.marks[index] = mark;
    }
    if (rest->ptr) out->place = *rest;
    out->trail.at = out->now.offset;
    return 0;
}

int position_decode(struct position *out, struct str text) {
    struct str rest = text, form = str_cut(&rest, ' ');
    uint64_t mtime;
    *out = (struct position){0};
    bool first = str_equal(form, STR("1"));
    if ((!first && !str_equal(form, STR(FORMAT))) || !rest.ptr ||
        !decode_number(&rest, UINT64_MAX, &out->generation) || !rest.ptr ||
        !decode_number(&rest, UINT64_MAX, &mtime) || !rest.ptr || !decode_mark(&rest, &out->now) ||
        !rest.ptr || !decode_mark(&rest, &out->before) || (first && rest.ptr))
        return ERR_CORRUPT;
    out->mtime_ns = (int64_t)mtime;
    return decode_more(&rest, out);
}
