// SPDX-License-Identifier: MIT
// A stream of lines: standard input, pipes.
#include "source/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/container.h"
#include "source/source_priv.h"
#include "sys/log.h"

static void watch(struct input *input, bool on) {
    if (!input->polled || input->watched == on) return;
    struct loop *loop = input->source->sources->loop;
    if (on) {
        input->io.ready = NULL;
        if (loop_add(loop, &input->io, EPOLLIN)) return;
    } else {
        loop_remove(loop, &input->io);
    }
    input->watched = on;
}

static void readable(struct loop_io *io, uint32_t events) {
    (void)events;
    struct input *input = container_of(io, struct input, io);
    // Not while it is being read: a closed pipe would be reported again and again.
    watch(input, false);
    input->ready = true;
    feed_wake(&input->feed);
}

static void wait_readable(struct input *input) {
    if (!input->polled) {
        input->ready = true;
        feed_wake(&input->feed);
        return;
    }
    watch(input, true);
    input->io.ready = readable;
}

// Whether these first bytes leave open which encoding they have.
static bool is_undecided(struct str first) {
    if (first.len >= sizeof((struct input *)0)->cut || first.len == 0) return false;
    return memchr(first.ptr, 0, first.len) || memchr("\xEF\xFE\xFF", first.ptr[0], 3);
}

// Makes text of `raw`, which is in `memory`, behind room for what it is decoded to.
static void decode(struct input *input, struct str raw, bool last) {
    unsigned mark = 0;
    size_t taken;
    if (!input->begun && !last && is_undecided(raw)) {
        memcpy(input->cut, raw.ptr, raw.len);
        input->cut_len = raw.len;
        return;
    }
    if (!input->begun) {
        input->encoding = text_detect(raw, TEXT_UTF8, &mark);
        input->begun = true;
        if (input->encoding != TEXT_UTF8)
            log_write(LOG_WARN, "the stream is not in UTF-8; its lines are converted",
                      LOG_TEXT("source", input->feed.name),
                      LOG_TEXT("encoding", text_encoding_name(input->encoding)));
    }
    input->rest = (struct str){raw.ptr + mark, raw.len - mark};
    input->cut_len = 0;
    if (input->encoding == TEXT_UTF8) return;
    raw = input->rest;
    input->rest = text_decode(input->encoding, raw, input->memory, &taken);
    input->cut_len = raw.len - taken;
    memcpy(input->cut, raw.ptr + taken, input->cut_len);
}

// All writers are gone. Waits for the next one, if there may be one.
static void writers_gone(struct input *input) {
    // Opened before the old end is closed: what another writer has written meanwhile stays.
    int fd = input->path ? open(input->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    struct stat st;
    input->line_ends = true;
    input->begun = false;
    if (fd >= 0 && fstat(fd, &st) == 0 && file_id_equal(file_id(&st), input->id)) {
        close(input->fd);
        input->fd = input->io.fd = fd;
        return;
    }
    if (fd >= 0) close(fd);
    input->ended = true;
}

// Reads once, and only when the descriptor is ready.
static void read_more(struct input *input) {
    input->ready = false;
    bool whole = input->begun && input->encoding == TEXT_UTF8;
    // Decoded text grows to half as much again, in front of what it is decoded from.
    size_t size = whole ? SOURCE_READ_BYTES : SOURCE_READ_BYTES / 8 * 3;
    char *raw = input->memory + SOURCE_READ_BYTES - size;
    memcpy(raw, input->cut, input->cut_len);
    ssize_t got = read(input->fd, raw + input->cut_len, size - input->cut_len);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got < 0) {
        feed_error(&input->feed, "%s: %s", input->feed.name, strerror(errno));
        input->ended = input->line_ends = true;
        return;
    }
    input->bytes += (uint64_t)got;
    decode(input, (struct str){raw, input->cut_len + (size_t)got}, got == 0);
    if (got == 0) writers_gone(input);
}

static int take_lines(struct input *input, struct chunk *chunk) {
    size_t line_max = input->source->config.line_bytes_max;
    int got = 1;
    while (got == 1 && !chunk_full(chunk)) {
        if (!input->line_failed) got = lines_next(&input->lines, &input->rest, &input->line);
        if (got == 0 && input->line_ends) got = lines_end(&input->lines, &input->line);
        if (got != 1) break;
        input->line_failed = chunk_add(chunk, input->line, line_max, input->lines.length, 0) != 0;
        if (input->line_failed) return ERR_NOMEM;
    }
    if (got == 0) input->line_ends = input->ended;
    return got < 0 ? got : 0;
}

