// SPDX-License-Identifier: MIT
// A growable byte buffer with a maximum.
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *buf, size_t max) { *buf = (struct buf){.max = max}; }

void buf_fini(struct buf *buf) {
    free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf) {
    buf->len = 0;
    buf->failed = false;
}

// Makes room for `more` bytes of content and for the terminator of buf_cstr, which does not count
// against `max`.
static bool make_room(struct buf *buf, size_t more) {
    if (buf->failed) return false;
    if (more < buf->cap - buf->len) return true;
    size_t cap = buf->cap < 64 ? 64 : buf->cap * 2;
    if (cap < buf->len + more + 1) cap = buf->len + more + 1;
    if (cap > buf->max + 1) cap = buf->max + 1;
    char *data = realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

char *buf_reserve(struct buf *buf, size_t more) {
    ASSERT(buf->len <= buf->cap && buf->len <= buf->max);
    if (more > buf->max - buf->len) buf->failed = true;
    if (buf->failed) return NULL;
    if (more <= buf->cap - buf->len && buf->cap) return buf->data + buf->len;
    return make_room(buf, more) ? buf->data + buf->len : NULL;
}

void buf_append(struct buf *buf, const void *data, size_t len) {
    if (len == 0) return;
    char *to = buf_reserve(buf, len);
    if (!to) return;
    memcpy(to, data, len);
    buf->len += len;
}

void buf_append_str(struct buf *buf, struct str s) { buf_append(buf, s.ptr, s.len); }

void buf_append_char(struct buf *buf, char c) { buf_append(buf, &c, 1); }

void buf_append_u64(struct buf *buf, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_append(buf, digits + at, sizeof digits - at);
}

void buf_printf(struct buf *buf, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) buf->failed = true;
    if (len >= 0 && buf_reserve(buf, (size_t)len) && make_room(buf, (size_t)len)) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t count) {
    ASSERT(count <= buf->len);
    if (count == 0) return;
    memmove(buf->data, buf->data + count, buf->len - count);
    buf->len -= count;
}

const char *buf_cstr(struct buf *buf) {
    if (buf->failed || buf->len == 0) return "";
    if (!make_room(buf, 0)) return "";
    buf->data[buf->len] = '\0';
    return buf->data;
}
