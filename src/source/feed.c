// SPDX-License-Identifier: MIT
// A feed: carries the lines of one followed file, stdin or simulation into the journal.
#include "source/feed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/list.h"
#include "source/source_priv.h"
#include "sys/clock.h"
#include "sys/hash.h"
#include "sys/log.h"

// A refused chunk is offered again after this time, which doubles with each refusal.
#define BACKOFF_MIN_MS 10
#define BACKOFF_MAX_MS 2000
// The same error is logged at most this often.
#define ERROR_LOG_MS 60000

// --- the way to the journal ----------------------------------------------------------------------

static void launch(struct feed *feed);

static void release_if_done(struct feed *feed) {
    if (feed->closed && !feed->flying) feed->release(feed);
}

static void drop(struct feed *feed, struct chunk *chunk) {
    feed->sources->held_bytes -= chunk->held;
    chunk_free(chunk);
}

static void retry_later(struct feed *feed) {
    feed->backoff_ms = feed->backoff_ms ? feed->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (feed->backoff_ms > BACKOFF_MAX_MS) feed->backoff_ms = BACKOFF_MAX_MS;
    // If there is no memory for the timer, feed_poke offers the chunk again.
    (void)!loop_timer_set(feed->sources->loop, &feed->retry,
                          loop_now(feed->sources->loop) + feed->backoff_ms);
}

static void refused(struct feed *feed, int err) {
    if (feed->closed) {
        drop(feed, feed->flying);
        feed->flying = NULL;
        release_if_done(feed);
        return;
    }
    if (err == ERR_CLOSED)
        feed_error(feed,
                   "topic %s is finished and accepts no more lines; DELETE the topic to continue",
                   feed->topic);
    else if (err != ERR_BUSY)
        feed_error(feed, "the journal does not accept lines now: %s; trying again", err_text(err));
    retry_later(feed);
}

static void landed(struct inbox_message *message, void *receiver) {
    (void)receiver;
    struct chunk *chunk = container_of(message, struct chunk, publish.message);
    struct feed *feed = chunk->feed;
    feed->accepted = false;
    // The journal owns the events now, or has freed them.
    free(chunk->publish.events);
    chunk->publish.events = NULL;
    if (chunk->publish.result) {
        refused(feed, chunk->publish.result);
        return;
    }
    feed->flying = NULL;
    if (feed->backoff_ms) feed_error_clear(feed);
    feed->backoff_ms = 0;
    pthread_mutex_lock(&feed->sources->lock);
    feed->status.lines_total += chunk->count;
    feed->status.position_bytes = chunk->position_bytes;
    feed->status.lag_bytes = chunk->lag_bytes;
    pthread_mutex_unlock(&feed->sources->lock);
    drop(feed, chunk);
    if (feed->closed) {
        release_if_done(feed);
        return;
    }
    if (feed->waiting) {
        feed->flying = feed->waiting;
        feed->waiting = NULL;
        launch(feed);
    }
    feed_wake(feed);
}

// Called on the journal's thread.
static void done(struct publish *publish) {
    struct chunk *chunk = container_of(publish, struct chunk, publish);
    loop_send(chunk->feed->sources->loop, &publish->message);
}

static void launch(struct feed *feed) {
    struct chunk *chunk = feed->flying;
    struct publish *publish = &chunk->publish;
    publish->op = PUBLISH_EVENTS;
    publish->message.run = landed;
    publish->done = done;
    publish->source_name = (struct str){NULL, 0};
    if (chunk->position_len || chunk->forget) {
        publish->source_name = str_from(feed->position_name);
        publish->source_position = (struct str){chunk->position, chunk->position_len};
    }
    chunk->expires_s = journal_expires_s(feed->sources->journal, str_from(feed->topic));
    int err =
        publish->events ? 0 : chunk_make_events(chunk, str_from(feed->topic), str_from(feed->type));
    feed->accepted = true;
    if (!err) err = journal_publish(feed->sources->journal, publish);
    if (!err) return;
    feed->accepted = false;
    refused(feed, err);
}

static void retry(struct loop_timer *timer) {
    struct feed *feed = container_of(timer, struct feed, retry);
    launch(feed);
}

void feed_poke(struct feed *feed) {
    if (feed->flying && !feed->accepted && !feed->retry.slot) launch(feed);
}

bool feed_may_submit(const struct feed *feed) {
    return !feed->closed && !feed->waiting && feed->sources->held_bytes < LIMIT_SOURCE_HELD_BYTES;
}