static void close_fd(struct input *input) {
    if (input->fd > STDIN_FILENO) close(input->fd);
    input->fd = -1;
}

static void finish(struct input *input) {
    feed_attached(&input->feed, false);
    close_fd(input);
    free(input->memory);
    input->memory = NULL;
    lines_fini(&input->lines);
}

static void run(struct feed *feed) {
    struct input *input = container_of(feed, struct input, feed);
    if (!input->memory || !feed_may_submit(feed)) return;
    struct chunk *chunk = chunk_new();
    if (chunk && input->ready && input->rest.len == 0 && !input->line_failed) read_more(input);
    int err = chunk ? take_lines(input, chunk) : ERR_NOMEM;
    bool full = chunk && chunk_full(chunk);
    if (chunk && chunk->count) {
        chunk->position_bytes = input->bytes - input->rest.len;
        chunk->lag_bytes = input->rest.len;
        feed_submit(feed, chunk);
    } else {
        chunk_free(chunk);
    }
    struct loop *loop = input->source->sources->loop;
    if (err)
        (void)!loop_timer_set(loop, &input->timer, loop_now(loop) + 1000);
    else if (full || input->rest.len)
        feed_wake(feed);
    else if (input->ended)
        finish(input);
    else
        wait_readable(input);
}

static void again(struct loop_timer *timer) {
    struct input *input = container_of(timer, struct input, timer);
    feed_wake(&input->feed);
}

static void free_input(struct loop_retired *retired) {
    free(container_of(retired, struct input, retired));
}

static void release(struct feed *feed) {
    struct input *input = container_of(feed, struct input, feed);
    bool begun = feed->begun;
    feed_fini(feed);
    close_fd(input);
    naming_leave(&feed->sources->naming, input->named);
    lines_fini(&input->lines);
    free(input->memory);
    free(input->path);
    // Its descriptor may be among those that became readable in this turn. One that has not begun
    // belongs to a configuration that was refused, on another thread.
    if (begun)
        loop_retire(feed->sources->loop, &input->retired, free_input);
    else
        free(input);
}

int input_new(struct input **out, struct source *source, const char *name, const char *topic) {
    struct input *input = calloc(1, sizeof *input);
    char *memory = malloc(SOURCE_READ_BYTES);
    if (!input || !memory || feed_init(&input->feed, source, name, topic, NULL)) {
        free(input);
        free(memory);
        return ERR_NOMEM;
    }
    input->source = source;
    input->fd = -1;
    input->memory = memory;
    input->rest = (struct str){memory, 0};
    input->timer.fire = again;
    input->feed.run = run;
    input->feed.release = release;
    lines_init(&input->lines, source->config.line_bytes_max, LINES_CUT);
    *out = input;
    return 0;
}

int input_begin(struct input *input, int fd, const char *path) {
    struct stat st;
    if (path && !(input->path = str_dup(str_from(path)))) {
        close(fd);
        return ERR_NOMEM;
    }
    if (fstat(fd, &st) == 0) input->id = file_id(&st);
    input->fd = fd;
    input->io = (struct loop_io){.fd = fd};
    input->polled = true;
    feed_begin(&input->feed);
    watch(input, true);
    // Files cannot be polled, and are always ready.
    input->polled = input->watched;
    input->io.ready = readable;
    feed_attached(&input->feed, true);
    if (!input->polled) wait_readable(input);
    return 0;
}

void input_check(struct input *input) {
    struct stat st;
    if (!input->path || input->ended ||
        (stat(input->path, &st) == 0 && file_id_equal(file_id(&st), input->id)))
        return;
    // Without a writer, reading gives the end; with one, nothing yet.
    watch(input, false);
    input->ready = true;
    feed_wake(&input->feed);
}

bool input_is_over(const struct input *input) {
    return !input->memory && !input->feed.flying && !input->feed.waiting;
}

void input_close(struct input *input) {
    watch(input, false);
    loop_timer_clear(input->source->sources->loop, &input->timer);
    feed_close(&input->feed);
}
