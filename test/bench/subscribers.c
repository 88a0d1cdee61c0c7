// SPDX-License-Identifier: MIT
// The subscribers of one process.
#include "subscribers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "usage.h"

// Connections from one source address. The ephemeral range has about 28,000 ports, but when half of
// them are taken the kernel searches long for a free one.
#define PER_ADDRESS 10000
#define READ_BYTES (256 * 1024)
#define HEAD_BYTES 4096

enum state { CONNECTING, HEAD, OPEN, STUCK, GONE };

struct subscriber {
    int fd;
    uint8_t state, carried;
    char carry[MARKER_BYTES - 1]; // the beginning of a marker at the end of the last read
    struct account account;
    char *head; // the head as far as it has come: a string
};

struct subscribers {
    struct ledger *ledger;
    struct share *share;
    uint32_t process, count, started, settled;
    int epoll;
    struct subscriber *all;
    uint32_t *needed; // [topic]: subscribers of this process
    // [number % LEDGER_SLOTS]: how many of them do not have the event yet
    struct {
        uint32_t number, left;
    } * slots;
    char buffer[MARKER_BYTES + READ_BYTES];
};

struct subscribers *subscribers_new(struct ledger *ledger, uint32_t process, int epoll) {
    const struct options *options = ledger->options;
    struct subscribers *s = calloc(1, sizeof *s);
    uint32_t count = options->subscribers / options->processes;
    if (process < options->subscribers % options->processes) count++;
    if (s) {
        s->all = calloc(count + 1, sizeof *s->all);
        s->needed = calloc(options->topics, sizeof *s->needed);
        s->slots = malloc(LEDGER_SLOTS * sizeof *s->slots);
    }
    if (!s || !s->all || !s->needed || !s->slots) {
        perror("load: memory");
        exit(EX_OSERR);
    }
    memset(s->slots, 0xff, LEDGER_SLOTS * sizeof *s->slots);
    s->ledger = ledger;
    s->share = &ledger->shares[process];
    s->process = process;
    s->count = count;
    s->epoll = epoll;
    return s;
}

bool subscribers_own(const struct subscribers *s, const void *ptr) {
    const struct subscriber *subscriber = ptr;
    return subscriber >= s->all && subscriber < s->all + s->count;
}

// --- opening -------------------------------------------------------------------------------------

static void count_down(struct subscribers *s, uint32_t topic, uint32_t number, uint64_t now_ns) {
    uint32_t i = number % LEDGER_SLOTS;
    if (s->slots[i].number != number) {
        s->slots[i].number = number;
        s->slots[i].left = s->needed[topic];
    }
    if (s->slots[i].left && --s->slots[i].left == 0)
        ledger_part_done(s->ledger, s->share, number, now_ns);
}

// Events in flight no longer wait for a subscriber that has gone.
static void forget(struct subscribers *s, const struct subscriber *subscriber) {
    struct ledger *ledger = s->ledger;
    uint32_t topics = ledger->options->publish_topics, topic = subscriber->account.topic;
    uint32_t published = (uint32_t)atomic_load(&ledger->published);
    uint32_t number = published > LEDGER_SLOTS ? published - LEDGER_SLOTS : 0;
    uint64_t now_ns = usage_now_ns();
    for (; number < published; number++) {
        const struct slot *slot = &ledger->slots[number % LEDGER_SLOTS];
        uint32_t place = atomic_load(&ledger->place[number]);
        bool waits = number % topics == topic && atomic_load(&slot->number) == number &&
                     atomic_load(&slot->parts) && (!place || place > subscriber->account.at);
        if (waits) count_down(s, topic, number, now_ns);
    }
    if (--s->needed[topic] == 0) atomic_fetch_sub(&ledger->parts[topic], 1);
}

static void lose(struct subscribers *s, struct subscriber *subscriber, const char *why) {
    if (subscriber->state == GONE) return;
    if (subscriber->state == OPEN) {
        atomic_fetch_add(&s->share->closed, 1);
        forget(s, subscriber);
    } else {
        atomic_fetch_add(&s->share->failed, 1);
        s->settled++;
    }
    if (!s->share->problem[0]) snprintf(s->share->problem, sizeof s->share->problem, "%.150s", why);
    if (subscriber->fd >= 0) close(subscriber->fd);
    subscriber->fd = -1;
    subscriber->state = GONE;
    free(subscriber->head);
    subscriber->head = NULL;
}

