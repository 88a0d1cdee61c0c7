// SPDX-License-Identifier: MIT
// The parts of a log: finding, opening and ordering them.
#include "source/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/chain.h"
#include "source/place.h"
#include "source/series.h"

#define SECOND_NS 1000000000

// --- where ---------------------------------------------------------------------------------------

char *parts_real(const char *path, size_t trusted) {
    if (trusted >= strlen(path)) return realpath(path, NULL);
    // Of the rest of the path, no links are followed.
    const char *rest = path + trusted;
    char *dir = str_dup((struct str){path, trusted ? trusted : 1});
    char *real = dir ? realpath(dir, NULL) : NULL, *place = NULL;
    if (real && asprintf(&place, "%s%s%s", real[1] ? real : "", *rest == '/' ? "" : "/", rest) < 0)
        place = NULL;
    free(dir);
    free(real);
    return place;
}

char *parts_place(const struct tail *tail) {
    const char *target = tail_target(tail);
    return target ? parts_real(target, tail->trusted) : NULL;
}

int parts_open_regular(const char *path, size_t trusted, int flags, struct stat *st) {
    int fd = place_open(path, trusted, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0) return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) return fd;
    close(fd);
    errno = EISDIR;
    return -1;
}

// --- looking -------------------------------------------------------------------------------------

// Whether the log at the path is somewhere else by now.
static bool has_moved(const struct tail *tail, const char *place) {
    char *now = parts_place(tail);
    bool moved = now && strcmp(now, place) != 0;
    free(now);
    return moved;
}

int parts_look(struct tail *tail, const char *place, bool deep, struct file_id at_path,
               struct siblings *out) {
    struct file_id wanted[TAIL_PENDING_MAX + 4];
    size_t count = 0;
    if (tail->now) wanted[count++] = tail->now->mark.id;
    if (tail->before) wanted[count++] = tail->before->mark.id;
    for (size_t i = 0; i < tail->pending_count; i++) wanted[count++] = tail->pending[i]->mark.id;
    if (tail->position.now.id.ino) wanted[count++] = tail->position.now.id;
    if (tail->position.before.id.ino) wanted[count++] = tail->position.before.id;
    bool moved = has_moved(tail, place);
    const struct rotated_search search = {place, wanted, count, moved, deep};
    int err = rotated_list(out, &search);
    // Other files will be closed.
    if (err == ERR_IO && (errno == EMFILE || errno == ENFILE)) {
        source_rescan(tail->source);
        return ERR_AGAIN;
    }
    // Where a link led to, there may be nothing any more.
    if (err == ERR_IO && !(moved && errno == ENOENT))
        feed_error(&tail->feed, "%.*s: cannot look for rotated files: %s",
                   (int)(strrchr(place, '/') - place), place, strerror(errno));
    struct stat st;
    struct file_id now = tail_stat(tail, &st) ? (struct file_id){0} : file_id(&st);
    if (err == ERR_IO || (!err && file_id_equal(now, at_path))) return 0;
    rotated_free(out);
    source_rescan(tail->source);
    return ERR_AGAIN;
}

const struct sibling *parts_with_id(const struct siblings *siblings, struct file_id id) {
    for (size_t i = 0; i < siblings->count; i++)
        if (file_id_equal(siblings->list[i].id, id)) return &siblings->list[i];
    return NULL;
}

// --- opening -------------------------------------------------------------------------------------

// A part that is read from the mark on; NULL: from its start. ERR_AGAIN: the name has another file
// by now, rotation goes on. ERR_NOT_FOUND: it cannot be opened, or has not the mark's content.
static int open_part(struct tail *tail, const struct siblings *siblings,
                     const struct sibling *sibling, const struct mark *mark, const char *place,
                     struct followed_file **out) {
    char *path;
    if (asprintf(&path, "%s/%s", siblings->dir, sibling->name) < 0) return ERR_AGAIN;
    struct stat st;
    int fd = parts_open_regular(path, 0, O_NOFOLLOW, &st);
    int error = errno;
    free(path);
    if (fd < 0)
        return error == ENOENT || error == EMFILE || error == ENFILE ? ERR_AGAIN : ERR_NOT_FOUND;
    bool same = file_id_equal(file_id(&st), sibling->id);
    if (!same || (mark && !sibling->packed && !mark_holds(mark, fd))) {
        close(fd);
        return same ? ERR_NOT_FOUND : ERR_AGAIN;
    }
    struct source *source = tail->source;
    if (sibling->packed) {
        int err = followed_new_packed(out, source, &tail->feed, tail->path, fd, place, mark);
        return err == ERR_NOMEM || err == ERR_IO ? ERR_AGAIN : err ? ERR_NOT_FOUND : 0;
    }
    *out = followed_new(source, &tail->feed, tail->path, fd, place, mark);
    return *out ? 0 : ERR_AGAIN;
}

// Times of compressed files are of whole seconds with some programs.
static bool is_since(const struct sibling *sibling, int64_t since_ns) {
    return sibling->packed ? sibling->mtime_ns / SECOND_NS >= since_ns / SECOND_NS
                           : sibling->mtime_ns >= since_ns;
}

