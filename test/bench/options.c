// SPDX-License-Identifier: MIT
// The command line of the load generator.
#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
    "usage: load --subscribe URL [--publish URL | --lines URL | --file PATH] [options]\n"
    "  in the path of a URL %t stands for the topic's number\n"
    "  --subscribers N  --topics T  --publish-topics T  --processes P  --stuck PERCENT\n"
    "  --window W  --connections C  --pipeline P  --rate EVENTS/S  --events N  --seconds S\n"
    "  --payload BYTES  --warm N  --settle S  --idle S  --replay EVENTS  --urgent\n"
    "  --connecting N  --server PID  --label TEXT  --header 'Name: value'  --content-type T  "
    "--body TEMPLATE\n";

static void fail(const char *what, const char *value) {
    fprintf(stderr, "load: %s: %s\n%s", what, value, usage);
    exit(EX_USAGE);
}

static void read_endpoint(struct endpoint *out, const char *url) {
    char address[64];
    unsigned port;
    int path_at = -1;
    if (sscanf(url, "http://%63[0-9.]:%u%n", address, &port, &path_at) != 2 || path_at < 0 ||
        url[path_at] != '/' || strlen(url + path_at) >= sizeof out->path || port > 65535) {
        fail("not a URL such as http://127.0.0.1:8080/t/b%t", url);
    }
    out->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &out->address.sin_addr) != 1)
        fail("not an IPv4 address", address);
    snprintf(out->host, sizeof out->host, "%.40s:%u", address, port);
    snprintf(out->path, sizeof out->path, "%s", url + path_at);
}

static uint64_t number(const char *text) {
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*end || end == text) fail("not a number", text);
    return value;
}

static double real(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text) fail("not a number", text);
    return value;
}

static char *with_line_end(const char *header) {
    size_t len = strlen(header);
    char *line = malloc(len + 3);
    if (!line) fail("no memory for", header);
    memcpy(line, header, len);
    memcpy(line + len, "\r\n", 3);
    return line;
}

#define OPTIONS(X)                                                                                 \
    X(subscribe, "subscribe")                                                                      \
    X(publish, "publish")                                                                          \
    X(lines, "lines")                                                                              \
    X(file, "file")                                                                                \
    X(subscribers, "subscribers")                                                                  \
    X(topics, "topics")                                                                            \
    X(publish_topics, "publish-topics")                                                            \
    X(processes, "processes")                                                                      \
    X(stuck, "stuck")                                                                              \
    X(window, "window")                                                                            \
    X(connections, "connections")                                                                  \
    X(pipeline, "pipeline")                                                                        \
    X(rate, "rate")                                                                                \
    X(events, "events")                                                                            \
    X(seconds, "seconds")                                                                          \
    X(payload, "payload")                                                                          \
    X(warm, "warm")                                                                                \
    X(settle, "settle")                                                                            \
    X(idle, "idle")                                                                                \
    X(replay, "replay")                                                                            \
    X(server, "server")                                                                            \
    X(label, "label")                                                                              \
    X(header, "header")                                                                            \
    X(content_type, "content-type")                                                                \
    X(connecting, "connecting")                                                                    \
    X(body, "body")
#define X(name, text) OPT_##name,
enum { OPT_urgent = 256, OPTIONS(X) };
#undef X

static void take(struct options *o, int option, const char *value) {
    switch (option) {
        case OPT_subscribe: read_endpoint(&o->subscribe, value); break;
        case OPT_publish:
            o->feed = FEED_POSTS;
            read_endpoint(&o->publish, value);
            break;
        case OPT_lines:
            o->feed = FEED_LINES;
            read_endpoint(&o->publish, value);
            break;
        case OPT_file:
            o->feed = FEED_FILE;
            o->file = value;
            break;
        case OPT_subscribers: o->subscribers = (uint32_t)number(value); break;
        case OPT_topics: o->topics = (uint32_t)number(value); break;
        case OPT_publish_topics: o->publish_topics = (uint32_t)number(value); break;
        case OPT_processes: o->processes = (uint32_t)number(value); break;
        case OPT_stuck: o->stuck_percent = (uint32_t)number(value); break;
        case OPT_window: o->window = (uint32_t)number(value); break;
        case OPT_connections: o->connections = (uint32_t)number(value); break;
        case OPT_pipeline: o->pipeline = (uint32_t)number(value); break;
        case OPT_rate: o->rate = real(value); break;
        case OPT_events: o->events = number(value); break;
        case OPT_seconds: o->seconds = real(value); break;
        case OPT_payload: o->payload_bytes = (uint32_t)number(value); break;
        case OPT_warm: o->warm_events = (uint32_t)number(value); break;
        case OPT_settle: o->settle_s = real(value); break;
        case OPT_idle: o->idle_s = real(value); break;
        case OPT_replay: o->replay_events = number(value); break;
        case OPT_urgent: o->urgent = true; break;
        case OPT_server: o->server = (pid_t)number(value); break;
        case OPT_label: o->label = value; break;
        case OPT_header: o->headers = with_line_end(value); break;
        case OPT_content_type: o->content_type = value; break;
        case OPT_connecting: o->connecting = (uint32_t)number(value); break;
        case OPT_body: o->body = value; break;
        default: exit(EX_USAGE);
    }
}

static void check(const struct options *o) {
    if (!o->topics || !o->processes || !o->window || !o->connections || !o->pipeline ||
        !o->connecting)
        fail("must not be 0", "topics, processes, window, connections, pipeline, connecting");
    if (o->publish_topics > o->topics && o->subscribers)
        fail("must not be more than --topics", "--publish-topics");
    if (o->payload_bytes < 12 || o->payload_bytes > 60000)
        fail("must be from 12 to 60000", "--payload");
    if (o->subscribers && !o->subscribe.host[0]) fail("is missing", "--subscribe");
    if (o->window > 65536) fail("must be at most 65536", "--window");
}

void options_read(struct options *o, int argc, char **argv) {
    static const struct option names[] = {
#define X(name, text) {text, required_argument, NULL, OPT_##name},
        OPTIONS(X)
#undef X
            {"urgent", no_argument, NULL, OPT_urgent},
        {NULL, 0, NULL, 0}};
    *o = (struct options){.label = "",
                          .content_type = "text/plain",
                          .body = "%p",
                          .headers = "",
                          .processes = 1,
                          .topics = 1,
                          .window = 1,
                          .connections = 8,
                          .connecting = 256,
                          .pipeline = 1,
                          .payload_bytes = 100,
                          .warm_events = 20,
                          .events = UINT64_MAX,
                          .seconds = 5,
                          .settle_s = 0.5};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) take(o, option, optarg);
    if (optind < argc) fail("not an option", argv[optind]);
    if (!o->publish_topics) o->publish_topics = o->topics;
    check(o);
}

size_t options_expand(char *out, size_t cap, const char *template, uint32_t topic,
                      const char *payload) {
    size_t at = 0;
    for (const char *p = template; *p && at < cap; p++) {
        int len = 1;
        if (p[0] == '%' && p[1] == 't') {
            len = snprintf(out + at, cap - at, "%u", topic);
        } else if (p[0] == '%' && p[1] == 'p' && payload) {
            len = snprintf(out + at, cap - at, "%s", payload);
        } else {
            out[at++] = *p;
            continue;
        }
        at += (size_t)len;
        p++;
    }
    if (at >= cap) return cap;
    out[at] = 0;
    return at;
}
