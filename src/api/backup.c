// SPDX-License-Identifier: MIT
// GET /backup: a copy of the journal as it is at this moment, for a key that may take one.
//
// The copy is made by threads of its own (journal/copy.h) and comes by a pipe, which the worker's
// loop reads only while the client takes what it is sent. Nothing is answered before the first
// bytes are there, so that what goes wrong until then is told. A copy that fails later breaks the
// connection off: half a copy must not look like one.
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/access.h"
#include "api/api.h"
#include "api/resource.h"
#include "journal/copy.h"
#include "sys/log.h"

// What is read from the pipe at once: all that a pipe holds.
#define PIECE_BYTES 65536
// A problem in place of a copy, and the head of the answer, fit too.
#define OUT_BYTES_MAX (PIECE_BYTES + 8192)
// When another backup may be over.
#define BUSY_RETRY_S 5

struct backup_stream {
    struct loop_io io; // the copy's pipe
    struct loop_retired retired;
    struct exchange *exchange;
    struct copy *copy; // NULL: it has ended
    bool reading;      // io is registered
    bool begun;        // the head was made
    struct buf out;    // framed, not sent yet
};

static struct loop *loop_of(const struct backup_stream *stream) {
    return stream->exchange->http->loop;
}

static void stop_reading(struct backup_stream *stream) {
    // Removed and not only left without events: a pipe that has ended is always ready.
    if (stream->reading) loop_remove(loop_of(stream), &stream->io);
    stream->reading = false;
}

static void end_copy(struct backup_stream *stream) {
    stop_reading(stream);
    if (stream->copy) copy_close(stream->copy);
    stream->copy = NULL;
}

static void fail(struct backup_stream *stream) {
    end_copy(stream);
    exchange_abort(stream->exchange);
}

static void pipe_ready(struct loop_io *io, uint32_t events);

static void start_reading(struct backup_stream *stream) {
    if (stream->reading) return;
    stream->io = (struct loop_io){.fd = copy_fd(stream->copy), .ready = pipe_ready};
    stream->reading = !loop_add(loop_of(stream), &stream->io, EPOLLIN);
    if (!stream->reading) fail(stream);
}

// --- sending -------------------------------------------------------------------------------------

// Waits for the client, or for the copy.
static void wait_for_client(struct backup_stream *stream, bool on) {
    struct exchange *exchange = stream->exchange;
    uint64_t patience = exchange->http->settings->write_timeout_ms;
    exchange_want_writable(exchange, on);
    exchange_wait_until(exchange, on && patience ? loop_now(loop_of(stream)) + patience : 0);
    if (on) {
        stop_reading(stream);
    } else if (stream->copy) {
        start_reading(stream);
    }
}

static void send_out(struct backup_stream *stream) {
    const struct exchange_ops *ops = stream->exchange->ops;
    if (buf_failed(&stream->out)) {
        fail(stream);
        return;
    }
    while (stream->out.len) {
        ssize_t sent = ops->write(ops->handle(stream->exchange), stream->out.data, stream->out.len);
        if (sent < 0) fail(stream);
        if (sent < 0) return;
        if (sent == 0) break;
        buf_consume(&stream->out, (size_t)sent);
    }
    if (stream->out.len || stream->copy) {
        wait_for_client(stream, stream->out.len > 0);
    } else {
        exchange_finish(stream->exchange);
    }
}

// --- the answer ----------------------------------------------------------------------------------

static struct answer make_head(void) {
    struct answer answer = {
        .status = 200, .type = "application/octet-stream", .length = ANSWER_ENDS};
    answer_text(&answer, "Content-Disposition", "attachment; filename=\"data.mdb\"");
    answer_text(&answer, "Cache-Control", "no-store");
    return answer;
}

static void begin_body(struct backup_stream *stream, const struct answer *answer) {
    stream->begun = true;
    exchange_stream(stream->exchange, answer, &stream->out);
}

