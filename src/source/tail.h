// SPDX-License-Identifier: MIT
// One followed path: which files stand behind it, one after the other, and reading them line by line.
//
//   before ──> now ──> pending[0] ──> pending[1] … the file at the path
//
// `now` is read to its end, then the next takes its place. It becomes `before` and is still looked at for a while, for lines that a
// writer who has not noticed the rotation adds. With each chunk of lines goes the position that covers all of them, so that what is
// in the journal and what is to be read next can never disagree.
#ifndef TAILRACE_SOURCE_TAIL_H
#define TAILRACE_SOURCE_TAIL_H

#include "sys/hash.h"

#include "base/lines.h"
#include "source/mark.h"
#include "source/source_priv.h"

// Rotated files that wait to be read, held open so that they cannot be deleted under us. What is beyond is found again later.
#define TAIL_PENDING_MAX 16

struct tail;

// An open file.
struct stream {
    struct watch watch; // first
    struct tail *tail;
    int fd;
    bool ended; // truncated after it was rotated away: nothing more to expect
    struct lines lines;
    uint64_t line_at; // first byte of which nothing has been handed on
    uint64_t read_at; // first byte that has not gone through `lines`
    struct mark
        mark; // at line_at, or further back when the file was truncated before it could be moved
    int64_t mtime_ns; // of the file before it was last read
    uint64_t grew_ms; // when bytes were last read, or when it was opened
};

struct tail {
    struct feed feed; // first
    struct source *source;
    struct tail *prev, *next; // of the source
    UT_hash_handle hh;        // of the source, by path
    char *path, *dir, *base;
    bool follow_symlink; // of the path itself
    bool
        literal; // named by the configuration, not found by a glob: that it is missing is worth saying
    bool from_start;    // a file never seen is new, not old: no backfill, all of it
    int64_t missing_ns; // wall clock when nothing was at the path for the first time, 0: never so
    struct stream *now, *before, *pending[TAIL_PENDING_MAX];
    size_t pending_count;
    struct position position; // reached with the last chunk that was submitted, or about to be
    bool known;               // `position` says something
    bool changed;             // and has to be written even without lines
    bool drained;             // `now` was read to its end before it was closed
    bool gone;                // nothing at the path
    uint64_t gone_ms;         // since then
    bool forgotten;           // the journal has been told to forget the position
    uint64_t seen;            // the source's scan that found the path
    struct loop_timer timer;
};

// tail.c: life and reading

// Follows `path` from now on; looks at it at once when tail_check is called. ERR_INVALID: no topic can be made of the path, with a report.
// ERR_NOMEM, ERR_IO (the journal).
int tail_new(struct tail **out, struct source *source, const char *path, bool follow_symlink,
             bool from_start, struct report *report) MUST_CHECK;
// Frees it as soon as the journal has nothing of it under way.
void tail_close(struct tail *tail);
// Whether the journal has a position of this path for this source: it was followed at some time.
bool tail_was_seen(const struct source *source, const char *path);
// Whether one of its open files is this one.
bool tail_holds(const struct tail *tail, struct file_id id);
// Goes on where another tail, whose file now has this tail's name, has got to. False: not now, something of it is under way.
bool tail_take_over(struct tail *tail, struct tail *from);
// Tells the journal to forget the position. False: not now.
bool tail_forget(struct tail *tail);

// `mark` NULL: from the start. Takes over the descriptor, also when it fails (NULL).
struct stream *stream_new(struct tail *tail, int fd, const struct mark *mark);
void stream_free(struct stream *stream);

// follow.c: which files

// Looks at the path: opens what is new there.
void tail_check(struct tail *tail);
// A copy of what stood in the truncated file `now`, with at least what its mark says: it comes first then, later copies and the file
// after it. ERR_NOT_FOUND: there is none. ERR_AGAIN: it cannot be told now.
int tail_find_copy(struct tail *tail) MUST_CHECK;

#endif
