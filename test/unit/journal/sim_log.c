// SPDX-License-Identifier: MIT
// A simulated shared log.
#include "sim_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/container.h"

#define RECORD_BYTES_MAX (1u << 20)

struct message {
    uint64_t time_ms;
    struct str bytes; // owned
};

// On its way to the engine.
struct packet {
    uint64_t arrives_at; // step
    struct str bytes;    // owned
};

struct client {
    struct log log;
    struct sim_engine *engine;
    unsigned number;
    uint64_t shown; // entries up to here have been shown to it, or can be
};

struct sim_engine {
    struct random random;
    uint64_t step, paused_until;
    bool calm;
    struct message *messages; // message i has position i + 1
    size_t count, cap;
    struct packet *packets;
    size_t packets_count, packets_cap;
    struct client clients[SIM_LOGS_MAX];
    enum sim_lie lie;
    uint64_t lie_position;
    unsigned lie_client;
};

static bool happens(struct sim_engine *engine, unsigned percent) {
    return !engine->calm && random_below(&engine->random, 100) < percent;
}

static struct str copy(struct str bytes) {
    char *to = malloc(bytes.len + 1);
    if (!to) abort();
    if (bytes.len) memcpy(to, bytes.ptr, bytes.len);
    return (struct str){to, bytes.len};
}

struct sim_engine *sim_engine_new(uint64_t seed) {
    struct sim_engine *engine = calloc(1, sizeof *engine);
    if (!engine) abort();
    random_seed(&engine->random, seed);
    return engine;
}

void sim_engine_free(struct sim_engine *engine) {
    for (size_t i = 0; i < engine->count; i++) free((char *)engine->messages[i].bytes.ptr);
    for (size_t i = 0; i < engine->packets_count; i++) free((char *)engine->packets[i].bytes.ptr);
    free(engine->messages);
    free(engine->packets);
    free(engine);
}

uint64_t sim_engine_last(const struct sim_engine *engine) { return engine->count; }

static void store(struct sim_engine *engine, struct str bytes) {
    if (!array_reserve(engine->messages, engine->cap, engine->count + 1)) abort();
    // Leaders' clocks differ, so time may go back.
    uint64_t time_ms = 1700000000000 + engine->step * 10 + random_below(&engine->random, 50);
    engine->messages[engine->count++] = (struct message){time_ms, bytes};
}

static void arrive(struct sim_engine *engine) {
    size_t i = 0;
    while (i < engine->packets_count) {
        struct packet *packet = &engine->packets[i];
        if (!engine->calm && packet->arrives_at > engine->step) {
            i++;
            continue;
        }
        store(engine, packet->bytes);
        // In the order of sending, but for delays.
        memmove(packet, packet + 1, (engine->packets_count - i - 1) * sizeof *packet);
        engine->packets_count--;
    }
}

void sim_engine_step(struct sim_engine *engine) {
    engine->step++;
    if (engine->step >= engine->paused_until && happens(engine, 2))
        engine->paused_until = engine->step + random_below(&engine->random, 60);
    if (engine->calm || engine->step >= engine->paused_until) arrive(engine);
}

void sim_engine_calm(struct sim_engine *engine) {
    engine->calm = true;
    arrive(engine);
}

// --- lies ----------------------------------------------------------------------------------------

void sim_engine_lie(struct sim_engine *engine, enum sim_lie lie) {
    if (engine->count < 3) return;
    engine->lie = lie;
    engine->lie_position = engine->count;
    engine->lie_client = (unsigned)random_below(&engine->random, 3);
    struct message *last = &engine->messages[engine->count - 1];
    if (lie == SIM_REWOUND) {
        size_t left = random_below(&engine->random, engine->count - 1) + 1;
        while (engine->count > left) free((char *)engine->messages[--engine->count].bytes.ptr);
        for (unsigned i = 0; i < SIM_LOGS_MAX; i++)
            if (engine->clients[i].shown > left) engine->clients[i].shown = left;
    } else if (lie == SIM_REPLACED) {
        free((char *)last->bytes.ptr);
        last->bytes = copy(engine->messages[0].bytes);
    } else if (lie == SIM_HOLE || lie == SIM_DIFFERS) {
        // The next one, which nobody has seen yet.
        engine->lie_position = engine->count + 1;
    }
}

static struct message shown_to(const struct client *client, uint64_t position) {
    const struct sim_engine *engine = client->engine;
    bool lies = engine->lie == SIM_DIFFERS && position == engine->lie_position &&
                client->number == engine->lie_client;
    return engine->messages[lies ? 0 : position - 1];
}

// --- a client ------------------------------------------------------------------------------------

static struct client *client_of(struct log *log) { return container_of(log, struct client, log); }

static void send(struct sim_engine *engine, struct str bytes) {
    if (!array_reserve(engine->packets, engine->packets_cap, engine->packets_count + 1)) abort();
    uint64_t delay = happens(engine, 20) ? random_below(&engine->random, 40) : 0;
    engine->packets[engine->packets_count++] = (struct packet){engine->step + delay, copy(bytes)};
}

static int sim_append(struct log *log, const struct log_record *record) {
    struct sim_engine *engine = client_of(log)->engine;
    struct buf bytes;
    if (happens(engine, 5)) return ERR_IO;
    buf_init(&bytes, RECORD_BYTES_MAX * 2);
    record->encode(record, &bytes);
    if (buf_failed(&bytes)) abort();
    if (!happens(engine, 10)) send(engine, buf_str(&bytes));
    if (happens(engine, 10)) send(engine, buf_str(&bytes));
    buf_fini(&bytes);
    return 0;
}

static int sim_read(struct log *log, uint64_t after, struct log_entry *entries, size_t max,
                    size_t *count) {
    struct client *client = client_of(log);
    struct sim_engine *engine = client->engine;
    *count = 0;
    if (happens(engine, 5)) return ERR_IO;
    // What it may see grows by jumps.
    if (client->shown < engine->count && !happens(engine, 40))
        client->shown =
            engine->calm
                ? engine->count
                : client->shown + random_below(&engine->random, engine->count - client->shown) + 1;
    for (uint64_t position = after + 1; position <= client->shown && *count < max; position++) {
        if (engine->lie == SIM_HOLE && position == engine->lie_position) continue;
        struct message message = shown_to(client, position);
        entries[(*count)++] = (struct log_entry){.position = position,
                                                 .seq = position << SIM_SEQ_BITS,
                                                 .time_ms = message.time_ms,
                                                 .bytes = message.bytes};
    }
    return 0;
}

static void sim_state(struct log *log, struct log_state *out) {
    const struct sim_engine *engine = client_of(log)->engine;
    *out = (struct log_state){.first = engine->count ? 1 : 0, .last = engine->count};
}

struct log *sim_log_open(struct sim_engine *engine, unsigned number) {
    static const struct log_ops ops = {sim_append, sim_read, sim_state};
    struct client *client = &engine->clients[number];
    *client = (struct client){.log = {.ops = &ops,
                                      .epoch = SIM_EPOCH,
                                      .record_events_max = 1 << (SIM_SEQ_BITS - 1),
                                      .record_bytes_max = RECORD_BYTES_MAX},
                              .engine = engine,
                              .number = number};
    return &client->log;
}
