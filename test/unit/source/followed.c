// SPDX-License-Identifier: MIT
// One followed file by itself: lines, bounds, truncation, the text after the last newline.
#include "source/followed.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/source_priv.h"
#include "support.h"

static struct sources sources;
static struct source source;
static struct feed feed;
static char path[] = "/tmp/tailrace-followed-XXXXXX";
static int writer;
static struct followed_file *file;
static struct chunk *chunk;

static void overflow(struct watcher *watcher) { (void)watcher; }

static void follow(const struct mark *mark) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    file = followed_new(&source, &feed, path, fd, path, mark);
    cr_assert_not_null(file);
}

static void setup(void) {
    cr_assert_eq(loop_new(&sources.loop, &sources, NULL), 0);
    watch_init(&sources.watcher, sources.loop, overflow);
    sources.buffer = malloc(SOURCE_READ_BYTES);
    pthread_mutex_init(&sources.lock, NULL);
    source.sources = feed.sources = &sources;
    source.config.line_bytes_max = 100;
    writer = mkstemp(path);
    cr_assert_geq(writer, 0);
    chunk = chunk_new();
    cr_assert_not_null(chunk);
    follow(NULL);
}

static void teardown(void) {
    followed_free(file);
    chunk_free(chunk);
    close(writer);
    unlink(path);
    watch_fini(&sources.watcher);
    free(sources.buffer);
    loop_free(sources.loop);
    pthread_mutex_destroy(&sources.lock);
}

TestSuite(followed, .init = setup, .fini = teardown);

static void append(const char *text) {
    cr_assert_eq(write(writer, text, strlen(text)), (ssize_t)strlen(text));
}

// Reads as much as there is. The lines of the chunk must be `lines`, each ended by '|'.
static void expect(enum drained how, const char *lines) {
    size_t budget = SIZE_MAX;
    uint32_t certain;
    cr_assert_eq(followed_drain(file, chunk, 0, &budget, &certain), how);
    chunk_expect(chunk, lines);
}

Test(followed, hands_on_each_line_once) {
    expect(DRAINED_END, "");
    append("one\ntwo\r\nthr");
    expect(DRAINED_END, "one|two|");
    append("ee\n");
    expect(DRAINED_END, "one|two|three|");
    cr_assert_eq(file->line_at, 15);
    cr_assert_eq(file->mark.offset, 15);
}

Test(followed, starts_at_its_mark) {
    append("one\ntwo\n");
    cr_assert_eq(mark_move(&file->mark, file->fd, 4), 0);
    struct mark mark = file->mark;
    followed_free(file);
    follow(&mark);
    expect(DRAINED_END, "two|");
}

Test(followed, text_after_the_last_newline_is_a_line_when_asked_for) {
    append("one\nrest");
    expect(DRAINED_END, "one|");
    cr_assert_eq(followed_rest(file, chunk, 0), 0);
    cr_assert_eq(followed_rest(file, chunk, 0), 0);
    expect(DRAINED_END, "one|rest|");
    cr_assert_eq(file->mark.offset, 8);
}

Test(followed, the_first_line_alone_has_the_flags) {
    size_t budget = SIZE_MAX;
    uint32_t certain;
    append("one\ntwo\n");
    cr_assert_eq(followed_drain(file, chunk, EVENT_ROTATED, &budget, &certain), DRAINED_END);
    cr_assert_eq(chunk->lines[0].flags, EVENT_ROTATED);
    cr_assert_eq(chunk->lines[1].flags, 0);
}

Test(followed, stops_at_its_budget) {
    size_t budget = 1;
    uint32_t certain;
    append("one\n");
    cr_assert_eq(followed_drain(file, chunk, 0, &budget, &certain), DRAINED_FULL);
    cr_assert_eq(budget, 0);
    cr_assert_eq(certain, 1);
}

Test(followed, truncation_is_noticed_by_size_and_by_content) {
    append("one\ntwo\n");
    expect(DRAINED_END, "one|two|");
    cr_assert_eq(ftruncate(writer, 0), 0);
    expect(DRAINED_TRUNCATED, "one|two|");
    cr_assert_eq(pwrite(writer, "other, and longer\n", 18, 0), 18);
    expect(DRAINED_TRUNCATED, "one|two|");
    followed_restart(file);
    expect(DRAINED_END, "one|two|other, and longer|");
}

Test(followed, an_ended_file_is_not_read) {
    append("one\n");
    file->ended = true;
    cr_assert_not(followed_has_more(file));
    expect(DRAINED_END, "");
    file->ended = false;
    cr_assert(followed_has_more(file));
}
