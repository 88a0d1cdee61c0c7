// SPDX-License-Identifier: MIT
// A worker.
#include "server/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/router.h"
#include "base/limits.h"
#include "http/connections.h"
#include "server/server_priv.h"
#include "sys/clock.h"
#include "sys/descriptors.h"
#include "sys/log.h"

// Connections taken in one turn, so that a flood of them does not starve those that are there.
#define ACCEPTS_A_TURN 64
// When descriptors have run out, how long not to try.
#define ACCEPT_PAUSE_MS 100
// How often the log says so.
#define FULL_SAID_EVERY_MS 60000
// Draining ends a stream every so often, if the window allows.
#define DRAIN_MS_EACH 50
// The shortest pause between two steps; more than one stream is ended in each when there are many.
#define DRAIN_STEP_MS 10

// Encodings that are out of use go round the workers in lots of this size.
#define RETIRED_BYTES ((size_t)1024 * 1024)

struct committed {
    struct inbox_message message;
    struct batch *batch;
    uint64_t number;
};

struct new_site {
    struct inbox_message message;
    struct site *site;
};

// --- accepting -----------------------------------------------------------------------------------

static void say_full(struct worker *worker) {
    uint64_t now = loop_now(worker->loop);
    if (worker->full_said_ms && now - worker->full_said_ms < FULL_SAID_EVERY_MS) return;
    worker->full_said_ms = now;
    log_write(LOG_WARN,
              "the limit of open files leaves no room for more connections: new ones are refused; "
              "raise it (ulimit -n, LimitNOFILE), or lower limits.connections",
              LOG_U64("connections", admission_count(worker->api.http.admission)));
}

// The system as a whole may have run out before the process has.
static void pause_accepting(struct worker *worker) {
    say_full(worker);
    loop_change(worker->loop, &worker->listener, 0);
    if (worker->metrics_listener.fd >= 0) loop_change(worker->loop, &worker->metrics_listener, 0);
    (void)!loop_timer_set(worker->loop, &worker->accept_again,
                          loop_now(worker->loop) + ACCEPT_PAUSE_MS);
}

static void accept_again(struct loop_timer *timer) {
    struct worker *worker = container_of(timer, struct worker, accept_again);
    if (worker->listener.fd >= 0) loop_change(worker->loop, &worker->listener, EPOLLIN);
    if (worker->metrics_listener.fd >= 0)
        loop_change(worker->loop, &worker->metrics_listener, EPOLLIN);
}

static void accept_some(struct worker *worker, int fd_listening, enum http_listener listener) {
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct net_address address;
        int fd = net_accept(fd_listening, &address);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(worker);
            return;
        }
        if (admission_count(worker->api.http.admission) >= descriptors_for_clients()) {
            worker->api.http.counts.refused_total++;
            say_full(worker);
            close(fd);
            continue;
        }
        connections_accept(&worker->api.http, fd, &address, listener);
    }
}

static void listener_ready(struct loop_io *io, uint32_t events) {
    (void)events;
    accept_some(container_of(io, struct worker, listener), io->fd, HTTP_LISTENER_MAIN);
}

static void metrics_listener_ready(struct loop_io *io, uint32_t events) {
    (void)events;
    accept_some(container_of(io, struct worker, metrics_listener), io->fd, HTTP_LISTENER_METRICS);
}

static void stop_listening(struct worker *worker, struct loop_io *io) {
    if (io->fd < 0) return;
    loop_remove(worker->loop, io);
    close(io->fd);
    io->fd = -1;
}

// --- encodings that are out of use ---------------------------------------------------------------

struct retired {
    struct inbox_message message;
    struct server *server;
    struct encoding *list;
    unsigned first, asked;
};

// A message is run when no turn of before is under way. When it has been round, nobody can be
// looking at what was taken off before.
static void run_retired(struct inbox_message *message, void *receiver) {
    struct retired *retired = container_of(message, struct retired, message);
    const struct server *server = retired->server;
    (void)receiver;
    if (++retired->asked == server->workers_count) {
        encodings_free(retired->list);
        free(retired);
        return;
    }
    unsigned next = (retired->first + retired->asked) % server->workers_count;
    loop_send(server->workers[next]->loop, message);
}

