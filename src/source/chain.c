// SPDX-License-Identifier: MIT
// The chain of a followed path: which files are behind it.
#include "source/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/park.h"
#include "source/place.h"
#include "source/probe.h"
#include "source/rotated.h"
#include "sys/clock.h"
#include "sys/log.h"

#define TICK_NS 10000000

// --- opening -------------------------------------------------------------------------------------

// Opens a regular file without ever blocking, as a FIFO would. Sets errno; EISDIR for anything that
// is not a regular file.
static int open_regular(const char *path, size_t trusted, int flags, struct stat *st) {
    int fd = place_open(path, trusted, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0) return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) return fd;
    close(fd);
    errno = EISDIR;
    return -1;
}

// ERR_AGAIN: the name has another file by now, rotation goes on. ERR_IO: the file cannot be opened.
static int open_sibling(const struct tail *tail, const struct sibling *sibling, int *out) {
    char *path;
    if (asprintf(&path, "%s/%s", tail->dir, sibling->name) < 0) return ERR_AGAIN;
    struct stat st;
    int fd = open_regular(path, tail->trusted, O_NOFOLLOW, &st);
    int error = errno;
    free(path);
    if (fd < 0) return error == ENOENT || error == EMFILE || error == ENFILE ? ERR_AGAIN : ERR_IO;
    if (!file_id_equal(file_id(&st), sibling->id)) {
        close(fd);
        return ERR_AGAIN;
    }
    *out = fd;
    return 0;
}

// Lists the siblings as they were while the file `id` was at the path (ino 0: no file). ERR_AGAIN:
// a rotation is in progress, and a check follows soon. Any other error counts as no siblings.
static int look_around(struct tail *tail, struct file_id id, struct sibling **list, size_t *count) {
    *list = NULL;
    *count = 0;
    int err = rotated_list(tail->dir, tail->trusted, tail->base, list, count);
    if (err == ERR_IO)
        feed_error(&tail->feed, "%s: cannot look for rotated files: %s", tail->dir,
                   strerror(errno));
    struct stat st;
    int failed = tail->follow_symlink ? stat(tail->path, &st) : lstat(tail->path, &st);
    struct file_id now = failed ? (struct file_id){0} : file_id(&st);
    if (err == ERR_IO || (!err && file_id_equal(now, id))) return 0;
    rotated_free(*list, *count);
    *list = NULL;
    *count = 0;
    source_rescan(tail->source);
    return ERR_AGAIN;
}

// --- the chain of files --------------------------------------------------------------------------

static struct followed_file *newest(const struct tail *tail) {
    return tail->pending_count ? tail->pending[tail->pending_count - 1] : tail->now;
}

static void append(struct tail *tail, struct followed_file *file) {
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
    return followed_new(tail->source, &tail->feed, tail->path, fd, mark);
}

static bool has_room(const struct tail *tail) { return tail->pending_count < TAIL_PENDING_MAX; }

// The file that was read before `now` and has come back under another name: its mark, to continue
// there. NULL: it is another file.
static const struct mark *seen_before(const struct tail *tail, struct file_id id, int fd) {
    const struct mark *mark = tail->before ? &tail->before->mark : &tail->position.before;
    return mark->id.ino && file_id_equal(mark->id, id) && mark_holds(mark, fd) ? mark : NULL;
}

// Appends the siblings that were rotated away after `from`, but not before `since_ns`, oldest
// first: the files that a hub that was down or slow has missed. `from` NULL: the file is not among
// the siblings. ERR_AGAIN: some are missing, and nothing may be appended after them now.
static int append_siblings(struct tail *tail, const struct sibling *list, size_t count,
                           const struct sibling *from, int64_t since_ns, struct file_id at_path) {
    for (size_t i = 0; i < count; i++) {
        const struct sibling *s = &list[i];
        bool later = from ? s->mtime_ns >= since_ns && rotated_compare(from, s, tail->base) < 0
                          : s->mtime_ns > since_ns;
        if (!s->rotated || !later || file_id_equal(s->id, at_path) || chain_holds(tail, s->id))
            continue;
        int fd, err = has_room(tail) ? open_sibling(tail, s, &fd) : ERR_AGAIN;
        if (err == ERR_AGAIN) {
            source_rescan(tail->source);
            return ERR_AGAIN;
        }
        if (err) continue;
        if (seen_before(tail, s->id, fd)) {
            close(fd);
            continue;
        }
        struct followed_file *file = open_file(tail, fd, NULL);
        if (!file) return ERR_AGAIN;
        append(tail, file);
    }
    return has_room(tail) ? 0 : ERR_AGAIN;
}

