// SPDX-License-Identifier: MIT
// One followed path: its life, and reading its files.
#include "source/tail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/list.h"
#include "source/chain.h"
#include "source/park.h"
#include "source/parts.h"
#include "source/resume.h"
#include "source/series.h"

// Bytes read in one run of a tail, so that thousands of files are served alike.
#define TURN_BYTES (4u * 1024 * 1024)
// A file that was rotated away is checked for late lines until it has been quiet for this long.
#define BEFORE_QUIET_MS 5000
// Text without a newline at the end of a rotated file counts as a line after this long.
#define REST_QUIET_MS 1000
// A deleted file is closed, which frees its disk space, when it has been quiet for this long.
#define DELETED_QUIET_MS 10000
// How often files are checked while a rotation is in progress, in addition to inotify.
#define ROTATION_POLL_MS 200
// Who saves a file in place empties it first. So long it may stay empty.
#define EMPTY_MS 500

// --- from one file to the next -------------------------------------------------------------------

// The event of a file's first line says that the file took the place of another one.
static uint8_t first_flags(const struct tail *tail, const struct followed_file *file) {
    return file == tail->now && tail->position.generation ? EVENT_ROTATED : 0;
}

static int add_rest(struct tail *tail, struct followed_file *file, struct chunk *chunk) {
    uint64_t line_at = file->line_at;
    int err = followed_rest(file, chunk, first_flags(tail, file));
    if (file->line_at != line_at) tail->changed = true;
    return err;
}

static int close_before(struct tail *tail, struct chunk *chunk) {
    struct followed_file *before = tail->before;
    if (!before) return 0;
    int err = add_rest(tail, before, chunk);
    if (err) return err;
    tail->position.before = before->mark;
    followed_free(before);
    tail->before = NULL;
    return 0;
}

static void count_rotation(struct tail *tail) {
    tail->position.generation++;
    tail->changed = true;
    pthread_mutex_lock(&tail->source->sources->lock);
    tail->feed.status.rotations_total++;
    pthread_mutex_unlock(&tail->source->sources->lock);
}

// `now` was read to its end. Moves on to the next file if that is possible. True: there is more to
// read at once, in `now` or in the next file.
static bool advance(struct tail *tail, struct chunk *chunk) {
    struct followed_file *now = tail->now;
    if (tail->pending_count == 0) return false;
    struct stat next;
    bool empty =
        fstat(tail->pending[0]->fd, &next) == 0 && next.st_size == 0 && !tail->pending[0]->unpack;
    // While the new file is empty, the writer may still write to the old one.
    if (empty && tail->pending_count == 1 && !now->ended) return false;
    // Everything that was written before the new file's first byte is in the old file by now.
    if (followed_has_more(now)) return true;
    if (now->line_at != now->read_at && !now->ended && followed_quiet_ms(now) < REST_QUIET_MS)
        return false;
    if (close_before(tail, chunk) || add_rest(tail, now, chunk)) return false;
    now->grew_ms = loop_now(tail->source->sources->loop);
    tail->before = now;
    tail->now = tail->pending[0];
    tail->pending_count--;
    memmove(tail->pending, tail->pending + 1, tail->pending_count * sizeof *tail->pending);
    count_rotation(tail);
    return true;
}

// Whether `now` has been empty for a moment only: what it had may come back, with more after it.
static bool waits_for_content(struct tail *tail) {
    struct followed_file *now = tail->now;
    struct stat st;
    uint64_t at = loop_now(tail->source->sources->loop);
    if (tail->gone || tail->pending_count || fstat(now->fd, &st) || st.st_size) return false;
    if (!now->emptied_ms) now->emptied_ms = at;
    return at - now->emptied_ms < EMPTY_MS;
}

