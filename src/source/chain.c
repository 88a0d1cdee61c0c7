// SPDX-License-Identifier: MIT
// The chain of a followed path: which files are behind it.
#include "source/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/park.h"
#include "source/parts.h"
#include "source/probe.h"
#include "source/resume.h"
#include "source/series.h"
#include "sys/clock.h"

#define TICK_NS 10000000

// --- the chain of files --------------------------------------------------------------------------

static struct followed_file *newest(const struct tail *tail) {
    return tail->pending_count ? tail->pending[tail->pending_count - 1] : tail->now;
}

bool chain_has_room(const struct tail *tail) { return tail->pending_count < TAIL_PENDING_MAX; }

void chain_append(struct tail *tail, struct followed_file *file) {
    if (!file) return;
    if (!tail->now)
        tail->now = file;
    else
        tail->pending[tail->pending_count++] = file;
}

bool chain_holds(const struct tail *tail, struct file_id id) {
    if (tail->parked && file_id_equal(tail->position.now.id, id)) return true;
    if (tail->now && file_id_equal(tail->now->mark.id, id)) return true;
    if (tail->before && file_id_equal(tail->before->mark.id, id)) return true;
    for (size_t i = 0; i < tail->pending_count; i++)
        if (file_id_equal(tail->pending[i]->mark.id, id)) return true;
    return false;
}

static struct followed_file *open_file(struct tail *tail, int fd, const struct mark *mark) {
    char *place = parts_place(tail);
    struct followed_file *file =
        followed_new(tail->source, &tail->feed, tail->path, fd, place ? place : tail->path, mark);
    free(place);
    return file;
}

void chain_append_path(struct tail *tail, int fd, struct file_id id) {
    if (fd < 0) return;
    // The file that was read before `now` may have come back.
    const struct mark *mark = tail->before ? &tail->before->mark : &tail->position.before;
    if (!mark->id.ino || !file_id_equal(mark->id, id) || !mark_holds(mark, fd)) mark = NULL;
    chain_append(tail, open_file(tail, fd, mark));
    if (!tail->before || mark != &tail->before->mark) return;
    // One file must not be read twice.
    tail->position.before = *mark;
    followed_free(tail->before);
    tail->before = NULL;
}

// --- replaced ------------------------------------------------------------------------------------

// Whether the file was made before the one that it has replaced was removed, as when a copy is
// written and renamed over the file; not after that, as when it is deleted and begun again.
static bool is_born_before_end(int fd, const struct stat *old) {
    struct statx born;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &born) || !(born.stx_mask & STATX_BTIME))
        return true;
    int64_t ns = born.stx_btime.tv_sec * 1000000000 + born.stx_btime.tv_nsec;
    return ns <= file_ctime_ns(old);
}

// Whether the file at the path, which has another inode than `last`, was edited, synchronized, or
// saved anew: it begins with all that was read of `last`, and only the rest of it is new. The mark
// from which it is read then; NULL: it is another file.
static const struct mark *find_replaced(const struct followed_file *last, int fd,
                                        const struct siblings *siblings) {
    const struct sibling *old = parts_with_id(siblings, last->mark.id);
    const struct mark *mark = mark_holds(&last->mark, fd) ? &last->mark : &last->calm;
    struct stat st;
    // The old file is still where it was: the path leads to another one.
    if (old && old->self) return NULL;
    if (last->unpack || mark->offset < MARK_PROOF_BYTES || !mark_holds(mark, fd) ||
        fstat(last->fd, &st))
        return NULL;
    bool replaced = st.st_nlink == 0 ? is_born_before_end(fd, &st)
                                     : !old || !rotated_has_number(old, siblings->base);
    return replaced ? mark : NULL;
}

// Whether the file has all that `last` has by now, read or not.
static bool has_all_of(const struct followed_file *last, int fd) {
    struct stat st;
    struct mark end = last->mark;
    return fstat(last->fd, &st) == 0 && mark_move(&end, last->fd, (uint64_t)st.st_size) == 0 &&
           mark_holds(&end, fd);
}