static const struct sibling *find_sibling(const struct sibling *list, size_t count,
                                          struct file_id id) {
    for (size_t i = 0; i < count; i++)
        if (file_id_equal(list[i].id, id)) return &list[i];
    return NULL;
}

// Appends the file at the path itself; fd -1: there is none. Takes over fd.
static void append_path(struct tail *tail, int fd, struct file_id id) {
    if (fd < 0) return;
    const struct mark *mark = seen_before(tail, id, fd);
    append(tail, open_file(tail, fd, mark));
    if (!tail->before || mark != &tail->before->mark) return;
    // One file must not be read twice.
    tail->position.before = *mark;
    followed_free(tail->before);
    tail->before = NULL;
}

// The path has another file than the end of the chain. Appends the files that came between, and
// this file. Takes over fd.
static void rotated(struct tail *tail, int fd, struct file_id id) {
    struct sibling *list;
    size_t count;
    bool is_before = tail->before && file_id_equal(tail->before->mark.id, id);
    if (chain_holds(tail, id) && !is_before) {
        // Renamed back and forth. The chain has the file already.
        close(fd);
        return;
    }
    if (look_around(tail, id, &list, &count)) {
        close(fd);
        return;
    }
    struct followed_file *last = newest(tail);
    struct stat st;
    int64_t since_ns = fstat(last->fd, &st) == 0 ? file_mtime_ns(&st) : 0;
    const struct sibling *from = find_sibling(list, count, last->mark.id);
    if (append_siblings(tail, list, count, from, since_ns, id))
        close(fd);
    else
        append_path(tail, fd, id);
    rotated_free(list, count);
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
// empty and this check. ERR_AGAIN as above.
static int begin_with_siblings(struct tail *tail, struct file_id id) {
    struct sibling *list;
    size_t count;
    if (!tail->missing_ns) return 0;
    int err = look_around(tail, id, &list, &count);
    // The kernel stamps files with the time of its last clock tick.
    if (!err) err = append_siblings(tail, list, count, NULL, tail->missing_ns - TICK_NS, id);
    rotated_free(list, count);
    return err;
}

// Starts the chain for a path that was never followed. Takes over fd.
static void begin(struct tail *tail, int fd, struct file_id id) {
    struct stat st;
    struct mark mark = {0};
    int err = begin_with_siblings(tail, id);
    tail->changed = tail->now != NULL;
    if (err) {
        close(fd);
        return;
    }
    if (!tail->from_start && fstat(fd, &st) == 0)
        mark.offset = backfill_offset(tail->source, fd, (uint64_t)st.st_size);
    // After a failure the mark proves nothing yet; the next one does.
    (void)!mark_move(&mark, fd, mark.offset);
    append(tail, open_file(tail, fd, &mark));
    tail->changed = true;
}

// Finds the sibling in which reading continues: the same file under another name, or, with
// `copies`, a file with the same content that is not older than `since_ns`. Takes the oldest one:
// later copies are of later content. *out is NULL when there is none. ERR_AGAIN: not decidable now.
static int find_rest(struct tail *tail, const struct sibling *list, size_t count,
                     const struct mark *mark, bool copies, int64_t since_ns,
                     const struct sibling **out, int *out_fd) {
    *out = NULL;
    for (size_t i = 0; i < count && !*out; i++) {
        const struct sibling *s = &list[i];
        bool same = file_id_equal(s->id, mark->id);
        if (!same && (!copies || !s->rotated || mark->offset == 0 || s->mtime_ns < since_ns ||
                      chain_holds(tail, s->id)))
            continue;
        int err = open_sibling(tail, s, out_fd);
        if (err == ERR_AGAIN) {
            source_rescan(tail->source);
            return ERR_AGAIN;
        }
        if (!err && mark_holds(mark, *out_fd))
            *out = s;
        else if (!err)
            close(*out_fd);
    }
    return 0;
}

static int resume_before(struct tail *tail, const struct sibling *list, size_t count) {
    const struct mark *mark = &tail->position.before;
    const struct sibling *rest;
    int fd;
    if (!mark->id.ino || tail->before) return 0;
    int err = find_rest(tail, list, count, mark, false, 0, &rest, &fd);
    if (!err && rest) tail->before = open_file(tail, fd, mark);
    return err;
}

// Continues when the file that was being read is no longer at the path, or has other content. Takes
// over fd.
static int resume_elsewhere(struct tail *tail, int fd, struct file_id id,
                            const struct sibling *list, size_t count) {
    const struct mark mark = tail->position.now;
    const struct sibling *rest;
    int rest_fd;
    int err = find_rest(tail, list, count, &mark, false, 0, &rest, &rest_fd);
    // It was truncated, and perhaps renamed after that.
    if (!err && !rest)
        err = find_rest(tail, list, count, &mark, true, tail->position.mtime_ns, &rest, &rest_fd);
    if (!err && rest) append(tail, open_file(tail, rest_fd, &mark));
    // While there is no file at the path, rotation may still move the siblings.
    if (!err && (rest || fd >= 0))
        err = append_siblings(tail, list, count, rest, tail->position.mtime_ns, id);
    if (!rest && !err && fd >= 0) {
        if (mark.offset && !tail->drained)
            log_write(LOG_WARN, "the rest of a rotated file was not found; lines may be missing",
                      LOG_TEXT("source", tail->feed.name));
        tail->position.generation++;
    }
    if (!err)
        append_path(tail, fd, id);
    else if (fd >= 0)
        close(fd);
    tail->changed = tail->now != NULL;
    return err;
}

// Starts the chain from a known position. fd is the file at the path, -1: there is none; takes it
// over. During a rotation it does nothing; the next check tries again.
static void resume(struct tail *tail, int fd, struct file_id id) {
    struct sibling *list;
    size_t count;
    int err = look_around(tail, id, &list, &count);
    if (!err) err = resume_before(tail, list, count);
    if (err) {
        if (fd >= 0) close(fd);
    } else if (file_id_equal(id, tail->position.now.id) && mark_holds(&tail->position.now, fd)) {
        append(tail, open_file(tail, fd, &tail->position.now));
    } else {
        (void)!resume_elsewhere(tail, fd, id, list, count);
    }
    rotated_free(list, count);
}

static void attach(struct tail *tail, int fd, struct file_id id) {
    if (tail->known)
        resume(tail, fd, id);
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
        resume(tail, -1, (struct file_id){0});
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

void chain_check(struct tail *tail) {
    struct stat st;
    int failed = tail->follow_symlink ? stat(tail->path, &st) : lstat(tail->path, &st);
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
        if ((uint64_t)st.st_size != last->read_at || tail->pending_count) feed_wake(&tail->feed);
        return;
    }
    bool other = !failed && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode);
    if (other) error = EISDIR;
    int fd = failed || other ? -1 : open_regular(tail->path, tail->trusted, 0, &st);
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
    tail->forgotten = false;
    feed_error_clear(&tail->feed);
    if (last)
        rotated(tail, fd, file_id(&st));
    else
        attach(tail, fd, file_id(&st));
    feed_wake(&tail->feed);
}

