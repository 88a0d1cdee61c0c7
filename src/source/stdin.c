// SPDX-License-Identifier: MIT
// Standard input as a source: its lines until its end. It cannot be read twice, so no position is
// stored.
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/container.h"
#include "base/lines.h"
#include "source/source_priv.h"

struct input {
    struct feed feed;
    struct source *source;
    struct loop_io io;
    bool watched; // `io` is registered
    bool polled;  // can be polled: a pipe, a socket, a terminal; a file is always ready
    bool ready;   // one read will not block
    bool ended;
    struct lines lines;
    struct str rest; // read but not split yet; in `memory`
    char *memory;
    uint64_t bytes;
    // There was no memory to add `line`; it is the next line to add.
    bool line_failed;
    struct str line;
    struct loop_timer timer; // tries again after a lack of memory
};

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

// Reads once, and only when the descriptor is ready. It must not become non-blocking: other
// processes may share it.
static void read_more(struct input *input) {
    input->ready = false;
    ssize_t got = read(STDIN_FILENO, input->memory, SOURCE_READ_BYTES);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got < 0) feed_error(&input->feed, "standard input: %s", strerror(errno));
    if (got <= 0) {
        input->ended = true;
        return;
    }
    input->bytes += (uint64_t)got;
    input->rest = (struct str){input->memory, (size_t)got};
}

static int take_lines(struct input *input, struct chunk *chunk) {
    size_t line_max = input->source->config.line_bytes_max;
    int got = 1;
    while (got == 1 && !chunk_full(chunk)) {
        if (!input->line_failed) got = lines_next(&input->lines, &input->rest, &input->line);
        if (got == 0 && input->ended) got = lines_end(&input->lines, &input->line);
        if (got != 1) break;
        input->line_failed = chunk_add(chunk, input->line, line_max, input->lines.length, 0) != 0;
        if (input->line_failed) return ERR_NOMEM;
    }
    return got < 0 ? got : 0;
}

static void finish(struct input *input) {
    feed_attached(&input->feed, false);
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

static void release(struct feed *feed) {
    struct input *input = container_of(feed, struct input, feed);
    feed_fini(feed);
    free(input->memory);
    lines_fini(&input->lines);
    free(input);
}

static int start(struct source *source, struct report *report) {
    struct input *input = calloc(1, sizeof *input);
    char *memory = malloc(SOURCE_READ_BYTES);
    if (!input || !memory) goto no_memory;
    input->source = source;
    input->memory = memory;
    input->rest = (struct str){memory, 0};
    input->io = (struct loop_io){.fd = STDIN_FILENO};
    input->timer.fire = again;
    input->feed.run = run;
    input->feed.release = release;
    lines_init(&input->lines, source->config.line_bytes_max, LINES_CUT);
    if (feed_init(&input->feed, source, "stdin", source->config.topic, NULL)) goto no_memory;
    input->polled = true;
    watch(input, true);
    // Files cannot be polled, and are always ready.
    input->polled = input->watched;
    input->io.ready = readable;
    feed_attached(&input->feed, true);
    source->state = input;
    if (!input->polled) wait_readable(input);
    return 0;
no_memory:
    free(input);
    free(memory);
    return report_set(report, ERR_NOMEM, "source stdin: out of memory");
}

static void stop(struct source *source) {
    struct input *input = source->state;
    if (!input) return;
    source->state = NULL;
    watch(input, false);
    loop_timer_clear(source->sources->loop, &input->timer);
    feed_close(&input->feed);
}

const struct source_ops source_stdin = {.start = start, .stop = stop};
