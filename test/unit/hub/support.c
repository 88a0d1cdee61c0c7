// SPDX-License-Identifier: MIT
// A hub on a store in memory, for tests.
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/container.h"

// --- the clients' side ---------------------------------------------------------------------------

static struct client *of(struct subscriber *subscriber) {
    return container_of(subscriber, struct client, subscriber);
}

static intptr_t sink_handle(struct subscriber *subscriber) { return (intptr_t)of(subscriber); }

static ssize_t sink_write(intptr_t handle, const char *bytes, size_t len) {
    struct client *client = (struct client *)handle;
    cr_assert(!client->finished && !client->broken, "written to after its end");
    cr_assert(len > 0, "an empty write");
    client->writes++;
    if (client->broken_pipe) return -1;
    bool opening = !client->opened && !client->slow_opening;
    size_t taken = opening || len < client->capacity ? len : client->capacity;
    client->opened = true;
    buf_append(&client->got, bytes, taken);
    cr_assert(!buf_failed(&client->got));
    if (client->capacity != UNLIMITED && !opening) client->capacity -= taken;
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

static enum hub_begun sink_begin(struct subscriber *subscriber, struct buf *head) {
    struct client *client = of(subscriber);
    cr_assert(!client->begun);
    client->begun = true;
    buf_append_str(head, STR("H|"));
    return HUB_BEGUN;
}

static const struct hub_sink sink = {sink_handle,   sink_write,  sink_want_writable,
                                     sink_finished, sink_broken, sink_begin};

// --- the hub -------------------------------------------------------------------------------------

void bench_open(struct bench *bench, struct bench_config config) {
    struct report report = {0};
    *bench = (struct bench){
        .now_ms = 1000000, .time_ms = 1700000000000, .epoch = "e1", .policy = config.policy};
    bench->store = memory_store_new(&bench->policy);
    struct hub_config hub = {
        .epoch = bench->epoch,
        .store = memory_store_reader(bench->store),
        .ring_events = config.ring_events ? config.ring_events : 1000,
        .ring_bytes = config.ring_bytes ? config.ring_bytes : 64u << 20,
        .heartbeat_ms = config.heartbeat_ms ? config.heartbeat_ms : 1600,
    };
    cr_assert_eq(hub_new(&bench->hub, &hub, &report), 0, "%s", report.text);
}

void bench_close(struct bench *bench) {
    bench_apply(bench);
    hub_free(bench->hub);
    memory_store_free(bench->store);
    free(bench->batches);
}

static void committed(struct bench *bench, struct batch *batch) {
    bool room = array_reserve(bench->batches, bench->batches_cap, bench->batches_count + 1);
    cr_assert(room);
    bench->batches[bench->batches_count++] = batch;
}

static uint64_t publish(struct bench *bench, struct event **events, uint32_t count) {
    memory_store_set_time(bench->store, bench->time_ms);
    committed(bench, memory_store_publish(bench->store, events, count));
    return memory_store_last_seq(bench->store) - count + 1;
}

uint64_t bench_put_flags(struct bench *bench, const char *topic, const char *data, uint8_t flags) {
    struct event *event = event_new(str_from(topic), STR(""), STR(""), str_from(data), flags);
    return publish(bench, &event, 1);
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
    uint64_t first = publish(bench, events, count);
    free(events);
    return first;
}

uint64_t bench_put_aliased(struct bench *bench, const char *topic, const char *data,
                           const char *aliases) {
    struct event *events[16];
    uint32_t count = 0;
    events[count++] = event_new(str_from(topic), STR(""), STR(""), str_from(data), 0);
    for (struct str rest = str_from(aliases); rest.ptr;)
        events[count++] =
            event_new(str_cut(&rest, ','), STR(""), STR(""), STR("the seq."), EVENT_ALIAS);
    return publish(bench, events, count);
}

void bench_forget(struct bench *bench, const char *topic) {
    committed(bench, memory_store_forget(bench->store, topic));
}

size_t bench_apply(struct bench *bench) {
    size_t count = bench->batches_count;
    for (size_t i = 0; i < count; i++) hub_apply(bench->hub, bench->batches[i]);
    bench->batches_count = 0;
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

void bench_expect_trimmed(struct bench *bench, const char *topic, uint64_t seq) {
    bench_apply(bench);
    bench_deliver(bench);
    const struct topic *known = directory_find(&bench->hub->directory, str_from(topic));
    cr_assert(known);
    cr_assert_eq(known->trimmed_seq, seq);
}

// --- clients -------------------------------------------------------------------------------------

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
    return (struct hub_request){
        .names = own, .names_count = count, .wire = {WIRE_CHUNKED, WIRE_IDENTITY}, .sink = &sink};
}

int client_start(struct bench *bench, struct client *client, const struct hub_request *request) {
    struct report report = {0};
    bool waits;
    client->bench = bench;
    client->chunked = request->wire.framing == WIRE_CHUNKED;
    client->format = request->format;
    buf_init(&client->got, (size_t)1 << 30);
    int err =
        hub_subscribe(bench->hub, &client->subscriber, request, bench->now_ms, &waits, &report);
    if (err) return err;
    client->waits = waits;
    if (waits) return 0;
    return hub_begin(bench->hub, &client->subscriber, bench->now_ms);
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

// Takes the chunk framing away. Strict: RFC 9112, section 7.1, with lower case sizes and nothing
// else.
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

const char *client_document(const struct client *client) {
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

// Behind the opening of its format.
const char *client_text(const struct client *client) {
    const char *text = client_document(client), *end = text;
    const char *hello = "event: tailrace.hello\n";
    if (!*text) return text;
    if (client->format == FRAME_JSON) {
        end = strstr(text, ",\"events\":[");
        cr_assert(strncmp(text, "{\"topics\":[", 11) == 0 && end, "%s", text);
        return end + 11;
    }
    if (!document_is_event_stream(client->format)) return text;
    const char *opening = ": tailrace\nretry: 0\n\n";
    cr_assert_eq(strncmp(text, opening, strlen(opening)), 0, "%s", text);
    text += strlen(opening);
    if (strncmp(text, hello, strlen(hello)) == 0) text = strstr(text, "\n\n") + 2;
    return text;
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
