// SPDX-License-Identifier: MIT
// The parts of a log: the files into which rotation has cut it. Finds them beside the log, opens
// them, and puts them into the chain in their order.
//
// Beside the log means: where the log really was (a place), not beside the link that leads to it. A
// place has no links, and none are followed when a part is opened.
#ifndef TAILRACE_SOURCE_PARTS_H
#define TAILRACE_SOURCE_PARTS_H

#include "source/rotated.h"
#include "source/tail.h"

// The path's own name where it really is, the links resolved that are followed (place.h). On the
// heap; NULL: there is nothing, or out of memory.
char *parts_place(const struct tail *tail);
// The same for a path and its `trusted`.
char *parts_real(const char *path, size_t trusted);
// Opens a regular file without ever blocking, as a FIFO would; `trusted`: of the path (place.h).
// Sets errno; EISDIR for anything that is not a regular file.
int parts_open_regular(const char *path, size_t trusted, int flags, struct stat *st);

// Lists the rotated files of the log at `place` as they were while the file `at_path` was at the
// path (ino 0: no file); with `deep` also in directories beside it. ERR_AGAIN: a rotation is in
// progress, and a check follows soon. Any other error counts as no siblings. Free the list with
// rotated_free.
int parts_look(struct tail *tail, const char *place, bool deep, struct file_id at_path,
               struct siblings *out) MUST_CHECK;

enum parts_wanted {
    PARTS_SAME,   // the file of the mark under another name
    PARTS_COPIES, // a file with the content of the mark that is not older than `since_ns`
};
// Finds the part in which reading continues at the mark. Of copies the oldest one: later copies are
// of later content. *file is NULL when there is none. ERR_AGAIN: not decidable now.
int parts_find(struct tail *tail, const struct siblings *siblings, const struct mark *mark,
               enum parts_wanted wanted, int64_t since_ns, const char *place,
               const struct sibling **out, struct followed_file **file) MUST_CHECK;
// The sibling with this inode; NULL: there is none.
const struct sibling *parts_with_id(const struct siblings *siblings, struct file_id id);
// Appends what was rotated away after `from`, but not before `since_ns`, oldest first: the parts
// that a hub that was down or slow has missed. `from` NULL: the file is not among the siblings.
// ERR_AGAIN: some are missing, and nothing may be appended after them now.
int parts_append_later(struct tail *tail, const struct siblings *siblings,
                       const struct sibling *from, int64_t since_ns, const char *place,
                       struct file_id at_path) MUST_CHECK;
// Appends the files of a series between the one at `from` and the one at `to`, for a link that has
// been pointed from one to the other, or a pattern. ERR_AGAIN as above.
int parts_append_between(struct tail *tail, const char *from, int64_t from_ns,
                         const char *to) MUST_CHECK;

#endif
