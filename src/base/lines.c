// SPDX-License-Identifier: MIT
// Splitting a stream of bytes into lines.
#include "base/lines.h"

// A buffer that grew beyond this for one long line is released: thousands of quiet files may be
// followed.
#define KEEP_BYTES (64u * 1024)

void lines_init(struct lines *lines, size_t line_max, enum lines_long when_long) {
    ASSERT(line_max >= 1);
    *lines = (struct lines){.line_max = line_max, .when_long = when_long};
    // One byte more, for a CR that turns out to belong to the line's ending.
    buf_init(&lines->kept, line_max + 1 + LINES_MARK_BYTES);
}

void lines_fini(struct lines *lines) {
    buf_fini(&lines->kept);
    lines->pending = lines->content = 0;
    lines->ends_with_cr = lines->ends_with_nul = false;
    lines->returned = false;
}

static void forget_returned(struct lines *lines) {
    if (!lines->returned) return;
    lines->returned = false;
    if (lines->kept.cap > KEEP_BYTES) buf_fini(&lines->kept);
    buf_clear(&lines->kept);
}

// The length of `text` without a UTF-8 character that is cut off at its end. Ill-formed bytes stay.
static size_t whole_characters(struct str text) {
    for (size_t back = 1; back <= 3 && back <= text.len; back++) {
        unsigned char c = (unsigned char)text.ptr[text.len - back];
        if ((c & 0xC0) == 0x80) continue;
        size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        return need > back ? text.len - back : text.len;
    }
    return text.len;
}

static void append_mark(struct buf *out, uint64_t total) {
    buf_printf(out, " \xE2\x80\xA6[cut, %llu bytes]", (unsigned long long)total);
}

void lines_mark_cut(struct buf *out, struct str text, size_t max, uint64_t total) {
    ASSERT(max <= text.len);
    buf_append(out, text.ptr, whole_characters((struct str){text.ptr, max}));
    append_mark(out, total);
}

static void keep_some(struct lines *lines, struct str text) {
    size_t room = lines->line_max + 1 - lines->kept.len;
    buf_append(&lines->kept, text.ptr, text.len < room ? text.len : room);
    if (text.len) lines->ends_with_nul = false;
    lines->content += text.len;
}

// NULs are kept as one; at the beginning of a line none is.
static void keep_nul(struct lines *lines) {
    if (lines->content && !lines->ends_with_nul) keep_some(lines, STR("\0"));
    lines->ends_with_nul = true;
}

// Appends as much of the text as still fits to the unfinished line. ERR_NOMEM: the line is
// unchanged.
static int keep(struct lines *lines, struct str text) {
    size_t room = lines->line_max + 1 - lines->kept.len;
    // Memory first, so that a failure changes nothing.
    if (text.len && room && !buf_reserve(&lines->kept, text.len < room ? text.len : room)) {
        lines->kept.failed = false;
        return ERR_NOMEM;
    }
    lines->pending += text.len;
    if (text.len) lines->ends_with_cr = text.ptr[text.len - 1] == '\r';
    while (text.len) {
        const char *nul = memchr(text.ptr, '\0', text.len);
        size_t len = nul ? (size_t)(nul - text.ptr) : text.len;
        keep_some(lines, (struct str){text.ptr, len});
        if (!nul) break;
        keep_nul(lines);
        while (len < text.len && text.ptr[len] == '\0') len++;
        text = (struct str){text.ptr + len, text.len - len};
    }
    return 0;
}

// Whether the unfinished line is too long even if the next byte is the LF.
static bool is_over(const struct lines *lines) {
    return lines->content > (uint64_t)lines->line_max + lines->ends_with_cr;
}

// Returns the kept line, which is complete: 1. ERR_NOMEM: nothing has changed.
static int finish(struct lines *lines, struct str *line) {
    uint64_t total = lines->content - lines->ends_with_cr;
    struct buf *kept = &lines->kept;
    if (total > lines->line_max) {
        // Memory first, so that a failure changes nothing.
        if (!buf_reserve(kept, LINES_MARK_BYTES - 1)) {
            kept->failed = false;
            return ERR_NOMEM;
        }
        kept->len = whole_characters((struct str){kept->data, lines->line_max});
        append_mark(kept, total);
        *line = buf_str(kept);
    } else {
        *line = (struct str){kept->len ? kept->data : "", (size_t)total};
    }
    lines->length = total;
    lines->pending = lines->content = 0;
    lines->ends_with_cr = lines->ends_with_nul = false;
    lines->returned = true;
    return 1;
}

int lines_next(struct lines *lines, struct str *input, struct str *line) {
    forget_returned(lines);
    if (input->len == 0) return 0;
    const char *lf = memchr(input->ptr, '\n', input->len);
    size_t len = lf ? (size_t)(lf - input->ptr) : input->len;
    struct str text = {input->ptr, len};
    size_t consumed = lf ? len + 1 : len;
    if (lf && lines->pending == 0) {
        if (len && text.ptr[len - 1] == '\r') text.len--;
        if (text.len <= lines->line_max && !memchr(text.ptr, '\0', text.len)) {
            lines->length = text.len;
            *line = text;
            *input = (struct str){input->ptr + consumed, input->len - consumed};
            return 1;
        }
        text.len = len;
    }
    int err = keep(lines, text);
    if (err) return err;
    if (lines->when_long == LINES_REFUSE && is_over(lines)) return ERR_TOO_LONG;
    *input = (struct str){input->ptr + len, input->len - len};
    if (!lf) return 0;
    err = finish(lines, line);
    if (err < 0) return err;
    *input = (struct str){input->ptr + 1, input->len - 1};
    return 1;
}

int lines_end(struct lines *lines, struct str *line) {
    forget_returned(lines);
    if (lines->content == 0) lines->pending = 0;
    return lines->pending ? finish(lines, line) : 0;
}
