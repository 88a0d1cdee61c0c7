// SPDX-License-Identifier: MIT
// One followed path: its life, and reading its files.
#include "source/tail.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/container.h"
#include "source/chain.h"
#include "source/park.h"

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
    bool empty = fstat(tail->pending[0]->fd, &next) == 0 && next.st_size == 0;
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

// `now` was truncated. False: that could not be handled now.
static bool truncated(struct tail *tail, struct chunk *chunk, uint32_t certain) {
    struct followed_file *now = tail->now;
    int err = tail->gone ? ERR_NOT_FOUND : chain_find_copy(tail);
    if (err != ERR_NOT_FOUND) {
        // These lines will be read again: from the copy, or once it is clear that there is none.
        chunk_cut(chunk, certain);
        if (err) {
            now->line_at = now->mark.offset;
            followed_rewind(now);
            return false;
        }
        count_rotation(tail);
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
    if (tail->before) read_before(tail, chunk, &budget);
    while (tail->now) {
        switch (followed_drain(tail->now, chunk, first_flags(tail, tail->now), &budget, &certain)) {
            case DRAINED_FULL: return true;
            case DRAINED_FAILED: return false;
            case DRAINED_TRUNCATED:
                if (!truncated(tail, chunk, certain)) return false;
                break;
            case DRAINED_END:
                if (!advance(tail, chunk)) {
                    close_deleted(tail, chunk);
                    return false;
                }
        }
    }
    return false;
}

// --- turns ---------------------------------------------------------------------------------------

static void set_position(struct tail *tail, struct chunk *chunk) {
    struct stat st = {0};
    if (tail->now) {
        tail->position.now = tail->now->mark;
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
    else if (tail->before || tail->pending_count)
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
    free(tail->dir);
    free(tail->base);
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

static int set_path(struct tail *tail, const char *path) {
    const char *slash = strrchr(path, '/');
    ASSERT(slash);
    tail->path = str_dup(str_from(path));
    tail->dir = str_dup((struct str){path, slash == path ? 1 : (size_t)(slash - path)});
    tail->base = str_dup(str_from(slash + 1));
    return tail->path && tail->dir && tail->base ? 0 : ERR_NOMEM;
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
    err = set_path(tail, path);
    if (!err) err = feed_init(&tail->feed, source, name, named->topic, key);
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

bool tail_take_over(struct tail *tail, struct tail *from) {
    if (from->parked) {
        park_end(from);
        tail->position = from->position;
        tail->known = tail->changed = true;
        from->drained = true;
        feed_attached(&from->feed, false);
        return true;
    }
    // Two positions are involved: the one that covers the lines must be committed first.
    if (!from->now || from->before || from->pending_count || from->feed.flying ||
        from->feed.waiting || from->changed)
        return false;
    tail->now = from->now;
    tail->now->feed = &tail->feed;
    tail->now->path = tail->path;
    from->now = NULL;
    from->position.now = tail->now->mark;
    from->drained = true;
    feed_attached(&from->feed, false);
    feed_attached(&tail->feed, true);
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