// After the turn's last use of any.
static void free_retired(struct worker *worker) {
    struct server *server = worker->server;
    struct hub *hub = worker->api.hub;
    if (server->workers_count == 1) {
        encodings_free(hub_take_retired(hub));
        return;
    }
    if (hub_retired_bytes(hub) < RETIRED_BYTES) return;
    struct retired *retired = malloc(sizeof *retired);
    if (!retired) return; // with the next turn
    unsigned first = (worker->api.index + 1) % server->workers_count;
    *retired = (struct retired){{.run = run_retired}, server, hub_take_retired(hub), first, 0};
    loop_send(server->workers[first]->loop, &retired->message);
}

// --- turns ---------------------------------------------------------------------------------------

static void run_journal(struct worker *worker) {
    if (!worker->published) return;
    worker->published = false;
    journal_run(worker->api.common->journal);
    loop_take_own(worker->loop);
}

static void before_turn(void *owner, uint64_t now_us) {
    struct worker *worker = owner;
    hub_turn(worker->api.hub, now_us);
}

static void after_turn(void *owner) {
    struct worker *worker = owner;
    struct hub *hub = worker->api.hub;
    uint64_t now = loop_now(worker->loop);
    // Before the fan-out: a commit can go on beside it, and what needs none is part of it.
    run_journal(worker);
    hub_deliver(hub, now);
    bool more = hub_continue(hub, now);
    connections_after_turn(&worker->api.http);
    // Connections may have published, and the journal may have committed that at once.
    more = worker->published || more;
    run_journal(worker);
    free_retired(worker);
    uint64_t due = more || connections_are_due(&worker->api.http) ? now : hub_next_due(hub);
    if (due == UINT64_MAX) {
        loop_timer_clear(worker->loop, &worker->turn);
    } else {
        (void)!loop_timer_set(worker->loop, &worker->turn, due);
    }
}

static int publish(struct api *api, struct publish *publish) {
    int err = journal_enqueue(api->common->journal, publish);
    if (!err) container_of(api, struct worker, api)->published = true;
    return err;
}

static void turn_fire(struct loop_timer *timer) { (void)timer; }

// The turn will not end before the hub has gone on with what is pending.
static void schedule(struct http *http) {
    struct worker *worker = container_of(http, struct worker, api.http);
    (void)!loop_timer_set(worker->loop, &worker->turn, loop_now(worker->loop));
}

static void tick_fire(struct loop_timer *timer) {
    struct worker *worker = container_of(timer, struct worker, tick);
    hub_tick(worker->api.hub, loop_now(worker->loop));
    (void)!loop_timer_set(worker->loop, &worker->tick,
                          loop_now(worker->loop) + hub_tick_ms(worker->api.hub));
}

// --- messages ------------------------------------------------------------------------------------

// What was handed to this worker is with the others in a moment: a few instructions of the
// journal's, unless it was interrupted there.
static void wait_handed(const struct worker *worker, uint64_t number) {
    while (atomic_load_explicit(&worker->server->handed, memory_order_acquire) < number)
        sched_yield();
}

static void run_committed(struct inbox_message *message, void *receiver) {
    struct committed *committed = container_of(message, struct committed, message);
    struct worker *worker = receiver;
    size_t bytes = committed->batch->bytes;
    wait_handed(worker, committed->number);
    hub_apply(worker->api.hub, committed->batch);
    atomic_fetch_sub(&worker->lag_bytes, bytes);
    free(committed);
}

// It has taken all that it was given, and comes to what it was not.
static void run_missed(struct inbox_message *message, void *receiver) {
    struct worker *worker = receiver;
    free(message);
    pthread_mutex_lock(&worker->missed_lock);
    struct missed missed = worker->missed;
    uint64_t number = worker->missed_number;
    worker->missed = (struct missed){0};
    atomic_store(&worker->misses, false);
    pthread_mutex_unlock(&worker->missed_lock);
    wait_handed(worker, number);
    missed_apply(&missed, worker->api.hub, loop_now(worker->loop));
}

// Whether the worker is too far behind for this batch: then it is a part of what it misses.
static bool miss(struct worker *worker, const struct batch *batch, uint64_t number) {
    worker->to_wake = false;
    if (!atomic_load(&worker->misses)) {
        size_t share = LIMIT_LAG_BYTES / worker->server->workers_count;
        if (atomic_load(&worker->lag_bytes) <= share) return false;
        struct inbox_message *message = malloc(sizeof *message);
        ASSERT(message);
        message->run = run_missed;
        atomic_store(&worker->misses, true);
        worker->to_wake = loop_put(worker->loop, message);
        log_write(LOG_WARN,
                  "a worker does not come back: what it misses, its subscribers are "
                  "given from the journal later",
                  LOG_U64("worker", worker->api.index));
    }
    pthread_mutex_lock(&worker->missed_lock);
    // It may have come back meanwhile.
    bool misses = atomic_load(&worker->misses);
    if (misses) {
        missed_add(&worker->missed, batch);
        worker->missed_number = number;
    }
    pthread_mutex_unlock(&worker->missed_lock);
    return misses;
}

