// SPDX-License-Identifier: MIT
// The sources of a hub: their thread, the queue of feeds, start, reload, stop, status.
#include "source/source_priv.h"

#include <signal.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/list.h"
#include "sys/clock.h"
#include "sys/descriptors.h"
#include "sys/log.h"

// Feeds run for at most this long at a time, so that events and timers are not late.
#define WORK_MS 5

// A reload or a stop, sent to the thread. Lives on the stack of the caller, which waits.
struct source_change {
    struct inbox_message message;
    struct source *add; // opened, not started
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

// --- one source ----------------------------------------------------------------------------------

void source_rescan(struct source *source) {
    if (source->ops->rescan) source->ops->rescan(source);
}

static void source_free(struct source *source) {
    if (!source) return;
    source->ops->stop(source);
    source_config_free(&source->config);
    free(source);
}

static void sources_free_list(struct source *list) {
    struct source *source, *next;
    DL_FOREACH_SAFE(list, source, next) { source_free(source); }
}

static int source_new(struct source **out, struct sources *sources,
                      const struct source_config *config, struct report *report) {
    static const struct source_ops *const ops[] = {
        [SOURCE_FILE] = &source_files,
        [SOURCE_STDIN] = &source_stdin,
        [SOURCE_SIMULATE] = &source_simulate,
    };
    int err = source_config_check(config, report);
    if (err) return err;
    struct source *source = calloc(1, sizeof *source);
    if (!source || source_config_copy(&source->config, config)) {
        free(source);
        return report_set(report, ERR_NOMEM, "no memory for the sources");
    }
    source->sources = sources;
    source->ops = ops[config->kind];
    err = source->ops->open(source, report);
    if (err) {
        source_free(source);
        return err;
    }
    *out = source;
    return 0;
}

// Checks all configurations and makes a source of each; starts none.
static int prepare(struct source **out, struct sources *sources,
                   const struct source_config *configs, size_t count, struct report *report) {
    struct source *list = NULL, *other;
    size_t inputs = 0;
    for (size_t i = 0; i < count; i++) {
        struct source *source = NULL;
        int err = source_new(&source, sources, &configs[i], report);
        if (!err && configs[i].kind == SOURCE_STDIN && inputs++)
            err = report_set(report, ERR_INVALID, "standard input can be a source only once");
        else if (!err) {
            DL_FOREACH(list, other) {
                if (!err && source_config_equal(&other->config, &source->config))
                    err = report_set(report, ERR_INVALID, "source %s → %s is listed twice",
                                     source->config.path, source->config.topic);
            }
        }
        if (err) {
            source_free(source);
            sources_free_list(list);
            return err;
        }
        DL_APPEND(list, source);
    }
    *out = list;
    return 0;
}

// --- feeds that have something to read -----------------------------------------------------------

static void work(struct inbox_message *message, void *owner) {
    (void)message;
    struct sources *sources = owner;
    uint64_t end = clock_mono_ms() + WORK_MS;
    sources->work_sent = false;
    // When too many bytes are held, the next chunk that is committed sends this message again.
    while (sources->run_first && sources->held_bytes < LIMIT_SOURCE_HELD_BYTES) {
        struct feed *feed = sources->run_first;
        sources->run_first = feed->run_next;
        if (!sources->run_first) sources->run_last = NULL;
        feed->runnable = false;
        feed->run(feed);
        if (clock_mono_ms() >= end) break;
    }
    if (!sources->run_first || sources->work_sent || sources->held_bytes >= LIMIT_SOURCE_HELD_BYTES)
        return;
    sources->work_sent = true;
    loop_send(sources->loop, &sources->work);
}

static void look_at_all(struct watcher *watcher) {
    struct sources *sources = container_of(watcher, struct sources, watcher);
    struct source *source;
    log_write(LOG_INFO, "inotify has lost events; checking every file");
    DL_FOREACH(sources->list, source) { source_rescan(source); }
    struct feed *feed;
    DL_FOREACH(sources->feeds, feed) { feed_wake(feed); }
}

static bool all_landed(const struct sources *sources) {
    const struct feed *feed;
    DL_FOREACH(sources->feeds, feed) {
        if (feed->closed) return false;
    }
    return true;
}

// --- reload and stop -----------------------------------------------------------------------------

static void change_done(struct source_change *change) {
    pthread_mutex_lock(&change->lock);
    change->done = true;
    pthread_cond_signal(&change->cond);
    pthread_mutex_unlock(&change->lock);
}

static void stop_source(struct sources *sources, struct source *source) {
    DL_DELETE(sources->list, source);
    source->ops->stop(source);
}

static void start_all(struct sources *sources, struct source *list) {
    struct source *source, *next;
    DL_FOREACH_SAFE(list, source, next) {
        source->starting = true;
        DL_DELETE(list, source);
        DL_APPEND(sources->list, source);
        if (source->ops->announce) source->ops->announce(source);
    }
    DL_FOREACH(sources->list, source) {
        if (source->starting) source->ops->start(source);
        source->starting = false;
    }
}

// Once the removed sources have nothing on its way, their positions in the journal are final: the
// new sources may read them.
static void after_turn(void *owner) {
    struct sources *sources = owner;
    struct source_change *change = sources->change;
    // The message `work` must not be on its way when the loop ends.
    if (sources->stopping && !sources->feeds && !sources->work_sent) loop_stop(sources->loop);
    if (!change || !all_landed(sources)) return;
    start_all(sources, change->add);
    change->add = NULL;
    sources->change = NULL;
    change_done(change);
}

// Sources that are in both sets go on undisturbed. Running sources that are not in the new set are
// stopped.
static void reload(struct inbox_message *message, void *owner) {
    struct sources *sources = owner;
    struct source_change *change = container_of(message, struct source_change, message);
    struct source *old, *old_next, *new, *new_next, *dead = NULL;
    DL_FOREACH_SAFE(sources->list, old, old_next) {
        bool wanted = false;
        DL_FOREACH_SAFE(change->add, new, new_next) {
            if (wanted || !source_config_equal(&new->config, &old->config)) continue;
            DL_DELETE(change->add, new);
            source_free(new);
            wanted = true;
        }
        if (wanted) continue;
        stop_source(sources, old);
        DL_APPEND(dead, old);
    }
    sources_free_list(dead);
    sources->change = change;
}

static void stop(struct inbox_message *message, void *owner) {
    (void)message;
    struct sources *sources = owner;
    sources->stopping = true;
    while (sources->list) {
        struct source *source = sources->list;
        stop_source(sources, source);
        source_free(source);
    }
    loop_timer_clear(sources->loop, &sources->park_timer);
}

static void change_init(struct source_change *change,
                        void (*run)(struct inbox_message *message, void *owner)) {
    *change = (struct source_change){.message.run = run};
    pthread_mutex_init(&change->lock, NULL);
    pthread_cond_init(&change->cond, NULL);
}

static void change_fini(struct source_change *change) {
    pthread_mutex_destroy(&change->lock);
    pthread_cond_destroy(&change->cond);
}

// --- the public face -----------------------------------------------------------------------------

static void *thread(void *context) {
    struct sources *sources = context;
    loop_run(sources->loop, after_turn);
    return NULL;
}

static int start_thread(struct sources *sources, struct report *report) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&sources->thread, NULL, thread, sources);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) return report_set(report, ERR_SYSTEM, "cannot start the thread of the sources");
    pthread_setname_np(sources->thread, "sources");
    return 0;
}

