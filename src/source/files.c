// SPDX-License-Identifier: MIT
// A source of files: keeps a tail for each file that its path or pattern matches. Looks again
// whenever a directory changes, and also at intervals.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/container.h"
#include "base/list.h"
#include "source/chain.h"
#include "source/glob.h"
#include "source/input.h"
#include "source/left.h"
#include "source/live.h"
#include "source/parts.h"
#include "source/place.h"
#include "source/probe.h"
#include "source/rotated.h"
#include "source/series.h"
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
    struct naming_entry *named;
    size_t trusted;
    bool seen; // followed before
};

struct files {
    struct source *source;
    struct loop_timer timer;
    struct glob glob;
    struct naming_entry *announced; // of a literal path, until it is followed
    bool started;                   // the first scan is over: files found from now on are new
    bool told_limit, told_nothing;
    uint64_t scan;
    uint64_t scanned_ms, took_ms;
    struct dir *dirs;
    struct tail *list;
    struct tail *by_path;
    bool in_series; // all files are one log: `list` has one tail, of the pattern itself
    struct series series;
    struct input *inputs; // of a literal path: at most one
    struct found *found;
    size_t found_count;
    struct left left;
    struct living live;
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

static bool at_limit(struct files *files) {
    if (HASH_COUNT(files->by_path) + files->found_count < LIMIT_SOURCE_FILES) return false;
    if (!files->told_limit)
        log_write(LOG_WARN, "too many files; the others are not followed",
                  LOG_TEXT("path", files->source->config.path),
                  LOG_U64("limit", LIMIT_SOURCE_FILES));
    files->told_limit = true;
    return true;
}

static bool match_found(void *context, const char *path, size_t trusted) {
    struct files *files = context;
    struct tail *tail;
    HASH_FIND_STR(files->by_path, path, tail);
    if (tail) {
        tail->seen = files->scan;
        return true;
    }
    if (files->inputs) return true;
    if (!files->glob.literal && rotated_is_compressed(strrchr(path, '/') + 1)) {
        left_note(&files->left, path, LEFT_COMPRESSED, NULL);
        return true;
    }
    if (files->in_series) {
        char *real = parts_real(path, trusted);
        int err = real ? series_add(&files->series, real) : 0;
        free(real);
        return err != ERR_NOMEM && files->series.count < LIMIT_SOURCE_FILES;
    }
    if (at_limit(files)) return false;
    struct found *found = calloc(1, sizeof *found);
    if (!found) return false;
    found->named = files->announced;
    files->announced = NULL;
    if (!found->named) found->named = naming_enter(&files->source->sources->naming, path);
    if (!found->named) {
        free(found);
        return false;
    }
    found->trusted = trusted;
    LL_PREPEND(files->found, found);
    files->found_count++;
    return true;
}

static void left_found(void *context, const char *path, enum glob_left why) {
    struct files *files = context;
    left_note(&files->left, path, why == GLOB_LEFT_LINK ? LEFT_LINK : LEFT_SPECIAL, NULL);
}

static void refuse(struct files *files, const char *path, const struct report *report) {
    // Logged once, not at each scan. A restart or a reload logs it again.
    if (!files->started || files->glob.literal)
        log_write(LOG_WARN, "file cannot be followed", LOG_TEXT("path", path),
                  LOG_TEXT("reason", report->text));
}

static bool known_position(void *context, const char *path, const char *topic) {
    const struct files *files = context;
    return tail_was_seen(files->source, path, topic);
}

static int choose_topic(struct files *files, struct naming_entry *named, struct report *report) {
    const struct naming_choice choice = {.template = files->source->config.topic,
                                         .together = !files->started,
                                         .known = known_position,
                                         .context = files};
    return naming_choose(named, &choice, report);
}

// Follows a path. With `from`, continues where that tail is, which has the same file, `id`. Takes
// over `named`, which has a topic. `from_start`: the file is new, and all of it is read.
static void add_tail(struct files *files, struct naming_entry *named, size_t trusted,
                     bool from_start, struct tail *from, struct file_id id) {
    struct source *source = files->source;
    struct tail *tail;
    struct report report = {0};
    if (tail_new(&tail, source, named, trusted, from_start, &report)) {
        refuse(files, source->config.path, &report);
        return;
    }
    if (from && !tail_take_over(tail, from, id)) {
        tail_close(tail);
        // The lines of `from` that are on their way will be committed soon; then it works.
        source_rescan(source);
        return;
    }
    tail->literal = files->glob.literal;
    if (files->in_series) tail->series = &files->series;
    tail->seen = files->scan;
    DL_APPEND(files->list, tail);
    HASH_ADD_KEYPTR(hh, files->by_path, tail->path, strlen(tail->path), tail);
    chain_check(tail);
}

struct covered {
    struct files *files;
    const struct found *found;
    struct tail *base; // that covers it; NULL: it is not open yet
};

// Follows `path` if it was followed before. The file was rotated away while the hub was down, and
// no new file has come yet: the rest of it must still be read.
static bool follow_again(struct files *files, const char *path, size_t trusted) {
    struct naming *naming = &files->source->sources->naming;
    struct naming_entry *named = naming_enter(naming, path);
    if (!named) return false;
    if (choose_topic(files, named, NULL) || !known_position(files, path, named->topic)) {
        naming_leave(naming, named);
        return false;
    }
    add_tail(files, named, trusted, files->started, NULL, (struct file_id){0});
    return true;
}

// Whether this source follows `base`, in the same directory. Then the rotated name is not a file of
// its own.
static bool is_followed(void *context, const char *base) {
    struct covered *covered = context;
    struct files *files = covered->files;
    const char *rotated = covered->found->named->path;
    if (!glob_matches_name(&files->glob, base)) return false;
    char *path;
    int dir_len = (int)(strrchr(rotated, '/') - rotated);
    if (asprintf(&path, "%.*s/%s", dir_len, rotated, base) < 0) return false;
    struct tail *tail;
    struct stat st;
    HASH_FIND_STR(files->by_path, path, tail);
    int failed = files->source->config.follow_symlinks ? stat(path, &st) : lstat(path, &st);
    bool is = tail || (!failed && S_ISREG(st.st_mode)) ||
              follow_again(files, path, covered->found->trusted);
    if (is) covered->base = tail;
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

// What the file is if it is no text, and was never followed: a text that is followed may become
// anything.
static bool is_no_text(struct files *files, const struct found *found, const struct stat *st) {
    const char *path = found->named->path;
    if (found->seen || !S_ISREG(st->st_mode)) return false;
    if (left_again(&files->left, path, st)) return true;
    int fd = place_open(path, found->trusted, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return false;
    struct stat opened;
    const char *what = NULL;
    if (fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode)) what = probe_content(fd);
    close(fd);
    if (!what) return false;
    left_note(&files->left, path, LEFT_NO_TEXT, what);
    left_state(&files->left, path, st);
    return true;
}

// Reads a pipe that the configuration names. Takes over `named`. False: that is not possible now,
// and `named` stays the caller's.
static bool follow_pipe(struct files *files, struct naming_entry *named) {
    char name[4096 + 8];
    struct input *input;
    struct stat st;
    snprintf(name, sizeof name, "pipe:%s", named->path);
    // The pipe of a shell's <(command), /dev/fd/N, has no name of its own, and no second writer.
    char *real = realpath(named->path, NULL);
    bool anonymous = !real;
    free(real);
    // Without O_NONBLOCK this would wait for the first writer.
    int fd = open(named->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return false;
    if (fstat(fd, &st) || !S_ISFIFO(st.st_mode) ||
        input_new(&input, files->source, name, named->topic)) {
        close(fd);
        return false;
    }
    input->named = named;
    DL_PREPEND(files->inputs, input);
    if (input_begin(input, fd, anonymous ? NULL : named->path))
        log_write(LOG_WARN, "no memory for a pipe", LOG_TEXT("path", named->path));
    return true;
}

// Whether the path of a tail or of a found name is a pipe that is read as one.
static bool is_named_pipe(const struct files *files, const char *path) {
    struct stat st;
    return files->glob.literal && stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

// Whether the file is a rotated part of another one that is followed. A log of its own, which is
// only named like one, is read from its start if it is new.
static bool is_part(struct files *files, const struct found *found, const struct stat *st,
                    bool *from_start) {
    struct covered covered = {files, found, NULL};
    const char *path = found->named->path;
    if (files->source->config.separate || found->seen ||
        !rotated_bases(strrchr(path, '/') + 1, is_followed, &covered))
        return false;
    const struct live_question question = {path, found->trusted, st, covered.base, files->started};
    enum live_answer answer = live_ask(&files->live, &question);
    if (answer == LIVE_PART) return true;
    log_write(LOG_INFO,
              "the file is written to: it is a log of its own, not a rotated part of another one",
              LOG_TEXT("path", path), LOG_TEXT("other", covered.base->path));
    *from_start = answer == LIVE_NEW;
    return false;
}

// Follows what was found, or leaves it out. Takes over its name.
static void follow(struct files *files, struct found *found) {
    struct naming_entry *named = found->named;
    struct tail *other = NULL;
    struct stat st;
    bool from_start = files->started;
    bool links = found->trusted >= strlen(named->path);
    bool exists = (links ? stat(named->path, &st) : lstat(named->path, &st)) == 0;
    HASH_FIND_STR(files->by_path, named->path, other);
    if (other || (!exists && !files->glob.literal)) goto leave;
    if (exists && is_no_text(files, found, &st)) goto leave;
    if (is_named_pipe(files, named->path) && follow_pipe(files, named)) return;
    if (!files->glob.literal) {
        if (!S_ISREG(st.st_mode)) {
            if (!S_ISDIR(st.st_mode)) left_note(&files->left, named->path, LEFT_SPECIAL, NULL);
            goto leave;
        }
        if (is_part(files, found, &st, &from_start)) {
            left_note(&files->left, named->path, LEFT_ROTATED, NULL);
            goto leave;
        }
        other = holder(files, file_id(&st));
        // Two names of one file.
        if (other && !tail_has_lost(other, file_id(&st))) goto leave;
    }
    add_tail(files, named, found->trusted, from_start, other,
             exists ? file_id(&st) : (struct file_id){0});
    return;
leave:
    naming_leave(&files->source->sources->naming, named);
}

static void remove_tail(struct files *files, struct tail *tail) {
    DL_DELETE(files->list, tail);
    HASH_DEL(files->by_path, tail);
    tail_close(tail);
}

static int depth_of(const char *path) {
    int depth = 0;
    for (; *path; path++) depth += *path == '/';
    return depth;
}

// Those with a position first: a file with two names continues under the name it had. Otherwise it
// gets the shortest.
static int by_name(const struct found *a, const struct found *b) {
    const char *path_a = a->named->path, *path_b = b->named->path;
    if (a->seen != b->seen) return a->seen ? -1 : 1;
    int deeper = depth_of(path_a) - depth_of(path_b);
    return deeper ? deeper : strcmp(path_a, path_b);
}

static void follow_found(struct files *files) {
    struct found *found, *next;
    LL_FOREACH_SAFE(files->found, found, next) {
        struct report report = {0};
        if (choose_topic(files, found->named, &report)) {
            refuse(files, found->named->path, &report);
            LL_DELETE(files->found, found);
            naming_leave(&files->source->sources->naming, found->named);
            free(found);
            continue;
        }
        found->seen = known_position(files, found->named->path, found->named->topic);
    }
    LL_SORT(files->found, by_name);
    while ((found = files->found)) {
        LL_DELETE(files->found, found);
        follow(files, found);
        free(found);
    }
    files->found_count = 0;
}

// Follows the pattern as one log.
static void follow_series(struct files *files) {
    struct report report = {0};
    series_sort(&files->series);
    if (files->list) return;
    struct naming_entry *named =
        naming_enter(&files->source->sources->naming, files->glob.patterns.texts[0]);
    if (!named) return;
    if (choose_topic(files, named, &report)) {
        refuse(files, named->path, &report);
        naming_leave(&files->source->sources->naming, named);
        return;
    }
    // The files' paths have no links.
    add_tail(files, named, 0, files->started, NULL, (struct file_id){0});
}

// A pipe has come to the path of a tail.
static void become_pipe(struct files *files, struct tail *tail) {
    struct naming *naming = &files->source->sources->naming;
    struct naming_entry *named = naming_enter(naming, tail->path);
    if (!named) return;
    named->parts = tail->named->parts;
    named->topic = str_dup(str_from(tail->named->topic));
    if (named->topic && follow_pipe(files, named))
        remove_tail(files, tail);
    else
        naming_leave(naming, named);
}

static void check_tails(struct files *files) {
    uint64_t now = loop_now(files->source->sources->loop);
    struct tail *tail, *next;
    DL_FOREACH_SAFE(files->list, tail, next) {
        feed_poke(&tail->feed);
        chain_check(tail);
        if (!tail->now && is_named_pipe(files, tail->path)) {
            become_pipe(files, tail);
            continue;
        }
        if (files->glob.literal || files->in_series || !tail->gone || tail->now || tail->before ||
            tail->pending_count || now - tail->gone_ms < GONE_FORGET_MS)
            continue;
        if (!tail->forgotten)
            (void)!tail_forget(tail);
        else if (!tail->feed.flying)
            remove_tail(files, tail);
    }
}

static void check_inputs(struct files *files) {
    struct input *input, *next;
    DL_FOREACH_SAFE(files->inputs, input, next) {
        feed_poke(&input->feed);
        input_check(input);
        // What a shell's <(command) has left stays: reading it again would give nothing. A path may
        // get another pipe, or a file.
        if (!input_is_over(input) || !input->path) continue;
        DL_DELETE(files->inputs, input);
        input_close(input);
        source_rescan(files->source);
    }
}

static void tell_nothing(struct files *files) {
    bool nothing = !files->inputs && !files->glob.literal &&
                   (files->in_series ? !files->series.count : !files->list);
    if (nothing && !files->told_nothing)
        log_write(LOG_WARN, "the pattern matches no file that is followed; waiting for one",
                  LOG_TEXT("pattern", files->source->config.path));
    files->told_nothing = nothing;
}

static void scan(struct files *files) {
    uint64_t start = clock_mono_ms();
    files->scan++;
    left_begin(&files->left);
    const struct glob_walk walk = {
        .dir = dir_found,
        .match = match_found,
        .left = left_found,
        .context = files,
        .follow_symlinks = files->source->config.follow_symlinks,
    };
    // A literal path may be a symlink. Only looking shows where it points to.
    series_clear(&files->series);
    glob_walk(&walk, &files->glob);
    if (files->in_series) follow_series(files);
    check_tails(files);
    check_inputs(files);
    follow_found(files);
    forget_dirs(files, false);
    left_end(&files->left, files->source->config.path, !files->started);
    live_end(&files->live);
    tell_nothing(files);
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

static int open_files(struct source *source, struct report *report) {
    struct files *files = calloc(1, sizeof *files);
    int err = files ? glob_open(&files->glob, source->config.path) : ERR_NOMEM;
    if (err) {
        free(files);
        if (err == ERR_TOO_LONG)
            return report_set(report, ERR_INVALID,
                              "source %s: its braces stand for more than %d "
                              "paths",
                              source->config.path, EXPAND_TEXTS_MAX);
        return report_set(report, ERR_NOMEM, "source %s: out of memory", source->config.path);
    }
    files->source = source;
    files->timer.fire = fire;
    files->in_series = !files->glob.literal && source_is_series(&source->config);
    source->state = files;
    return 0;
}

static void announce(struct source *source) {
    struct files *files = source->state;
    if (!files->glob.literal) return;
    files->announced = naming_enter(&source->sources->naming, files->glob.patterns.texts[0]);
}

static void start(struct source *source) {
    struct files *files = source->state;
    scan(files);
    arm(files, SOURCE_RESCAN_MS);
}

static void stop(struct source *source) {
    struct files *files = source->state;
    if (!files) return;
    source->state = NULL;
    loop_timer_clear(source->sources->loop, &files->timer);
    while (files->list) remove_tail(files, files->list);
    while (files->inputs) {
        struct input *input = files->inputs;
        DL_DELETE(files->inputs, input);
        input_close(input);
    }
    naming_leave(&source->sources->naming, files->announced);
    forget_dirs(files, true);
    left_fini(&files->left);
    live_fini(&files->live);
    series_clear(&files->series);
    glob_close(&files->glob);
    free(files);
}

const struct source_ops source_files = {
    .open = open_files, .announce = announce, .start = start, .stop = stop, .rescan = rescan};