// `now` was truncated. False: that could not be handled now.
static bool truncated(struct tail *tail, struct chunk *chunk, uint32_t certain) {
    struct followed_file *now = tail->now;
    tail->emptied = waits_for_content(tail);
    int err = tail->emptied ? ERR_AGAIN : tail->gone ? ERR_NOT_FOUND : resume_in_copy(tail);
    if (err != ERR_NOT_FOUND) {
        // These lines will be read again: from the copy, or once it is clear that there is none.
        chunk_cut(chunk, certain);
        if (err) {
            now->line_at = now->mark.offset;
            followed_rewind(now);
            return false;
        }
        // It is counted when the copy has been read, and the file begins again.
        tail->changed = true;
        return true;
    }
    if (tail->pending_count) {
        // What replaces a rotated file's content, if not after a copy, is no log any more.
        if (add_rest(tail, now, chunk)) return false;
        now->ended = true;
        return true;
    }
    count_rotation(tail);
    if (add_rest(tail, now, chunk)) return false;
    now->emptied_ms = 0;
    followed_restart(now);
    return true;
}

static void read_before(struct tail *tail, struct chunk *chunk, size_t *budget) {
    struct followed_file *before = tail->before;
    uint32_t certain;
    enum drained how = followed_drain(before, chunk, 0, budget, &certain);
    if (how == DRAINED_TRUNCATED ||
        (how == DRAINED_END && followed_quiet_ms(before) >= BEFORE_QUIET_MS))
        (void)!close_before(tail, chunk);
}

static void close_deleted(struct tail *tail, struct chunk *chunk) {
    struct followed_file *now = tail->now;
    struct stat st;
    if (!tail->gone || tail->pending_count || followed_quiet_ms(now) < DELETED_QUIET_MS ||
        fstat(now->fd, &st) || st.st_nlink || add_rest(tail, now, chunk))
        return;
    tail->position.now = now->mark;
    tail->drained = true;
    followed_free(now);
    tail->now = NULL;
    feed_attached(&tail->feed, false);
}

// Fills the chunk. Returns whether there may be more to read at once.
static bool fill(struct tail *tail, struct chunk *chunk) {
    size_t budget = TURN_BYTES;
    uint32_t certain;
    tail->emptied = false;
    if (tail->before) read_before(tail, chunk, &budget);
    while (tail->now) {
        switch (followed_drain(tail->now, chunk, first_flags(tail, tail->now), &budget, &certain)) {
            case DRAINED_FULL: tail->now->emptied_ms = 0; return true;
            case DRAINED_FAILED: return false;
            case DRAINED_TRUNCATED:
                if (!truncated(tail, chunk, certain)) return false;
                break;
            case DRAINED_END:
                tail->now->emptied_ms = 0;
                if (!advance(tail, chunk)) {
                    close_deleted(tail, chunk);
                    return false;
                }
        }
    }
    return false;
}

// --- turns ---------------------------------------------------------------------------------------

// The place of `now`, kept when there is no `now` any more. Out of memory: the former one is kept.
static void set_place(struct tail *tail) {
    const char *place = tail->now->place;
    if (!tail->place || strcmp(tail->place, place) != 0) {
        char *copy = str_dup(str_from(place));
        if (!copy) return;
        free(tail->place);
        tail->place = copy;
    }
    bool elsewhere = strcmp(tail->place, tail->path) != 0;
    tail->position.place = elsewhere ? str_from(tail->place) : (struct str){NULL, 0};
}

static void set_position(struct tail *tail, struct chunk *chunk) {
    struct stat st = {0};
    if (tail->now) {
        set_place(tail);
        tail->position.now = tail->now->mark;
        tail->position.trail = tail->now->trail;
        tail->position.mtime_ns = tail->now->mtime_ns;
        if (fstat(tail->now->fd, &st)) st.st_size = 0;
    }
    if (tail->before) tail->position.before = tail->before->mark;
    tail->known = true;
    tail->changed = false;
    chunk->position_len = position_encode(&tail->position, chunk->position);
    chunk->position_bytes = tail->position.now.offset;
    uint64_t size = (uint64_t)st.st_size;
    chunk->lag_bytes = size > chunk->position_bytes ? size - chunk->position_bytes : 0;
}

