// SPDX-License-Identifier: MIT
// Connections over socket pairs.
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"

// --- the handlers --------------------------------------------------------------------------------

static struct bench *bench_of(const struct exchange *exchange) {
    return container_of(exchange->http, struct bench, http);
}

static void say(struct exchange *exchange, const char *what) {
    struct buf *said = &bench_of(exchange)->said;
    if (said->len) buf_append_char(said, '|');
    buf_append(said, what, strlen(what));
}

static void answer_now(struct exchange *exchange, const char *text) {
    struct answer answer = {.status = 200, .type = "text/plain", .body = str_from(text)};
    exchange_answer(exchange, &answer);
}

static void keep_open(struct exchange *exchange) {
    struct bench *bench = bench_of(exchange);
    cr_assert_lt(bench->opened, sizeof bench->open / sizeof bench->open[0]);
    bench->open[bench->opened++] = exchange;
}

static bool asks(struct exchange *exchange, const char *path) {
    return str_equal(exchange_request(exchange)->path, str_from(path));
}

static void begin(struct exchange *exchange) {
    char text[64];
    snprintf(text, sizeof text, "begin %.*s", STR_ARG(exchange_request(exchange)->path));
    say(exchange, text);
    if (asks(exchange, "/now") || asks(exchange, "/order")) {
        answer_now(exchange, "now");
    } else if (asks(exchange, "/refused")) {
        exchange_refuse(exchange, 403, "no");
    } else if (asks(exchange, "/nothing")) {
        exchange_answer(exchange, &(struct answer){.status = 204});
    } else if (asks(exchange, "/broken")) {
        exchange_abort(exchange);
    } else if (asks(exchange, "/endless") || asks(exchange, "/ends")) {
        struct buf head;
        struct answer answer = {.status = 200,
                                .type = "text/event-stream",
                                .length = asks(exchange, "/ends") ? ANSWER_ENDS : ANSWER_ENDLESS};
        buf_init(&head, 10000);
        exchange_stream(exchange, &answer, &head);
        exchange->ops->write(exchange->ops->handle(exchange), head.data, head.len);
        buf_fini(&head);
        keep_open(exchange);
    } else if (asks(exchange, "/parked")) {
        exchange_park(exchange);
        keep_open(exchange);
    } else {
        if (asks(exchange, "/slow")) exchange->flags |= EXCHANGE_SLOW_BODY;
        keep_open(exchange);
    }
}

static void body(struct exchange *exchange, struct str bytes) {
    char text[64];
    snprintf(text, sizeof text, "body %.*s", bytes.len < 20 ? (int)bytes.len : 20, bytes.ptr);
    say(exchange, text);
    if (bytes.ptr[0] == '!') exchange_refuse(exchange, 400, "bad");
    if (bytes.ptr[0] == '#') exchange_hold(exchange, true);
}

static void pause_body(struct exchange *exchange) { say(exchange, "pause"); }

static void end(struct exchange *exchange, const struct problem *cut) {
    char text[64];
    snprintf(text, sizeof text, cut ? "cut %d" : "end", cut ? cut->status : 0);
    say(exchange, text);
    if (cut) exchange_problem(exchange, cut);
}

static void writable(struct exchange *exchange) { say(exchange, "writable"); }

static void timer(struct exchange *exchange) { say(exchange, "timer"); }

static void drain(struct exchange *exchange) { say(exchange, "drain"); }

static void gone(struct exchange *exchange) {
    struct bench *bench = bench_of(exchange);
    say(exchange, "gone");
    for (size_t i = 0; i < bench->opened; i++) {
        if (bench->open[i] == exchange) bench->open[i] = NULL;
    }
}

#define COMMON .begin = begin, .writable = writable, .timer = timer, .drain = drain, .gone = gone
static const struct handler get = {COMMON};
static const struct handler upload = {
    .alongside = true, .body = body, .pause = pause_body, .end = end, COMMON};
static const struct handler in_order = {.body = body, .end = end, COMMON};

static const struct handler *route(struct exchange *exchange) {
    if (asks(exchange, "/order")) return &in_order;
    return exchange_request(exchange)->method == METHOD_POST ? &upload : &get;
}

// --- the loop ------------------------------------------------------------------------------------

static void turn_fire(struct loop_timer *timer) { (void)timer; }

