// SPDX-License-Identifier: MIT
// A hub on a store in memory, driven by one thread, with clients whose connections take as many
// bytes as a test says.
#ifndef TEST_HUB_SUPPORT_H
#define TEST_HUB_SUPPORT_H

#include "base/limits.h"
#include "hub/gather.h"
#include "hub/hub_priv.h"
#include "hub/replay.h"
#include "hub/subscriber.h"
#include "memory_store.h"

struct bench {
    struct memory_store *store;
    struct journal_policy policy;
    struct hub *hub;
    const char *epoch;
    uint64_t now_ms;  // the hub's clock
    uint64_t time_ms; // the store's: of what is published next
    // Committed, and not applied yet.
    struct batch **batches;
    size_t batches_count, batches_cap;
};

struct bench_config {
    uint32_t ring_events;  // 0: 1000
    uint64_t heartbeat_ms; // 0: 1600
    uint64_t ring_bytes;   // 0: 64 MB
    struct journal_policy policy;
};

void bench_open(struct bench *bench, struct bench_config config);
void bench_close(struct bench *bench);

// Publishes; the hub has not been told yet. The seq (of the first).
uint64_t bench_put(struct bench *bench, const char *topic, const char *data);
uint64_t bench_put_flags(struct bench *bench, const char *topic, const char *data, uint8_t flags);
// `count` events in one commit: data is "PREFIX-1" and so on.
uint64_t bench_put_many(struct bench *bench, const char *topic, const char *prefix, uint32_t count);
// An event and its aliases in these topics ("a,b") in one commit; the seq of the event.
uint64_t bench_put_aliased(struct bench *bench, const char *topic, const char *data,
                           const char *aliases);
void bench_forget(struct bench *bench, const char *topic);
// Opens it with a: 1..5, 11..15; b: 6..10, delivered.
void bench_fill(struct bench *bench, uint32_t ring_events);
// Gives the hub what was committed; how many batches that were.
size_t bench_apply(struct bench *bench);
void bench_deliver(struct bench *bench);
// Until there is no more to do.
void bench_pump(struct bench *bench);
// All three.
void bench_turn(struct bench *bench);
// Applies what was committed; the topic must then be trimmed up to this seq.
void bench_expect_trimmed(struct bench *bench, const char *topic, uint64_t seq);

#define UNLIMITED SIZE_MAX
struct client {
    struct subscriber subscriber; // first
    struct bench *bench;
    struct buf got;
    // Bytes that the connection takes now. The first write, of the head and the opening, is taken
    // whatever it says, unless `slow_opening` is set.
    size_t capacity;
    bool slow_opening, opened;
    size_t writes;
    bool broken_pipe; // writing fails
    bool chunked;
    enum frame_format format;
    bool waits; // a long poll that was not answered at once
    bool wants_writable, finished, broken, begun;
};

struct pattern pattern_of(const char *text);
// A stream of the topics ("a,b/**") in FRAME_PLAIN, live.
struct hub_request client_request(const char *topics);
// Subscribes with a head of "H|" and begins. The error of hub_subscribe.
int client_start(struct bench *bench, struct client *client, const struct hub_request *request);
// client_start that must succeed, with an unlimited connection.
void client_open(struct bench *bench, struct client *client, const struct hub_request *request);
// The connection takes `capacity` more bytes; the hub hears of it.
void client_take(struct client *client, size_t capacity);
// Closes the connection, whatever its state.
void client_close(struct client *client);
// What came after the head, without chunk framing (the last chunk must be there if it has finished,
// and only then). Half a chunk at the end is left out unless it has finished. Static memory.
const char *client_document(const struct client *client);
// The same without the document's opening.
const char *client_text(const struct client *client);
// The same without heartbeats.
const char *client_events(const struct client *client);
// Fails the test unless client_events is exactly this, in which %E stands for the epoch.
void client_expect(const struct client *client, const char *expected);

// "id: E-SEQ\ndata: DATA\n\n", appended.
void expect_plain(struct bench *bench, struct buf *out, uint64_t seq, const char *data);

#endif
