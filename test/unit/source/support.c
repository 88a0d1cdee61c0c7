// SPDX-License-Identifier: MIT
// What the tests of sources share: see support.h.
#include "support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_SECONDS 30

static void committed(void *context, struct batch *batch) {
    struct bench *bench = context;
    pthread_mutex_lock(&bench->lock);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (bench->count == bench->cap) {
            bench->cap = bench->cap ? bench->cap * 2 : 64;
            bench->seen = realloc(bench->seen, bench->cap * sizeof *bench->seen);
        }
        struct str data = event_data(batch->events[i]);
        bench->seen[bench->count++] =
            (struct seen){str_dup(event_topic(batch->events[i])), str_dup(data), data.len};
    }
    pthread_cond_broadcast(&bench->cond);
    pthread_mutex_unlock(&bench->lock);
    batch_put(batch);
}

void bench_journal(struct bench *bench) {
    struct report report = {0};
    cr_assert_eq(journal_open(&bench->journal, &bench->journal_config, &report), 0, "%s",
                 report.text);
    cr_assert_eq(journal_start(bench->journal,
                               (struct journal_listener){.committed = committed, .context = bench},
                               &report),
                 0, "%s", report.text);
}

void bench_open(struct bench *bench) {
    *bench = (struct bench){.dir = "/tmp/tailrace-source-XXXXXX"};
    pthread_mutex_init(&bench->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&bench->cond, &attr);
    pthread_condattr_destroy(&attr);
    cr_assert(mkdtemp(bench->dir));
    bench->journal_config = (struct journal_config){
        .dir = strdup(bench_path(bench, "journal.d")),
        .map_bytes = 1u << 30,
        .queue_events_max = 100000,
        .queue_bytes_max = 64u << 20,
        .topics_max = 10000,
    };
    bench_journal(bench);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void bench_stop(struct bench *bench) {
    sources_stop(bench->sources);
    sources_free(bench->sources);
    bench->sources = NULL;
    journal_close(bench->journal);
    bench->journal = NULL;
}

void bench_close(struct bench *bench) {
    bench_stop(bench);
    for (size_t i = 0; i < bench->count; i++) {
        free(bench->seen[i].topic);
        free(bench->seen[i].data);
    }
    free(bench->seen);
    for (size_t i = 0; i < bench->paths_count; i++) free(bench->paths[i]);
    free((char *)bench->journal_config.dir);
    nftw(bench->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    pthread_mutex_destroy(&bench->lock);
    pthread_cond_destroy(&bench->cond);
}

void bench_start(struct bench *bench, const struct source_config *configs, size_t count) {
    if (!bench->journal) bench_journal(bench);
    struct report report = {0};
    cr_assert_eq(sources_start(&bench->sources, configs, count, bench->journal, &report), 0, "%s",
                 report.text);
}

const char *bench_path(const struct bench *bench, const char *name) {
    static char paths[8][4096];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", bench->dir, name);
    return path;
}

struct source_config bench_file(struct bench *bench, const char *name) {
    cr_assert_lt(bench->paths_count, sizeof bench->paths / sizeof bench->paths[0]);
    char *path = strdup(bench_path(bench, name));
    bench->paths[bench->paths_count++] = path;
    return (struct source_config){
        .kind = SOURCE_FILE,
        .topic = "{name}",
        .type = "",
        .path = path,
        .backfill_lines = SOURCE_BACKFILL_ALL,
        .line_bytes_max = 1 << 20,
    };
}

void bench_append_bytes(const char *path, const void *data, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    cr_assert(fd >= 0, "%s", path);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

void bench_append(const struct bench *bench, const char *name, const char *text) {
    bench_append_bytes(bench_path(bench, name), text, strlen(text));
}

void bench_write(const struct bench *bench, const char *name, const char *text) {
    int fd = open(bench_path(bench, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

void bench_rename(const struct bench *bench, const char *from, const char *to) {
    cr_assert_eq(rename(bench_path(bench, from), bench_path(bench, to)), 0);
}

void bench_remove(const struct bench *bench, const char *name) {
    cr_assert_eq(unlink(bench_path(bench, name)), 0);
}

void bench_copy(const struct bench *bench, const char *from, const char *to) {
    char buffer[65536];
    int in = open(bench_path(bench, from), O_RDONLY | O_CLOEXEC);
    int out = open(bench_path(bench, to), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t got;
    while ((got = read(in, buffer, sizeof buffer)) > 0)
        cr_assert_eq(write(out, buffer, (size_t)got), got);
    close(in);
    close(out);
}

static struct timespec deadline(unsigned ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

void bench_wait(struct bench *bench, size_t count) {
    struct timespec until = deadline(WAIT_SECONDS * 1000);
    int err = 0;
    pthread_mutex_lock(&bench->lock);
    while (bench->count < count && !err)
        err = pthread_cond_timedwait(&bench->cond, &bench->lock, &until);
    size_t got = bench->count;
    pthread_mutex_unlock(&bench->lock);
    cr_assert_geq(got, count, "only %zu of %zu events came", got, count);
}

static void join(struct bench *bench, const char *topic, struct buf *out) {
    buf_clear(out);
    bool first = true;
    for (size_t i = 0; i < bench->count; i++) {
        if (strcmp(bench->seen[i].topic, topic) != 0) continue;
        if (!first) buf_append_char(out, '|');
        first = false;
        buf_append(out, bench->seen[i].data, bench->seen[i].len);
    }
}

void bench_joined(struct bench *bench, const char *topic, struct buf *out) {
    pthread_mutex_lock(&bench->lock);
    join(bench, topic, out);
    pthread_mutex_unlock(&bench->lock);
}

void bench_wait_for(struct bench *bench, const char *topic, const char *expected) {
    struct timespec until = deadline(WAIT_SECONDS * 1000);
    struct buf got;
    buf_init(&got, 64u << 20);
    int err = 0;
    pthread_mutex_lock(&bench->lock);
    join(bench, topic, &got);
    while (!str_equal(buf_str(&got), str_from(expected)) && !err) {
        err = pthread_cond_timedwait(&bench->cond, &bench->lock, &until);
        join(bench, topic, &got);
    }
    pthread_mutex_unlock(&bench->lock);
    cr_assert_str_eq(buf_cstr(&got), expected);
    buf_fini(&got);
}

static bool ended(struct bench *bench, const char *topic) {
    for (size_t i = bench->count; i-- > 0;)
        if (strcmp(bench->seen[i].topic, topic) == 0)
            return strcmp(bench->seen[i].data, "END") == 0;
    return false;
}

void bench_expect(struct bench *bench, const char *file, const char *topic, const char *expected) {
    bench_append(bench, file, "END\n");
    struct timespec until = deadline(WAIT_SECONDS * 1000);
    int err = 0;
    pthread_mutex_lock(&bench->lock);
    while (!ended(bench, topic) && !err)
        err = pthread_cond_timedwait(&bench->cond, &bench->lock, &until);
    struct buf got;
    buf_init(&got, 64u << 20);
    join(bench, topic, &got);
    pthread_mutex_unlock(&bench->lock);
    char *whole = NULL;
    cr_assert(asprintf(&whole, "%s%sEND", expected, expected[0] ? "|" : "") > 0);
    cr_assert_str_eq(buf_cstr(&got), whole);
    free(whole);
    buf_fini(&got);
}

struct status_search {
    const char *name;
    bool (*good)(const struct source_status *status);
    bool found;
};

static void look(void *context, const struct source_status *status) {
    struct status_search *search = context;
    if (str_equal(status->name, str_from(search->name)) && search->good(status))
        search->found = true;
}

void bench_wait_status(struct bench *bench, const char *name,
                       bool (*good)(const struct source_status *status)) {
    struct status_search search = {name, good, false};
    struct timespec pause = {0, 5000000};
    // Nothing reports a change of the status: it is asked for until it is right.
    for (int i = 0; i < WAIT_SECONDS * 200 && !search.found; i++) {
        sources_status(bench->sources, look, &search);
        if (!search.found) nanosleep(&pause, NULL);
    }
    cr_assert(search.found, "the status of %s never was as expected", name);
}

void chunk_expect(const struct chunk *chunk, const char *lines) {
    struct buf got;
    uint32_t start = 0;
    buf_init(&got, 1 << 20);
    for (uint32_t i = 0; i < chunk->count; start = chunk->lines[i++].end) {
        buf_append(&got, chunk->text.data + start, chunk->lines[i].end - start);
        buf_append_char(&got, '|');
    }
    cr_assert_str_eq(buf_cstr(&got), lines);
    buf_fini(&got);
}