void feed_submit(struct feed *feed, struct chunk *chunk) {
    ASSERT(!feed->waiting && !feed->closed);
    chunk->feed = feed;
    chunk->held = sizeof *chunk + chunk->text.cap + chunk->cap * sizeof *chunk->lines +
                  chunk->text.len + chunk->count * sizeof(struct event);
    feed->sources->held_bytes += chunk->held;
    if (feed->flying) {
        feed->waiting = chunk;
        return;
    }
    feed->flying = chunk;
    launch(feed);
}

// --- queue ---------------------------------------------------------------------------------------

void feed_wake(struct feed *feed) {
    struct sources *sources = feed->sources;
    if (!feed->runnable && !feed->closed) {
        feed->runnable = true;
        feed->run_next = NULL;
        if (sources->run_last)
            sources->run_last->run_next = feed;
        else
            sources->run_first = feed;
        sources->run_last = feed;
    }
    if (sources->work_sent || !sources->run_first) return;
    sources->work_sent = true;
    loop_send(sources->loop, &sources->work);
}

static void unqueue(struct feed *feed) {
    if (!feed->runnable) return;
    struct sources *sources = feed->sources;
    struct feed *before = NULL;
    for (struct feed *at = sources->run_first; at != feed; at = at->run_next) before = at;
    if (before)
        before->run_next = feed->run_next;
    else
        sources->run_first = feed->run_next;
    if (sources->run_last == feed) sources->run_last = before;
    feed->runnable = false;
}

// --- life ----------------------------------------------------------------------------------------

void feed_position_name(const char *key, char out[LIMIT_SOURCE_NAME_BYTES + 1]) {
    size_t len = strlen(key);
    if (len <= LIMIT_SOURCE_NAME_BYTES) {
        memcpy(out, key, len + 1);
        return;
    }
    uint64_t hash[2];
    hash_content_wide(key, len, hash);
    snprintf(out, LIMIT_SOURCE_NAME_BYTES + 1, "%.200s#%016llx%016llx", key,
             (unsigned long long)hash[0], (unsigned long long)hash[1]);
}

int feed_init(struct feed *feed, struct source *source, const char *name, const char *topic,
              const char *position_key) {
    feed->sources = source->sources;
    feed->type = source->config.type;
    feed->retry.fire = retry;
    feed->name = str_dup(str_from(name));
    feed->topic = str_dup(str_from(topic));
    if (!feed->name || !feed->topic) {
        free(feed->name);
        free(feed->topic);
        return ERR_NOMEM;
    }
    if (position_key) feed_position_name(position_key, feed->position_name);
    feed->status.name = str_from(feed->name);
    feed->status.topic = str_from(feed->topic);
    return 0;
}

void feed_begin(struct feed *feed) {
    pthread_mutex_lock(&feed->sources->lock);
    DL_APPEND(feed->sources->feeds, feed);
    feed->begun = true;
    pthread_mutex_unlock(&feed->sources->lock);
}

void feed_fini(struct feed *feed) {
    ASSERT(!feed->flying && !feed->waiting && !feed->runnable);
    pthread_mutex_lock(&feed->sources->lock);
    if (feed->begun) DL_DELETE(feed->sources->feeds, feed);
    pthread_mutex_unlock(&feed->sources->lock);
    free(feed->name);
    free(feed->topic);
}

void feed_close(struct feed *feed) {
    ASSERT(!feed->closed);
    feed->closed = true;
    unqueue(feed);
    loop_timer_clear(feed->sources->loop, &feed->retry);
    if (feed->waiting) drop(feed, feed->waiting);
    feed->waiting = NULL;
    if (feed->flying && !feed->accepted) {
        drop(feed, feed->flying);
        feed->flying = NULL;
    }
    release_if_done(feed);
}

// --- status --------------------------------------------------------------------------------------

void feed_error(struct feed *feed, const char *fmt, ...) {
    char text[sizeof feed->status.error];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pthread_mutex_lock(&feed->sources->lock);
    bool same = strcmp(feed->status.error, text) == 0;
    memcpy(feed->status.error, text, sizeof text);
    uint64_t now = clock_mono_ms();
    bool again = same && now - feed->error_logged_ms < ERROR_LOG_MS;
    feed->status.errors_total += !again;
    pthread_mutex_unlock(&feed->sources->lock);
    if (again) return;
    feed->error_logged_ms = now;
    log_write(LOG_WARN, text, LOG_TEXT("source", feed->name));
}

void feed_error_clear(struct feed *feed) {
    if (!feed->status.error[0]) return;
    pthread_mutex_lock(&feed->sources->lock);
    feed->status.error[0] = '\0';
    pthread_mutex_unlock(&feed->sources->lock);
}

void feed_attached(struct feed *feed, bool attached) {
    pthread_mutex_lock(&feed->sources->lock);
    feed->status.attached = attached;
    pthread_mutex_unlock(&feed->sources->lock);
}