static void run(struct feed *feed) {
    struct tail *tail = container_of(feed, struct tail, feed);
    if (!feed_may_submit(feed)) return;
    struct loop *loop = tail->source->sources->loop;
    struct chunk *chunk = chunk_new();
    bool more = chunk && fill(tail, chunk);
    if (chunk && (chunk->count || tail->changed)) {
        set_position(tail, chunk);
        feed_submit(feed, chunk);
    } else {
        chunk_free(chunk);
    }
    if (more)
        feed_wake(feed);
    else if (tail->before || tail->pending_count || tail->emptied)
        (void)!loop_timer_set(loop, &tail->timer, loop_now(loop) + ROTATION_POLL_MS);
}

struct tail *tail_of_feed(struct feed *feed) {
    return feed->run == run ? container_of(feed, struct tail, feed) : NULL;
}

static void poll_rotation(struct loop_timer *timer) {
    struct tail *tail = container_of(timer, struct tail, timer);
    feed_wake(&tail->feed);
}

// --- life ----------------------------------------------------------------------------------------

static void tail_free(struct tail *tail) {
    free(tail->path);
    free(tail->place);
    free(tail);
}

static void release(struct feed *feed) {
    struct tail *tail = container_of(feed, struct tail, feed);
    feed_fini(feed);
    naming_leave(&feed->sources->naming, tail->named);
    tail_free(tail);
}

static int load_position(struct tail *tail, struct report *report) {
    char text[LIMIT_SOURCE_POSITION_BYTES];
    size_t len;
    int err = journal_source_position(tail->source->sources->journal,
                                      str_from(tail->feed.position_name), text, &len);
    if (err == ERR_NOT_FOUND) return 0;
    if (!err) err = position_decode(&tail->position, (struct str){text, len});
    if (err == ERR_CORRUPT) {
        feed_error(&tail->feed, "%s: its stored position cannot be read; treating it as a new file",
                   tail->path);
        return 0;
    }
    if (err)
        return report_set(report, err, "%s: reading its position: %s", tail->path, err_text(err));
    // The position's text goes with this call.
    struct str place = tail->position.place;
    if (place.len && !(tail->place = str_dup(place))) return ERR_NOMEM;
    if (place.len) tail->position.place = str_from(tail->place);
    tail->known = true;
    return 0;
}

static char *position_key(const char *path, const char *topic) {
    char *key;
    return asprintf(&key, "file:%s > %s", path, topic) < 0 ? NULL : key;
}

bool tail_was_seen(const struct source *source, const char *path, const char *topic) {
    char *key = position_key(path, topic);
    char name[LIMIT_SOURCE_NAME_BYTES + 1], text[LIMIT_SOURCE_POSITION_BYTES];
    size_t len;
    if (!key) return false;
    feed_position_name(key, name);
    free(key);
    return journal_source_position(source->sources->journal, str_from(name), text, &len) == 0;
}

const char *tail_target(const struct tail *tail) {
    if (!tail->series) return tail->path;
    return tail->series->count ? tail->series->files[tail->series->count - 1].path : NULL;
}

int tail_stat(const struct tail *tail, struct stat *st) {
    const char *target = tail_target(tail);
    errno = ENOENT;
    if (!target) return -1;
    return tail->follow_symlink ? stat(target, st) : lstat(target, st);
}

bool tail_has_lost(const struct tail *tail, struct file_id id) {
    struct stat st;
    return tail_stat(tail, &st) || !file_id_equal(file_id(&st), id);
}

// The tail whose feed it is; NULL: it is of another kind, or `tail` itself.
static struct tail *other_tail(const struct tail *tail, struct feed *feed) {
    return feed->closed || feed == &tail->feed ? NULL : tail_of_feed(feed);
}

struct tail *tail_holder(const struct tail *tail, struct file_id id) {
    struct feed *feed;
    DL_FOREACH(tail->feed.sources->feeds, feed) {
        struct tail *other = other_tail(tail, feed);
        if (other && other->source == tail->source && chain_holds(other, id)) return other;
    }
    return NULL;
}

bool tail_is_followed_elsewhere(const struct tail *tail, struct file_id id, bool any) {
    struct feed *feed;
    DL_FOREACH(tail->feed.sources->feeds, feed) {
        struct tail *other = other_tail(tail, feed);
        if (other && (any || other->source == tail->source) && chain_holds(other, id) &&
            !tail_has_lost(other, id))
            return true;
    }
    return false;
}

