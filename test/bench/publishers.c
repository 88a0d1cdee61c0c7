// SPDX-License-Identifier: MIT
// The publishers.
#include "publishers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "usage.h"

#define OUT_BYTES ((size_t)512 * 1024)
#define IN_BYTES 16384
// Unanswered requests of one connection, at most.
#define WAITING_MAX 4096
#define EVENT_BYTES_MAX 65536

struct publisher {
    int fd;
    bool wants_room;
    uint32_t *waiting; // numbers of events, in the order of their requests: a ring
    uint32_t first, last;
    char *out, *in;
    size_t out_len, in_len;
};

struct publishers {
    struct ledger *ledger;
    int epoll;
    uint32_t next;
    struct publisher *all;
    uint32_t count;
    struct publishers_counts counts;
};

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(EX_UNAVAILABLE);
}

// --- connections ---------------------------------------------------------------------------------

static void watch(struct publishers *p, struct publisher *publisher, int op) {
    struct epoll_event event = {.events = EPOLLIN | (publisher->wants_room ? EPOLLOUT : 0),
                                .data.ptr = publisher};
    if (epoll_ctl(p->epoll, op, publisher->fd, &event)) die("epoll");
}

static void append(struct publisher *publisher, const char *bytes, size_t len) {
    if (publisher->out_len + len > OUT_BYTES) {
        fprintf(stderr, "load: a publisher's buffer is too small\n");
        exit(EX_SOFTWARE);
    }
    memcpy(publisher->out + publisher->out_len, bytes, len);
    publisher->out_len += len;
}

