// SPDX-License-Identifier: MIT
// A journal in a temporary directory, for tests.
#include "support.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal/journal_priv.h"

struct support_seen support_seen = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                    .more = PTHREAD_COND_INITIALIZER};

static char dir[64];
static pid_t owner;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void remove_dir(void) {
    if (getpid() == owner) nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *support_dir(void) {
    strcpy(dir, "/tmp/tailrace-test-XXXXXX");
    cr_assert(mkdtemp(dir));
    owner = getpid();
    atexit(remove_dir);
    return dir;
}

struct journal_config support_config(const char *path) {
    return (struct journal_config){
        .dir = path,
        .map_bytes = (size_t)1 << 30,
        .queue_events_max = 100000,
        .queue_bytes_max = 64u << 20,
        .topics_max = 100000,
        .sync = false,
    };
}

static void committed(void *context, struct batch *batch) {
    struct support_seen *seen = context;
    pthread_mutex_lock(&seen->lock);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (seen->count == seen->cap) {
            seen->cap = seen->cap ? seen->cap * 2 : 1024;
            seen->seqs = realloc(seen->seqs, seen->cap * sizeof(uint64_t));
        }
        seen->seqs[seen->count++] = batch->events[i]->seq;
    }
    for (uint32_t i = 0; i < batch->changes_count; i++) {
        seen->changes++;
        seen->gone += batch->changes[i].gone;
        seen->last_change = batch->changes[i];
    }
    struct batch *old = seen->last;
    seen->last = batch;
    pthread_cond_broadcast(&seen->more);
    pthread_mutex_unlock(&seen->lock);
    if (old) batch_put(old);
}

void support_wait(bool (*ready)(const struct support_seen *seen)) {
    pthread_mutex_lock(&support_seen.lock);
    while (!ready(&support_seen)) pthread_cond_wait(&support_seen.more, &support_seen.lock);
    pthread_mutex_unlock(&support_seen.lock);
}

struct journal *support_open(const struct journal_config *config) {
    struct journal *journal;
    struct report report = {0};
    cr_assert_eq(journal_open(&journal, config, &report), 0, "%s", report.text);
    struct journal_listener listener = {.committed = committed, .context = &support_seen};
    cr_assert_eq(journal_start(journal, listener, &report), 0, "%s", report.text);
    return journal;
}

static void drop_batch(void *context, struct batch *batch) {
    (void)context;
    batch_put(batch);
}

struct journal *support_open_quiet(const struct journal_config *config) {
    struct journal *journal;
    struct report report = {0};
    cr_assert_eq(journal_open(&journal, config, &report), 0, "%s", report.text);
    journal->listener = (struct journal_listener){.committed = drop_batch};
    return journal;
}

static void done(struct publish *publish) {
    struct support_publish *to = (struct support_publish *)publish;
    pthread_mutex_lock(&to->lock);
    to->over = true;
    pthread_cond_broadcast(&to->ended);
    pthread_mutex_unlock(&to->lock);
}

int support_publish(struct journal *journal, struct support_publish *to, struct event **events,
                    uint32_t count) {
    pthread_mutex_init(&to->lock, NULL);
    pthread_cond_init(&to->ended, NULL);
    to->over = false;
    to->publish.count = count;
    to->publish.events = events;
    to->publish.done = done;
    int err = journal_publish(journal, &to->publish);
    if (err) {
        for (uint32_t i = 0; i < count; i++) event_free(events[i]);
        return err;
    }
    pthread_mutex_lock(&to->lock);
    while (!to->over) pthread_cond_wait(&to->ended, &to->lock);
    pthread_mutex_unlock(&to->lock);
    return to->publish.result;
}

int support_put_full(struct journal *journal, const char *topic, const char *key, const char *data,
                     uint8_t flags, struct support_publish *to) {
    struct event *event = event_new(str_from(topic), STR(""), str_from(key), str_from(data), flags);
    *to = (struct support_publish){0};
    return support_publish(journal, to, &event, 1);
}

uint64_t support_put(struct journal *journal, const char *topic, const char *data) {
    struct support_publish to;
    int err = support_put_full(journal, topic, "", data, 0, &to);
    cr_assert_eq(err, 0, "%s", err_text(err));
    return to.publish.first;
}

int support_forget(struct journal *journal, const char *topic) {
    struct event *event = event_new(str_from(topic), STR(""), STR(""), STR(""), 0);
    struct support_publish to = {.publish = {.op = PUBLISH_FORGET}};
    return support_publish(journal, &to, &event, 1);
}

void support_position(struct journal *journal, const char *source, const char *position) {
    struct support_publish to = {
        .publish = {.source_name = str_from(source), .source_position = str_from(position)}};
    cr_assert_eq(support_publish(journal, &to, NULL, 0), 0);
}

size_t support_after(struct journal *journal, uint64_t tail, uint64_t after, uint64_t *seqs,
                     size_t max, bool *lost) {
    struct store_reader *reader;
    size_t count;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    int err = store_reader_topic_after(reader, tail, after, seqs, max, &count, lost);
    cr_assert_eq(err, 0, "%s", err_text(err));
    store_reader_end(reader);
    store_reader_close(reader);
    return count;
}

size_t support_count(struct journal *journal) {
    struct store_reader *reader;
    struct record record;
    size_t count = 0;
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    int err = store_reader_next(reader, 0, &record);
    for (; !err || err == ERR_AGAIN; err = store_reader_next(reader, record.seq, &record))
        count += !err;
    cr_assert_eq(err, ERR_NOT_FOUND, "%s", err_text(err));
    store_reader_end(reader);
    store_reader_close(reader);
    return count;
}
