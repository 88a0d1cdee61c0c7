// SPDX-License-Identifier: MIT
// The cost of the machine itself: a server that only sends. One thread, no real HTTP parser: a
// request that begins with G subscribes, one that begins with P publishes; the topic is the number
// at the end of the path.
//
//   raw send PORT       a publish is one send() to every subscriber of the topic, at once
//   raw coalesce PORT   everything that arrived in one turn of the loop is one send() each
//   raw replay PORT EVENTS BYTES
//                       every subscriber gets the same stored events from memory, as fast as it
//                       reads them
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define TOPICS 131072u
#define READ_BYTES ((size_t)65536)
#define READY_MAX 512

struct topic {
    int *subscribers;
    uint32_t count, cap;
    char *pending;
    size_t pending_len, pending_cap;
};

struct peer {
    char *in;
    size_t in_len;
    uint32_t topic;
    bool subscribed;
    size_t sent; // of the replay
};

struct raw {
    enum { SEND, COALESCE, REPLAY } mode;
    int epoll, listener;
    struct topic topics[TOPICS];
    uint32_t dirty[TOPICS];
    uint32_t dirty_count;
    struct peer *peers; // by descriptor
    size_t peers_max;
    char *stored;
    size_t stored_len;
    uint64_t dropped; // a send() that did not take everything; the rest is lost
};

static void die(const char *what) {
    perror(what);
    exit(EX_OSERR);
}

static void *grown(void *memory, size_t bytes) {
    memory = realloc(memory, bytes);
    if (!memory) die("raw: memory");
    return memory;
}

// --- sending -------------------------------------------------------------------------------------

static void send_all(struct raw *raw, const struct topic *topic, const char *bytes, size_t len) {
    for (uint32_t i = 0; i < topic->count; i++) {
        if (send(topic->subscribers[i], bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
            raw->dropped++;
    }
}

static void publish(struct raw *raw, uint32_t number, const char *data, size_t len) {
    struct topic *topic = &raw->topics[number];
    size_t frame = len + 8;
    if (topic->pending_cap < topic->pending_len + frame) {
        topic->pending_cap = 2 * (topic->pending_len + frame);
        topic->pending = grown(topic->pending, topic->pending_cap);
    }
    char *to = topic->pending + topic->pending_len;
    memcpy(to, "data: ", 6);
    memcpy(to + 6, data, len);
    memcpy(to + 6 + len, "\n\n", 2);
    if (raw->mode == COALESCE) {
        if (!topic->pending_len) raw->dirty[raw->dirty_count++] = number;
        topic->pending_len += frame;
    } else {
        send_all(raw, topic, to, frame);
    }
}

static void send_pending(struct raw *raw) {
    for (uint32_t i = 0; i < raw->dirty_count; i++) {
        struct topic *topic = &raw->topics[raw->dirty[i]];
        send_all(raw, topic, topic->pending, topic->pending_len);
        topic->pending_len = 0;
    }
    raw->dirty_count = 0;
}

static void watch(struct raw *raw, int fd, int op, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(raw->epoll, op, fd, &event)) die("raw: epoll");
}

static void send_stored(struct raw *raw, int fd) {
    struct peer *peer = &raw->peers[fd];
    size_t share = raw->stored_len - peer->sent;
    if (share > READ_BYTES * 4) share = READ_BYTES * 4;
    ssize_t sent = send(fd, raw->stored + peer->sent, share, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) peer->sent += (size_t)sent;
    watch(raw, fd, EPOLL_CTL_MOD, EPOLLIN | (peer->sent < raw->stored_len ? EPOLLOUT : 0));
}

// --- requests ------------------------------------------------------------------------------------

static void drop(struct raw *raw, int fd) {
    struct peer *peer = &raw->peers[fd];
    struct topic *topic = &raw->topics[peer->topic];
    for (uint32_t i = 0; peer->subscribed && i < topic->count; i++) {
        if (topic->subscribers[i] != fd) continue;
        topic->subscribers[i] = topic->subscribers[--topic->count];
        break;
    }
    free(peer->in);
    *peer = (struct peer){0};
    close(fd);
}

static uint32_t topic_of(const char *request, const char *end) {
    const char *path = memchr(request, ' ', (size_t)(end - request));
    const char *space = path ? memchr(path + 1, ' ', (size_t)(end - path - 1)) : NULL;
    if (!space) return 0;
    const char *digits = space;
    while (digits > path && digits[-1] >= '0' && digits[-1] <= '9') digits--;
    return (uint32_t)strtoul(digits, NULL, 10) % TOPICS;
}

static void subscribe(struct raw *raw, int fd, uint32_t number) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Cache-Control: no-cache\r\n\r\n";
    struct peer *peer = &raw->peers[fd];
    struct topic *topic = &raw->topics[number];
    if (topic->count == topic->cap) {
        topic->cap = topic->cap ? topic->cap * 2 : 1;
        topic->subscribers = grown(topic->subscribers, topic->cap * sizeof(int));
    }
    topic->subscribers[topic->count++] = fd;
    peer->topic = number;
    peer->subscribed = true;
    free(peer->in);
    peer->in = NULL;
    peer->in_len = 0;
    if (send(fd, head, sizeof head - 1, MSG_NOSIGNAL) < 0) raw->dropped++;
    if (raw->mode == REPLAY) send_stored(raw, fd);
}