void worker_committed(struct worker *worker, struct batch *batch, uint64_t number) {
    if (miss(worker, batch, number)) {
        batch_put(batch);
        return;
    }
    struct committed *committed = malloc(sizeof *committed);
    // Without it this worker's subscribers would miss events without a word; a restart loses
    // nothing.
    ASSERT(committed);
    *committed = (struct committed){{.run = run_committed}, batch, number};
    atomic_fetch_add(&worker->lag_bytes, batch->bytes);
    if (loop_put(worker->loop, &committed->message)) worker->to_wake = true;
}

void worker_wake(struct worker *worker) {
    if (worker->to_wake) loop_wake(worker->loop);
}

static void run_new_site(struct inbox_message *message, void *receiver) {
    struct new_site *new_site = container_of(message, struct new_site, message);
    struct worker *worker = receiver;
    site_put(worker->api.site);
    worker->api.site = new_site->site;
    worker->api.http.settings = &new_site->site->http;
    worker->api.http.account.most = worker->api.site->config->held_bytes_max;
    hub_set_heartbeat(worker->api.hub, worker->api.site->config->heartbeat_ms);
    hub_set_turn_time(worker->api.hub, worker->api.site->config->turn_ms);
    free(new_site);
}

void worker_set_site(struct worker *worker, struct site *site) {
    struct new_site *new_site = malloc(sizeof *new_site);
    ASSERT(new_site);
    *new_site = (struct new_site){{.run = run_new_site}, site};
    loop_send(worker->loop, &new_site->message);
}

// Ends streams one after the other (a few at once when there are many), so that their clients do
// not all come back together.
static void drain_step(struct loop_timer *timer) {
    struct worker *worker = container_of(timer, struct worker, drain);
    uint64_t now = loop_now(worker->loop);
    size_t left = hub_end_some(
        worker->api.hub, now >= worker->drain_until_ms ? SIZE_MAX : worker->drain_share, "drain");
    connections_drain(&worker->api.http);
    if (left || worker->api.http.conns_count)
        (void)!loop_timer_set(worker->loop, &worker->drain, now + worker->drain_step_ms);
}

static void run_drain(struct inbox_message *message, void *receiver) {
    struct worker *worker = receiver;
    free(message);
    if (worker->api.http.draining) return;
    worker->api.http.draining = true;
    struct hub_counts counts;
    hub_counts(worker->api.hub, &counts);
    // Few streams are not worth the whole window.
    uint64_t window = counts.subscribers * DRAIN_MS_EACH;
    if (window > worker->api.site->config->drain_ms) window = worker->api.site->config->drain_ms;
    worker->drain_step_ms = counts.subscribers ? window / counts.subscribers : 0;
    if (worker->drain_step_ms < DRAIN_STEP_MS) worker->drain_step_ms = DRAIN_STEP_MS;
    worker->drain_share =
        window ? (size_t)(counts.subscribers * worker->drain_step_ms / window) + 1 : SIZE_MAX;
    worker->drain_until_ms = loop_now(worker->loop) + window;
    drain_step(&worker->drain);
}

static void run_stop(struct inbox_message *message, void *receiver) {
    struct worker *worker = receiver;
    free(message);
    worker->api.http.stopping = true;
    connections_close(&worker->api.http);
    stop_listening(worker, &worker->listener);
    stop_listening(worker, &worker->metrics_listener);
    loop_stop(worker->loop);
}

static void send_simple(struct worker *worker,
                        void (*run)(struct inbox_message *message, void *receiver)) {
    struct inbox_message *message = malloc(sizeof *message);
    ASSERT(message);
    message->run = run;
    loop_send(worker->loop, message);
}

void worker_drain(struct worker *worker) { send_simple(worker, run_drain); }

// --- life ----------------------------------------------------------------------------------------

static void *run(void *context) {
    struct worker *worker = context;
    char name[16] = "worker-";
    name[7] = (char)('0' + worker->api.index / 10 % 10);
    name[8] = (char)('0' + worker->api.index % 10);
    pthread_setname_np(pthread_self(), name);
    loop_run(worker->loop, after_turn);
    return NULL;
}

static void load_topic(void *context, const struct topic_state *topic) {
    struct worker *worker = context;
    int err = hub_load_topic(worker->api.hub, topic);
    ASSERT(!err);
}

