// SPDX-License-Identifier: MIT
// The connections of a worker.
#include "http/connections.h"

#include <unistd.h>

#include "http/http1_conn.h"
#include "sys/descriptors.h"

#define POLITE_SHARE_MAX 256

// What a worker asks of a kind of connection; as in the header, for those of the kind.
static const struct {
    void (*after_turn)(struct http *http);
    bool (*are_due)(const struct http *http);
    void (*drain)(struct http *http);
    void (*close_all)(struct http *http);
} kinds[] = {
    {http1_conn_after_turn, http1_conn_are_due, http1_conn_drain, http1_conn_close_all},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

// What the limit of descriptors allows, less an eighth for those who are told that there is no
// room.
static uint32_t most_connections(const struct http_settings *settings) {
    uint64_t room = descriptors_for_clients();
    room -= room / 8 < POLITE_SHARE_MAX ? room / 8 : POLITE_SHARE_MAX;
    return room < settings->connections_max ? (uint32_t)room : settings->connections_max;
}

void connections_accept(struct http *http, int fd, const struct net_address *address,
                        enum http_listener listener) {
    const struct http_settings *settings = http->settings;
    struct visitor *visitor;
    enum admission_answer answer =
        admission_enter(http->admission, address, most_connections(settings),
                        settings->connections_per_address_max, &visitor);
    http->counts.connections_total++;
    if (answer == ADMIT_REFUSE) {
        http->counts.refused_total++;
        close(fd);
        return;
    }
    // With a second kind, here is where it is told from the first: by its listener, its first
    // bytes, what TLS has agreed on.
    http1_conn_accept(http, fd, listener, visitor, answer);
}

void connections_after_turn(struct http *http) {
    for (size_t i = 0; i < KINDS; i++) kinds[i].after_turn(http);
}

bool connections_are_due(const struct http *http) {
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].are_due(http)) return true;
    }
    return false;
}

void connections_drain(struct http *http) {
    for (size_t i = 0; i < KINDS; i++) kinds[i].drain(http);
}

void connections_close(struct http *http) {
    for (size_t i = 0; i < KINDS; i++) kinds[i].close_all(http);
}
