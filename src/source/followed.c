// SPDX-License-Identifier: MIT
// One open file that is followed.
#include "source/followed.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/container.h"
#include "source/source_priv.h"

static void changed(struct watch *watch, uint32_t mask) {
    struct followed_file *file = container_of(watch, struct followed_file, watch);
    feed_wake(file->feed);
    // Renamed or deleted. Behind a symlink, no watched directory says so.
    if (mask & (IN_MOVE_SELF | IN_ATTRIB)) source_rescan(file->source);
}

struct followed_file *followed_new(struct source *source, struct feed *feed, const char *path,
                                   int fd, const struct mark *mark) {
    struct stat st;
    struct followed_file *file = calloc(1, sizeof *file);
    if (!file || fstat(fd, &st)) {
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
    file->mtime_ns = file_mtime_ns(&st);
    file->line_at = file->read_at = file->mark.offset;
    file->grew_ms = loop_now(source->sources->loop);
    watch_add_file(&source->sources->watcher, &file->watch, fd);
    return file;
}

void followed_free(struct followed_file *file) {
    if (!file) return;
    watch_remove(&file->source->sources->watcher, &file->watch);
    lines_fini(&file->lines);
    close(file->fd);
    free(file);
}

void followed_rewind(struct followed_file *file) {
    lines_fini(&file->lines);
    file->read_at = file->line_at;
}

void followed_restart(struct followed_file *file) {
    file->line_at = 0;
    followed_rewind(file);
    file->mark = (struct mark){.id = file->mark.id};
}

static int add_line(struct followed_file *file, struct chunk *chunk, struct str line,
                    uint8_t first_flags) {
    size_t line_max = file->source->config.line_bytes_max;
    uint8_t flags = file->line_at == 0 ? first_flags : 0;
    if (chunk_add(chunk, line, line_max, file->lines.length, flags) == 0) return 0;
    followed_rewind(file);
    return ERR_NOMEM;
}

// Hands on the lines of `input`, which was read at read_at.
static int split(struct followed_file *file, struct chunk *chunk, struct str input,
                 uint8_t first_flags) {
    size_t len = input.len;
    uint64_t from = file->read_at;
    struct str line;
    int got = 0;
    while (!chunk_full(chunk) && (got = lines_next(&file->lines, &input, &line)) == 1) {
        int err = add_line(file, chunk, line, first_flags);
        if (err) return err;
        file->line_at = from + (len - input.len);
    }
    file->read_at = from + (len - input.len);
    return got < 0 ? got : 0;
}

static enum drained at_end(struct followed_file *file) {
    struct stat st;
    if (fstat(file->fd, &st) == 0 && (uint64_t)st.st_size < file->read_at) return DRAINED_TRUNCATED;
    return DRAINED_END;
}

static enum drained read_lines(struct followed_file *file, struct chunk *chunk, uint8_t first_flags,
                               size_t *budget) {
    struct sources *sources = file->source->sources;
    for (;;) {
        if (chunk_full(chunk) || *budget == 0) return DRAINED_FULL;
        ssize_t got = pread(file->fd, sources->buffer, SOURCE_READ_BYTES, (off_t)file->read_at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            feed_error(file->feed, "%s: %s", file->path, strerror(errno));
            return DRAINED_FAILED;
        }
        if (got == 0) return at_end(file);
        file->grew_ms = loop_now(sources->loop);
        *budget -= (size_t)got < *budget ? (size_t)got : *budget;
        if (split(file, chunk, (struct str){sources->buffer, (size_t)got}, first_flags)) {
            feed_error(file->feed, "%s: no memory for its lines", file->path);
            return DRAINED_FAILED;
        }
    }
}

enum drained followed_drain(struct followed_file *file, struct chunk *chunk, uint8_t first_flags,
                            size_t *budget, uint32_t *certain) {
    *certain = chunk->count;
    if (file->ended) return DRAINED_END;
    struct stat st;
    // A file that was truncated and has grown beyond the offset again differs only in its content.
    if (fstat(file->fd, &st) || !mark_holds(&file->mark, file->fd)) return DRAINED_TRUNCATED;
    file->mtime_ns = file_mtime_ns(&st);
    uint64_t line_at = file->line_at;
    enum drained how = read_lines(file, chunk, first_flags, budget);
    if (file->line_at == line_at) return how;
    if (!mark_holds(&file->mark, file->fd) || mark_move(&file->mark, file->fd, file->line_at))
        return DRAINED_TRUNCATED;
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
    char byte;
    return !file->ended && pread(file->fd, &byte, 1, (off_t)file->read_at) > 0;
}
