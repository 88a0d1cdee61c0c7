// SPDX-License-Identifier: MIT
// One thread's event loop: descriptors (epoll), timers (a binary heap), messages from other threads
// (inbox), and memory that is freed at the end of a turn, because events of the turn may still
// point to it.
//
// All functions are for the loop's own thread, except loop_send, loop_put and loop_wake. A turn
// runs the messages that have come before anything else. It serves messages and descriptors for
// 20 ms at most; what is left comes first in the next turn.
#ifndef TAILRACE_SYS_LOOP_H
#define TAILRACE_SYS_LOOP_H

#include "base/err.h"
#include "base/str.h"
#include "sys/inbox.h"

struct loop;

// Embedded in the owner of the descriptor. `ready` gets EPOLL… bits.
struct loop_io {
    int fd;
    uint32_t events; // what is registered now
    void (*ready)(struct loop_io *io, uint32_t events);
};

// Embedded. Zeroed means not armed. `fire` runs once, with the timer disarmed.
struct loop_timer {
    uint64_t at_ms;
    size_t slot; // place in the heap, from 1; 0: not armed
    void (*fire)(struct loop_timer *timer);
};

// Embedded in memory that is freed at the end of the turn.
struct loop_retired {
    struct loop_retired *next;
    void (*release)(struct loop_retired *retired);
};

// `owner` is the receiver that messages get.
int loop_new(struct loop **out, void *owner, struct report *report) MUST_CHECK;
// Nothing may be registered any more, except timers, which are forgotten.
void loop_free(struct loop *loop);

// Registers io->fd for `events` (EPOLLIN | …; level-triggered unless EPOLLET is given).
int loop_add(struct loop *loop, struct loop_io *io, uint32_t events) MUST_CHECK;
// Changes the events that are waited for. No system call when they are the same.
void loop_change(struct loop *loop, struct loop_io *io, uint32_t events);
// Forgets the descriptor; close it afterwards. The memory of `io` must live until the end of the
// turn (loop_retire).
void loop_remove(struct loop *loop, struct loop_io *io);

// Arms or moves the timer. ERR_NOMEM: only for a timer that was not armed.
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms) MUST_CHECK;
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

void loop_retire(struct loop *loop, struct loop_retired *retired,
                 void (*release)(struct loop_retired *retired));

// Any thread: message->run(message, owner) is going to be called on the loop's thread.
void loop_send(struct loop *loop, struct inbox_message *message);
// The same in two steps, for a message to several loops of which none may wake before all have it.
// loop_put is true when loop_wake is needed.
bool loop_put(struct loop *loop, struct inbox_message *message) MUST_CHECK;
void loop_wake(struct loop *loop);
// If this thread has sent messages to its own loop in this turn: runs them now, and all others that
// have come; but for what there is no time for any more, which comes first in the next turn.
void loop_take_own(struct loop *loop);

// clock_mono_ms at the beginning of this turn.
uint64_t loop_now(const struct loop *loop);

// The processor time of the loop's thread in its turns, exact to about a millisecond.
struct loop_turns {
    uint64_t cpu_us_max; // of the longest; 0: none took a millisecond
    uint64_t long_total; // those that took more than LOOP_LONG_TURN_US
};
// A turn that takes more than this makes others wait for too long.
#define LOOP_LONG_TURN_US 50000
// Of all turns that have ended.
struct loop_turns loop_turns(const struct loop *loop);

// Before loop_run: `before_turn` is called with the owner before anything else in each turn, with
// the time of clock_mono_us.
void loop_before_turn(struct loop *loop, void (*before_turn)(void *owner, uint64_t now_us));
// Runs turns until loop_stop. `after_turn`, which may be NULL, is called with the owner when
// everything that was ready has been handled.
void loop_run(struct loop *loop, void (*after_turn)(void *owner));
void loop_stop(struct loop *loop);
// Call after loop_run has returned and its thread is joined: runs the messages that came too late,
// so that none is lost.
void loop_drain(struct loop *loop);

#endif