static void watch(struct subscribers *s, struct subscriber *subscriber, int op, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = subscriber};
    if (epoll_ctl(s->epoll, op, subscriber->fd, &event)) lose(s, subscriber, strerror(errno));
}

static int bind_source(int fd, uint32_t number) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    int one = 1;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number / PER_ADDRESS);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    return bind(fd, (const struct sockaddr *)&source, sizeof source);
}

static bool is_stuck(const struct options *options, uint32_t number) {
    return number % 100 < options->stuck_percent;
}

static void start(struct subscribers *s, uint32_t i) {
    const struct options *options = s->ledger->options;
    struct subscriber *subscriber = &s->all[i];
    uint32_t number = s->process + i * options->processes;
    subscriber->account.topic = number % options->topics;
    subscriber->state = CONNECTING;
    subscriber->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (subscriber->fd < 0 ||
        (options->subscribers > PER_ADDRESS && bind_source(subscriber->fd, number))) {
        lose(s, subscriber, strerror(errno));
        return;
    }
    int small = 1;
    if (is_stuck(options, number))
        setsockopt(subscriber->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const struct sockaddr *to = (const struct sockaddr *)&options->subscribe.address;
    if (connect(subscriber->fd, to, sizeof options->subscribe.address) && errno != EINPROGRESS) {
        lose(s, subscriber, strerror(errno));
        return;
    }
    watch(s, subscriber, EPOLL_CTL_ADD, EPOLLOUT);
}

bool subscribers_connect(struct subscribers *s) {
    while (s->started < s->count && s->started - s->settled < s->ledger->options->connecting)
        start(s, s->started++);
    return s->started == s->count;
}

static void request(struct subscribers *s, struct subscriber *subscriber) {
    const struct options *options = s->ledger->options;
    char path[1024], text[4096];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(subscriber->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        lose(s, subscriber, strerror(error));
        return;
    }
    options_expand(path, sizeof path, options->subscribe.path, subscriber->account.topic, NULL);
    int len = snprintf(text, sizeof text,
                       "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n"
                       "User-Agent: tailrace-bench\r\n%s\r\n",
                       path, options->subscribe.host, options->headers);
    if (send(subscriber->fd, text, (size_t)len, MSG_NOSIGNAL) != len) {
        lose(s, subscriber, "a request could not be sent");
        return;
    }
    subscriber->state = HEAD;
    subscriber->head = calloc(1, HEAD_BYTES);
    watch(s, subscriber, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
}

// --- reading -------------------------------------------------------------------------------------

static void opened(struct subscribers *s, struct subscriber *subscriber) {
    uint32_t number = s->process + (uint32_t)(subscriber - s->all) * s->ledger->options->processes;
    uint32_t topic = subscriber->account.topic;
    free(subscriber->head);
    subscriber->head = NULL;
    subscriber->state = OPEN;
    s->settled++;
    if (is_stuck(s->ledger->options, number)) {
        subscriber->state = STUCK;
        epoll_ctl(s->epoll, EPOLL_CTL_DEL, subscriber->fd, NULL);
    } else if (s->needed[topic]++ == 0) {
        atomic_fetch_add(&s->ledger->parts[topic], 1);
    }
    atomic_fetch_add(&s->share->opened, 1);
}

// Reads the response's head. Returns how many of the bytes belong to it; -1: it was refused.
static ssize_t read_head(struct subscribers *s, struct subscriber *subscriber, const char *bytes,
                         size_t len) {
    size_t had = strlen(subscriber->head);
    size_t room = HEAD_BYTES - 1 - had;
    memcpy(subscriber->head + had, bytes, len < room ? len : room);
    const char *end = strstr(subscriber->head, "\r\n\r\n");
    if (!end) {
        if (len < room) return (ssize_t)len;
        lose(s, subscriber, "a response's head is too long");
        return -1;
    }
    if (strncmp(subscriber->head, "HTTP/1.1 200", 12)) {
        subscriber->head[strcspn(subscriber->head, "\r\n")] = 0;
        lose(s, subscriber, subscriber->head);
        return -1;
    }
    size_t head = (size_t)(end + 4 - subscriber->head) - had;
    opened(s, subscriber);
    return (ssize_t)head;
}

static void on_event(struct subscribers *s, struct subscriber *subscriber, uint32_t number,
                     uint64_t now_ns) {
    struct ledger *ledger = s->ledger;
    struct share *share = s->share;
    struct account *account = &subscriber->account;
    if (ledger_deliver(ledger, share, account, number) != VERDICT_NEW) return;
    atomic_fetch_add_explicit(&share->deliveries, 1, memory_order_relaxed);
    if (ledger->options->replay_events) {
        if (account->received == ledger->options->replay_events)
            atomic_fetch_add(&share->finished, 1);
        return;
    }
    struct slot *slot = &ledger->slots[number % LEDGER_SLOTS];
    uint64_t since = atomic_load_explicit(&slot->published_ns, memory_order_relaxed);
    if (number >= atomic_load_explicit(&ledger->measured_from, memory_order_relaxed))
        histogram_add(&share->latency, now_ns > since ? now_ns - since : 0);
    count_down(s, account->topic, number, now_ns);
}

static bool read_marker(const char *marker, uint32_t *number) {
    uint32_t value = 0;
    if (marker[1] != '@' || marker[MARKER_BYTES - 1] != '@') return false;
    for (size_t i = 2; i < MARKER_BYTES - 1; i++) {
        uint32_t c = (uint8_t)marker[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
        value = value << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *number = value;
    return true;
}

static void scan(struct subscribers *s, struct subscriber *subscriber, const char *at,
                 const char *end) {
    uint64_t now_ns = usage_now_ns();
    subscriber->carried = 0;
    while ((at = memchr(at, '@', (size_t)(end - at)))) {
        uint32_t number;
        if (end - at < MARKER_BYTES) {
            subscriber->carried = (uint8_t)(end - at);
            memcpy(subscriber->carry, at, subscriber->carried);
            return;
        }
        if (!read_marker(at, &number)) {
            at++;
            continue;
        }
        on_event(s, subscriber, number, now_ns);
        at += MARKER_BYTES;
    }
}

static void receive(struct subscribers *s, struct subscriber *subscriber) {
    char *bytes = s->buffer + MARKER_BYTES;
    ssize_t got = recv(subscriber->fd, bytes, READ_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        lose(s, subscriber, got ? strerror(errno) : "a stream was ended");
        return;
    }
    atomic_fetch_add_explicit(&s->share->receives, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->share->bytes, (uint64_t)got, memory_order_relaxed);
    const char *at = bytes, *end = bytes + got;
    if (subscriber->state == HEAD) {
        ssize_t head = read_head(s, subscriber, bytes, (size_t)got);
        if (head < 0 || subscriber->state != OPEN) return;
        at += head;
    } else if (subscriber->carried) {
        at = bytes - subscriber->carried;
        memcpy(bytes - subscriber->carried, subscriber->carry, subscriber->carried);
    }
    scan(s, subscriber, at, end);
}

void subscribers_ready(struct subscribers *s, void *ptr) {
    struct subscriber *subscriber = ptr;
    if (subscriber->state == CONNECTING) {
        request(s, subscriber);
    } else if (subscriber->state == HEAD || subscriber->state == OPEN) {
        receive(s, subscriber);
    }
}

void subscribers_end(struct subscribers *s) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    uint64_t replay = s->ledger->options->replay_events;
    for (uint32_t i = 0; i < s->started; i++) {
        struct subscriber *subscriber = &s->all[i];
        uint32_t topic = subscriber->account.topic;
        bool published = topic < s->ledger->options->publish_topics;
        uint64_t wanted = replay ? replay : published ? atomic_load(&s->ledger->sizes[topic]) : 0;
        if (subscriber->state == OPEN ||
            (subscriber->state == GONE && subscriber->account.received))
            s->share->missing += wanted - subscriber->account.received;
        if (subscriber->fd < 0) continue;
        setsockopt(subscriber->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close(subscriber->fd);
    }
}