void sources_free(struct sources *sources) {
    if (!sources) return;
    watch_fini(&sources->watcher);
    loop_free(sources->loop);
    pthread_mutex_destroy(&sources->lock);
    pthread_mutex_destroy(&sources->reload_lock);
    free(sources->buffer);
    free(sources);
}

static int sources_new(struct sources **out, struct journal *journal, struct report *report) {
    struct sources *sources = calloc(1, sizeof *sources);
    char *buffer = malloc(SOURCE_READ_BYTES);
    if (!sources || !buffer) {
        free(sources);
        free(buffer);
        return report_set(report, ERR_NOMEM, "no memory for the sources");
    }
    int err = loop_new(&sources->loop, sources, report);
    if (err) {
        free(sources);
        free(buffer);
        return err;
    }
    sources->journal = journal;
    sources->buffer = buffer;
    sources->files_open_max = descriptors_for_files();
    sources->work.run = work;
    pthread_mutex_init(&sources->lock, NULL);
    pthread_mutex_init(&sources->reload_lock, NULL);
    watch_init(&sources->watcher, sources->loop, look_at_all);
    *out = sources;
    return 0;
}

int sources_start(struct sources **out, const struct source_config *configs, size_t count,
                  struct journal *journal, struct report *report) {
    struct sources *sources = NULL;
    struct source *list = NULL;
    int err = sources_new(&sources, journal, report);
    if (err) return err;
    err = prepare(&list, sources, configs, count, report);
    if (err) {
        sources_free(sources);
        return err;
    }
    // The thread does not run yet, so this thread may do its work.
    start_all(sources, list);
    err = start_thread(sources, report);
    if (err) {
        // Lines may be on their way already. Without a thread, this one waits for them.
        struct inbox_message message = {.run = stop};
        loop_send(sources->loop, &message);
        loop_run(sources->loop, after_turn);
        sources_free(sources);
        return err;
    }
    *out = sources;
    return 0;
}

int sources_reload(struct sources *sources, const struct source_config *configs, size_t count,
                   struct report *report) {
    struct source_change change;
    pthread_mutex_lock(&sources->reload_lock);
    change_init(&change, reload);
    int err = prepare(&change.add, sources, configs, count, report);
    if (!err) {
        loop_send(sources->loop, &change.message);
        pthread_mutex_lock(&change.lock);
        while (!change.done) pthread_cond_wait(&change.cond, &change.lock);
        pthread_mutex_unlock(&change.lock);
    }
    change_fini(&change);
    pthread_mutex_unlock(&sources->reload_lock);
    return err;
}

void sources_stop(struct sources *sources) {
    if (!sources) return;
    struct inbox_message message = {.run = stop};
    loop_send(sources->loop, &message);
    pthread_join(sources->thread, NULL);
}

void sources_status(struct sources *sources,
                    void (*each)(void *context, const struct source_status *status),
                    void *context) {
    struct feed *feed;
    pthread_mutex_lock(&sources->lock);
    DL_FOREACH(sources->feeds, feed) {
        if (!feed->closed) each(context, &feed->status);
    }
    pthread_mutex_unlock(&sources->lock);
}