// Goes on in the file that has replaced the end of the chain. What only the old file has is read
// first. Takes over fd.
static void replace(struct tail *tail, int fd, const struct mark *mark) {
    struct followed_file *last = newest(tail);
    bool all = has_all_of(last, fd), newest_mark = mark == &last->mark;
    struct followed_file *file = open_file(tail, fd, mark);
    if (!file) return;
    // The trail may lead beyond an older mark.
    if (newest_mark) file->trail = last->trail;
    if (!all) {
        if (chain_has_room(tail))
            chain_append(tail, file);
        else
            followed_free(file);
        return;
    }
    followed_free(last);
    if (tail->pending_count)
        tail->pending[tail->pending_count - 1] = file;
    else
        tail->now = file;
    tail->changed = true;
}

// --- rotated -------------------------------------------------------------------------------------

// The place of `last` among its siblings: itself, or what it was compressed to.
static const struct sibling *find_last(struct tail *tail, const struct siblings *siblings,
                                       const struct followed_file *last) {
    const struct sibling *from = parts_with_id(siblings, last->mark.id);
    struct mark mark = last->mark;
    struct followed_file *file;
    mark.id.ino = 0;
    if (from || !mark.offset ||
        parts_find(tail, siblings, &mark, PARTS_COPIES, last->mtime_ns, last->place, &from, &file))
        return from;
    followed_free(file);
    return from;
}

// Appends the files that came after the end of the chain, and the one at the path. Takes over fd.
static void grow(struct tail *tail, int fd, struct file_id id, const struct siblings *siblings) {
    struct followed_file *last = newest(tail);
    struct stat st;
    int64_t since_ns = fstat(last->fd, &st) == 0 ? file_mtime_ns(&st) : 0;
    char *to = parts_place(tail);
    int err = parts_append_later(tail, siblings, find_last(tail, siblings, last), since_ns,
                                 last->place, id);
    if (!err && to) err = parts_append_between(tail, last->place, since_ns, to);
    free(to);
    if (err)
        close(fd);
    else
        chain_append_path(tail, fd, id);
}

// The path has another file than the end of the chain. Takes over fd.
static void rotated(struct tail *tail, int fd, struct file_id id) {
    struct siblings siblings;
    bool is_before = tail->before && file_id_equal(tail->before->mark.id, id);
    // Renamed back and forth: the chain has the file already.
    if ((chain_holds(tail, id) && !is_before) ||
        parts_look(tail, newest(tail)->place, false, id, &siblings)) {
        close(fd);
        return;
    }
    const struct mark *mark = find_replaced(newest(tail), fd, &siblings);
    if (mark)
        replace(tail, fd, mark);
    else
        grow(tail, fd, id, &siblings);
    rotated_free(&siblings);
}

// --- starting ------------------------------------------------------------------------------------

// Where a file that was never seen before is read from.
static uint64_t backfill_offset(const struct source *source, int fd, uint64_t size) {
    struct text text = {0};
    if (source->config.backfill_lines == SOURCE_BACKFILL_ALL) return 0;
    text_open(&text, fd);
    return text_newest(&text, fd, size, source->config.backfill_lines, source->sources->buffer,
                       SOURCE_READ_BYTES);
}

// Appends files that came and were rotated away between the moment when the path was first found
// empty and this check; of a series that is read from its beginning, those before the newest.
// ERR_AGAIN: some are missing, and nothing may be appended after them now.
static int begin_before(struct tail *tail, struct file_id id) {
    struct siblings siblings;
    char *place = parts_place(tail);
    int err = 0;
    if (tail->series) {
        bool all = tail->from_start || tail->source->config.backfill_lines == SOURCE_BACKFILL_ALL;
        err = all && place ? parts_append_between(tail, "/", 0, place) : 0;
    } else if (tail->missing_ns) {
        err = parts_look(tail, place ? place : tail->path, false, id, &siblings);
        // The kernel stamps files with the time of its last clock tick.
        if (!err)
            err = parts_append_later(tail, &siblings, NULL, tail->missing_ns - TICK_NS,
                                     place ? place : tail->path, id);
        rotated_free(&siblings);
    }
    free(place);
    return err;
}

// Starts the chain for a path that was never followed. Takes over fd.
static void begin(struct tail *tail, int fd, struct file_id id) {
    struct stat st;
    struct mark mark = {0};
    int err = begin_before(tail, id);
    tail->changed = tail->now != NULL;
    if (err) {
        close(fd);
        return;
    }
    if (!tail->from_start && !tail->now && fstat(fd, &st) == 0)
        mark.offset = backfill_offset(tail->source, fd, (uint64_t)st.st_size);
    // After a failure the mark proves nothing yet; the next one does.
    (void)!mark_move(&mark, fd, mark.offset);
    chain_append(tail, open_file(tail, fd, &mark));
    tail->changed = true;
}

