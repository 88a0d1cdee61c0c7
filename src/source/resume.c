// SPDX-License-Identifier: MIT
// Where reading goes on in a log that has changed while nobody looked.
#include "source/resume.h"

#include <stdlib.h>
#include <unistd.h>

#include "source/chain.h"
#include "source/parts.h"
#include "sys/log.h"

// What is looked at while a chain is started.
struct resumption {
    struct tail *tail;
    const char *place; // where the file was
    int fd;            // the file at the path, -1: none
    struct file_id id; // its
    struct siblings siblings;
    const struct sibling *rest; // of the siblings: where reading continues
    struct followed_file *file; // opened, of `rest`
};

static void found_at_path(struct resumption *from, const struct mark *mark,
                          const struct trail *trail) {
    struct tail *tail = from->tail;
    char *place = parts_place(tail);
    struct followed_file *file = followed_new(tail->source, &tail->feed, tail->path, from->fd,
                                              place ? place : from->place, mark);
    from->fd = -1;
    free(place);
    if (file && trail) file->trail = *trail;
    chain_append(tail, file);
}

// The file before `now` may still get late lines.
static int resume_before(struct resumption *from) {
    struct tail *tail = from->tail;
    const struct mark *mark = &tail->position.before;
    const struct sibling *rest;
    if (!mark->id.ino || tail->before) return 0;
    const struct sibling *sibling = parts_with_id(&from->siblings, mark->id);
    if (!sibling || sibling->packed) return 0;
    return parts_find(tail, &from->siblings, mark, PARTS_SAME, 0, from->place, &rest,
                      &tail->before);
}

// Whether the file at the path can be the one that was read. In a series it is another one unless
// its name is the same, even if it begins alike and has its inode.
static bool may_be_at_path(const struct resumption *from) {
    const struct tail *tail = from->tail;
    return from->fd >= 0 && (!tail->series || strcmp(from->place, tail_target(tail)) == 0);
}

// Whether it has all that was read, whatever its numbers are.
static bool is_at_path(const struct resumption *from) {
    const struct mark *mark = &from->tail->position.now;
    return may_be_at_path(from) && mark->offset >= MARK_PROOF_BYTES && mark_holds(mark, from->fd);
}

// A file that was replaced by one that begins with all that was read of it is kept under such a
// name by editors and by rsync.
static bool is_backup(const struct resumption *from) {
    return from->rest && !from->rest->self &&
           !rotated_has_number(from->rest, from->siblings.base) && is_at_path(from);
}

// Looks for the rest among the siblings: the file itself, then a copy. A truncated file may have
// been renamed after it was copied.
static int find_rest(struct resumption *from) {
    struct tail *tail = from->tail;
    const struct mark *mark = &tail->position.now;
    int err = parts_find(tail, &from->siblings, mark, PARTS_SAME, 0, from->place, &from->rest,
                         &from->file);
    if (!err && is_backup(from)) {
        followed_free(from->file);
        from->rest = NULL;
        from->file = NULL;
    }
    if (err || from->rest) return err;
    if (is_at_path(from)) return 0;
    return parts_find(tail, &from->siblings, mark, PARTS_COPIES, tail->position.mtime_ns,
                      from->place, &from->rest, &from->file);
}

// The log may have been moved into a directory. While the path has no file, looking once is enough.
static int look_deep(struct resumption *from) {
    rotated_free(&from->siblings);
    int err = parts_look(from->tail, from->place, true, from->id, &from->siblings);
    if (!err) err = find_rest(from);
    from->tail->looked_deep = !err && from->fd < 0;
    return err;
}

// The file at the path is the one that was read, though the numbers or its end are others. True:
// the chain has it.
static bool resume_at_path(struct resumption *from) {
    struct tail *tail = from->tail;
    const struct mark *mark = &tail->position.now;
    struct mark older;
    if (is_at_path(from)) {
        found_at_path(from, mark, &tail->position.trail);
        return true;
    }
    if (!may_be_at_path(from) || !trail_find(&tail->position.trail, mark, from->fd, &older))
        return false;
    log_write(LOG_WARN,
              "the file has lost its end, as after a power cut; going on at the newest place that "
              "it still has, so that some lines may come twice",
              LOG_TEXT("source", tail->feed.name), LOG_U64("was_at", mark->offset),
              LOG_U64("at", older.offset));
    found_at_path(from, &older, NULL);
    return true;
}

static void warn_of_missing(struct tail *tail) {
    if (tail->position.now.offset && !tail->drained)
        log_write(LOG_WARN, "the rest of a rotated file was not found; lines may be missing",
                  LOG_TEXT("source", tail->feed.name));
    tail->position.generation++;
}

