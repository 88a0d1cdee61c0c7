// SPDX-License-Identifier: MIT
// A worker.
#include "server/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "api/stream.h"
#include "http/conn.h"
#include "proto/http1.h"
#include "server/server_priv.h"
#include "sys/clock.h"
#include "sys/log.h"

// Connections taken in one turn, so that a flood of them does not starve those that are there.
#define ACCEPTS_A_TURN 64
// When descriptors have run out, how long not to try.
#define ACCEPT_PAUSE_MS 100
// Draining ends a stream every so often, if the window allows.
#define DRAIN_MS_EACH 50
// The shortest pause between two steps; more than one stream is ended in each when there are many.
#define DRAIN_STEP_MS 10

struct committed {
    struct inbox_message message;
    struct batch *batch;
    uint64_t number;
};

struct new_site {
    struct inbox_message message;
    struct site *site;
};

// --- accepting ------------------------------------------------------------------------------------------------------

static void pause_accepting(struct worker *worker) {
    log_write(LOG_WARN,
              "no more descriptors: connections wait; raise the limit of open files (ulimit -n)");
    loop_change(worker->loop, &worker->listener, 0);
    if (worker->metrics_listener.fd >= 0) loop_change(worker->loop, &worker->metrics_listener, 0);
    (void)!loop_timer_set(worker->loop, &worker->accept_again,
                          loop_now(worker->loop) + ACCEPT_PAUSE_MS);
}

static void accept_again(struct loop_timer *timer) {
    struct worker *worker =
        (struct worker *)(void *)((char *)timer - offsetof(struct worker, accept_again));
    if (worker->listener.fd >= 0) loop_change(worker->loop, &worker->listener, EPOLLIN);
    if (worker->metrics_listener.fd >= 0)
        loop_change(worker->loop, &worker->metrics_listener, EPOLLIN);
}

static void accept_some(struct worker *worker, int listener, bool metrics) {
    const struct config *config = worker->site->config;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct net_address address;
        int fd = net_accept(listener, &address);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(worker);
            return;
        }
        enum admission_answer answer =
            admission_enter(worker->server->admission, &address, config->connections_max,
                            config->connections_per_address_max);
        worker->counts.connections_total++;
        if (answer == ADMIT_REFUSE) {
            worker->counts.refused_total++;
            close(fd);
            continue;
        }
        conn_accept(worker, fd, &address, answer, metrics);
    }
}

static void listener_ready(struct loop_io *io, uint32_t events) {
    (void)events;
    accept_some((struct worker *)(void *)((char *)io - offsetof(struct worker, listener)), io->fd,
                false);
}

static void metrics_listener_ready(struct loop_io *io, uint32_t events) {
    (void)events;
    accept_some((struct worker *)(void *)((char *)io - offsetof(struct worker, metrics_listener)),
                io->fd, true);
}

static void stop_listening(struct worker *worker, struct loop_io *io) {
    if (io->fd < 0) return;
    loop_remove(worker->loop, io);
    close(io->fd);
    io->fd = -1;
}

// --- turns ----------------------------------------------------------------------------------------------------------

static void run_journal(struct worker *worker) {
    if (!worker->published) return;
    worker->published = false;
    journal_run(worker->server->journal);
    loop_take_own(worker->loop);
}

static void after_turn(void *owner) {
    struct worker *worker = owner;
    uint64_t now = loop_now(worker->loop);
    // Before the fan-out: a commit can go on beside it, and what needs none is part of it.
    run_journal(worker);
    hub_deliver(worker->hub, now);
    bool more = hub_continue(worker->hub, now);
    while (worker->deferred) {
        struct conn *conn = worker->deferred;
        worker->deferred = conn->next_deferred;
        conn_after_turn(conn);
    }
    // It leaves events to deliver, and publishes that have had to wait for it.
    more = worker->published || more;
    run_journal(worker);
    uint64_t due = more || worker->deferred ? now : hub_next_due(worker->hub);
    if (due == UINT64_MAX) {
        loop_timer_clear(worker->loop, &worker->turn);
    } else {
        (void)!loop_timer_set(worker->loop, &worker->turn, due);
    }
}

