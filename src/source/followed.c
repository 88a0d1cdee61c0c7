// SPDX-License-Identifier: MIT
// One open file that is followed.
#include "source/followed.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/container.h"
#include "source/probe.h"
#include "source/source_priv.h"
#include "source/unpack.h"
#include "sys/descriptors.h"
#include "sys/log.h"

// While so few bytes of a file are known, they are read again together with what follows them: its
// encoding may show only then.
#define FIRST_BYTES 128
// A new `calm` mark is taken when nothing has come for as long as a scan waits, which would find
// the file replaced, and otherwise after this time.
#define CALM_MS 1000

static void changed(struct watch *watch, uint32_t mask) {
    struct followed_file *file = container_of(watch, struct followed_file, watch);
    feed_wake(file->feed);
    // Renamed or deleted. Behind a symlink, no watched directory says so.
    if (mask & (IN_MOVE_SELF | IN_ATTRIB)) source_rescan(file->source);
}

static void take_times(struct followed_file *file, const struct stat *st) {
    file->mtime_ns = file_mtime_ns(st);
    file->ctime_ns = file_ctime_ns(st);
}

// Makes a file that is not watched yet. Takes over `fd`.
static struct followed_file *make(struct source *source, struct feed *feed, const char *path,
                                  int fd, const char *place, const struct mark *mark) {
    struct stat st;
    struct followed_file *file = calloc(1, sizeof *file);
    if (!file || fstat(fd, &st) || !(file->place = str_dup(str_from(place)))) {
        free(file);
        close(fd);
        return NULL;
    }
    file->source = source;
    file->feed = feed;
    file->path = path;
    file->fd = fd;
    file->watch.changed = changed;
    lines_init(&file->lines, source->config.line_bytes_max, LINES_CUT);
    if (mark) file->mark = *mark;
    file->mark.id = file_id(&st);
    file->calm = file->mark;
    take_times(file, &st);
    file->line_at = file->read_at = file->read_to = file->mark.offset;
    text_open(&file->text, fd);
    descriptors_set_files(++source->sources->files_open);
    file->grew_ms = loop_now(source->sources->loop);
    return file;
}

struct followed_file *followed_new(struct source *source, struct feed *feed, const char *path,
                                   int fd, const char *place, const struct mark *mark) {
    struct followed_file *file = make(source, feed, path, fd, place, mark);
    if (file) watch_add_file(&source->sources->watcher, &file->watch, fd);
    return file;
}

int followed_new_packed(struct followed_file **out, struct source *source, struct feed *feed,
                        const char *path, int fd, const char *place, const struct mark *mark) {
    struct stat st;
    struct unpack *unpack;
    int text;
    if (fstat(fd, &st)) {
        close(fd);
        return ERR_IO;
    }
    int err = unpack_open(&unpack, fd, mark, &text);
    if (err) return err;
    struct followed_file *file = make(source, feed, path, text, place, mark);
    if (!file) {
        unpack_free(unpack);
        return ERR_NOMEM;
    }
    file->unpack = unpack;
    descriptors_set_files(++source->sources->files_open);
    file->mark.id = file_id(&st);
    take_times(file, &st);
    *out = file;
    return 0;
}

void followed_free(struct followed_file *file) {
    if (!file) return;
    watch_remove(&file->source->sources->watcher, &file->watch);
    lines_fini(&file->lines);
    if (file->unpack) file->source->sources->files_open--;
    unpack_free(file->unpack);
    descriptors_set_files(--file->source->sources->files_open);
    close(file->fd);
    free(file->place);
    free(file);
}

bool followed_differs(const struct followed_file *file, const struct stat *st) {
    return (uint64_t)st->st_size != file->read_at || file_mtime_ns(st) != file->mtime_ns ||
           file_ctime_ns(st) != file->ctime_ns;
}

void followed_rewind(struct followed_file *file) {
    lines_fini(&file->lines);
    file->read_at = file->line_at;
    file->text.nuls_to = 0;
}

void followed_restart(struct followed_file *file) {
    file->line_at = file->read_to = 0;
    followed_rewind(file);
    file->mark = (struct mark){.id = file->mark.id};
    file->calm = file->mark;
    file->trail = (struct trail){0};
}

static int add_line(struct followed_file *file, struct chunk *chunk, struct str line,
                    uint8_t first_flags) {
    size_t line_max = file->source->config.line_bytes_max;
    uint8_t flags = file->line_at == 0 ? first_flags : 0;
    if (chunk_add(chunk, line, line_max, file->lines.length, flags) == 0) return 0;
    followed_rewind(file);
    return ERR_NOMEM;
}

// Hands on the lines of `input`, which was read at `at`.
static int split(struct followed_file *file, struct chunk *chunk, uint64_t at, struct str input,
                 uint8_t first_flags) {
    struct str line;
    int got = 0;
    while (!chunk_full(chunk)) {
        const char *from = input.ptr;
        got = lines_next(&file->lines, &input, &line);
        at += text_bytes(file->text.encoding, (struct str){from, (size_t)(input.ptr - from)});
        if (got != 1) break;
        int err = add_line(file, chunk, line, first_flags);
        if (err) return err;
        file->line_at = at;
    }
    file->read_at = at;
    return got < 0 ? got : 0;
}

static void tell_encoding(struct followed_file *file) {
    if (file->text.encoding == TEXT_UTF8 || file->feed->encoding_told) return;
    file->feed->encoding_told = true;
    log_write(LOG_WARN, "the file is not in UTF-8; its lines are converted",
              LOG_TEXT("path", file->path),
              LOG_TEXT("encoding", text_encoding_name(file->text.encoding)));
}

