// SPDX-License-Identifier: MIT
// One open file that is followed: reading it line by line.
//
//   0 ········ line_at ············ read_at ············ end of the file
//     handed on        in `lines`             not read
//
// A line is handed on once. `mark` proves what was in the file up to `line_at`: a file that was
// truncated and has grown again is told apart by its content.
#ifndef TAILRACE_SOURCE_FOLLOWED_H
#define TAILRACE_SOURCE_FOLLOWED_H

#include "base/lines.h"
#include "source/feed.h"
#include "source/mark.h"
#include "source/text.h"
#include "source/trail.h"
#include "source/watch.h"

struct unpack;

struct followed_file {
    struct watch watch;
    struct source *source;
    struct feed *feed; // gets the errors, and is woken when the file changes
    const char *path;  // for messages; borrowed from the owner of the feed
    // The log's name, absolute and without links, when the file was found as the log or as one of
    // its rotated siblings. Owned.
    char *place;
    int fd;
    struct unpack *unpack; // the file is compressed, and `fd` its text
    // The file was truncated after it was rotated away: no more lines will come from it.
    bool ended;
    // It may be no text at all (probe.h): that is looked at until its first line was handed on.
    // `refused`: it is none now. As long as that is so it has ended.
    bool unjudged, refused;
    struct text text;
    struct lines lines;
    uint64_t line_at; // first byte that belongs to no line handed on so far
    uint64_t read_at; // first byte that has not gone through `lines`; at a character
    uint64_t read_to; // where read_at has been; beyond it, bytes are new
    // At line_at; further back when the file was truncated before the mark could be moved.
    struct mark mark;
    struct trail trail; // older marks
    // A mark from before what was read last. That may be missing in a file that has replaced this
    // one: it was made of a copy.
    struct mark calm;
    uint64_t calm_ms; // when it was taken
    // Of the file before it was last read.
    int64_t mtime_ns, ctime_ns;
    uint64_t grew_ms;    // when bytes were last read, or when it was opened
    uint64_t emptied_ms; // when it was first seen to be empty after it was read, 0: it is not
};

enum drained { DRAINED_END, DRAINED_FULL, DRAINED_TRUNCATED, DRAINED_FAILED };

// Reading starts at the mark; NULL: at the start of the file. Copies `place`. Takes over the
// descriptor, also when it fails. NULL: out of memory, or the file cannot be examined.
struct followed_file *followed_new(struct source *source, struct feed *feed, const char *path,
                                   int fd, const char *place, const struct mark *mark);
// The same for a file that was compressed with gzip; `fd` is open on it. The mark is that of its
// text. ERR_NOMEM, ERR_IO: not now. ERR_NOT_FOUND: it does not have the head from which the mark
// was made. ERR_CORRUPT: it is not in gzip's format.
int followed_new_packed(struct followed_file **out, struct source *source, struct feed *feed,
                        const char *path, int fd, const char *place,
                        const struct mark *mark) MUST_CHECK;
// NULL is fine.
void followed_free(struct followed_file *file);

// Hands on new lines, until the chunk is full or *budget bytes have been read. An event of the
// file's first line gets `first_flags`.
//
// DRAINED_END: everything up to the end was read.
// DRAINED_FULL: there may be more.
// DRAINED_TRUNCATED: the file was truncated. The mark stays at what is certain, and *certain is the
// number of the chunk's lines up to there; the lines after them were read during the truncation.
// DRAINED_FAILED: it could not be read; the feed has the error.
enum drained followed_drain(struct followed_file *file, struct chunk *chunk, uint8_t first_flags,
                            size_t *budget, uint32_t *certain) MUST_CHECK;
// Hands on the text after the last newline as a line, if there is any. ERR_NOMEM: try again later.
int followed_rest(struct followed_file *file, struct chunk *chunk, uint8_t first_flags) MUST_CHECK;
// Text that was read but not handed on will be read again.
void followed_rewind(struct followed_file *file);
// Whether the file has changed since it was last read, as far as its size and times tell.
bool followed_differs(const struct followed_file *file, const struct stat *st);
// The whole file will be read again; nothing is known of its content.
void followed_restart(struct followed_file *file);

// Milliseconds since bytes were last read.
uint64_t followed_quiet_ms(const struct followed_file *file);
// Whether there is at least one byte to read.
bool followed_has_more(const struct followed_file *file);

#endif
