// SPDX-License-Identifier: MIT
// A source of files: keeps a tail for each file that its path or pattern matches. Looks again
// whenever a directory changes, and also at intervals.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/container.h"
#include "base/list.h"
#include "source/chain.h"
#include "source/glob.h"
#include "source/rotated.h"
#include "source/tail.h"
#include "sys/clock.h"
#include "sys/log.h"

// When a file found by a pattern has been absent for this long, it is no longer followed and its
// position is forgotten.
#define GONE_FORGET_MS (10u * 60 * 1000)
// Between two scans the source rests this many times as long as a scan takes.
#define SCAN_PART 10

// A watched directory.
struct dir {
    struct watch watch;
    struct source *source;
    struct dir *next;
    struct file_id id;
    uint64_t seen;
    char path[];
};

// A path found by a scan and not followed yet.
struct found {
    struct found *next;
    char path[];
};

struct files {
    struct source *source;
    struct loop_timer timer;
    char *pattern; // absolute path
    bool literal;
    bool started; // the first scan is over: files found from now on are new
    bool told_limit;
    uint64_t scan;
    uint64_t scanned_ms, took_ms;
    struct dir *dirs;
    struct tail *list;
    struct tail *by_path;
    struct found *found;
    size_t found_count;
};

// --- directories ---------------------------------------------------------------------------------

static void dir_changed(struct watch *watch, uint32_t mask) {
    (void)mask;
    source_rescan(container_of(watch, struct dir, watch)->source);
}

static void dir_found(void *context, const char *path) {
    struct files *files = context;
    struct watcher *watcher = &files->source->sources->watcher;
    struct stat st;
    if (stat(path, &st)) return;
    struct dir *dir;
    for (dir = files->dirs; dir; dir = dir->next)
        if (strcmp(dir->path, path) == 0) break;
    if (!dir) {
        dir = calloc(1, sizeof *dir + strlen(path) + 1);
        if (!dir) return;
        strcpy(dir->path, path);
        dir->source = files->source;
        dir->watch.changed = dir_changed;
        LL_PREPEND(files->dirs, dir);
    }
    dir->seen = files->scan;
    // The name may belong to another directory now.
    if (dir->watch.watched && !file_id_equal(dir->id, file_id(&st)))
        watch_remove(watcher, &dir->watch);
    dir->id = file_id(&st);
    if (!dir->watch.watched) watch_add_dir(watcher, &dir->watch, path);
}

static void forget_dirs(struct files *files, bool all) {
    struct dir *dir, *next;
    LL_FOREACH_SAFE(files->dirs, dir, next) {
        if (!all && dir->seen == files->scan) continue;
        watch_remove(&files->source->sources->watcher, &dir->watch);
        LL_DELETE(files->dirs, dir);
        free(dir);
    }
}

// --- files ---------------------------------------------------------------------------------------

static bool match_found(void *context, const char *path) {
    struct files *files = context;
    struct tail *tail;
    HASH_FIND_STR(files->by_path, path, tail);
    if (tail) {
        tail->seen = files->scan;
        return true;
    }
    const char *name = strrchr(path, '/') + 1;
    if (!files->literal && rotated_is_compressed(name)) return true;
    if (HASH_COUNT(files->by_path) + files->found_count >= LIMIT_SOURCE_FILES) {
        if (!files->told_limit)
            log_write(LOG_WARN, "too many files; the others are not followed",
                      LOG_TEXT("path", files->pattern), LOG_U64("limit", LIMIT_SOURCE_FILES));
        files->told_limit = true;
        return false;
    }
    struct found *found = malloc(sizeof *found + strlen(path) + 1);
    if (!found) return false;
    strcpy(found->path, path);
    LL_PREPEND(files->found, found);
    files->found_count++;
    return true;
}

static void refuse(struct files *files, const char *path, const struct report *report) {
    // Logged once, not at each scan. A restart or a reload logs it again.
    if (!files->started || files->literal)
        log_write(LOG_WARN, "file cannot be followed", LOG_TEXT("path", path),
                  LOG_TEXT("reason", report->text));
}

// Follows a path. With `from`, continues where that tail is, which has the same file.
static void add_tail(struct files *files, const char *path, struct tail *from) {
    struct source *source = files->source;
    struct tail *tail;
    struct report report = {0};
    bool follow_symlink = files->literal || source->config.follow_symlinks;
    if (tail_new(&tail, source, path, follow_symlink, files->started, &report)) {
        refuse(files, path, &report);
        return;
    }
    if (from && !tail_take_over(tail, from)) {
        tail_close(tail);
        // The lines of `from` that are on their way will be committed soon; then it works.
        source_rescan(source);
        return;
    }
    tail->literal = files->literal;
    tail->seen = files->scan;
    DL_APPEND(files->list, tail);
    HASH_ADD_KEYPTR(hh, files->by_path, tail->path, strlen(tail->path), tail);
    chain_check(tail);
}

struct covered {
    struct files *files;
    const char *path;
};

