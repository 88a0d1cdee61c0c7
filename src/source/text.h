// SPDX-License-Identifier: MIT
// What the bytes of a file are before they are split into lines: which encoding they have, and
// where there is text at all.
//
//   at ···text··· at + n ···NULs··· nuls_to ···not looked at··· end of the file
//
// UTF-16 (Unicode 15, section 3.10; RFC 2781) is decoded to UTF-8. All positions are offsets of
// bytes in the file: text_bytes() leads back from decoded text to them.
//
// NULs are no text. A file that was truncated under a writer without O_APPEND has them in place of
// what was there before, a file that is filled in place has them behind its text. They are passed
// over only when text follows; holes are stepped over without reading them (lseek(2), SEEK_DATA).
#ifndef TAILRACE_SOURCE_TEXT_H
#define TAILRACE_SOURCE_TEXT_H

#include "base/err.h"
#include "base/str.h"

enum text_encoding { TEXT_UTF8, TEXT_UTF16LE, TEXT_UTF16BE };

// "UTF-8", "UTF-16LE", "UTF-16BE"
const char *text_encoding_name(enum text_encoding encoding);

// The encoding of a text that begins with `first` (some dozens of bytes are enough), and in *mark
// the bytes of its byte order mark, 0 to 3. Without a mark it is UTF-16 only when that is certain:
// when its first characters are Latin, most of them ASCII, with a zero byte each. `before` is the
// encoding of what was in the file earlier: a log that was truncated goes on without a mark. It
// counts where the text cannot be UTF-8.
enum text_encoding text_detect(struct str first, enum text_encoding before, unsigned *mark);

// Decodes the whole characters at the beginning of `raw`, which is UTF-16, into `out`, which has
// room for raw.len / 2 * 3 bytes. *taken: the bytes of `raw` that were decoded; at most three are
// left, those of a character that is cut. An unpaired surrogate becomes U+FFFD.
struct str text_decode(enum text_encoding encoding, struct str raw, char *out, size_t *taken);
// The bytes that `text`, which was decoded from this encoding, has in the file.
uint64_t text_bytes(enum text_encoding encoding, struct str text);

// Reading a file. Zeroed: nothing is known of it.
struct text {
    enum text_encoding encoding;
    uint64_t nuls_to; // from the place of the last read to here there are NULs; 0: none
    uint64_t seen_to; // the end of what was looked at
};

enum text_got { TEXT_SOME, TEXT_NONE, TEXT_LATER, TEXT_FAILED };

// Finds out the encoding of a file; before reading anywhere but at its start.
void text_open(struct text *text, int fd);
// Reads at *at, which is at a character, with `memory` of `size` bytes (a multiple of 8, at least
// 4096). Takes what it reads from *budget.
//
// TEXT_SOME: *out is text in UTF-8, perhaps ill-formed, in `memory`. It begins at *at: that has
// moved on when NULs or a byte order mark were passed over; *passed: NULs were. Otherwise what *at
// is counts for nothing: the next call begins where this one did. TEXT_NONE: there is nothing more
// now. TEXT_LATER: the budget is used up. TEXT_FAILED: errno says why.
enum text_got text_read(struct text *text, int fd, uint64_t *at, char *memory, size_t size,
                        size_t *budget, struct str *out, bool *passed) MUST_CHECK;
// Whether there may be text at `at`, where text_read gave TEXT_NONE.
bool text_has_more(const struct text *text, int fd, uint64_t at);

// The offset at which the newest `lines` lines of a file of `size` bytes begin, with `memory` as
// above. Does not look at more than 64 MB, or 4 KB for each line if that is more: what is behind
// that is no log. Then fewer lines follow.
uint64_t text_newest(const struct text *text, int fd, uint64_t size, uint64_t lines, char *memory,
                     size_t memory_size);

#endif
