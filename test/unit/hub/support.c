// SPDX-License-Identifier: MIT
// A hub on a real journal, for tests.
#include "support.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCHES_MAX 65536

static char dir[64];
static pid_t owner;
static struct batch *batches[BATCHES_MAX];
static size_t batches_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void remove_dir(void) {
    if (getpid() == owner) nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void committed(void *context, struct batch *batch) {
    (void)context;
    pthread_mutex_lock(&lock);
    ASSERT(batches_count < BATCHES_MAX);
    batches[batches_count++] = batch;
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&lock);
}

// --- the clients' side ----------------------------------------------------------------------------------------------

static struct client *of(struct subscriber *subscriber) {
    return (struct client *)(void *)subscriber;
}

static intptr_t sink_handle(struct subscriber *subscriber) { return (intptr_t)of(subscriber); }

static ssize_t sink_write(intptr_t handle, const char *bytes, size_t len) {
    struct client *client = (struct client *)handle;
    cr_assert(!client->finished && !client->broken, "written to after its end");
    cr_assert(len > 0, "an empty write");
    client->writes++;
    if (client->broken_pipe) return -1;
    size_t taken = len < client->capacity ? len : client->capacity;
    buf_append(&client->got, bytes, taken);
    cr_assert(!buf_failed(&client->got));
    if (client->capacity != UNLIMITED) client->capacity -= taken;
    return (ssize_t)taken;
}

static void sink_want_writable(struct subscriber *subscriber, bool on) {
    of(subscriber)->wants_writable = on;
}

static void sink_finished(struct subscriber *subscriber) {
    cr_assert(!of(subscriber)->finished && !of(subscriber)->broken);
    of(subscriber)->finished = true;
}

static void sink_broken(struct subscriber *subscriber) {
    cr_assert(!of(subscriber)->finished && !of(subscriber)->broken);
    of(subscriber)->broken = true;
}

static bool sink_begin(struct subscriber *subscriber) {
    struct client *client = of(subscriber);
    cr_assert(!client->begun);
    client->begun = true;
    hub_send(client->bench->hub, subscriber, STR("H|"));
    return true;
}

static const struct hub_sink sink = {sink_handle,   sink_write,  sink_want_writable,
                                     sink_finished, sink_broken, sink_begin};

// --- the hub --------------------------------------------------------------------------------------------------------

void bench_open(struct bench *bench, struct bench_config config) {
    struct report report = {0};
    struct journal_reader *reader;
    *bench = (struct bench){.now_ms = 1000000};
    strcpy(dir, "/tmp/tailrace-test-XXXXXX");
    cr_assert(mkdtemp(dir));
    owner = getpid();
    atexit(remove_dir);
    struct journal_config journal = {
        .dir = dir,
        .policy = config.policy,
        .map_bytes = (size_t)1 << 30,
        .queue_events_max = 100000,
        .queue_bytes_max = 64u << 20,
        .topics_max = config.topics_max ? config.topics_max : 100000,
    };
    cr_assert_eq(journal_open(&bench->journal, &journal, &report), 0, "%s", report.text);
    cr_assert_eq(journal_reader_open(bench->journal, &reader), 0);
    bench->epoch = journal_epoch(bench->journal);
    struct hub_config hub = {
        .epoch = bench->epoch,
        .reader = reader,
        .position = journal_last_seq(bench->journal),
        .sink = &sink,
        .ring_events = config.ring_events ? config.ring_events : 1000,
        .ring_bytes = 64u << 20,
        .heartbeat_ms = config.heartbeat_ms ? config.heartbeat_ms : 1600,
    };
    cr_assert_eq(hub_new(&bench->hub, &hub, &report), 0, "%s", report.text);
    struct journal_listener listener = {.committed = committed};
    cr_assert_eq(journal_start(bench->journal, listener, &report), 0, "%s", report.text);
}

void bench_close(struct bench *bench) {
    journal_stop(bench->journal);
    bench_apply(bench);
    hub_free(bench->hub);
    journal_close(bench->journal);
}

struct put {
    struct publish publish;
    bool over;
};

static void done(struct publish *publish) {
    struct put *put = (struct put *)(void *)publish;
    pthread_mutex_lock(&lock);
    put->over = true;
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&lock);
}

