// SPDX-License-Identifier: MIT
// One thread's event loop.
#include "sys/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/array.h"
#include "base/container.h"
#include "sys/clock.h"

// Events taken from the kernel at once: enough to make the call cheap, few enough that timers are
// not late.
#define EVENTS_A_TURN 512

struct loop {
    int fd;
    bool stopped;
    bool own; // this thread has sent a message to itself, without a wake
    void *owner;
    uint64_t now_ms;
    void (*before_turn)(void *owner, uint64_t now_us); // NULL: nothing
    struct loop_turns turns;
    uint64_t cpu_us;  // the thread's processor time when it was asked for last
    uint64_t busy_us; // on the wall, in turns that began since then
    struct inbox inbox;
    struct loop_io inbox_io;
    struct loop_timer **heap; // heap[1] is the next one due
    size_t timers, heap_cap;
    struct loop_retired *retired;
    uint64_t began_us;              // the turn
    struct inbox_message *messages; // taken, and not run yet
    int at, count;                  // events taken; those before `at` have been handled
    struct epoll_event events[EVENTS_A_TURN];
};

// Messages and descriptors are served for so long in one turn. What is left comes next: a turn does
// not grow with the number of those who want something at once.
#define SERVE_US 20000

// The processor time of a thread is a system call, which costs three times as much as epoll_wait
// for nothing (0.5 us). A turn has not used more of it than passed on the wall, so it is asked for
// after this much time only: turns of a few microseconds do not pay for it.
#define CPU_US 1000

// The loop that runs on this thread.
static _Thread_local const struct loop *running;

static bool has_served(const struct loop *loop) {
    return clock_mono_us() - loop->began_us >= SERVE_US;
}

static void run_messages(struct loop *loop) {
    while (loop->messages) {
        struct inbox_message *message = loop->messages;
        loop->messages = message->next;
        message->run(message, loop->owner);
        if (has_served(loop)) break;
    }
}

// Runs those that have come, if none is left from before: they keep their order.
static void run_inbox(struct loop *loop) {
    if (!loop->messages) {
        loop->own = false;
        loop->messages = inbox_peel(&loop->inbox);
    }
    run_messages(loop);
}

static void inbox_ready(struct loop_io *io, uint32_t events) {
    (void)events;
    struct loop *loop = container_of(io, struct loop, inbox_io);
    loop->messages = inbox_take(&loop->inbox);
    run_messages(loop);
}

// A request must not be answered from a state that is older than the request: none is served while
// there are messages.
static void run_ready(struct loop *loop) {
    while (loop->at < loop->count && !loop->messages) {
        struct epoll_event *event = &loop->events[loop->at++];
        struct loop_io *io = event->data.ptr;
        uint32_t wanted = io ? event->events & (io->events | EPOLLERR | EPOLLHUP) : 0;
        if (wanted) io->ready(io, wanted);
        if (has_served(loop)) break;
    }
}

int loop_new(struct loop **out, void *owner, struct report *report) {
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) return report_set(report, ERR_NOMEM, "no memory for an event loop");
    loop->owner = owner;
    loop->now_ms = clock_mono_ms();
    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->fd < 0) {
        free(loop);
        return report_errno(report, ERR_SYSTEM, "epoll_create1");
    }
    if (inbox_init(&loop->inbox)) {
        int err = report_errno(report, ERR_SYSTEM, "eventfd");
        close(loop->fd);
        free(loop);
        return err;
    }
    loop->inbox_io = (struct loop_io){.fd = loop->inbox.fd, .ready = inbox_ready};
    if (loop_add(loop, &loop->inbox_io, EPOLLIN)) {
        int err = report_errno(report, ERR_SYSTEM, "epoll_ctl");
        loop_free(loop);
        return err;
    }
    *out = loop;
    return 0;
}

static void release_retired(struct loop *loop) {
    while (loop->retired) {
        struct loop_retired *retired = loop->retired;
        loop->retired = retired->next;
        retired->release(retired);
    }
}

void loop_free(struct loop *loop) {
    if (!loop) return;
    release_retired(loop);
    inbox_fini(&loop->inbox);
    close(loop->fd);
    free(loop->heap);
    free(loop);
}

int loop_add(struct loop *loop, struct loop_io *io, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = io};
    if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, io->fd, &event)) return ERR_SYSTEM;
    io->events = events;
    return 0;
}

void loop_change(struct loop *loop, struct loop_io *io, uint32_t events) {
    if (io->events == events) return;
    struct epoll_event event = {.events = events, .data.ptr = io};
    int failed = epoll_ctl(loop->fd, EPOLL_CTL_MOD, io->fd, &event);
    ASSERT(!failed);
    io->events = events;
}

void loop_remove(struct loop *loop, struct loop_io *io) {
    int failed = epoll_ctl(loop->fd, EPOLL_CTL_DEL, io->fd, NULL);
    ASSERT(!failed);
    io->ready = NULL;
    for (int i = loop->at; i < loop->count; i++) {
        if (loop->events[i].data.ptr == io) loop->events[i].data.ptr = NULL;
    }
}

static void heap_put(struct loop *loop, size_t slot, struct loop_timer *timer) {
    loop->heap[slot] = timer;
    timer->slot = slot;
}

