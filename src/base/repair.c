// SPDX-License-Identifier: MIT
// What the bytes of a line become.
#include "base/repair.h"

#include "base/lines.h"
#include "base/utf8.h"

#define REPLACEMENT STR("\xEF\xBF\xBD")

static struct str without_outer_nuls(struct str line) {
    while (line.len && line.ptr[0] == '\0') line = (struct str){line.ptr + 1, line.len - 1};
    while (line.len && line.ptr[line.len - 1] == '\0') line.len--;
    return line;
}

// `line` neither begins nor ends with NUL.
static void append_valid(struct buf *out, struct str line) {
    while (line.len) {
        const char *nul = memchr(line.ptr, '\0', line.len);
        size_t len = nul ? (size_t)(nul - line.ptr) : line.len;
        utf8_repair(out, (struct str){line.ptr, len});
        if (!nul) return;
        buf_append_str(out, REPLACEMENT);
        while (line.ptr[len] == '\0') len++;
        line = (struct str){line.ptr + len, line.len - len};
    }
}

void repair_line(struct buf *out, struct str line, size_t line_max, uint64_t length) {
    // A line that was cut when it was split has room for its mark; any other has not.
    bool was_cut = length > line_max && line.len != length;
    size_t start = out->len, most = line_max + (was_cut ? LINES_MARK_BYTES : 0);
    line = without_outer_nuls(line);
    if (line.len == 0) return;
    if (!memchr(line.ptr, '\0', line.len) && utf8_valid(line)) {
        if (line.len <= most)
            buf_append_str(out, line);
        else
            lines_mark_cut(out, line, line_max, length);
        return;
    }
    append_valid(out, line);
    struct str clean = {out->data + start, out->len - start};
    if (buf_failed(out) || clean.len <= most) return;
    // Replacement characters are longer than the bytes that they replace.
    out->len = start + utf8_cut(clean, line_max).len;
    lines_mark_cut(out, (struct str){"", 0}, 0, length);
}