static void attach(struct tail *tail, int fd, struct file_id id) {
    if (tail->known)
        resume_at(tail, fd, id);
    else
        begin(tail, fd, id);
    tail->drained = false;
    if (tail->now) tail->now->unjudged = tail->position.generation == 0;
    if (tail->now) feed_attached(&tail->feed, true);
}

// --- looking -------------------------------------------------------------------------------------

static void found_nothing(struct tail *tail, int error) {
    bool missing = error == ENOENT || error == ENOTDIR;
    // A file that appears while the path is being watched is read whole.
    if (missing) tail->from_start = true;
    if (missing && !tail->missing_ns) tail->missing_ns = (int64_t)clock_unix_ms() * 1000000;
    if (missing && !tail->gone) {
        tail->gone = true;
        tail->gone_ms = loop_now(tail->source->sources->loop);
    }
    // The file may have been rotated away while the hub was down, before all of its lines were
    // read.
    if (missing && !tail->now && tail->known && !tail->drained) {
        resume_at(tail, -1, (struct file_id){0});
        feed_attached(&tail->feed, tail->now != NULL);
    }
    struct stat st;
    if (error == EISDIR)
        feed_error(&tail->feed, "%s is %s, not a file with lines", tail->path,
                   stat(tail->path, &st) ? "no file" : probe_kind(st.st_mode));
    else if (!missing)
        feed_error(&tail->feed, "%s: %s", tail->path, strerror(error));
    else if (!tail->now && tail->literal)
        feed_error(&tail->feed, "%s does not exist; waiting for it", tail->path);
    // The file may have been deleted. The tail then closes it, after its last lines.
    if (tail->now) feed_wake(&tail->feed);
}

static void set_lag(struct tail *tail, uint64_t size) {
    struct source_status *status = &tail->feed.status;
    pthread_mutex_lock(&tail->source->sources->lock);
    status->lag_bytes = size > status->position_bytes ? size - status->position_bytes : 0;
    pthread_mutex_unlock(&tail->source->sources->lock);
}

// Whether another tail of the source has the file that is at the path now. If it was renamed from
// there to here, it is taken over.
static bool is_held_elsewhere(struct tail *tail, struct file_id id) {
    struct tail *other = tail_holder(tail, id);
    if (!other) return false;
    if (tail_has_lost(other, id) && !tail_take_over(tail, other, id)) source_rescan(tail->source);
    return true;
}

void chain_check(struct tail *tail) {
    struct stat st;
    int failed = tail_stat(tail, &st);
    int error = errno;
    struct followed_file *last = newest(tail);
    if (tail->parked) {
        if (park_is_unchanged(tail, failed ? NULL : &st)) {
            tail->gone = failed;
            return;
        }
        if (!park_make_room(tail)) return;
        park_end(tail);
    } else if (!failed && !last && S_ISREG(st.st_mode) && !park_make_room(tail)) {
        return;
    }
    if (!failed && last && file_id_equal(file_id(&st), last->mark.id)) {
        tail->gone = false;
        feed_error_clear(&tail->feed);
        set_lag(tail, (uint64_t)st.st_size);
        if (followed_differs(last, &st) || tail->pending_count) feed_wake(&tail->feed);
        return;
    }
    if (!failed && is_held_elsewhere(tail, file_id(&st))) return;
    bool other = !failed && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode);
    if (other) error = EISDIR;
    int fd = failed || other ? -1 : parts_open_regular(tail_target(tail), tail->trusted, 0, &st);
    if (fd < 0 && !failed && !other) error = errno;
    if (fd < 0 && (error == EMFILE || error == ENFILE)) {
        park_wait(tail);
        return;
    }
    if (fd < 0) {
        // If symlinks are not followed here, one counts as no file.
        found_nothing(tail, error == ELOOP ? ENOENT : error);
        return;
    }
    tail->gone = false;
    tail->looked_deep = false;
    tail->forgotten = false;
    feed_error_clear(&tail->feed);
    if (last)
        rotated(tail, fd, file_id(&st));
    else
        attach(tail, fd, file_id(&st));
    feed_wake(&tail->feed);
}