// Continues in the rest, then in what was rotated away after it, then in the file at the path.
static int resume_elsewhere(struct resumption *from) {
    struct tail *tail = from->tail;
    int64_t since_ns = tail->position.mtime_ns;
    bool found = from->rest != NULL;
    int err = 0;
    if (from->file) {
        if (!from->rest->packed) from->file->trail = tail->position.trail;
        chain_append(tail, from->file);
        from->file = NULL;
    }
    // While there is no file at the path, rotation may still move the siblings.
    if (found || from->fd >= 0)
        err =
            parts_append_later(tail, &from->siblings, from->rest, since_ns, from->place, from->id);
    if (!err && from->fd >= 0) {
        char *to = parts_place(tail);
        if (to) err = parts_append_between(tail, from->place, since_ns, to);
        free(to);
    }
    if (!found && !err && from->fd >= 0) warn_of_missing(tail);
    if (err || chain_holds(tail, from->id)) return err;
    int fd = from->fd;
    from->fd = -1;
    chain_append_path(tail, fd, from->id);
    return 0;
}

static void resume(struct resumption *from) {
    struct tail *tail = from->tail;
    const struct position *position = &tail->position;
    bool same = may_be_at_path(from) && file_id_equal(from->id, position->now.id) &&
                mark_holds(&position->now, from->fd);
    if (!same || position->before.id.ino) {
        if (parts_look(tail, from->place, false, from->id, &from->siblings) || resume_before(from))
            return;
    }
    if (same) {
        found_at_path(from, &position->now, &position->trail);
        return;
    }
    if (find_rest(from)) return;
    if (!from->rest && resume_at_path(from)) {
        tail->changed = true;
        return;
    }
    if (!from->rest && !tail->drained && !tail->looked_deep && look_deep(from)) return;
    (void)!resume_elsewhere(from);
    tail->changed = tail->now != NULL;
}

void resume_at(struct tail *tail, int fd, struct file_id id) {
    char *place = tail->place ? str_dup(str_from(tail->place)) : parts_place(tail);
    struct resumption from = {
        .tail = tail, .place = place ? place : tail->path, .fd = fd, .id = id};
    resume(&from);
    followed_free(from.file);
    if (from.fd >= 0) close(from.fd);
    rotated_free(&from.siblings);
    free(place);
}

// --- copies --------------------------------------------------------------------------------------

// Puts the copy in the place of the truncated `now`, which is read again after it, from its start,
// as `restarted`. Takes over both.
static void continue_in_copy(struct resumption *from, struct followed_file *restarted) {
    struct tail *tail = from->tail;
    struct followed_file *after[TAIL_PENDING_MAX];
    size_t after_count = tail->pending_count;
    memcpy(after, tail->pending, after_count * sizeof *after);
    tail->pending_count = 0;
    followed_free(tail->now);
    tail->now = from->file;
    from->file = NULL;
    // Siblings for which the chain has no room now are found later, from the last one that it has.
    int err = parts_append_later(tail, &from->siblings, from->rest, from->rest->mtime_ns,
                                 tail->now->place, from->id);
    // By now the truncated file may be one of these.
    if (err || chain_holds(tail, restarted->mark.id))
        followed_free(restarted);
    else
        chain_append(tail, restarted);
    for (size_t i = 0; i < after_count; i++) {
        if (err || !chain_has_room(tail) || chain_holds(tail, after[i]->mark.id))
            followed_free(after[i]);
        else
            chain_append(tail, after[i]);
    }
}

int resume_in_copy(struct tail *tail) {
    struct followed_file *now = tail->now;
    struct stat st;
    struct resumption from = {.tail = tail, .place = now->place, .fd = -1};
    struct mark mark = now->mark;
    if (tail_stat(tail, &st) == 0) from.id = file_id(&st);
    int err = parts_look(tail, from.place, false, from.id, &from.siblings);
    // The truncated file itself must not match.
    mark.id.ino = 0;
    if (!err)
        err = parts_find(tail, &from.siblings, &mark, PARTS_COPIES, now->mtime_ns, from.place,
                         &from.rest, &from.file);
    if (!err && !from.rest) err = ERR_NOT_FOUND;
    if (!err) {
        int again = dup(now->fd);
        struct followed_file *restarted =
            again < 0
                ? NULL
                : followed_new(tail->source, &tail->feed, tail->path, again, now->place, NULL);
        if (restarted)
            continue_in_copy(&from, restarted);
        else
            err = ERR_AGAIN;
    }
    followed_free(from.file);
    rotated_free(&from.siblings);
    return err;
}
