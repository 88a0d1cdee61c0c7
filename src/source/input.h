// SPDX-License-Identifier: MIT
// A stream of lines: standard input, a named pipe, the pipe of a shell's <(command). It cannot be
// read twice, so no position is stored. UTF-16 is converted like that of files (text.h).
//
// A named pipe has one writer after the other: when one closes it, the text after the last newline
// counts as a line, and the next one is waited for. Any other stream ends.
#ifndef TAILRACE_SOURCE_INPUT_H
#define TAILRACE_SOURCE_INPUT_H

#include "base/lines.h"
#include "source/feed.h"
#include "source/mark.h"
#include "source/naming.h"
#include "source/text.h"

struct input {
    struct input *prev, *next; // of the owner
    struct feed feed;
    struct source *source;
    struct naming_entry *named; // may be NULL
    int fd;
    char *path; // of a named pipe; NULL: the stream ends with its writer
    struct file_id id;
    struct loop_io io;
    bool watched; // `io` is registered
    bool polled;  // can be polled: a pipe, a socket, a terminal; a file is always ready
    bool ready;   // one read will not block
    bool ended;
    bool line_ends; // a writer is gone: what there is of a line is a line
    struct lines lines;
    enum text_encoding encoding;
    bool begun;  // the encoding is known
    char cut[4]; // bytes of a character that is not whole yet, or of the first ones
    size_t cut_len;
    struct str rest; // read but not split yet; in `memory`
    char *memory;
    uint64_t bytes;
    // There was no memory to add `line`; it is the next line to add.
    bool line_failed;
    struct str line;
    struct loop_retired retired;
    struct loop_timer timer; // tries again after a lack of memory
};

// Makes a stream of lines for `topic`. `name` is that of the feed. ERR_NOMEM.
int input_new(struct input **out, struct source *source, const char *name,
              const char *topic) MUST_CHECK;
// Reads `fd` from now on. Takes it over, unless it is standard input, which may not become
// non-blocking: others may share it. With `path`, that of a named pipe, further writers are waited
// for; copies it. ERR_NOMEM: nothing is read.
int input_begin(struct input *input, int fd, const char *path) MUST_CHECK;
// To be called now and then: a named pipe whose path has become something else ends with its
// writers.
void input_check(struct input *input);
// Whether the stream has ended and the journal has all its lines.
bool input_is_over(const struct input *input);
// Frees the stream as soon as the journal has finished with its chunks.
void input_close(struct input *input);

#endif