int worker_publish(struct worker *worker, struct publish *publish) {
    int err = journal_enqueue(worker->server->journal, publish);
    if (!err) worker->published = true;
    return err;
}

static void turn_fire(struct loop_timer *timer) { (void)timer; }

void worker_schedule(struct worker *worker) {
    (void)!loop_timer_set(worker->loop, &worker->turn, loop_now(worker->loop));
}

static void tick_fire(struct loop_timer *timer) {
    struct worker *worker =
        (struct worker *)(void *)((char *)timer - offsetof(struct worker, tick));
    hub_tick(worker->hub, loop_now(worker->loop));
    (void)!loop_timer_set(worker->loop, &worker->tick,
                          loop_now(worker->loop) + hub_tick_ms(worker->hub));
}

// --- messages -------------------------------------------------------------------------------------------------------

static void run_committed(struct inbox_message *message, void *receiver) {
    struct committed *committed = (struct committed *)(void *)message;
    struct worker *worker = receiver;
    size_t bytes = committed->batch->bytes;
    // A few instructions of the journal's, unless it was interrupted there.
    while (atomic_load_explicit(&worker->server->handed, memory_order_acquire) < committed->number)
        sched_yield();
    hub_apply(worker->hub, committed->batch);
    server_taken(worker->server, bytes);
    free(committed);
}

void worker_committed(struct worker *worker, struct batch *batch, uint64_t number) {
    struct committed *committed = malloc(sizeof *committed);
    // Without it this worker's subscribers would miss events without a word; a restart loses nothing.
    ASSERT(committed);
    *committed = (struct committed){{.run = run_committed}, batch, number};
    worker->to_wake = loop_put(worker->loop, &committed->message);
}

void worker_wake(struct worker *worker) {
    if (worker->to_wake) loop_wake(worker->loop);
}

static void run_new_site(struct inbox_message *message, void *receiver) {
    struct new_site *new_site = (struct new_site *)(void *)message;
    struct worker *worker = receiver;
    site_put(worker->site);
    worker->site = new_site->site;
    hub_set_heartbeat(worker->hub, worker->site->config->heartbeat_ms);
    free(new_site);
}

void worker_set_site(struct worker *worker, struct site *site) {
    struct new_site *new_site = malloc(sizeof *new_site);
    ASSERT(new_site);
    *new_site = (struct new_site){{.run = run_new_site}, site};
    loop_send(worker->loop, &new_site->message);
}

// Ends streams one after the other (a few at once when there are many), so that their clients do not all come back together.
static void drain_step(struct loop_timer *timer) {
    struct worker *worker =
        (struct worker *)(void *)((char *)timer - offsetof(struct worker, drain));
    uint64_t now = loop_now(worker->loop);
    size_t left = hub_end_some(
        worker->hub, now >= worker->drain_until_ms ? SIZE_MAX : worker->drain_share, "drain");
    for (struct conn *conn = worker->conns, *next; conn; conn = next) {
        next = conn->next;
        conn_drain(conn);
    }
    if (left || worker->conns_count)
        (void)!loop_timer_set(worker->loop, &worker->drain, now + worker->drain_step_ms);
}