static int listen_on(struct worker *worker, struct loop_io *io, int fd,
                     void (*ready)(struct loop_io *io, uint32_t events)) {
    *io = (struct loop_io){.fd = fd, .ready = ready};
    return fd < 0 ? 0 : loop_add(worker->loop, io, EPOLLIN);
}

static int make_hub(struct worker *worker, struct report *report) {
    struct server *server = worker->server;
    const struct config *config = worker->api.site->config;
    struct store_reader *reader;
    struct journal *journal = server->common.journal;
    int err = journal_reader_open(journal, &reader);
    if (err) return report_set(report, err, "the journal cannot be read: %s", err_text(err));
    struct hub_config hub = {
        .epoch = journal_epoch(journal),
        .store = reader,
        .position = journal_last_seq(journal),
        .ring_events = config->ring_events,
        .ring_bytes = config->ring_bytes,
        .account = &worker->api.http.account,
        .heartbeat_ms = config->heartbeat_ms,
        .clock_us = clock_mono_us,
        .cpu_us = clock_thread_us,
        .turn_ms = config->turn_ms,
    };
    err = hub_new(&worker->api.hub, &hub, report);
    if (err) {
        store_reader_close(reader);
        return err;
    }
    journal_topics(journal, load_topic, worker);
    return 0;
}

static void worker_free(struct worker *worker) {
    if (worker->loop) {
        stop_listening(worker, &worker->listener);
        stop_listening(worker, &worker->metrics_listener);
    }
    loop_free(worker->loop);
    hub_free(worker->api.hub);
    site_put(worker->api.site);
    http_fini(&worker->api.http);
    missed_fini(&worker->missed);
    pthread_mutex_destroy(&worker->missed_lock);
    free(worker);
}

int worker_new(struct worker **out, struct server *server, unsigned index, int listener,
               int metrics_listener, struct report *report) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) return report_set(report, ERR_NOMEM, "no memory for a worker");
    pthread_mutex_init(&worker->missed_lock, NULL);
    worker->server = server;
    worker->api = (struct api){
        .http = {.admission = server->admission,
                 .settings = &server->site->http,
                 .account.most = server->site->config->held_bytes_max,
                 .route = router_route,
                 .schedule = schedule},
        .site = site_get(server->site),
        .common = &server->common,
        .index = index,
        .publish = publish,
        .said_lock = PTHREAD_MUTEX_INITIALIZER,
    };
    worker->listener.fd = worker->metrics_listener.fd = -1;
    worker->tick.fire = tick_fire;
    worker->turn.fire = turn_fire;
    worker->accept_again.fire = accept_again;
    worker->drain.fire = drain_step;
    int err = http_init(&worker->api.http);
    if (err) err = report_set(report, err, "no memory for a worker");
    if (!err) err = loop_new(&worker->loop, worker, report);
    worker->api.http.loop = worker->loop;
    if (!err) loop_before_turn(worker->loop, before_turn);
    if (!err) err = make_hub(worker, report);
    if (!err &&
        (listen_on(worker, &worker->listener, listener, listener_ready) ||
         listen_on(worker, &worker->metrics_listener, metrics_listener, metrics_listener_ready))) {
        err = report_errno(report, ERR_SYSTEM, "epoll_ctl");
    }
    if (!err && loop_timer_set(worker->loop, &worker->tick,
                               loop_now(worker->loop) + hub_tick_ms(worker->api.hub))) {
        err = report_set(report, ERR_NOMEM, "no memory for a worker");
    }
    if (err) {
        // The caller keeps the sockets.
        worker->listener.fd = worker->metrics_listener.fd = -1;
        worker_free(worker);
        return err;
    }
    *out = worker;
    return 0;
}

int worker_run(struct worker *worker, struct report *report) {
    errno = pthread_create(&worker->thread, NULL, run, worker);
    if (errno) return report_errno(report, ERR_SYSTEM, "a worker thread cannot be started");
    worker->running = true;
    return 0;
}

void worker_stop(struct worker *const *workers, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (!workers[i]->running) continue;
        send_simple(workers[i], run_stop);
        pthread_join(workers[i]->thread, NULL);
    }
    // What was sent while the loops ended (batches, answers) is taken here. Some of it is answered,
    // so none may be freed before all have been round once.
    for (unsigned round = 0; round <= count; round++) {
        for (unsigned i = 0; i < count; i++) loop_drain(workers[i]->loop);
    }
    for (unsigned i = 0; i < count; i++) worker_free(workers[i]);
}