int tail_new(struct tail **out, struct source *source, struct naming_entry *named, size_t trusted,
             bool from_start, struct report *report) {
    const char *path = named->path;
    char *name = NULL, *key = position_key(path, named->topic);
    struct tail *tail = calloc(1, sizeof *tail);
    int err = ERR_NOMEM;
    if (!tail || !key || asprintf(&name, "file:%s", path) < 0) goto out;
    tail->source = source;
    tail->trusted = trusted;
    tail->follow_symlink = trusted >= strlen(path);
    tail->from_start = from_start;
    tail->timer.fire = poll_rotation;
    tail->feed.run = run;
    tail->feed.release = release;
    if (!(tail->path = str_dup(str_from(path)))) goto out;
    err = feed_init(&tail->feed, source, name, named->topic, key);
    if (!err) {
        err = load_position(tail, report);
        if (err) feed_fini(&tail->feed);
    }
    if (!err) feed_begin(&tail->feed);
out:
    if (err == ERR_NOMEM) report_set(report, err, "%s: out of memory", path);
    if (err && tail) tail_free(tail);
    if (err)
        naming_leave(&source->sources->naming, named);
    else
        tail->named = named;
    if (!err) *out = tail;
    free(name);
    free(key);
    return err;
}

static void close_files(struct tail *tail) {
    followed_free(tail->now);
    followed_free(tail->before);
    for (size_t i = 0; i < tail->pending_count; i++) followed_free(tail->pending[i]);
    tail->now = tail->before = NULL;
    tail->pending_count = 0;
}

void tail_close(struct tail *tail) {
    loop_timer_clear(tail->source->sources->loop, &tail->timer);
    park_end(tail);
    close_files(tail);
    feed_close(&tail->feed);
}

// Lets go of the file. NULL: not possible now.
static struct followed_file *give(struct tail *tail, struct file_id id) {
    // Two positions are involved: the one that covers the lines must be committed first.
    if (tail->feed.flying || tail->feed.waiting || tail->changed) return NULL;
    struct followed_file *file = NULL;
    if (tail->before && file_id_equal(tail->before->mark.id, id)) {
        file = tail->before;
        tail->before = NULL;
        tail->position.before = (struct mark){0};
    } else if (tail->now && file_id_equal(tail->now->mark.id, id) && !tail->before &&
               !tail->pending_count) {
        file = tail->now;
        tail->now = NULL;
        tail->position.now = file->mark;
        tail->drained = true;
        feed_attached(&tail->feed, false);
    }
    return file;
}

// Continues where a file was closed for want of descriptors.
static bool take_over_parked(struct tail *tail, struct tail *from) {
    park_end(from);
    // Otherwise it is opened again, and taken over then.
    if (tail->now || tail->parked) return false;
    tail->position = from->position;
    tail->position.place = (struct str){NULL, 0};
    free(tail->place);
    tail->place = NULL;
    tail->known = tail->changed = true;
    from->drained = true;
    feed_attached(&from->feed, false);
    return true;
}

bool tail_take_over(struct tail *tail, struct tail *from, struct file_id id) {
    if (from->parked) return take_over_parked(tail, from);
    char *place = chain_has_room(tail) ? parts_place(tail) : NULL;
    struct followed_file *file = place ? give(from, id) : NULL;
    if (!file) {
        free(place);
        return false;
    }
    file->feed = &tail->feed;
    file->path = tail->path;
    free(file->place);
    file->place = place;
    chain_append(tail, file);
    feed_attached(&tail->feed, true);
    tail->gone = false;
    tail->changed = true;
    feed_wake(&tail->feed);
    return true;
}

bool tail_forget(struct tail *tail) {
    struct chunk *chunk;
    if (tail->feed.flying || !feed_may_submit(&tail->feed) || !(chunk = chunk_new())) return false;
    chunk->forget = true;
    tail->forgotten = true;
    feed_submit(&tail->feed, chunk);
    return true;
}
