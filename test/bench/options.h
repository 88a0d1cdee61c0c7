// SPDX-License-Identifier: MIT
// The options of the load generator's command line.
#ifndef TAILRACE_BENCH_OPTIONS_H
#define TAILRACE_BENCH_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// An http:// URL with a numeric address. In its path, %t is replaced by the number of a topic.
struct endpoint {
    struct sockaddr_in address;
    char host[64];
    char path[512];
};

enum feed { FEED_NONE, FEED_POSTS, FEED_LINES, FEED_FILE };

struct options {
    const char *label;
    struct endpoint subscribe, publish;
    const char *file;         // FEED_FILE: lines are appended here
    const char *content_type; // of a POST
    const char *body;         // of a POST; %p stands for the payload
    const char *headers;      // added to each GET, whole lines that end in CRLF
    enum feed feed;
    uint32_t subscribers, processes, stuck_percent;
    uint32_t topics;         // subscriber i has topic i % topics
    uint32_t publish_topics; // event n has topic n % publish_topics
    uint32_t window;         // events in flight
    uint32_t connections, pipeline;
    // Subscribers that one process opens at once: a listener's queue is bounded.
    uint32_t connecting;
    uint32_t payload_bytes, warm_events;
    uint64_t events, replay_events;
    double seconds, rate, settle_s, idle_s;
    pid_t server;
    bool urgent; // runs before other programs on its core
};

// When something is wrong, ends the program with a message and exit code 64.
void options_read(struct options *out, int argc, char **argv);

// Writes the template to `out`, with its topic's number and, if not NULL, the payload. Returns the
// length, or `cap` when it is too long.
size_t options_expand(char *out, size_t cap, const char *template, uint32_t topic,
                      const char *payload);

#endif
