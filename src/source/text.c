// SPDX-License-Identifier: MIT
// What the bytes of a file are: their encoding, and where there is text.
#include "source/text.h"

#include <errno.h>
#include <unistd.h>

#include "base/utf8.h"

// Characters from which an encoding without a mark is told.
#define CERTAIN_CHARACTERS 32
#define NEWEST_BYTES_MIN (64u * 1024 * 1024)
#define NEWEST_BYTES_LINE 4096u

// --- encodings -----------------------------------------------------------------------------------

const char *text_encoding_name(enum text_encoding encoding) {
    static const char *const names[] = {"UTF-8", "UTF-16LE", "UTF-16BE"};
    return names[encoding];
}

static size_t unit_bytes(enum text_encoding encoding) { return encoding == TEXT_UTF8 ? 1 : 2; }

static unsigned unit_at(enum text_encoding encoding, const char *at) {
    const unsigned char *p = (const unsigned char *)at;
    return encoding == TEXT_UTF16LE ? p[0] | (unsigned)p[1] << 8 : p[1] | (unsigned)p[0] << 8;
}

static bool is_ascii_text(unsigned unit) {
    return (unit >= 0x20 && unit < 0x7F) || (unit >= '\t' && unit <= '\r') || unit == 0x1B;
}

// Whether the text begins with a line, or with many characters, of Latin letters in this encoding,
// most of them ASCII.
static bool is_latin_utf16(struct str first, enum text_encoding encoding) {
    size_t units = first.len / 2, ascii = 0, i;
    for (i = 0; i < units && i < CERTAIN_CHARACTERS; i++) {
        unsigned unit = unit_at(encoding, first.ptr + 2 * i);
        ascii += is_ascii_text(unit);
        if (!is_ascii_text(unit) && (unit < 0xA0 || unit >= 0x250)) return false;
        if (unit == '\n' && i >= 2) return ascii * 4 >= i * 3;
    }
    return i >= 4 && ascii * 4 >= i * 3;
}

enum text_encoding text_detect(struct str first, enum text_encoding before, unsigned *mark) {
    *mark = 2;
    if (str_starts(first, STR("\xFF\xFE"))) return TEXT_UTF16LE;
    if (str_starts(first, STR("\xFE\xFF"))) return TEXT_UTF16BE;
    *mark = str_starts(first, STR("\xEF\xBB\xBF")) ? 3 : 0;
    if (*mark) return TEXT_UTF8;
    if (is_latin_utf16(first, TEXT_UTF16LE)) return TEXT_UTF16LE;
    if (is_latin_utf16(first, TEXT_UTF16BE)) return TEXT_UTF16BE;
    if (before == TEXT_UTF8 || first.len == 0) return before;
    // The last character may be cut.
    bool is_utf8 = utf8_valid_prefix(first) + 3 >= first.len && !memchr(first.ptr, 0, first.len);
    return is_utf8 ? TEXT_UTF8 : before;
}

static bool is_high(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
static bool is_low(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

static char *encode(char *out, unsigned c) {
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xE0 | c >> 12);
        } else {
            *out++ = (char)(0xF0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

struct str text_decode(enum text_encoding encoding, struct str raw, char *out, size_t *taken) {
    char *end = out;
    size_t at = 0;
    while (raw.len - at >= 2) {
        unsigned c = unit_at(encoding, raw.ptr + at);
        if (is_high(c)) {
            if (raw.len - at < 4) break;
            unsigned low = unit_at(encoding, raw.ptr + at + 2);
            if (is_low(low)) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                at += 2;
            }
        }
        // What is still a surrogate has no partner.
        end = encode(end, is_high(c) || is_low(c) ? 0xFFFD : c);
        at += 2;
    }
    *taken = at;
    return (struct str){out, (size_t)(end - out)};
}

uint64_t text_bytes(enum text_encoding encoding, struct str text) {
    if (encoding == TEXT_UTF8) return text.len;
    uint64_t bytes = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c & 0xC0) != 0x80) bytes += c >= 0xF0 ? 4 : 2;
    }
    return bytes;
}

