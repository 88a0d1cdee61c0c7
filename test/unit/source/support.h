// SPDX-License-Identifier: MIT
// What the tests of sources share: a scratch directory, a journal in it, and all events that the
// journal made visible, in order.
#ifndef TAILRACE_TEST_SOURCE_SUPPORT_H
#define TAILRACE_TEST_SOURCE_SUPPORT_H

#include <pthread.h>

#include "base/buf.h"
#include "source/chunk.h"
#include "source/source.h"

struct seen {
    char *topic, *data;
    size_t len;
};

struct bench {
    char dir[64];
    struct journal *journal;
    struct sources *sources;
    struct journal_config journal_config;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct seen *seen;
    size_t count, cap;
    char *paths[64]; // of configurations
    size_t paths_count;
};

void bench_open(struct bench *bench);
// Stops, closes, removes the directory.
void bench_close(struct bench *bench);
void bench_start(struct bench *bench, const struct source_config *configs, size_t count);
// Stops the sources and the journal in good order. The events seen so far are kept.
void bench_stop(struct bench *bench);
void bench_journal(struct bench *bench);

// The path dir/name, in one of eight buffers in turn.
const char *bench_path(const struct bench *bench, const char *name);
// A file source with topic {name}. A file not seen before is read whole.
struct source_config bench_file(struct bench *bench, const char *name);
void bench_write(const struct bench *bench, const char *name, const char *text);
void bench_append(const struct bench *bench, const char *name, const char *text);
void bench_append_bytes(const char *path, const void *data, size_t len);
void bench_rename(const struct bench *bench, const char *from, const char *to);
void bench_remove(const struct bench *bench, const char *name);
void bench_copy(const struct bench *bench, const char *from, const char *to);

// Waits until this many events are visible in total. Fails after half a minute.
void bench_wait(struct bench *bench, size_t count);
// Appends a line END to the file, waits for it, and compares all events of `topic`, joined by '|',
// without that END.
void bench_expect(struct bench *bench, const char *file, const char *topic, const char *expected);
// Waits until the topic's events are `expected`.
void bench_wait_for(struct bench *bench, const char *topic, const char *expected);
// The data of all events of the topic, joined by '|'.
void bench_joined(struct bench *bench, const char *topic, struct buf *out);

// Waits until `good` is true of the status of the source with this name. Fails after half a minute.
void bench_wait_status(struct bench *bench, const char *name,
                       bool (*good)(const struct source_status *status));

// The chunk's lines must be these, each ended by '|'.
void chunk_expect(const struct chunk *chunk, const char *lines);

#endif