// In place of a copy of which nothing was sent yet.
static void send_problem(struct backup_stream *stream, int err, const char *why) {
    struct problem_text text;
    struct answer answer;
    struct problem problem = {.status = 500, .detail = why};
    if (err == ERR_CLOSED) problem = (struct problem){503, why, .retry_after_s = BUSY_RETRY_S};
    problem_answer(&problem, &text, &answer);
    answer.length = ANSWER_ENDS;
    begin_body(stream, &answer);
    size_t start = stream->out.len;
    buf_append_str(&stream->out, answer.body);
    wire_close(exchange_wire(stream->exchange), &stream->out, start);
    problem_fini(&text);
}

// The pipe has ended.
static void finish_copy(struct backup_stream *stream) {
    char why[256];
    int err = copy_result(stream->copy, why, sizeof why);
    end_copy(stream);
    if (err) log_write(LOG_WARN, "a backup was not completed", LOG_TEXT("reason", why));
    if (err && stream->begun) {
        fail(stream);
        return;
    }
    if (err) send_problem(stream, err, why);
    wire_end(exchange_wire(stream->exchange), &stream->out);
    send_out(stream);
}

static void pipe_ready(struct loop_io *io, uint32_t events) {
    struct backup_stream *stream = container_of(io, struct backup_stream, io);
    char bytes[PIECE_BYTES];
    (void)events;
    ssize_t got = read(io->fd, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        finish_copy(stream);
        return;
    }
    if (!stream->begun) {
        struct answer answer = make_head();
        begin_body(stream, &answer);
    }
    size_t start = stream->out.len;
    buf_append(&stream->out, bytes, (size_t)got);
    wire_close(exchange_wire(stream->exchange), &stream->out, start);
    send_out(stream);
}

// --- the exchange --------------------------------------------------------------------------------

static void start(struct exchange *exchange) {
    struct backup_stream *stream = calloc(1, sizeof *stream);
    int err = stream ? copy_start(api_of(exchange)->common->journal, &stream->copy) : ERR_NOMEM;
    if (err) {
        free(stream);
        exchange_problem(exchange,
                         &(struct problem){503,
                                           err == ERR_BUSY ? "another backup is being taken"
                                                           : "no backup can be taken now",
                                           .retry_after_s = BUSY_RETRY_S});
        return;
    }
    buf_init(&stream->out, OUT_BYTES_MAX);
    stream->exchange = exchange;
    exchange->state = stream;
    exchange_park(exchange);
    start_reading(stream);
}

static void answer_backup(struct exchange *exchange) {
    struct params params;
    bool is_head = exchange_request(exchange)->method == METHOD_HEAD;
    if (!access_params(exchange, &params)) return;
    struct grant *grant = access_check(exchange, &params);
    if (grant && !grant->backup) {
        access_forbid(exchange, grant, "take a backup");
    } else if (grant && is_head) {
        struct answer answer = make_head();
        exchange_answer(exchange, &answer);
    } else if (grant && exchange->http->draining) {
        exchange_problem(exchange,
                         &(struct problem){503, "the hub is shutting down", .retry_after_s = 1});
    } else if (grant) {
        log_write(LOG_INFO, "a backup is taken", LOG_TEXT("key", grant->name));
        start(exchange);
    }
    grant_put(grant);
    params_fini(&params);
}

static void writable(struct exchange *exchange) { send_out(exchange->state); }

// The client takes nothing, or the hub is going away.
static void give_up(struct exchange *exchange) { fail(exchange->state); }

static void release(struct loop_retired *retired) {
    free(container_of(retired, struct backup_stream, retired));
}

static void gone(struct exchange *exchange) {
    struct backup_stream *stream = exchange->state;
    if (!stream) return;
    end_copy(stream);
    buf_fini(&stream->out);
    loop_retire(loop_of(stream), &stream->retired, release);
}

static const struct handler backup_handler = {
    .begin = answer_backup, .writable = writable, .timer = give_up, .drain = give_up, .gone = gone};
const struct resource backup_resource = {.get = &backup_handler};