// Handles the request at the beginning of the input. Returns its length; 0 when it is not complete
// or was a subscription.
static size_t request(struct raw *raw, int fd, char *in, size_t len) {
    char *head_end = memmem(in, len, "\r\n\r\n", 4);
    if (!head_end) return 0;
    head_end += 4;
    if (*in == 'G') {
        subscribe(raw, fd, topic_of(in, head_end));
        return 0;
    }
    const char *field = strcasestr(in, "content-length:");
    size_t body = field && field < head_end ? strtoul(field + 15, NULL, 10) : 0;
    if (len < (size_t)(head_end - in) + body) return 0;
    publish(raw, topic_of(in, head_end), head_end, body);
    return (size_t)(head_end - in) + body;
}

static void answer(struct raw *raw, int fd, uint32_t count) {
    static const char no_content[] = "HTTP/1.1 204 No Content\r\n\r\n";
    char many[64 * sizeof no_content];
    while (count) {
        uint32_t now = count < 64 ? count : 64;
        for (uint32_t i = 0; i < now; i++)
            memcpy(many + i * (sizeof no_content - 1), no_content, sizeof no_content - 1);
        if (send(fd, many, now * (sizeof no_content - 1), MSG_NOSIGNAL) < 0) raw->dropped++;
        count -= now;
    }
}

static void receive(struct raw *raw, int fd) {
    struct peer *peer = &raw->peers[fd];
    if (!peer->in) peer->in = grown(NULL, READ_BYTES + 1);
    ssize_t got = recv(fd, peer->in + peer->in_len, READ_BYTES - peer->in_len, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        drop(raw, fd);
        return;
    }
    peer->in_len += (size_t)got;
    peer->in[peer->in_len] = 0;
    uint32_t answers = 0;
    size_t at = 0, len;
    while (!peer->subscribed && (len = request(raw, fd, peer->in + at, peer->in_len - at))) {
        at += len;
        answers++;
    }
    if (peer->subscribed) return;
    peer->in_len -= at;
    memmove(peer->in, peer->in + at, peer->in_len);
    answer(raw, fd, answers);
}

static void accept_all(struct raw *raw) {
    int fd, one = 1;
    while ((fd = accept4(raw->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if ((size_t)fd >= raw->peers_max) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(raw, fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void listen_on(struct raw *raw, uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    raw->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (raw->listener < 0 || bind(raw->listener, (struct sockaddr *)&address, size) ||
        listen(raw->listener, 4096) ||
        getsockname(raw->listener, (struct sockaddr *)&address, &size))
        die("raw: listen");
    watch(raw, raw->listener, EPOLL_CTL_ADD, EPOLLIN);
    fprintf(stderr, "listening on http://127.0.0.1:%u/\n", ntohs(address.sin_port));
}

static void store(struct raw *raw, uint32_t events, size_t bytes) {
    raw->stored = grown(NULL, events * (bytes + 64) + 64);
    for (uint32_t n = 0; n < events; n++) {
        char *to = raw->stored + raw->stored_len;
        int head = sprintf(to, "id: 1-%u\ndata: ", n + 1);
        memset(to + head, '.', bytes);
        char marker[16];
        snprintf(marker, sizeof marker, "@@%08x@", n);
        memcpy(to + head, marker, 11);
        memcpy(to + head + bytes, "\n\n", 2);
        raw->stored_len += (size_t)head + bytes + 2;
    }
}

int main(int argc, char **argv) {
    static struct raw raw;
    if (argc < 3) {
        fprintf(stderr, "usage: raw send|coalesce PORT | raw replay PORT EVENTS BYTES\n");
        return EX_USAGE;
    }
    raw.mode = !strcmp(argv[1], "coalesce") ? COALESCE : !strcmp(argv[1], "replay") ? REPLAY : SEND;
    if (raw.mode == REPLAY && argc == 5)
        store(&raw, (uint32_t)strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    raw.peers_max = limit.rlim_cur;
    raw.peers = calloc(raw.peers_max, sizeof *raw.peers);
    raw.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!raw.peers || raw.epoll < 0) die("raw");
    listen_on(&raw, (uint16_t)strtoul(argv[2], NULL, 10));
    for (;;) {
        struct epoll_event ready[READY_MAX];
        int count = epoll_wait(raw.epoll, ready, READY_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == raw.listener) {
                accept_all(&raw);
            } else {
                if (ready[i].events & EPOLLOUT) send_stored(&raw, fd);
                if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(&raw, fd);
            }
        }
        send_pending(&raw);
    }
}
