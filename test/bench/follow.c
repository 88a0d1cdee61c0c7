// SPDX-License-Identifier: MIT
// The shortest way of a line from a file to a subscriber: inotify, read, send. `follow PORT FILE`
// sends everything that is appended to the file to every connection, with `data: ` before each
// line.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define READ_BYTES ((size_t)256 * 1024)
#define PEERS_MAX 64

struct follow {
    int epoll, listener, watch, file;
    int peers[PEERS_MAX];
    size_t peers_count, in_len;
    char in[READ_BYTES], out[READ_BYTES * 4];
};

static void die(const char *what) {
    perror(what);
    exit(EX_OSERR);
}

static void add(struct follow *follow, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(follow->epoll, EPOLL_CTL_ADD, fd, &event)) die("follow: epoll");
}

static void accept_one(struct follow *follow) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    int one = 1, fd = accept4(follow->listener, NULL, NULL, 0);
    if (fd < 0 || follow->peers_count == PEERS_MAX) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    char request[4096];
    if (recv(fd, request, sizeof request, 0) <= 0) return;
    if (send(fd, head, sizeof head - 1, MSG_NOSIGNAL) < 0) return;
    follow->peers[follow->peers_count++] = fd;
}

// Frames the whole lines that were read; the unfinished one stays.
static size_t frame(struct follow *follow) {
    char *at = follow->in, *end = follow->in + follow->in_len, *line_end;
    char *to = follow->out;
    while (at < end && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
        size_t line = (size_t)(line_end - at);
        if (line + 8 > (size_t)(follow->out + sizeof follow->out - to)) break;
        to = mempcpy(to, "data: ", 6);
        to = mempcpy(to, at, line);
        to = mempcpy(to, "\n\n", 2);
        at = line_end + 1;
    }
    follow->in_len = (size_t)(end - at);
    memmove(follow->in, at, follow->in_len);
    return (size_t)(to - follow->out);
}

static void send_all(struct follow *follow, int fd, size_t len) {
    for (size_t sent = 0; sent < len;) {
        ssize_t now = send(fd, follow->out + sent, len - sent, MSG_NOSIGNAL);
        if (now <= 0) return;
        sent += (size_t)now;
    }
}

static void read_file(struct follow *follow) {
    ssize_t got;
    while ((got = read(follow->file, follow->in + follow->in_len, READ_BYTES - follow->in_len)) >
           0) {
        follow->in_len += (size_t)got;
        size_t len = frame(follow);
        for (size_t i = 0; i < follow->peers_count; i++) send_all(follow, follow->peers[i], len);
    }
}

int main(int argc, char **argv) {
    static struct follow follow;
    if (argc != 3) {
        fprintf(stderr, "usage: follow PORT FILE\n");
        return EX_USAGE;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    follow.epoll = epoll_create1(EPOLL_CLOEXEC);
    follow.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (follow.listener < 0 || bind(follow.listener, (struct sockaddr *)&address, size) ||
        listen(follow.listener, 64) ||
        getsockname(follow.listener, (struct sockaddr *)&address, &size))
        die("follow: listen");
    follow.file = open(argv[2], O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    follow.watch = inotify_init1(IN_CLOEXEC);
    if (follow.file < 0 || inotify_add_watch(follow.watch, argv[2], IN_MODIFY) < 0) die(argv[2]);
    add(&follow, follow.listener);
    add(&follow, follow.watch);
    fprintf(stderr, "listening on http://127.0.0.1:%u/\n", ntohs(address.sin_port));
    for (;;) {
        struct epoll_event ready;
        char noted[4096];
        if (epoll_wait(follow.epoll, &ready, 1, -1) != 1) continue;
        if (ready.data.fd == follow.listener) {
            accept_one(&follow);
        } else if (read(follow.watch, noted, sizeof noted) > 0) {
            read_file(&follow);
        }
    }
}
