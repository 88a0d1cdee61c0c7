// SPDX-License-Identifier: MIT
// Sockets: addresses, listeners, options of accepted connections.
#ifndef TAILRACE_SYS_NET_H
#define TAILRACE_SYS_NET_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

// "127.0.0.1:8080", "[::1]:0", "localhost:8080", ":8080" (all addresses, IPv6 and IPv4), "*:8080".
struct net_endpoint {
    char host[256]; // "" for all addresses
    uint16_t port;  // 0: the system chooses
};
int net_parse_endpoint(struct str text, struct net_endpoint *out) MUST_CHECK;
// Whether only this machine can reach it: 127.0.0.0/8 (also as IPv6), ::1, localhost.
bool net_is_loopback(const struct net_endpoint *endpoint);
// Writes the form that net_parse_endpoint reads.
void net_format_endpoint(const struct net_endpoint *endpoint, char *out, size_t size);
// "http://127.0.0.1:8080/", and for a listener on all addresses "http://0.0.0.0:8080/" or
// "http://[::]:8080/" (also IPv4).
void net_format_url(const struct net_endpoint *endpoint, char *out, size_t size);

// Opens `count` listening sockets on one port, one for each worker (SO_REUSEPORT), non-blocking.
// endpoint->port becomes the actual port. ERR_EXISTS: the port is in use, even by a process that
// shares ports. ERR_DENIED. ERR_NOT_FOUND: no such address. ERR_SYSTEM. The report says what is
// wrong and what to do.
int net_listen(struct net_endpoint *endpoint, int *fds, size_t count,
               struct report *report) MUST_CHECK;

// The address of a peer as 16 bytes. IPv4 is mapped into IPv6. IPv6 keeps its first 64 bits, which
// is what one user has.
struct net_address {
    uint8_t bytes[16];
};
// Accepts one connection: non-blocking, TCP_NODELAY, keep-alive. The descriptor, or -1 with errno.
int net_accept(int listener, struct net_address *address);
// "192.0.2.1" or "2001:db8::/64"; `out` has room for 64 bytes. Returns out.
char *net_format_address(const struct net_address *address, char out[64]);

// Never blocks, raises no signal. Returns the bytes sent (0 when the socket is full), -1 when the
// connection is broken.
ssize_t net_send(int fd, const void *bytes, size_t len);
// Returns the bytes received, 0 at the end of the stream, -1 when the connection is broken, -2 when
// there is nothing to read now.
ssize_t net_receive(int fd, void *bytes, size_t size);

#endif