// Moves the timer at `slot` to its place in the heap.
static void heap_settle(struct loop *loop, size_t slot) {
    struct loop_timer *timer = loop->heap[slot];
    while (slot > 1 && loop->heap[slot / 2]->at_ms > timer->at_ms) {
        heap_put(loop, slot, loop->heap[slot / 2]);
        slot /= 2;
    }
    for (;;) {
        size_t child = slot * 2;
        if (child > loop->timers) break;
        if (child < loop->timers && loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
            child++;
        if (loop->heap[child]->at_ms >= timer->at_ms) break;
        heap_put(loop, slot, loop->heap[child]);
        slot = child;
    }
    heap_put(loop, slot, timer);
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms) {
    timer->at_ms = at_ms;
    if (!timer->slot) {
        if (!array_reserve(loop->heap, loop->heap_cap, loop->timers + 2)) return ERR_NOMEM;
        heap_put(loop, ++loop->timers, timer);
    }
    heap_settle(loop, timer->slot);
    return 0;
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer) {
    if (!timer->slot) return;
    size_t slot = timer->slot;
    struct loop_timer *last = loop->heap[loop->timers--];
    timer->slot = 0;
    if (last == timer) return;
    heap_put(loop, slot, last);
    heap_settle(loop, slot);
}

void loop_retire(struct loop *loop, struct loop_retired *retired,
                 void (*release)(struct loop_retired *retired)) {
    retired->release = release;
    retired->next = loop->retired;
    loop->retired = retired;
}

bool loop_put(struct loop *loop, struct inbox_message *message) {
    bool first = inbox_put(&loop->inbox, message);
    if (loop == running) loop->own = true;
    return first && loop != running;
}

void loop_wake(struct loop *loop) { inbox_wake(&loop->inbox); }

void loop_send(struct loop *loop, struct inbox_message *message) {
    if (loop_put(loop, message)) loop_wake(loop);
}

void loop_take_own(struct loop *loop) {
    if (loop->own && !loop->messages) run_inbox(loop);
}

uint64_t loop_now(const struct loop *loop) { return loop->now_ms; }

void loop_stop(struct loop *loop) { loop->stopped = true; }

void loop_drain(struct loop *loop) {
    inbox_run(loop->messages, loop->owner);
    loop->messages = NULL;
    inbox_run(inbox_take(&loop->inbox), loop->owner);
    release_retired(loop);
}

static int wait_ms(const struct loop *loop) {
    if (loop->own || loop->messages) return 0;
    if (!loop->timers) return -1;
    uint64_t at = loop->heap[1]->at_ms;
    uint64_t wait = at > loop->now_ms ? at - loop->now_ms : 0;
    return wait > 60000 ? 60000 : (int)wait;
}

struct loop_turns loop_turns(const struct loop *loop) {
    return loop->turns;
}

void loop_before_turn(struct loop *loop, void (*before_turn)(void *owner, uint64_t now_us)) {
    loop->before_turn = before_turn;
}

// A turn begins.
static void begin_turn(struct loop *loop) {
    // Short turns before a long one must not be taken for a part of it.
    if (loop->busy_us >= CPU_US) {
        loop->cpu_us = clock_thread_us();
        loop->busy_us = 0;
    }
    if (loop->before_turn) loop->before_turn(loop->owner, loop->began_us);
}

// A turn that took so long on the wall has ended.
static void count_turn(struct loop *loop, uint64_t turn_us) {
    loop->busy_us += turn_us;
    if (turn_us < CPU_US) return;
    uint64_t cpu_us = clock_thread_us(), used_us = cpu_us - loop->cpu_us;
    if (used_us > turn_us) used_us = turn_us;
    loop->cpu_us = cpu_us;
    loop->busy_us = 0;
    if (used_us > loop->turns.cpu_us_max) loop->turns.cpu_us_max = used_us;
    if (used_us > LOOP_LONG_TURN_US) loop->turns.long_total++;
}

void loop_run(struct loop *loop, void (*after_turn)(void *owner)) {
    uint64_t ended_us = clock_mono_us();
    loop->stopped = false;
    loop->cpu_us = clock_thread_us();
    loop->busy_us = 0;
    running = loop;
    while (!loop->stopped) {
        loop->now_ms = ended_us / 1000;
        if (loop->at == loop->count) {
            loop->at = 0;
            loop->count = epoll_wait(loop->fd, loop->events, EVENTS_A_TURN, wait_ms(loop));
            ASSERT(loop->count >= 0 || errno == EINTR);
            if (loop->count < 0) loop->count = 0;
        }
        loop->began_us = clock_mono_us();
        loop->now_ms = loop->began_us / 1000;
        begin_turn(loop);
        run_inbox(loop);
        run_ready(loop);
        // At most as many timers as are armed now: a timer that is armed again for the present time
        // must not keep the turn from ending.
        for (size_t due = loop->timers; due && loop->timers && loop->heap[1]->at_ms <= loop->now_ms;
             due--) {
            struct loop_timer *timer = loop->heap[1];
            loop_timer_clear(loop, timer);
            timer->fire(timer);
        }
        loop_take_own(loop);
        if (after_turn) after_turn(loop->owner);
        release_retired(loop);
        ended_us = clock_mono_us();
        count_turn(loop, ended_us - loop->began_us);
    }
    running = NULL;
}