static void run_drain(struct inbox_message *message, void *receiver) {
    struct worker *worker = receiver;
    free(message);
    if (worker->draining) return;
    worker->draining = true;
    struct hub_counts counts;
    hub_counts(worker->hub, &counts);
    // Few streams are not worth the whole window.
    uint64_t window = counts.subscribers * DRAIN_MS_EACH;
    if (window > worker->site->config->drain_ms) window = worker->site->config->drain_ms;
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
    worker->stopping = true;
    while (worker->conns) conn_close(worker->conns);
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

// --- life -----------------------------------------------------------------------------------------------------------

static void *run(void *context) {
    struct worker *worker = context;
    char name[16] = "worker-";
    name[7] = (char)('0' + worker->index / 10 % 10);
    name[8] = (char)('0' + worker->index % 10);
    pthread_setname_np(pthread_self(), name);
    loop_run(worker->loop, after_turn);
    return NULL;
}

static void load_topic(void *context, const struct topic_state *topic) {
    struct worker *worker = context;
    int err = hub_load_topic(worker->hub, topic);
    ASSERT(!err);
}

static int listen_on(struct worker *worker, struct loop_io *io, int fd,
                     void (*ready)(struct loop_io *io, uint32_t events)) {
    *io = (struct loop_io){.fd = fd, .ready = ready};
    return fd < 0 ? 0 : loop_add(worker->loop, io, EPOLLIN);
}

static int make_hub(struct worker *worker, struct report *report) {
    struct server *server = worker->server;
    const struct config *config = worker->site->config;
    struct store_reader *reader;
    int err = journal_reader_open(server->journal, &reader);
    if (err) return report_set(report, err, "the journal cannot be read: %s", err_text(err));
    struct hub_config hub = {
        .epoch = journal_epoch(server->journal),
        .store = reader,
        .position = journal_last_seq(server->journal),
        .ring_events = config->ring_events,
        .ring_bytes = config->ring_bytes,
        .heartbeat_ms = config->heartbeat_ms,
        .clock_us = clock_mono_us,
    };
    err = hub_new(&worker->hub, &hub, report);
    if (err) {
        store_reader_close(reader);
        return err;
    }
    journal_topics(server->journal, load_topic, worker);
    return 0;
}

static void worker_free(struct worker *worker) {
    if (worker->loop) {
        stop_listening(worker, &worker->listener);
        stop_listening(worker, &worker->metrics_listener);
    }
    loop_free(worker->loop);
    hub_free(worker->hub);
    site_put(worker->site);
    http1_parser_free(worker->spare_parser);
    free(worker->read_buffer);
    free(worker);
}

int worker_new(struct worker **out, struct server *server, unsigned index, int listener,
               int metrics_listener, struct report *report) {
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) return report_set(report, ERR_NOMEM, "no memory for a worker");
    worker->server = server;
    worker->index = index;
    worker->site = site_get(server->site);
    worker->listener.fd = worker->metrics_listener.fd = -1;
    worker->tick.fire = tick_fire;
    worker->turn.fire = turn_fire;
    worker->accept_again.fire = accept_again;
    worker->drain.fire = drain_step;
    worker->read_buffer = malloc(WORKER_READ_BYTES);
    if (getrandom(&worker->random, sizeof worker->random, 0) < 0) worker->random = clock_mono_ms();
    worker->random |= 1;
    int err = worker->read_buffer ? 0 : report_set(report, ERR_NOMEM, "no memory for a worker");
    if (!err) err = loop_new(&worker->loop, worker, report);
    if (!err) err = make_hub(worker, report);
    if (!err &&
        (listen_on(worker, &worker->listener, listener, listener_ready) ||
         listen_on(worker, &worker->metrics_listener, metrics_listener, metrics_listener_ready))) {
        err = report_errno(report, ERR_SYSTEM, "epoll_ctl");
    }
    if (!err && loop_timer_set(worker->loop, &worker->tick,
                               loop_now(worker->loop) + hub_tick_ms(worker->hub))) {
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
    // What was sent while the loops ended (batches, answers) is taken here. A survey goes on from one to the next, so none may be freed
    // before all have been round once.
    for (unsigned round = 0; round <= count; round++) {
        for (unsigned i = 0; i < count; i++) loop_drain(workers[i]->loop);
    }
    for (unsigned i = 0; i < count; i++) worker_free(workers[i]);
}

static uint64_t draw(struct worker *worker) {
    // xorshift64*: for jitter, not for secrets.
    worker->random ^= worker->random >> 12;
    worker->random ^= worker->random << 25;
    worker->random ^= worker->random >> 27;
    return worker->random * 0x2545F4914F6CDD1Du;
}

uint64_t worker_jitter(struct worker *worker, uint64_t ms) {
    uint64_t quarter = ms / 4;
    return ms - quarter + draw(worker) % (quarter * 2 + 1);
}

struct str worker_date(struct worker *worker) {
    uint64_t now = clock_unix_ms();
    if (now / 1000 != worker->date_s) {
        worker->date_s = now / 1000;
        http1_date(now, worker->date);
    }
    return str_from(worker->date);
}