// Whether this source follows `base`, in the same directory. Then the rotated name is not a file of
// its own.
static bool is_followed(void *context, const char *base) {
    const struct covered *covered = context;
    struct files *files = covered->files;
    if (!glob_matches_name(files->pattern, base)) return false;
    char *path;
    int dir_len = (int)(strrchr(covered->path, '/') - covered->path);
    if (asprintf(&path, "%.*s/%s", dir_len, covered->path, base) < 0) return false;
    struct tail *tail;
    struct stat st;
    HASH_FIND_STR(files->by_path, path, tail);
    int failed = files->source->config.follow_symlinks ? stat(path, &st) : lstat(path, &st);
    bool is = tail || (!failed && S_ISREG(st.st_mode));
    if (!is && tail_was_seen(files->source, path)) {
        // The file was rotated away while the hub was down, and no new file has come yet. The rest
        // of it must still be read.
        add_tail(files, path, NULL);
        is = true;
    }
    free(path);
    return is;
}

// The tail that has this file open under another name.
static struct tail *holder(struct files *files, struct file_id id) {
    struct tail *tail;
    DL_FOREACH(files->list, tail) {
        if (chain_holds(tail, id)) return tail;
    }
    return NULL;
}

static void follow(struct files *files, const char *path) {
    struct tail *other = NULL;
    struct stat st;
    if (!files->literal) {
        bool follow_symlinks = files->source->config.follow_symlinks;
        if ((follow_symlinks ? stat(path, &st) : lstat(path, &st)) || !S_ISREG(st.st_mode)) return;
        struct covered covered = {files, path};
        if (rotated_bases(strrchr(path, '/') + 1, is_followed, &covered)) return;
        other = holder(files, file_id(&st));
        // Two names of one file; or the other name is going to be given up soon.
        if (other && !other->gone) return;
    }
    add_tail(files, path, other);
}

static void remove_tail(struct files *files, struct tail *tail) {
    DL_DELETE(files->list, tail);
    HASH_DEL(files->by_path, tail);
    tail_close(tail);
}

static int by_path(const struct found *a, const struct found *b) {
    return strcmp(a->path, b->path);
}

// Paths with a position come first: a file with two names continues under the name it had.
static void follow_found(struct files *files) {
    LL_SORT(files->found, by_path);
    for (int seen = 1; seen >= 0; seen--) {
        struct found *found, *next, **link = &files->found;
        for (found = files->found; found; found = next) {
            next = found->next;
            if (seen && !tail_was_seen(files->source, found->path)) {
                link = &found->next;
                continue;
            }
            *link = next;
            follow(files, found->path);
            free(found);
        }
    }
    files->found_count = 0;
}

static void check_tails(struct files *files) {
    uint64_t now = loop_now(files->source->sources->loop);
    struct tail *tail, *next;
    DL_FOREACH_SAFE(files->list, tail, next) {
        feed_poke(&tail->feed);
        chain_check(tail);
        if (files->literal || !tail->gone || tail->now || tail->before || tail->pending_count ||
            now - tail->gone_ms < GONE_FORGET_MS)
            continue;
        if (!tail->forgotten)
            (void)!tail_forget(tail);
        else if (!tail->feed.flying)
            remove_tail(files, tail);
    }
}

static void scan(struct files *files) {
    uint64_t start = clock_mono_ms();
    files->scan++;
    const struct glob_walk walk = {
        .dir = dir_found,
        .match = match_found,
        .context = files,
        .follow_symlinks = files->source->config.follow_symlinks,
    };
    // A literal path may be a symlink. Only looking shows where it points to.
    glob_walk(&walk, files->pattern);
    check_tails(files);
    follow_found(files);
    forget_dirs(files, false);
    files->started = true;
    files->scanned_ms = clock_mono_ms();
    files->took_ms = files->scanned_ms - start;
}

// --- when ----------------------------------------------------------------------------------------

static void arm(struct files *files, uint64_t in_ms) {
    uint64_t rest = files->took_ms * SCAN_PART;
    uint64_t at = loop_now(files->source->sources->loop) + (in_ms > rest ? in_ms : rest);
    if (files->timer.slot && files->timer.at_ms <= at) return;
    // When the timer fires, its place in the heap is free again. If there is no memory, the next
    // directory event arms it.
    (void)!loop_timer_set(files->source->sources->loop, &files->timer, at);
}

static void fire(struct loop_timer *timer) {
    struct files *files = container_of(timer, struct files, timer);
    scan(files);
    arm(files, SOURCE_RESCAN_MS);
}

static void rescan(struct source *source) {
    if (source->state) arm(source->state, SOURCE_SETTLE_MS);
}

static int start(struct source *source, struct report *report) {
    struct files *files = calloc(1, sizeof *files);
    char *pattern = glob_absolute(source->config.path);
    if (!files || !pattern) {
        free(files);
        free(pattern);
        return report_set(report, ERR_NOMEM, "source %s: out of memory", source->config.path);
    }
    files->source = source;
    files->pattern = pattern;
    files->literal = !glob_is_pattern(pattern);
    files->timer.fire = fire;
    source->state = files;
    scan(files);
    arm(files, SOURCE_RESCAN_MS);
    return 0;
}

static void stop(struct source *source) {
    struct files *files = source->state;
    if (!files) return;
    source->state = NULL;
    loop_timer_clear(source->sources->loop, &files->timer);
    while (files->list) remove_tail(files, files->list);
    forget_dirs(files, true);
    free(files->pattern);
    free(files);
}

const struct source_ops source_files = {.start = start, .stop = stop, .rescan = rescan};