// --- reading -------------------------------------------------------------------------------------

static ssize_t read_at(int fd, char *to, size_t size, uint64_t at) {
    ssize_t got;
    do got = pread(fd, to, size, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got;
}

// The first byte that is not NUL, at most `len`.
static size_t nuls_in(const char *bytes, size_t len) {
    size_t at = 0;
    uint64_t word;
    for (; len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        if (word) break;
    }
    while (at < len && bytes[at] == '\0') at++;
    return at;
}

// Where there is data at or behind `at`; `at` where that cannot be told. False: nowhere.
static bool next_data(int fd, uint64_t *at) {
    off_t data = lseek(fd, (off_t)*at, SEEK_DATA);
    if (data >= 0) *at = (uint64_t)data;
    return data >= 0 || errno != ENXIO;
}

// Looks for the end of the NULs that begin at `at`. TEXT_SOME: text begins at *end.
static enum text_got pass_nuls(struct text *text, int fd, uint64_t at, char *memory, size_t size,
                               size_t *budget, uint64_t *end) {
    off_t last = lseek(fd, 0, SEEK_END);
    if (last < 0) return TEXT_FAILED;
    // It was cut within the NULs, and may have grown again.
    if ((uint64_t)last < text->nuls_to) text->nuls_to = at;
    for (;;) {
        uint64_t from = text->nuls_to;
        if (!next_data(fd, &from)) {
            text->nuls_to = text->seen_to = (uint64_t)last;
            return TEXT_NONE;
        }
        if (*budget == 0) return TEXT_LATER;
        ssize_t got = read_at(fd, memory, size, from);
        if (got < 0) return TEXT_FAILED;
        if (got == 0) return TEXT_NONE;
        *budget -= (size_t)got < *budget ? (size_t)got : *budget;
        size_t nuls = nuls_in(memory, (size_t)got);
        text->nuls_to = text->seen_to = from + nuls;
        if (nuls == (size_t)got) continue;
        // The zero byte of the first character is not one of the NULs before it.
        *end = at + (text->nuls_to - at) / unit_bytes(text->encoding) * unit_bytes(text->encoding);
        text->nuls_to = 0;
        return TEXT_SOME;
    }
}

// The first bytes of the text at `at`, which is the first in the file.
static unsigned detect(struct text *text, int fd, uint64_t at) {
    char bytes[4 * CERTAIN_CHARACTERS];
    unsigned mark;
    ssize_t got = read_at(fd, bytes, sizeof bytes, at);
    struct str first = {bytes, got > 0 ? (size_t)got : 0};
    if (first.len && nuls_in(bytes, first.len) == first.len) return 0;
    text->encoding = text_detect(first, text->encoding, &mark);
    return mark;
}

void text_open(struct text *text, int fd) {
    char bytes[4096];
    uint64_t at = 0;
    // A file whose beginning is a hole: its text is at the beginning of a block.
    for (int looks = 0; looks < 2; looks++) {
        ssize_t got = read_at(fd, bytes, sizeof bytes, at);
        size_t nuls = got > 0 ? nuls_in(bytes, (size_t)got) : 0;
        if (got > 0 && nuls == (size_t)got) {
            at += nuls;
            if (!next_data(fd, &at)) return;
            continue;
        }
        // "\0a" is a character of UTF-16BE.
        (void)detect(text, fd, at + (nuls & ~(size_t)1));
        return;
    }
}

static bool is_nul(const struct text *text, int fd, uint64_t at) {
    char unit[2];
    ssize_t bytes = (ssize_t)unit_bytes(text->encoding);
    return read_at(fd, unit, (size_t)bytes, at) == bytes &&
           nuls_in(unit, (size_t)bytes) == (size_t)bytes;
}

// Removes NULs from the end: what follows them is not known yet.
static struct str without_nuls(struct str out) {
    while (out.len && out.ptr[out.len - 1] == '\0') out.len--;
    return out;
}

enum text_got text_read(struct text *text, int fd, uint64_t *at, char *memory, size_t size,
                        size_t *budget, struct str *out, bool *passed) {
    bool first = *at == 0;
    *passed = false;
    if (first) *at += detect(text, fd, 0);
    for (;;) {
        // Somebody may have written where the NULs were.
        if (text->nuls_to > *at && is_nul(text, fd, *at)) {
            uint64_t end;
            enum text_got got = pass_nuls(text, fd, *at, memory, size, budget, &end);
            if (got != TEXT_SOME) return got;
            *at = end;
            *passed = true;
            if (first) *at += detect(text, fd, *at);
        } else if (*budget == 0) {
            return TEXT_LATER;
        }
        text->nuls_to = 0;
        // Decoded text grows to half as much again, in front of what it is decoded from.
        size_t raw_size = text->encoding == TEXT_UTF8 ? size : size / 8 * 3;
        char *raw = memory + size - raw_size;
        ssize_t got = read_at(fd, raw, raw_size, *at);
        if (got < 0) return TEXT_FAILED;
        text->seen_to = *at + (uint64_t)got;
        *budget -= (size_t)got < *budget ? (size_t)got : *budget;
        *out = (struct str){raw, (size_t)got};
        size_t taken;
        if (text->encoding != TEXT_UTF8) *out = text_decode(text->encoding, *out, memory, &taken);
        size_t len = out->len;
        *out = without_nuls(*out);
        if (out->len) return TEXT_SOME;
        if (len == 0) return TEXT_NONE;
        text->nuls_to = *at + len * unit_bytes(text->encoding);
    }
}

bool text_has_more(const struct text *text, int fd, uint64_t at) {
    char byte;
    if (text->nuls_to > at && !is_nul(text, fd, at)) return true;
    return read_at(fd, &byte, 1, text->seen_to > at ? text->seen_to : at) == 1;
}

// --- where the newest lines begin ----------------------------------------------------------------

static bool is_hole(int fd, uint64_t from, uint64_t to) {
    uint64_t data = from;
    return !next_data(fd, &data) || data >= to;
}

// The last line ending in the first `len` bytes of a block, which begins at a character: the place
// behind it. 0: there is none.
static size_t last_line_end(enum text_encoding encoding, const char *block, size_t len) {
    for (;;) {
        const char *lf = memrchr(block, '\n', len);
        if (!lf) return 0;
        len = (size_t)(lf - block);
        if (encoding == TEXT_UTF8) return len + 1;
        size_t unit = len / 2 * 2;
        if (unit_at(encoding, block + unit) == '\n') return unit + 2;
        len = unit;
    }
}

uint64_t text_newest(const struct text *text, int fd, uint64_t size, uint64_t lines, char *memory,
                     size_t memory_size) {
    size_t unit = unit_bytes(text->encoding);
    uint64_t at = size / unit * unit, step = memory_size, found = 0, oldest = at, looked = 0;
    uint64_t most = lines * NEWEST_BYTES_LINE;
    if (most < NEWEST_BYTES_MIN) most = NEWEST_BYTES_MIN;
    while (at) {
        if (looked > most) return oldest;
        uint64_t part = step < at ? step : at;
        if (is_hole(fd, at - part, at)) {
            at -= part;
            step *= 2;
            continue;
        }
        if (part > memory_size) {
            step = part / 2 < memory_size ? memory_size : part / 2 / unit * unit;
            continue;
        }
        step = memory_size;
        looked += part;
        if (read_at(fd, memory, part, at - part) != (ssize_t)part) return oldest;
        for (size_t left = part, end; (end = last_line_end(text->encoding, memory, left));) {
            oldest = at - part + end;
            if (found++ == lines) return oldest;
            left = end - unit;
        }
        at -= part;
    }
    return 0;
}
