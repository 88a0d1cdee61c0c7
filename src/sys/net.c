// SPDX-License-Identifier: MIT
// Sockets.
#include "sys/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

// A peer that has vanished without closing is noticed after a minute of silence and three probes.
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 20
#define KEEPALIVE_PROBES 3
// Unsent bytes that the kernel may keep for a connection. A reader that has stopped costs this and
// its own window, not the megabytes to which the kernel lets send buffers grow. A distant fast
// reader is not slowed down: bytes in flight do not count.
#define UNSENT_BYTES_MAX (128 * 1024)
// Connections that the kernel keeps until they are accepted. It lowers this to net.core.somaxconn.
#define BACKLOG 4096

int net_parse_endpoint(struct str text, struct net_endpoint *out) {
    struct str host = text, port;
    if (text.len && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);
        if (!end || end + 1 >= text.ptr + text.len || end[1] != ':') return ERR_INVALID;
        host = (struct str){text.ptr + 1, (size_t)(end - text.ptr - 1)};
        port = (struct str){end + 2, (size_t)(text.ptr + text.len - end - 2)};
        // Brackets are for IPv6 addresses. Empty ones do not mean all addresses.
        if (!host.len || !memchr(host.ptr, ':', host.len)) return ERR_INVALID;
    } else {
        const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
        if (!colon) return ERR_INVALID;
        host.len = (size_t)(colon - text.ptr);
        port = (struct str){colon + 1, text.len - host.len - 1};
        if (memchr(host.ptr, ':', host.len)) return ERR_INVALID;
    }
    uint64_t number;
    if (!str_to_u64(port, 65535, &number) || host.len >= sizeof out->host) return ERR_INVALID;
    if (str_equal(host, STR("*"))) host.len = 0;
    *out = (struct net_endpoint){.port = (uint16_t)number};
    if (host.len) memcpy(out->host, host.ptr, host.len);
    return 0;
}

bool net_is_loopback(const struct net_endpoint *endpoint) {
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, endpoint->host, &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, endpoint->host, &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
    }
    return strcmp(endpoint->host, "localhost") == 0;
}

static void format(const char *host, unsigned port, char *out, size_t size) {
    bool six = strchr(host, ':') != NULL;
    snprintf(out, size, "%s%s%s:%u", six ? "[" : "", host, six ? "]" : "", port);
}

void net_format_endpoint(const struct net_endpoint *endpoint, char *out, size_t size) {
    format(endpoint->host, endpoint->port, out, size);
}

void net_format_url(const struct net_endpoint *endpoint, char *out, size_t size) {
    const char *host = endpoint->host[0] ? endpoint->host : "::";
    char authority[sizeof endpoint->host + 16];
    format(host, endpoint->port, authority, sizeof authority);
    snprintf(out, size, "http://%s/", authority);
}

// Accepted connections inherit these from the listener (Linux copies the options), so that
// accepting costs one system call.
static void set_connection_options(int fd) {
    int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, probes = KEEPALIVE_PROBES;
    int unsent = UNSENT_BYTES_MAX;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static int open_listener(const struct addrinfo *address, bool share) {
    int on = 1, off = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    set_connection_options(fd);
    if (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, BACKLOG)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void set_port(struct addrinfo *address, uint16_t port) {
    if (address->ai_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)address->ai_addr)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)(void *)address->ai_addr)->sin_port = htons(port);
    }
}

static uint16_t bound_port(int fd) {
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &len);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static int listen_failed(const struct net_endpoint *endpoint, struct report *report) {
    const char *host = endpoint->host[0] ? endpoint->host : "*";
    if (errno == EADDRINUSE) {
        return report_set(
            report, ERR_EXISTS,
            "port %u on %s is in use by another program; stop it, or choose another port with "
            "--listen (port 0 picks a free one)",
            endpoint->port, host);
    }
    if (errno == EACCES) {
        return report_set(report, ERR_DENIED,
                          "no permission to listen on port %u; ports below 1024 need root or "
                          "CAP_NET_BIND_SERVICE",
                          endpoint->port);
    }
    return report_errno(report, errno == EADDRNOTAVAIL ? ERR_NOT_FOUND : ERR_SYSTEM,
                        "cannot listen on %s port %u", host, endpoint->port);
}

int net_listen(struct net_endpoint *endpoint, int *fds, size_t count, struct report *report) {
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *address = NULL;
    size_t opened = 0;
    int err = 0;
    snprintf(port, sizeof port, "%u", endpoint->port);
    if (!endpoint->host[0]) hints.ai_family = AF_INET6;
    int failed = getaddrinfo(endpoint->host[0] ? endpoint->host : NULL, port, &hints, &address);
    if (failed) {
        return report_set(report, ERR_INVALID, "cannot listen on %s: %s", endpoint->host,
                          gai_strerror(failed));
    }
    if (!endpoint->host[0]) {
        // The machine may be without IPv6.
        int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (probe >= 0) {
            close(probe);
        } else {
            freeaddrinfo(address);
            hints.ai_family = AF_INET;
            strcpy(endpoint->host, "0.0.0.0");
            if (getaddrinfo(NULL, port, &hints, &address)) {
                return report_set(report, ERR_SYSTEM, "this machine has neither IPv6 nor IPv4");
            }
        }
    }
    if (endpoint->port) {
        // Sockets that share a port would let a second hub in unnoticed. A socket that does not
        // share it fails.
        int probe = open_listener(address, false);
        if (probe < 0) {
            err = listen_failed(endpoint, report);
            goto out;
        }
        close(probe);
    }
    for (; opened < count; opened++) {
        fds[opened] = open_listener(address, true);
        if (fds[opened] < 0) {
            err = listen_failed(endpoint, report);
            goto out;
        }
        endpoint->port = bound_port(fds[opened]);
        set_port(address, endpoint->port);
    }
out:
    while (err && opened) close(fds[--opened]);
    freeaddrinfo(address);
    return err;
}

int net_accept(int listener, struct net_address *address) {
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return -1;
    *address = (struct net_address){0};
    if (peer.ss_family == AF_INET6) {
        const uint8_t *six = ((struct sockaddr_in6 *)(void *)&peer)->sin6_addr.s6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)six);
        memcpy(address->bytes, six, mapped ? 16 : 8);
    } else {
        address->bytes[10] = address->bytes[11] = 0xFF;
        memcpy(address->bytes + 12, &((struct sockaddr_in *)(void *)&peer)->sin_addr, 4);
    }
    return fd;
}

char *net_format_address(const struct net_address *address, char out[64]) {
    struct in6_addr six;
    memcpy(&six, address->bytes, sizeof six);
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        inet_ntop(AF_INET, address->bytes + 12, out, 64);
    } else {
        inet_ntop(AF_INET6, &six, out, 60);
        strcat(out, "/64");
    }
    return out;
}

ssize_t net_send(int fd, const void *bytes, size_t len) {
    ssize_t sent;
    do {
        sent = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
}

ssize_t net_receive(int fd, void *bytes, size_t size) {
    ssize_t got;
    do {
        got = recv(fd, bytes, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got >= 0) return got;
    return errno == EAGAIN || errno == EWOULDBLOCK ? -2 : -1;
}