static uint64_t publish(struct bench *bench, struct event **events, uint32_t count,
                        enum publish_op op) {
    struct put put = {.publish = {.op = op, .count = count, .events = events, .done = done}};
    int err = journal_publish(bench->journal, &put.publish);
    cr_assert_eq(err, 0, "%s", err_text(err));
    pthread_mutex_lock(&lock);
    while (!put.over) pthread_cond_wait(&more, &lock);
    pthread_mutex_unlock(&lock);
    cr_assert_eq(put.publish.result, 0, "%s", err_text(put.publish.result));
    return put.publish.first;
}

uint64_t bench_put_flags(struct bench *bench, const char *topic, const char *data, uint8_t flags) {
    struct event *event = event_new(str_from(topic), STR(""), STR(""), str_from(data), flags);
    return publish(bench, &event, 1, PUBLISH_EVENTS);
}

uint64_t bench_put(struct bench *bench, const char *topic, const char *data) {
    return bench_put_flags(bench, topic, data, 0);
}

uint64_t bench_put_many(struct bench *bench, const char *topic, const char *prefix,
                        uint32_t count) {
    struct event **events = calloc(count, sizeof(struct event *));
    for (uint32_t i = 0; i < count; i++) {
        char data[256];
        snprintf(data, sizeof data, "%s-%u", prefix, i + 1);
        events[i] = event_new(str_from(topic), STR(""), STR(""), str_from(data), 0);
    }
    uint64_t first = publish(bench, events, count, PUBLISH_EVENTS);
    free(events);
    return first;
}

void bench_forget(struct bench *bench, const char *topic) {
    struct event *event = event_new(str_from(topic), STR(""), STR(""), STR(""), 0);
    publish(bench, &event, 1, PUBLISH_FORGET);
}

size_t bench_apply(struct bench *bench) {
    pthread_mutex_lock(&lock);
    size_t count = batches_count;
    for (size_t i = 0; i < count; i++) hub_apply(bench->hub, batches[i]);
    batches_count = 0;
    pthread_mutex_unlock(&lock);
    return count;
}

void bench_deliver(struct bench *bench) { hub_deliver(bench->hub, bench->now_ms); }

void bench_pump(struct bench *bench) {
    for (int turns = 0; hub_continue(bench->hub, bench->now_ms); turns++)
        cr_assert(turns < 1000000, "the pump does not come to an end");
}

void bench_turn(struct bench *bench) {
    bench_apply(bench);
    bench_deliver(bench);
    bench_pump(bench);
}

void bench_wait_trimmed(struct bench *bench, const char *topic, uint64_t seq) {
    for (;;) {
        const struct topic *known = directory_find(&bench->hub->directory, str_from(topic));
        if (known && known->trimmed_seq >= seq) return;
        pthread_mutex_lock(&lock);
        while (!batches_count) pthread_cond_wait(&more, &lock);
        pthread_mutex_unlock(&lock);
        bench_apply(bench);
        bench_deliver(bench);
    }
}

// --- clients --------------------------------------------------------------------------------------------------------

struct pattern pattern_of(const char *text) {
    struct pattern pattern;
    cr_assert_eq(pattern_read(&pattern, str_from(text), NULL), 0, "%s", text);
    return pattern;
}

struct hub_request client_request(const char *topics) {
    static struct pattern names[8][LIMIT_SELECTOR_TOPICS];
    static unsigned turn;
    static char texts[8][4096];
    unsigned mine = turn++ % 8;
    struct pattern *own = names[mine];
    char *name = strcpy(texts[mine], topics);
    uint32_t count = 0;
    for (char *next; name; name = next) {
        next = strchr(name, ',');
        if (next) *next++ = '\0';
        own[count++] = pattern_of(name);
    }
    return (struct hub_request){.names = own, .names_count = count, .chunked = true};
}

int client_start(struct bench *bench, struct client *client, const struct hub_request *request) {
    struct report report = {0};
    bool waits;
    client->bench = bench;
    client->chunked = request->chunked;
    buf_init(&client->got, (size_t)1 << 30);
    int err =
        hub_subscribe(bench->hub, &client->subscriber, request, bench->now_ms, &waits, &report);
    if (err) return err;
    client->waits = waits;
    if (waits) return 0;
    client->begun = true;
    hub_send(bench->hub, &client->subscriber, STR("H|"));
    hub_begin(bench->hub, &client->subscriber, bench->now_ms);
    return 0;
}

