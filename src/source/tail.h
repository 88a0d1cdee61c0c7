// SPDX-License-Identifier: MIT
// One followed path: its life, its position in the journal, and reading its files one after the
// other (chain.h says which files, followed.h reads one).
//
// `now` is read to its end, then the next file takes its place. `now` becomes `before` and is still
// looked at for a while: a writer that has not noticed the rotation may add lines to it. Each chunk
// of lines carries the position that covers all of them. So the lines in the journal and the place
// where reading goes on can never disagree.
#ifndef TAILRACE_SOURCE_TAIL_H
#define TAILRACE_SOURCE_TAIL_H

#include "source/followed.h"
#include "source/position.h"
#include "source/source_priv.h"
#include "sys/hash.h"

// Rotated files that wait to be read. They are held open so that nobody can delete them before they
// are read. Files beyond this number are found again later.
#define TAIL_PENDING_MAX 16

struct tail {
    struct feed feed;
    struct source *source;
    struct tail *prev, *next; // of the source
    UT_hash_handle hh;        // of the source, by path
    struct naming_entry *named;
    char *path;
    size_t trusted;      // of the path (place.h)
    bool follow_symlink; // of the path itself
    // The path is a pattern, and the log all files that match, one after the other. Set before each
    // check; borrowed. NULL: the path is a file.
    const struct series *series;
    char *place; // the log's name where `now` was found, links resolved; NULL: not known
    // The configuration names the path itself, not a glob. Then its absence is worth a message.
    bool literal;
    // A file never seen before is new, not old: all of it is read, `backfill` does not apply.
    bool from_start;
    int64_t missing_ns; // wall clock when the path was first found empty, 0: never
    struct followed_file *now, *before, *pending[TAIL_PENDING_MAX];
    size_t pending_count;
    struct position position; // of the last chunk that was submitted, or of the next one
    bool known;               // `position` has a value
    bool changed;             // `position` must be written even without lines
    bool drained;             // `now` was read to its end before it was closed
    bool looked_deep;         // the rest of the missing file is not in directories beside it
    bool emptied;             // `now` has been emptied, and nothing has come yet
    bool gone;                // there is no file at the path
    uint64_t gone_ms;         // since when
    bool forgotten;           // the journal has been asked to forget the position
    uint64_t seen;            // the last scan of the source that found the path
    // `now` was closed for want of descriptors (park.h), when the file had this size and time.
    bool parked;
    bool waits; // for a descriptor
    int64_t parked_size, parked_mtime_ns;
    struct watch park_watch;
    struct loop_timer timer;
};

// Follows the path of `named` from now on, under its topic; chain_check opens the files. Takes over
// `named`, also when it fails. `trusted`: of the path (place.h). ERR_NOMEM, ERR_IO (the journal),
// each with a report.
int tail_new(struct tail **out, struct source *source, struct naming_entry *named, size_t trusted,
             bool from_start, struct report *report) MUST_CHECK;
// The tail that a feed is part of; NULL: it is another kind's.
struct tail *tail_of_feed(struct feed *feed);
// Frees the tail as soon as the journal has finished with its chunks.
void tail_close(struct tail *tail);
// Whether the journal has a position of this path under this topic: it was followed before.
bool tail_was_seen(const struct source *source, const char *path, const char *topic);
// The file that is the log now: the path, or the newest of the series. NULL: the series is empty.
const char *tail_target(const struct tail *tail);
// Examines that file. 0, or -1 with errno.
int tail_stat(const struct tail *tail, struct stat *st) MUST_CHECK;
// Whether the file is at the path of another tail that reads it; of this source, or of `any`.
bool tail_is_followed_elsewhere(const struct tail *tail, struct file_id id, bool any);
// The other tail of the source that has the file open; NULL: none has.
struct tail *tail_holder(const struct tail *tail, struct file_id id);
// Whether another file, or none, is at the tail's path.
bool tail_has_lost(const struct tail *tail, struct file_id id);
// Takes over a file that `from` has open and that now has this tail's name: reading goes on where
// `from` is. False: that is not possible now, because a chunk of `from` is not committed yet or it
// has to read other files first; try again.
bool tail_take_over(struct tail *tail, struct tail *from, struct file_id id);
// Asks the journal to forget the position. False: not possible now, try again.
bool tail_forget(struct tail *tail);

#endif