// Puts the copy `rest` in the place of the truncated `now`, which is read again after it, from its
// start, as `restarted`. Takes over both.
static void continue_in_copy(struct tail *tail, struct followed_file *copy,
                             struct followed_file *restarted, const struct sibling *list,
                             size_t count, const struct sibling *rest, struct file_id at_path) {
    struct followed_file *after[TAIL_PENDING_MAX];
    size_t after_count = tail->pending_count;
    memcpy(after, tail->pending, after_count * sizeof *after);
    tail->pending_count = 0;
    followed_free(tail->now);
    tail->now = copy;
    // Siblings for which the chain has no room now are found later, from the last one that it has.
    int err = append_siblings(tail, list, count, rest, rest->mtime_ns, at_path);
    // By now the truncated file may be one of these.
    if (err || chain_holds(tail, restarted->mark.id))
        followed_free(restarted);
    else
        append(tail, restarted);
    for (size_t i = 0; i < after_count; i++) {
        if (err || !has_room(tail) || chain_holds(tail, after[i]->mark.id))
            followed_free(after[i]);
        else
            append(tail, after[i]);
    }
}

int chain_find_copy(struct tail *tail) {
    struct followed_file *now = tail->now;
    struct sibling *list;
    size_t count;
    int fd;
    struct mark mark = now->mark;
    const struct sibling *rest = NULL;
    struct stat st;
    int failed = tail->follow_symlink ? stat(tail->path, &st) : lstat(tail->path, &st);
    struct file_id at_path = failed ? (struct file_id){0} : file_id(&st);
    int err = look_around(tail, at_path, &list, &count);
    // The truncated file itself must not match.
    mark.id.ino = 0;
    if (!err) err = find_rest(tail, list, count, &mark, true, now->mtime_ns, &rest, &fd);
    if (!err && !rest) err = ERR_NOT_FOUND;
    if (!err) {
        struct followed_file *copy = open_file(tail, fd, &now->mark);
        int again = dup(now->fd);
        struct followed_file *restarted = again < 0 ? NULL : open_file(tail, again, NULL);
        if (copy && restarted) {
            continue_in_copy(tail, copy, restarted, list, count, rest, at_path);
        } else {
            followed_free(copy);
            followed_free(restarted);
            err = ERR_AGAIN;
        }
    }
    rotated_free(list, count);
    return err;
}