static void connect_publisher(struct publishers *p, struct publisher *publisher) {
    const struct options *options = p->ledger->options;
    char path[1024], head[2048];
    int one = 1;
    publisher->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (publisher->fd < 0) die("socket");
    if (connect(publisher->fd, (const struct sockaddr *)&options->publish.address,
                sizeof options->publish.address))
        die("a publisher cannot connect");
    setsockopt(publisher->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(publisher->fd, F_SETFL, O_NONBLOCK);
    publisher->out_len = publisher->in_len = 0;
    publisher->first = publisher->last = 0;
    publisher->wants_room = false;
    watch(p, publisher, EPOLL_CTL_ADD);
    if (options->feed != FEED_LINES) return;
    options_expand(path, sizeof path, options->publish.path, 0, NULL);
    int len = snprintf(head, sizeof head,
                       "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-ndjson\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n",
                       path, options->publish.host);
    append(publisher, head, (size_t)len);
}

struct publishers *publishers_new(struct ledger *ledger, int epoll) {
    const struct options *options = ledger->options;
    struct publishers *p = calloc(1, sizeof *p);
    if (!p) die("memory");
    p->ledger = ledger;
    p->epoll = epoll;
    p->count = options->feed == FEED_NONE    ? 0
               : options->feed == FEED_POSTS ? options->connections
                                             : 1;
    p->all = calloc(p->count + 1, sizeof *p->all);
    if (!p->all) die("memory");
    for (uint32_t i = 0; i < p->count; i++) {
        struct publisher *publisher = &p->all[i];
        publisher->out = malloc(OUT_BYTES);
        publisher->in = malloc(IN_BYTES);
        publisher->waiting = malloc(WAITING_MAX * sizeof *publisher->waiting);
        if (!publisher->out || !publisher->in || !publisher->waiting) die("memory");
        if (options->feed == FEED_FILE) {
            publisher->fd = open(options->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
            if (publisher->fd < 0) die(options->file);
        } else {
            connect_publisher(p, publisher);
        }
    }
    return p;
}

bool publishers_own(const struct publishers *p, const void *ptr) {
    const struct publisher *publisher = ptr;
    return publisher >= p->all && publisher < p->all + p->count;
}

// --- sending -------------------------------------------------------------------------------------

static void answer(struct publishers *p, struct publisher *publisher, bool ok) {
    if (publisher->first == publisher->last) return;
    uint32_t number = publisher->waiting[publisher->first++ % WAITING_MAX];
    *(ok ? &p->counts.answered : &p->counts.refused) += 1;
    ledger_answered(p->ledger, number, ok, usage_now_ns());
}

static void reconnect(struct publishers *p, struct publisher *publisher) {
    close(publisher->fd);
    while (publisher->first != publisher->last) answer(p, publisher, false);
    p->counts.reconnects++;
    connect_publisher(p, publisher);
}

static void flush(struct publishers *p, struct publisher *publisher) {
    bool file = p->ledger->options->feed == FEED_FILE;
    if (!publisher->out_len) return;
    ssize_t sent = file ? write(publisher->fd, publisher->out, publisher->out_len)
                        : send(publisher->fd, publisher->out, publisher->out_len, MSG_NOSIGNAL);
    if (sent < 0 && file) die("write");
    if (sent < 0) sent = 0; // reading notices a broken connection
    publisher->out_len -= (size_t)sent;
    memmove(publisher->out, publisher->out + sent, publisher->out_len);
    if (file || publisher->wants_room == (publisher->out_len > 0)) return;
    publisher->wants_room = publisher->out_len > 0;
    watch(p, publisher, EPOLL_CTL_MOD);
}

static size_t payload(const struct options *options, uint32_t number, char *out) {
    snprintf(out, MARKER_BYTES + 1, "@@%08x@", number);
    memset(out + MARKER_BYTES, '.', options->payload_bytes - (MARKER_BYTES));
    out[options->payload_bytes] = 0;
    return options->payload_bytes;
}

static void write_post(const struct options *options, struct publisher *publisher, uint32_t topic,
                       const char *text) {
    static char body[EVENT_BYTES_MAX];
    char path[1024], head[2048];
    size_t len = options_expand(body, sizeof body, options->body, topic, text);
    options_expand(path, sizeof path, options->publish.path, topic, NULL);
    int head_len =
        snprintf(head, sizeof head,
                 "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                 path, options->publish.host, options->content_type, len);
    append(publisher, head, (size_t)head_len);
    append(publisher, body, len);
}

static void write_line(const struct options *options, struct publisher *publisher, char *text,
                       size_t len) {
    char head[16];
    text[len - 1] = '\n';
    if (options->feed == FEED_LINES)
        append(publisher, head, (size_t)snprintf(head, sizeof head, "%zx\r\n", len));
    append(publisher, text, len);
    if (options->feed == FEED_LINES) append(publisher, "\r\n", 2);
}

static bool has_room(const struct publishers *p, const struct publisher *publisher) {
    if (publisher->out_len + EVENT_BYTES_MAX + 2048 > OUT_BYTES) return false;
    return p->ledger->options->feed != FEED_POSTS ||
           publisher->last - publisher->first < p->ledger->options->pipeline;
}

static struct publisher *next_publisher(struct publishers *p) {
    for (uint32_t i = 0; i < p->count; i++) {
        struct publisher *publisher = &p->all[p->next++ % p->count];
        if (has_room(p, publisher)) return publisher;
    }
    return NULL;
}

static bool publish_one(struct publishers *p) {
    static char text[EVENT_BYTES_MAX];
    const struct options *options = p->ledger->options;
    struct publisher *publisher = next_publisher(p);
    if (!publisher) return false;
    uint32_t number = ledger_publish(p->ledger, usage_now_ns());
    size_t len = payload(options, number, text);
    if (options->feed == FEED_POSTS) {
        write_post(options, publisher, number % options->publish_topics, text);
        publisher->waiting[publisher->last++ % WAITING_MAX] = number;
    } else {
        write_line(options, publisher, text, len);
        p->counts.answered++;
        ledger_answered(p->ledger, number, false, 0);
    }
    return true;
}

uint32_t publishers_publish(struct publishers *p, uint32_t count) {
    uint32_t done = 0;
    while (done < count && publish_one(p)) done++;
    for (uint32_t i = 0; done && i < p->count; i++) flush(p, &p->all[i]);
    return done;
}

// --- answers -------------------------------------------------------------------------------------

// The length of the answer at the beginning of the input, 0 when it is not complete.
static size_t answer_length(const char *in, size_t len, int *status) {
    const char *end = memmem(in, len, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end + 4 - in), body = 0;
    *status = len > 12 ? atoi(in + 9) : 0;
    for (const char *line = in; line && line < end;
         line = memchr(line, '\n', (size_t)(end - line))) {
        if (*line == '\n') line++;
        if (!strncasecmp(line, "content-length:", 15)) body = strtoul(line + 15, NULL, 10);
        if (!strncasecmp(line, "transfer-encoding:", 18)) {
            const char *last = memmem(end, len - (size_t)(end - in), "\r\n0\r\n\r\n", 7);
            return last ? (size_t)(last + 7 - in) : 0;
        }
    }
    return len >= head + body ? head + body : 0;
}

static void read_answers(struct publishers *p, struct publisher *publisher) {
    size_t at = 0, len;
    int status;
    while ((len = answer_length(publisher->in + at, publisher->in_len - at, &status))) {
        bool ok = status >= 200 && status < 300;
        if (!ok && !p->counts.problem[0])
            snprintf(p->counts.problem, sizeof p->counts.problem, "%.*s",
                     (int)(len < 150 ? len : 150), publisher->in + at);
        if (p->ledger->options->feed == FEED_POSTS) answer(p, publisher, ok);
        at += len;
    }
    publisher->in_len -= at;
    memmove(publisher->in, publisher->in + at, publisher->in_len);
    publisher->in[publisher->in_len] = 0;
}

void publishers_ready(struct publishers *p, void *ptr, uint32_t events) {
    struct publisher *publisher = ptr;
    if (events & EPOLLOUT) flush(p, publisher);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    ssize_t got = recv(publisher->fd, publisher->in + publisher->in_len,
                       IN_BYTES - 1 - publisher->in_len, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        reconnect(p, publisher);
        return;
    }
    publisher->in_len += (size_t)got;
    publisher->in[publisher->in_len] = 0;
    read_answers(p, publisher);
}

void publishers_end(struct publishers *p) {
    for (uint32_t i = 0; i < p->count; i++) close(p->all[i].fd);
}

void publishers_counts(const struct publishers *p, struct publishers_counts *out) {
    *out = p->counts;
}
