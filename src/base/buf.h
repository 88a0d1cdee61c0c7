// SPDX-License-Identifier: MIT
// A growable byte buffer with a maximum that is set when it is made.
//
//  data            len             cap        max
//   |--- content ---|--- reserved ---|  may grow  |
//
// Errors stick: after a failed append every further append fails too. So a writer may append many
// times and check once, with buf_failed(). The memory has one byte more than `max`, for the
// terminator of buf_cstr. Not thread-safe.
#ifndef TAILRACE_BASE_BUF_H
#define TAILRACE_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

// An empty buffer that may grow to `max` bytes; allocates nothing yet.
void buf_init(struct buf *buf, size_t max);
// Releases the memory; the buffer is empty and usable again afterwards.
void buf_fini(struct buf *buf);
// Forgets content and failure, keeps the memory.
void buf_clear(struct buf *buf);
static inline bool buf_failed(const struct buf *buf) { return buf->failed; }
static inline struct str buf_str(const struct buf *buf) {
    return (struct str){buf->data, buf->len};
}

// Makes room for `more` bytes after the content and returns where they go. The caller adds the
// number of bytes it wrote to `len`. NULL when `max` or memory is exceeded; the buffer has then
// failed.
char *buf_reserve(struct buf *buf, size_t more);
void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_str(struct buf *buf, struct str s);
void buf_append_char(struct buf *buf, char c);
void buf_append_u64(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
// Removes the first `count` bytes.
void buf_consume(struct buf *buf, size_t count);
// The content as a terminated string; the terminator is not counted in `len`. "" when the buffer
// has failed or is empty.
const char *buf_cstr(struct buf *buf);

#endif
