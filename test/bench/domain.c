// SPDX-License-Identifier: MIT
// The hub's own domain code (src/hub) with up to a million subscribers over a sink that costs
// nothing: what the selectors, lists, cursors, ring and heartbeat wheel cost by themselves. Prints
// one JSON object for each number of subscribers and shape.
//
//   one      all subscribers have one topic
//   own      each has a topic of its own
//   spread   a thousand topics, each subscriber asks for a pattern that matches one
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "hub/hub.h"
#include "usage.h"

#define ROUNDS 9
#define BATCH 8
#define SPREAD 1000
#define HEARTBEAT_MS 15000

enum shape { ONE, OWN, SPREAD_OUT, SHAPES };
static const char *const shape_names[] = {"one", "own", "spread"};

struct domain {
    struct hub *hub;
    struct subscriber *all;
    // In which order they came: not that of memory, as in a hub that has run for a while.
    uint32_t *joined;
    uint32_t count, topics;
    enum shape shape;
    uint64_t seq, now_ms;
};

static uint64_t written; // by the sink

static intptr_t sink_handle(struct subscriber *subscriber) { return (intptr_t)subscriber; }
static ssize_t sink_write(intptr_t handle, const char *bytes, size_t len) {
    (void)handle;
    (void)bytes;
    written += len;
    return (ssize_t)len;
}
static void sink_want(struct subscriber *subscriber, bool on) {
    (void)subscriber;
    (void)on;
}
static void sink_note(struct subscriber *subscriber) { (void)subscriber; }

static enum hub_begun sink_begin(struct subscriber *subscriber, struct buf *head) {
    (void)subscriber;
    (void)head;
    return HUB_BEGUN;
}

static const struct hub_sink sink = {sink_handle, sink_write, sink_want,
                                     sink_note,   sink_note,  sink_begin};

static void fail(const char *what) {
    fprintf(stderr, "domain: %s\n", what);
    exit(EX_OSERR);
}

static uint64_t heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static struct str name_of(const struct domain *domain, uint32_t topic, bool pattern,
                          char out[static 64]) {
    int len = snprintf(out, 64,
                       pattern                       ? "t/%u/**"
                       : domain->shape == SPREAD_OUT ? "t/%u/x"
                                                     : "t/%u",
                       topic);
    return (struct str){out, (size_t)len};
}

// Every number below count once, far from its neighbours: 618033 is prime to every power of ten.
static void shuffle(struct domain *domain) {
    domain->joined = malloc(domain->count * sizeof *domain->joined);
    if (!domain->joined) fail("no memory");
    for (uint64_t i = 0; i < domain->count; i++)
        domain->joined[i] = (uint32_t)(i * 618033 % domain->count);
}

// What memory charges for touching what an idle subscriber is asked for, each once in the order in
// which they joined, without any work.
static double walk(struct domain *domain) {
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = usage_now_ns();
        for (uint32_t i = 0; i < domain->count; i++) {
            struct subscriber *subscriber = &domain->all[domain->joined[i]];
            *(volatile uint8_t *)&subscriber->flags |= 0;
            if (*(struct buf *volatile *)&subscriber->tail) fail("a tail from nowhere");
        }
        uint64_t ns = usage_now_ns() - start;
        if (ns < best) best = ns;
    }
    return (double)best / domain->count;
}

// What one access to memory costs when nothing else can be done meanwhile: each subscriber names
// the next to look at.
static double chase(struct domain *domain) {
    struct subscriber *all = calloc(domain->count, sizeof *all);
    if (!all) fail("no memory");
    for (uint32_t i = 0; i < domain->count; i++)
        all[domain->joined[i]].next_ready = &all[domain->joined[(i + 1) % domain->count]];
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        const struct subscriber *at = all;
        uint64_t start = usage_now_ns();
        for (uint32_t i = 0; i < domain->count; i++) at = at->next_ready;
        uint64_t ns = usage_now_ns() - start;
        if (at != all) fail("a chain that is no ring");
        if (ns < best) best = ns;
    }
    free(all);
    return (double)best / domain->count;
}

static void subscribe(struct domain *domain, uint32_t i) {
    char text[64];
    struct str name = name_of(domain, i % domain->topics, domain->shape == SPREAD_OUT, text);
    struct pattern pattern;
    struct report report = {0};
    if (pattern_read(&pattern, name, &report)) fail(report.text);
    struct hub_request request = {.names = &pattern,
                                  .names_count = 1,
                                  .format = FRAME_PLAIN,
                                  .sink = &sink,
                                  .mode = HUB_STREAM,
                                  .start = HUB_START_LIVE};
    bool waits;
    if (hub_subscribe(domain->hub, &domain->all[i], &request, domain->now_ms, &waits, &report))
        fail(report.text);
    if (hub_begin(domain->hub, &domain->all[i], domain->now_ms)) fail("no memory");
}

// A committed batch of events of rising seq to topics `first`, first + 1, …
static struct batch *batch_of(struct domain *domain, uint32_t first, uint32_t count) {
    static const char data[101] =
        "....................................................................."
        "...............................";
    struct batch *batch = calloc(1, sizeof *batch);
    char text[64];
    if (!batch || !(batch->events = calloc(count, sizeof *batch->events))) fail("no memory");
    atomic_store(&batch->refs, 1);
    batch->count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t topic = (first + i) % domain->topics;
        struct event *event = event_new(name_of(domain, topic, false, text), (struct str){"", 0},
                                        (struct str){"", 0}, (struct str){data, 100}, 0);
        if (!event) fail("no memory");
        event->seq = ++domain->seq;
        event->topic_no = topic;
        event->ordinal = domain->seq;
        event->time_ms = domain->seq;
        batch->events[i] = event;
        batch->bytes += sizeof *event + 200;
    }
    return batch;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The median time of delivering `count` events together, in nanoseconds; *each_ns for one delivery.
