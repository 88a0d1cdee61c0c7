// SPDX-License-Identifier: MIT
// Files that are closed because descriptors are short.
#include "source/park.h"

#include "base/container.h"
#include "base/list.h"
#include "source/chain.h"
#include "sys/log.h"

// Those that wait are looked at this often: reading and committing the others makes room.
#define WAITING_MS 20
// A file that has been quiet for this long is parked before others.
#define QUIET_MS 2000
// So long a file may be found under another name before its rest is looked for among rotated files.
#define GONE_MS 1000

static void set_parked(struct tail *tail, bool parked) {
    tail->parked = parked;
    pthread_mutex_lock(&tail->source->sources->lock);
    tail->feed.status.parked = parked;
    pthread_mutex_unlock(&tail->source->sources->lock);
}

static void tell(struct sources *sources) {
    if (sources->park_told) return;
    sources->park_told = true;
    log_write(LOG_WARN,
              "more files than descriptors: quiet ones are closed, and opened again when they "
              "change; raise the limit (ulimit -n, LimitNOFILE) to twice the number of files",
              LOG_U64("files_open_most", sources->files_open_max));
}

// Whether all that was read is committed, and nothing else is known of the file than its position.
static bool is_idle(const struct tail *tail) {
    const struct feed *feed = &tail->feed;
    // Text without a newline at the end of the file before is going to be a line.
    bool rest = tail->before && tail->before->line_at != tail->before->read_at;
    return tail->now && !rest && !tail->pending_count && !feed->flying && !feed->waiting &&
           !feed->runnable && !feed->closed && !tail->changed && tail->known && !tail->gone;
}

static void look(struct loop_timer *timer);

static void look_in(struct sources *sources, uint64_t ms) {
    uint64_t at = loop_now(sources->loop) + ms;
    if (sources->park_timer.slot && sources->park_timer.at_ms <= at) return;
    loop_timer_clear(sources->loop, &sources->park_timer);
    sources->park_timer.fire = look;
    // Without memory for the timer the next scan looks.
    (void)!loop_timer_set(sources->loop, &sources->park_timer, at);
}

static void changed(struct watch *watch, uint32_t mask) {
    (void)mask;
    struct tail *tail = container_of(watch, struct tail, park_watch);
    // Not at once: opening it may park another file, and a watch may not remove others.
    tail->waits = true;
    look_in(tail->source->sources, 0);
}

static bool park(struct tail *tail) {
    struct stat st;
    struct followed_file *now = tail->now;
    if (fstat(now->fd, &st) || followed_has_more(now)) return false;
    if (tail->before) {
        if (followed_has_more(tail->before)) return false;
        tail->position.before = tail->before->mark;
        followed_free(tail->before);
        tail->before = NULL;
    }
    tail->position.now = now->mark;
    tail->parked_size = st.st_size;
    tail->parked_mtime_ns = file_mtime_ns(&st);
    tail->park_watch.changed = changed;
    watch_add_file(&tail->source->sources->watcher, &tail->park_watch, now->fd);
    followed_free(now);
    tail->now = NULL;
    set_parked(tail, true);
    return true;
}

static bool park_one(struct sources *sources, uint64_t quiet_ms) {
    struct feed *feed;
    DL_FOREACH(sources->feeds, feed) {
        struct tail *tail = tail_of_feed(feed);
        if (tail && is_idle(tail) && followed_quiet_ms(tail->now) >= quiet_ms && park(tail))
            return true;
    }
    return false;
}

bool park_make_room(struct tail *tail) {
    struct sources *sources = tail->source->sources;
    tail->waits = false;
    if (sources->files_open < sources->files_open_max) return true;
    tell(sources);
    if (park_one(sources, QUIET_MS) || park_one(sources, 0)) return true;
    park_wait(tail);
    return false;
}

static void look(struct loop_timer *timer) {
    struct sources *sources = container_of(timer, struct sources, park_timer);
    struct feed *feed, *next;
    DL_FOREACH_SAFE(sources->feeds, feed, next) {
        struct tail *tail = tail_of_feed(feed);
        if (!tail || !tail->waits || feed->closed) continue;
        tail->waits = false;
        chain_check(tail);
        // As long as this one has to wait, the others have to.
        if (tail->waits) return;
        // Next time it is the others' turn first.
        pthread_mutex_lock(&sources->lock);
        DL_DELETE(sources->feeds, feed);
        DL_APPEND(sources->feeds, feed);
        pthread_mutex_unlock(&sources->lock);
    }
}

void park_wait(struct tail *tail) {
    tell(tail->source->sources);
    tail->waits = true;
    look_in(tail->source->sources, WAITING_MS);
}

bool park_is_unchanged(struct tail *tail, const struct stat *st) {
    uint64_t now = loop_now(tail->source->sources->loop);
    if (!st && !tail->gone) {
        tail->gone = true;
        tail->gone_ms = now;
    }
    if (!st) return now - tail->gone_ms < GONE_MS;
    return file_id_equal(file_id(st), tail->position.now.id) && st->st_size == tail->parked_size &&
           file_mtime_ns(st) == tail->parked_mtime_ns;
}

void park_end(struct tail *tail) {
    if (!tail->parked) return;
    watch_remove(&tail->source->sources->watcher, &tail->park_watch);
    set_parked(tail, false);
}