static void schedule(struct http *http) {
    struct bench *bench = container_of(http, struct bench, http);
    (void)!loop_timer_set(bench->loop, &bench->turn, loop_now(bench->loop));
}

static void after_turn(void *owner) {
    struct bench *bench = owner;
    connections_after_turn(&bench->http);
    if (!connections_are_due(&bench->http)) loop_stop(bench->loop);
}

static bool has_ended(const struct bench *bench) {
    for (const struct http1_conn *conn = bench->http.conns; conn; conn = conn->next) {
        if (conn->state != CONN_LINGER) return false;
    }
    return true;
}

static void after_turn_ended(void *owner) {
    struct bench *bench = owner;
    connections_after_turn(&bench->http);
    if (has_ended(bench)) loop_stop(bench->loop);
}

void bench_turn(struct bench *bench) {
    // What one turn has let go on may be ready in the next.
    for (int i = 0; i < 3; i++) {
        schedule(&bench->http);
        loop_run(bench->loop, after_turn);
    }
}

void bench_wait_ended(struct bench *bench) {
    if (!has_ended(bench)) loop_run(bench->loop, after_turn_ended);
}

void bench_open(struct bench *bench) {
    struct report report = {0};
    *bench = (struct bench){.settings = {.header_bytes_max = 16384}};
    bench->turn.fire = turn_fire;
    cr_assert_eq(loop_new(&bench->loop, bench, &report), 0, "%s", report.text);
    cr_assert_eq(admission_new(&bench->http.admission), 0);
    cr_assert_eq(cors_new((struct cors **)&bench->settings.cors,
                          (const char *const[]){"https://page.example"}, 1, &report),
                 0);
    bench->http.loop = bench->loop;
    bench->http.settings = &bench->settings;
    bench->http.route = route;
    bench->http.schedule = schedule;
    bench->http.account.most = SIZE_MAX;
    cr_assert_eq(http_init(&bench->http), 0);
    buf_init(&bench->said, 1 << 20);
}

void bench_close(struct bench *bench) {
    connections_close(&bench->http);
    bench_turn(bench);
    cr_assert_eq(admission_count(bench->http.admission), 0);
    cr_assert_eq(bench->http.busy, 0);
    cr_assert_eq(bench->http.account.held, 0, "all that was counted was given back");
    http_fini(&bench->http);
    admission_free(bench->http.admission);
    cors_free((struct cors *)bench->settings.cors);
    loop_free(bench->loop);
    buf_fini(&bench->said);
}

const char *bench_said(struct bench *bench) {
    static char text[1 << 16];
    snprintf(text, sizeof text, "%s", buf_cstr(&bench->said));
    buf_clear(&bench->said);
    return text;
}

void bench_answer(struct bench *bench, size_t opened, const char *text) {
    cr_assert(bench->open[opened], "it is gone");
    answer_now(bench->open[opened], text);
    bench_turn(bench);
}

// --- clients -------------------------------------------------------------------------------------

void client_connect(struct bench *bench, struct client *client) {
    int fds[2];
    struct net_address address = {0};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    connections_accept(&bench->http, fds[0], &address, HTTP_LISTENER_MAIN);
    *client = (struct client){.bench = bench, .fd = fds[1]};
    buf_init(&client->got, 1 << 20);
}

void client_send(struct client *client, const char *text) {
    cr_assert_eq(send(client->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    bench_turn(client->bench);
}

const char *client_got(struct client *client) {
    ssize_t got;
    buf_clear(&client->got);
    do {
        char *to = buf_reserve(&client->got, 65536);
        cr_assert(to);
        got = recv(client->fd, to, 65536, 0);
        if (got > 0) client->got.len += (size_t)got;
    } while (got > 0);
    if (got == 0) buf_append_str(&client->got, STR("<end>"));
    // The date is the only thing that a test cannot know.
    char *text = (char *)(uintptr_t)buf_cstr(&client->got);
    for (char *date; (date = strstr(text, "Date: ")) != NULL;) {
        char *rest = strstr(date, "\r\n") + 2;
        memmove(date, rest, strlen(rest) + 1);
    }
    return text;
}

void client_shut(struct client *client) {
    shutdown(client->fd, SHUT_WR);
    bench_turn(client->bench);
}

void client_close(struct client *client) {
    close(client->fd);
    buf_fini(&client->got);
    bench_turn(client->bench);
}
