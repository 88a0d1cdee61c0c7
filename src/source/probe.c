// SPDX-License-Identifier: MIT
// Whether a file is text.
#include "source/probe.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/utf8.h"
#include "source/text.h"

#define BYTES 4096
// A record of wtmp has about ten runs of NULs and as many bytes of numbers; text that has NULs or
// control characters between its fields has one of the two.
#define SIGNS_MIN 4
#define SIGNS_PART 20

static const struct {
    struct str magic;
    const char *what;
} formats[] = {
    {{"\x1F\x8B\x08", 3}, "compressed (gzip)"},
    {{"\x1F\x9D", 2}, "compressed (compress)"},
    {{"\xFD"
      "7zXZ",
      6},
     "compressed (xz)"},
    {{"\x28\xB5\x2F\xFD", 4}, "compressed (zstd)"},
    {{"\x04\x22\x4D\x18", 4}, "compressed (lz4)"},
    {{"LZIP\x01", 5}, "compressed (lzip)"},
    {{"PK\x03\x04", 4}, "an archive (zip)"},
    {{"%PDF-", 5}, "a document (PDF)"},
    {{"7z\xBC\xAF\x27\x1C", 6}, "an archive (7z)"},
    {{"LPKSHHRH", 8}, "a systemd journal (journalctl -f | tailrace shows it)"},
    {{"SQLite format 3", 16}, "a database (SQLite)"},
    {{"\x7F"
      "ELF",
      4},
     "a program"},
};

static bool is_bzip2(struct str bytes) {
    return bytes.len >= 10 && memcmp(bytes.ptr, "BZh", 3) == 0 &&
           memcmp(bytes.ptr + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0;
}

static bool is_binary(struct str bytes) {
    size_t runs = 0, controls = 0, others = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (c == 0)
            runs += i && bytes.ptr[i - 1];
        else if (c < 0x20 && !(c >= '\a' && c <= '\r') && c != 0x1B)
            controls++;
        else
            others++;
    }
    return runs >= SIGNS_MIN && controls >= SIGNS_MIN &&
           (runs + controls) * SIGNS_PART > others + runs + controls;
}

// Whether a line of text comes first: a log may have binary data in it further on.
static bool begins_with_text(struct str bytes) {
    struct str line = str_cut(&bytes, '\n');
    if (!bytes.ptr || line.len == 0 || !utf8_valid(line)) return false;
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        if (c < 0x20 && c != '\t' && c != '\r' && c != 0x1B) return false;
    }
    return true;
}

const char *probe_content(int fd) {
    char bytes[BYTES];
    struct text text = {0};
    text_open(&text, fd);
    if (text.encoding != TEXT_UTF8) return NULL;
    uint64_t at = 0;
    size_t budget = 16 * BYTES;
    struct str out;
    bool passed;
    if (text_read(&text, fd, &at, bytes, sizeof bytes, &budget, &out, &passed) != TEXT_SOME)
        return NULL;
    for (size_t i = 0; !passed && i < sizeof formats / sizeof formats[0]; i++)
        if (str_starts(out, formats[i].magic)) return formats[i].what;
    if (!passed && is_bzip2(out)) return "compressed (bzip2)";
    return is_binary(out) && !begins_with_text(out) ? "binary data" : NULL;
}

const char *probe_kind(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a named pipe";
    if (S_ISCHR(mode)) return "a character device";
    if (S_ISBLK(mode)) return "a block device";
    return S_ISSOCK(mode) ? "a socket" : "no file";
}