int parts_find(struct tail *tail, const struct siblings *siblings, const struct mark *mark,
               enum parts_wanted wanted, int64_t since_ns, const char *place,
               const struct sibling **out, struct followed_file **file) {
    *out = NULL;
    *file = NULL;
    for (size_t i = 0; i < siblings->count && !*out; i++) {
        const struct sibling *s = &siblings->list[i];
        bool copy = wanted == PARTS_COPIES && s->rotated && mark->offset > 0 &&
                    is_since(s, since_ns) && !chain_holds(tail, s->id);
        if (!copy && (wanted == PARTS_COPIES || !file_id_equal(s->id, mark->id))) continue;
        // Of a series, it is another file that has got the inode.
        if (tail->series && !s->rotated) continue;
        // Under a name of its own, it is a log of its own by now.
        if (tail_is_followed_elsewhere(tail, s->id, false)) continue;
        int err = open_part(tail, siblings, s, mark, place, file);
        if (err == ERR_AGAIN) {
            source_rescan(tail->source);
            return ERR_AGAIN;
        }
        if (!err) *out = s;
    }
    return 0;
}

// --- order ---------------------------------------------------------------------------------------

// Whether the text of a compressed sibling is there uncompressed too: compression is under way.
static bool has_plain(const struct siblings *siblings, const struct sibling *packed) {
    size_t len = strlen(packed->name) - strlen(".gz");
    for (size_t i = 0; i < siblings->count; i++)
        if (strlen(siblings->list[i].name) == len &&
            strncmp(siblings->list[i].name, packed->name, len) == 0)
            return true;
    return false;
}

static bool is_later(const struct tail *tail, const struct siblings *siblings,
                     const struct sibling *from, const struct sibling *s, int64_t since_ns) {
    if (!s->rotated || (s->packed && has_plain(siblings, s))) return false;
    if (tail->source->config.separate && !s->self) return false;
    if (!from)
        return s->packed ? s->mtime_ns / SECOND_NS > since_ns / SECOND_NS : s->mtime_ns > since_ns;
    if (!is_since(s, since_ns) || rotated_compare(from, s, siblings->base) >= 0) return false;
    return !from->rotated || rotated_alike(from, s, siblings->base);
}

// The file that was read before `now` and has come back under another name.
static bool was_read(const struct tail *tail, const struct followed_file *file) {
    const struct mark *mark = tail->before ? &tail->before->mark : &tail->position.before;
    return mark->id.ino && file_id_equal(mark->id, file->mark.id) && !file->unpack &&
           mark_holds(mark, file->fd);
}

static int no_room(struct tail *tail) {
    source_rescan(tail->source);
    return ERR_AGAIN;
}

int parts_append_later(struct tail *tail, const struct siblings *siblings,
                       const struct sibling *from, int64_t since_ns, const char *place,
                       struct file_id at_path) {
    for (size_t i = 0; i < siblings->count; i++) {
        const struct sibling *s = &siblings->list[i];
        struct followed_file *file;
        if (!is_later(tail, siblings, from, s, since_ns) || file_id_equal(s->id, at_path) ||
            chain_holds(tail, s->id) || tail_is_followed_elsewhere(tail, s->id, true))
            continue;
        int err =
            chain_has_room(tail) ? open_part(tail, siblings, s, NULL, place, &file) : ERR_AGAIN;
        if (err == ERR_AGAIN) return no_room(tail);
        if (err) continue;
        if (was_read(tail, file))
            followed_free(file);
        else
            chain_append(tail, file);
    }
    return chain_has_room(tail) ? 0 : ERR_AGAIN;
}

static bool same_dir(const char *a, const char *b) {
    size_t len = (size_t)(strrchr(a, '/') - a);
    return len == (size_t)(strrchr(b, '/') - b) && memcmp(a, b, len) == 0;
}

static int append_series(struct tail *tail, const struct series *series,
                         const struct series_file *from, const struct series_file *to) {
    for (size_t i = 0; i < series->count; i++) {
        struct series_file *at = &series->files[i];
        struct stat st;
        if (series_compare(at, from) <= 0 || series_compare(at, to) >= 0) continue;
        int fd = chain_has_room(tail) ? parts_open_regular(at->path, 0, O_NOFOLLOW, &st) : -1;
        if (fd < 0 && chain_has_room(tail) && errno != EMFILE && errno != ENFILE) continue;
        if (fd < 0) return no_room(tail);
        if (chain_holds(tail, file_id(&st)) ||
            tail_is_followed_elsewhere(tail, file_id(&st), true)) {
            close(fd);
            continue;
        }
        struct followed_file *file =
            followed_new(tail->source, &tail->feed, tail->path, fd, at->path, NULL);
        if (!file) return ERR_AGAIN;
        chain_append(tail, file);
    }
    return chain_has_room(tail) ? 0 : ERR_AGAIN;
}

int parts_append_between(struct tail *tail, const char *from, int64_t from_ns, const char *to) {
    struct series around = {0};
    const struct series *series = tail->series;
    struct stat st;
    if (!series && (!same_dir(from, to) || strcmp(from, to) == 0)) return 0;
    if (!series) {
        series_around(&around, to);
        series = &around;
    }
    struct series_file first = {(char *)from, from_ns}, last = {(char *)to, from_ns};
    if (stat(to, &st) == 0) last.mtime_ns = file_mtime_ns(&st);
    int err = append_series(tail, series, &first, &last);
    series_clear(&around);
    return err;
}