static double deliver(struct domain *domain, uint32_t count, double *each_ns) {
    double times[ROUNDS];
    struct hub_counts before, after;
    hub_counts(domain->hub, &before);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct batch *batch = batch_of(domain, i * count * 7919, count);
        uint64_t start = usage_now_ns();
        hub_apply(domain->hub, batch);
        hub_deliver(domain->hub, domain->now_ms);
        times[i] = (double)(usage_now_ns() - start);
    }
    hub_counts(domain->hub, &after);
    qsort(times, ROUNDS, sizeof times[0], compare);
    double deliveries = (double)(after.deliveries_total - before.deliveries_total) / ROUNDS;
    *each_ns = deliveries > 0 ? times[ROUNDS / 2] / deliveries : 0;
    return times[ROUNDS / 2];
}

// The median time of a whole round of the wheel; every subscriber is idle and gets its heartbeat.
static double heartbeat(struct domain *domain, uint64_t *beats) {
    double times[ROUNDS];
    struct hub_counts before, after;
    for (int i = 0; i < HUB_WHEEL_SLOTS; i++) hub_tick(domain->hub, domain->now_ms);
    hub_counts(domain->hub, &before);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = usage_now_ns();
        for (int i = 0; i < HUB_WHEEL_SLOTS; i++) hub_tick(domain->hub, domain->now_ms);
        times[round] = (double)(usage_now_ns() - start);
    }
    hub_counts(domain->hub, &after);
    qsort(times, ROUNDS, sizeof times[0], compare);
    *beats = (after.sent_writes_total - before.sent_writes_total) / ROUNDS;
    return times[ROUNDS / 2];
}

// `count` of them, taken from all over, leave at once.
static double leave(struct domain *domain, uint32_t count) {
    uint32_t step = domain->count / count;
    uint64_t start = usage_now_ns();
    for (uint32_t i = 0; i < count; i++) hub_remove(domain->hub, &domain->all[(size_t)i * step]);
    double ns = (double)(usage_now_ns() - start);
    for (uint32_t i = 0; i < count; i++) domain->all[(size_t)i * step].selector = NULL;
    return ns;
}

static void measure(uint32_t count, enum shape shape) {
    struct domain domain = {.count = count, .shape = shape, .now_ms = 1};
    struct hub_config config = {
        .epoch = "1", .ring_events = 1024, .ring_bytes = 1024 * 1024, .heartbeat_ms = HEARTBEAT_MS};
    struct report report = {0};
    domain.topics = shape == ONE ? 1 : shape == OWN ? count : SPREAD;
    if (hub_new(&domain.hub, &config, &report)) fail(report.text);
    // The topics exist, so that joining matches against them as in a running hub.
    for (uint32_t at = 0; at < domain.topics; at += 1000) {
        hub_apply(domain.hub,
                  batch_of(&domain, at, domain.topics - at < 1000 ? domain.topics - at : 1000));
        hub_deliver(domain.hub, domain.now_ms);
    }
    shuffle(&domain);
    uint64_t heap = heap_bytes();
    domain.all = calloc(count, sizeof *domain.all);
    if (!domain.all) fail("no memory");
    uint64_t start = usage_now_ns();
    for (uint32_t i = 0; i < count; i++) subscribe(&domain, domain.joined[i]);
    double join_ns = (double)(usage_now_ns() - start) / count;
    double bytes = (double)(heap_bytes() - heap) / count, one_ns, many_ns;
    double event_ns = deliver(&domain, 1, &one_ns);
    deliver(&domain, BATCH, &many_ns);
    double walk_ns = walk(&domain);
    uint64_t beats;
    double beat_ns = heartbeat(&domain, &beats);
    uint32_t leavers = count / 10;
    double leave_ns = leave(&domain, leavers);
    double miss_ns = chase(&domain);
    printf("{\"shape\":\"%s\",\"subscribers\":%u,\"topics\":%u,\"bytes_each\":%.1f,"
           "\"walk_ns\":%.2f,\"join_ns\":%.1f,\"event_us\":%.2f,\"delivery_ns\":%.2f,\"delivery_of_"
           "8_ns\":%.2f,"
           "\"heartbeats\":%llu,\"heartbeat_round_us\":%.1f,\"heartbeat_ns\":%.2f,\"leavers\":%u,"
           "\"leave_us\":%.1f,\"leave_ns\":%.2f,\"miss_ns\":%.2f}\n",
           shape_names[shape], count, domain.topics, bytes, walk_ns, join_ns, event_ns / 1e3,
           one_ns, many_ns, (unsigned long long)beats, beat_ns / 1e3,
           beats ? beat_ns / (double)beats : 0, leavers, leave_ns / 1e3, leave_ns / leavers,
           miss_ns);
    fflush(stdout);
    for (uint32_t i = 0; i < count; i++) {
        if (domain.all[i].selector) hub_remove(domain.hub, &domain.all[i]);
    }
    hub_free(domain.hub);
    free(domain.all);
    free(domain.joined);
}

int main(int argc, char **argv) {
    unsigned long max = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    if (argc > 2 || max < 1000 || max > 10000000) {
        fprintf(stderr, "usage: domain [SUBSCRIBERS, 1000 to 10000000]\n");
        return EX_USAGE;
    }
    for (int shape = ONE; shape < SHAPES; shape++) {
        for (uint32_t count = 1000; count <= max; count *= 10) measure(count, (enum shape)shape);
    }
    return 0;
}
