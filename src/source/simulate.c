// SPDX-License-Identifier: MIT
// A simulated source: emits words, or the lines of a file, one at a time, at random intervals. For
// demos and tests.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/container.h"
#include "base/lines.h"
#include "base/random.h"
#include "source/source_priv.h"
#include "sys/clock.h"

// Bytes of the file with the lines, which is held in memory: a sample, not an archive.
#define FILE_BYTES_MAX (16u * 1024 * 1024)

struct simulation {
    struct feed feed;
    struct source *source;
    struct loop_timer timer;
    struct buf text; // all words, one after the other
    size_t *ends;    // of each word
    size_t count, cap;
    size_t next;
    bool due; // the interval is over, but the journal was not ready
    bool over;
    struct random random;
};

static void arm(struct simulation *simulation) {
    const struct source_config *config = &simulation->source->config;
    struct loop *loop = simulation->source->sources->loop;
    uint64_t range = config->interval_max_ms - config->interval_min_ms;
    uint64_t wait = config->interval_min_ms + random_below(&simulation->random, range + 1);
    if (loop_timer_set(loop, &simulation->timer, loop_now(loop) + wait))
        feed_error(&simulation->feed, "simulation of %s: out of memory", config->topic);
}

static struct str word(const struct simulation *simulation, size_t i) {
    size_t start = i ? simulation->ends[i - 1] : 0;
    return (struct str){simulation->text.data + start, simulation->ends[i] - start};
}

static void run(struct feed *feed) {
    struct simulation *simulation = container_of(feed, struct simulation, feed);
    const struct source_config *config = &simulation->source->config;
    if (!simulation->due || !feed_may_submit(feed)) return;
    struct chunk *chunk = chunk_new();
    size_t i = config->shuffle ? (size_t)random_below(&simulation->random, simulation->count)
                               : simulation->next;
    struct str text = word(simulation, i);
    if (chunk && chunk_add(chunk, text, LIMIT_DATA_BYTES, text.len, 0) == 0) {
        simulation->next = (i + 1) % simulation->count;
        simulation->over = !config->shuffle && !config->repeat && simulation->next == 0;
        feed_submit(feed, chunk);
    } else {
        chunk_free(chunk);
    }
    simulation->due = false;
    if (simulation->over)
        feed_attached(feed, false);
    else
        arm(simulation);
}

static void fire(struct loop_timer *timer) {
    struct simulation *simulation = container_of(timer, struct simulation, timer);
    simulation->due = true;
    feed_wake(&simulation->feed);
}

static int add_word(struct simulation *simulation, struct str text) {
    if (!array_reserve(simulation->ends, simulation->cap, simulation->count + 1)) return ERR_NOMEM;
    buf_append_str(&simulation->text, text);
    if (buf_failed(&simulation->text)) return ERR_NOMEM;
    simulation->ends[simulation->count++] = simulation->text.len;
    return 0;
}

static int read_file(const char *path, struct buf *out, struct report *report) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0) return report_errno(report, ERR_INVALID, "simulation: %s", path);
    ssize_t got = -1;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return report_set(report, ERR_INVALID, "simulation: %s is not a file", path);
    }
    char *to;
    while ((to = buf_reserve(out, 65536)) && (got = read(fd, to, 65536)) > 0)
        out->len += (size_t)got;
    int err = 0;
    if (!to)
        err = report_set(report, ERR_INVALID, "simulation: %s is larger than %u bytes", path,
                         FILE_BYTES_MAX);
    else if (got < 0)
        err = report_errno(report, ERR_INVALID, "simulation: reading %s", path);
    close(fd);
    return err;
}

static int load_file(struct simulation *simulation, const char *path, struct report *report) {
    struct buf content;
    buf_init(&content, FILE_BYTES_MAX + 65536);
    struct lines lines;
    lines_init(&lines, LIMIT_PUBLISH_BYTES / 4, LINES_CUT);
    int err = read_file(path, &content, report);
    struct str rest = buf_str(&content), line;
    int got = 1;
    while (!err && got == 1) {
        got = lines_next(&lines, &rest, &line);
        if (got == 0) got = lines_end(&lines, &line);
        if (got == 1 && add_word(simulation, line)) got = ERR_NOMEM;
        if (got < 0) err = report_set(report, ERR_NOMEM, "simulation: %s: out of memory", path);
    }
    if (!err && simulation->count == 0)
        err = report_set(report, ERR_INVALID, "simulation: %s is empty", path);
    lines_fini(&lines);
    buf_fini(&content);
    return err;
}

static int load(struct simulation *simulation, struct report *report) {
    const struct source_config *config = &simulation->source->config;
    if (config->path[0]) return load_file(simulation, config->path, report);
    for (size_t i = 0; i < config->words_count; i++)
        if (add_word(simulation, str_from(config->words[i])))
            return report_set(report, ERR_NOMEM, "simulation of %s: out of memory", config->topic);
    return 0;
}

static void simulation_free(struct simulation *simulation) {
    buf_fini(&simulation->text);
    free(simulation->ends);
    free(simulation);
}

static void release(struct feed *feed) {
    feed_fini(feed);
    simulation_free(container_of(feed, struct simulation, feed));
}

static int open_words(struct source *source, struct report *report) {
    struct simulation *simulation = calloc(1, sizeof *simulation);
    if (!simulation)
        return report_set(report, ERR_NOMEM, "simulation of %s: out of memory",
                          source->config.topic);
    simulation->source = source;
    simulation->timer.fire = fire;
    simulation->feed.run = run;
    simulation->feed.release = release;
    buf_init(&simulation->text, 2 * FILE_BYTES_MAX);
    // Two simulations that start in the same microsecond must still differ.
    random_seed(&simulation->random, clock_mono_us() ^ (uint64_t)(uintptr_t)simulation);
    char name[LIMIT_TOPIC_BYTES + 16];
    snprintf(name, sizeof name, "simulate:%s", source->config.topic);
    int err = load(simulation, report);
    if (!err) err = feed_init(&simulation->feed, source, name, source->config.topic, NULL);
    if (err) {
        simulation_free(simulation);
        return err;
    }
    source->state = simulation;
    return 0;
}

static void start(struct source *source) {
    struct simulation *simulation = source->state;
    feed_begin(&simulation->feed);
    feed_attached(&simulation->feed, true);
    // The first word at once: a client that connects sees a value, not an empty place.
    fire(&simulation->timer);
}

static void stop(struct source *source) {
    struct simulation *simulation = source->state;
    if (!simulation) return;
    source->state = NULL;
    loop_timer_clear(source->sources->loop, &simulation->timer);
    feed_close(&simulation->feed);
}

const struct source_ops source_simulate = {.open = open_words, .start = start, .stop = stop};