static enum drained at_end(struct followed_file *file) {
    struct stat st;
    if (fstat(file->fd, &st) == 0 && (uint64_t)st.st_size < file->read_at) return DRAINED_TRUNCATED;
    return DRAINED_END;
}

// Gets more of a compressed file's text. DRAINED_END: there is no more than what there is now.
static enum drained unpack_more(struct followed_file *file, size_t *budget) {
    enum unpacked how = unpack_step(file->unpack, file->mark.offset, budget);
    if (how == UNPACKED_MISMATCH) followed_restart(file);
    if (how == UNPACKED_DAMAGED)
        feed_error(file->feed,
                   "%s: a rotated and compressed part of it is damaged; lines may be missing",
                   file->path);
    return how == UNPACKED_END || how == UNPACKED_DAMAGED ? DRAINED_END : DRAINED_FULL;
}

static enum drained read_lines(struct followed_file *file, struct chunk *chunk, uint8_t first_flags,
                               size_t *budget) {
    struct sources *sources = file->source->sources;
    for (;;) {
        if (chunk_full(chunk)) return DRAINED_FULL;
        uint64_t at = file->read_at;
        struct str input, nul = STR("\0"), line;
        bool passed;
        switch (text_read(&file->text, file->fd, &at, sources->buffer, SOURCE_READ_BYTES, budget,
                          &input, &passed)) {
            case TEXT_NONE:
                if (!file->unpack) return at_end(file);
                if (unpack_more(file, budget) == DRAINED_END && !followed_has_more(file))
                    return DRAINED_END;
                if (!unpack_is_ready(file->unpack)) return DRAINED_FULL;
                continue;
            case TEXT_LATER: return DRAINED_FULL;
            case TEXT_FAILED:
                feed_error(file->feed, "%s: %s", file->path, strerror(errno));
                return DRAINED_FAILED;
            case TEXT_SOME: break;
        }
        tell_encoding(file);
        // Of all NULs that were passed over, one: it parts what was before them from what follows.
        if ((passed && lines_next(&file->lines, &nul, &line) < 0) ||
            split(file, chunk, at, input, first_flags)) {
            feed_error(file->feed, "%s: no memory for its lines", file->path);
            followed_rewind(file);
            return DRAINED_FAILED;
        }
        if (file->read_at <= file->read_to) continue;
        file->read_to = file->read_at;
        file->grew_ms = loop_now(sources->loop);
    }
}

// Whether the file is no text. Until its first line it may be empty, or still become another one.
static void judge(struct followed_file *file) {
    if (!file->unjudged || file->line_at) return;
    const char *what = probe_content(file->fd);
    if (what && !file->refused)
        feed_error(file->feed, "%s is %s, not a text with lines", file->path, what);
    file->refused = file->ended = what != NULL;
}

static void take_calm(struct followed_file *file) {
    uint64_t now = loop_now(file->source->sources->loop);
    bool busy = followed_quiet_ms(file) < SOURCE_SETTLE_MS && now - file->calm_ms < CALM_MS;
    // One that proves nothing is worth nothing.
    if (busy && file->calm.offset >= MARK_PROOF_BYTES) return;
    file->calm = file->mark;
    file->calm_ms = now;
}

enum drained followed_drain(struct followed_file *file, struct chunk *chunk, uint8_t first_flags,
                            size_t *budget, uint32_t *certain) {
    *certain = chunk->count;
    judge(file);
    if (file->ended) return DRAINED_END;
    if (file->unpack && !unpack_is_ready(file->unpack)) {
        enum drained how = unpack_more(file, budget);
        text_open(&file->text, file->fd);
        return how;
    }
    struct stat st;
    // A file that was truncated and has grown beyond the offset again differs only in its content.
    if (fstat(file->fd, &st) || !mark_holds(&file->mark, file->fd)) return DRAINED_TRUNCATED;
    if (!file->unpack) take_times(file, &st);
    take_calm(file);
    if (file->line_at == 0 && file->read_at < FIRST_BYTES) followed_rewind(file);
    uint64_t line_at = file->line_at;
    enum drained how = read_lines(file, chunk, first_flags, budget);
    if (file->line_at == line_at) return how;
    if (!mark_holds(&file->mark, file->fd) || mark_move(&file->mark, file->fd, file->line_at))
        return DRAINED_TRUNCATED;
    if (!file->unpack) trail_move(&file->trail, file->fd, file->mark.offset);
    *certain = chunk->count;
    return how;
}

int followed_rest(struct followed_file *file, struct chunk *chunk, uint8_t first_flags) {
    struct str line;
    int got = lines_end(&file->lines, &line);
    if (got == 1) got = add_line(file, chunk, line, first_flags);
    if (got < 0) {
        followed_rewind(file);
        return got;
    }
    if (file->line_at == file->read_at) return 0;
    file->line_at = file->read_at;
    // A failure means that the file was truncated just now. The next drain finds that out.
    (void)!mark_move(&file->mark, file->fd, file->line_at);
    return 0;
}

uint64_t followed_quiet_ms(const struct followed_file *file) {
    return loop_now(file->source->sources->loop) - file->grew_ms;
}

bool followed_has_more(const struct followed_file *file) {
    return !file->ended && text_has_more(&file->text, file->fd, file->read_at);
}