void client_open(struct bench *bench, struct client *client, const struct hub_request *request) {
    *client = (struct client){.capacity = UNLIMITED};
    int err = client_start(bench, client, request);
    cr_assert_eq(err, 0, "%s", err_text(err));
}

void client_take(struct client *client, size_t capacity) {
    client->capacity = capacity;
    if (!client->wants_writable || client->finished || client->broken) return;
    hub_writable(client->bench->hub, &client->subscriber, client->bench->now_ms);
    (void)hub_continue(client->bench->hub, client->bench->now_ms);
}

void client_close(struct client *client) {
    if (client->subscriber.selector) {
        cr_assert(!client->finished, "what has finished is out of the hub");
        hub_remove(client->bench->hub, &client->subscriber);
    }
    buf_fini(&client->got);
    *client = (struct client){0};
}

// Takes the chunk framing away. Strict: RFC 9112, section 7.1, with lower case sizes and nothing else.
static void dechunk(const struct client *client, struct str in, struct buf *out) {
    while (in.len) {
        size_t size = 0, at = 0;
        while (at < in.len && in.ptr[at] != '\r') {
            const char *digits = "0123456789abcdef", *digit = strchr(digits, in.ptr[at]);
            cr_assert(digit && *digit, "a bad chunk size at \"%.20s\"", in.ptr);
            size = size * 16 + (size_t)(digit - digits);
            at++;
        }
        if (at + 2 > in.len || at + 2 + size + 2 > in.len) break;
        cr_assert_eq(memcmp(in.ptr + at, "\r\n", 2), 0);
        buf_append(out, in.ptr + at + 2, size);
        at += 2 + size;
        cr_assert_eq(memcmp(in.ptr + at, "\r\n", 2), 0, "a chunk's end is missing");
        in = (struct str){in.ptr + at + 2, in.len - at - 2};
        if (size == 0) {
            cr_assert_eq(in.len, 0, "bytes after the last chunk");
            cr_assert(client->finished || client->subscriber.state == SUB_ENDING);
            return;
        }
    }
    cr_assert(!client->finished, "the last chunk is missing");
}

const char *client_text(const struct client *client) {
    static struct buf text;
    if (!text.max) buf_init(&text, (size_t)1 << 30);
    buf_clear(&text);
    struct str in = buf_str(&client->got);
    if (in.len == 0) return "";
    cr_assert(str_starts(in, STR("H|")), "no head");
    in = (struct str){in.ptr + 2, in.len - 2};
    if (client->chunked) {
        dechunk(client, in, &text);
    } else {
        buf_append_str(&text, in);
    }
    return buf_cstr(&text);
}

const char *client_events(const struct client *client) {
    static struct buf events;
    if (!events.max) buf_init(&events, (size_t)1 << 30);
    buf_clear(&events);
    const char *text = client_text(client);
    while (*text) {
        if (strncmp(text, ":\n\n", 3) == 0 &&
            (events.len < 1 || events.data[events.len - 1] == '\n')) {
            text += 3;
            continue;
        }
        const char *end = strchr(text, '\n');
        size_t len = end ? (size_t)(end + 1 - text) : strlen(text);
        buf_append(&events, text, len);
        text += len;
    }
    return buf_cstr(&events);
}

void client_expect(const struct client *client, const char *expected) {
    struct buf out;
    buf_init(&out, 1 << 20);
    for (; *expected; expected++) {
        if (expected[0] == '%' && expected[1] == 'E') {
            buf_append(&out, client->bench->epoch, strlen(client->bench->epoch));
            expected++;
        } else {
            buf_append_char(&out, *expected);
        }
    }
    cr_assert_str_eq(client_events(client), buf_cstr(&out), "got:\n%s\nexpected:\n%s",
                     client_events(client), buf_cstr(&out));
    buf_fini(&out);
}

void expect_plain(struct bench *bench, struct buf *out, uint64_t seq, const char *data) {
    buf_printf(out, "id: %s-%llu\ndata: %s\n\n", bench->epoch, (unsigned long long)seq, data);
}

void bench_fill(struct bench *bench, uint32_t ring_events) {
    bench_open(bench, (struct bench_config){.ring_events = ring_events});
    bench_put_many(bench, "a", "x", 5);
    bench_turn(bench);
    bench_put_many(bench, "b", "y", 5);
    bench_turn(bench);
    bench_put_many(bench, "a", "z", 5);
    bench_turn(bench);
}
