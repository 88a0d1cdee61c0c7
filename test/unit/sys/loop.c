// SPDX-License-Identifier: MIT
// The event loop: descriptors, timers, messages, retired memory.
#include "sys/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/container.h"
#include "sys/clock.h"

// The owner of the loop under test, and what its callbacks have seen.
struct world {
    struct loop *loop;
    char seen[64];
    size_t count;
    unsigned turns;
    unsigned turns_max; // stop after so many; 0: the test stops the loop
};

static struct world world;

static void see(char c) {
    if (world.count < sizeof world.seen - 1) world.seen[world.count++] = c;
}

static void after_turn(void *owner) {
    cr_assert_eq(owner, &world);
    if (++world.turns == world.turns_max) loop_stop(world.loop);
}

static void setup(void) {
    struct report report = {0};
    cr_assert_eq(loop_new(&world.loop, &world, &report), 0, "%s", report.text);
}

static void teardown(void) { loop_free(world.loop); }

TestSuite(loop, .init = setup, .fini = teardown, .timeout = 60);

struct timer {
    struct loop_timer timer;
    char name;
    struct timer *clears;
    bool again, stops;
};

static void fire(struct loop_timer *base) {
    struct timer *timer = container_of(base, struct timer, timer);
    cr_assert_eq(base->slot, 0, "disarmed when it fires");
    see(timer->name);
    if (timer->clears) loop_timer_clear(world.loop, &timer->clears->timer);
    if (timer->again) cr_assert_eq(loop_timer_set(world.loop, base, loop_now(world.loop)), 0);
    if (timer->stops) loop_stop(world.loop);
}

static void arm(struct timer *timer, uint64_t at_ms) {
    timer->timer.fire = fire;
    cr_assert_eq(loop_timer_set(world.loop, &timer->timer, at_ms), 0);
}

Test(loop, timers_fire_in_the_order_of_their_times) {
    uint64_t now = loop_now(world.loop);
    struct timer c = {.name = 'c'}, a = {.name = 'a'}, b = {.name = 'b', .stops = false};
    struct timer last = {.name = 'z', .stops = true};
    arm(&last, now + 20);
    arm(&c, now + 3);
    arm(&a, now + 10);
    arm(&b, now + 2);
    arm(&a, now + 1);
    loop_run(world.loop, NULL);
    cr_assert_str_eq(world.seen, "abcz");
    cr_assert(loop_now(world.loop) >= now + 20);
}

Test(loop, timers_in_any_order_come_out_sorted) {
    enum { COUNT = 500 };
    static struct timer timers[COUNT];
    static uint64_t times[COUNT];
    unsigned random = 1;
    for (int i = 0; i < COUNT; i++) {
        random = random * 1103515245 + 12345;
        timers[i].timer.fire = fire;
        cr_assert_eq(loop_timer_set(world.loop, &timers[i].timer, 1000000 + (random >> 8) % 5000),
                     0);
    }
    for (int i = 0; i < COUNT; i++) {
        random = random * 1103515245 + 12345;
        if (random >> 30 == 0) loop_timer_clear(world.loop, &timers[i].timer);
        if (random >> 30 == 1) {
            cr_assert_eq(
                loop_timer_set(world.loop, &timers[i].timer, 1000000 + (random >> 8) % 5000), 0);
        }
    }
    // A child in the heap is never due before its parent, and every timer knows its slot.
    size_t armed = 0;
    for (int i = 0; i < COUNT; i++) {
        if (!timers[i].timer.slot) continue;
        armed++;
        cr_assert_eq(times[timers[i].timer.slot], 0, "two timers in one slot");
        times[timers[i].timer.slot] = timers[i].timer.at_ms;
    }
    cr_assert_gt(armed, 200);
    for (size_t slot = 2; slot <= armed; slot++) cr_assert(times[slot / 2] <= times[slot]);
    for (int i = 0; i < COUNT; i++) loop_timer_clear(world.loop, &timers[i].timer);
}

Test(loop, a_cleared_timer_does_not_fire) {
    uint64_t now = loop_now(world.loop);
    struct timer never = {.name = 'n'}, twin = {.name = 't'};
    struct timer first = {.name = 'a', .clears = &twin}, last = {.name = 'z', .stops = true};
    loop_timer_clear(world.loop, &never.timer);
    arm(&never, now);
    loop_timer_clear(world.loop, &never.timer);
    loop_timer_clear(world.loop, &never.timer);
    arm(&first, now);
    arm(&twin, now + 1);
    arm(&last, now + 5);
    loop_run(world.loop, NULL);
    cr_assert_str_eq(world.seen, "az");
}

Test(loop, a_timer_that_is_always_due_does_not_starve_the_rest) {
    struct timer busy = {.name = 'b', .again = true};
    arm(&busy, loop_now(world.loop));
    world.turns_max = 3;
    loop_run(world.loop, after_turn);
    cr_assert_str_eq(world.seen, "bbb");
    loop_timer_clear(world.loop, &busy.timer);
}

struct io {
    struct loop_io io;
    char name;
    struct io *removes;
};

static void ready(struct loop_io *base, uint32_t events) {
    struct io *io = container_of(base, struct io, io);
    cr_assert(events & EPOLLIN);
    see(io->name);
    if (io->removes && io->removes->io.ready) loop_remove(world.loop, &io->removes->io);
}

static void watch(struct io *io) {
    io->io.fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    io->io.ready = ready;
    cr_assert_eq(loop_add(world.loop, &io->io, EPOLLIN), 0);
}

Test(loop, readiness_is_reported_until_it_is_no_longer_wanted) {
    struct io io = {.name = 'r'};
    watch(&io);
    world.turns_max = 2;
    loop_run(world.loop, after_turn);
    cr_assert_str_eq(world.seen, "rr");
    loop_change(world.loop, &io.io, 0);
    loop_change(world.loop, &io.io, 0);
    struct timer last = {.name = 'z', .stops = true};
    arm(&last, clock_mono_ms() + 5);
    loop_run(world.loop, NULL);
    cr_assert_str_eq(world.seen, "rrz");
    loop_remove(world.loop, &io.io);
    close(io.io.fd);
}

Test(loop, a_descriptor_removed_in_this_turn_is_not_called_any_more) {
    struct io a = {.name = 'x'}, b = {.name = 'x'};
    a.removes = &b;
    b.removes = &a;
    watch(&a);
    watch(&b);
    world.turns_max = 1;
    loop_run(world.loop, after_turn);
    cr_assert_str_eq(world.seen, "x", "both were ready, the first removed the other");
    if (a.io.ready) loop_remove(world.loop, &a.io);
    if (b.io.ready) loop_remove(world.loop, &b.io);
    close(a.io.fd);
    close(b.io.fd);
}

Test(loop, a_bad_descriptor_is_refused) {
    struct loop_io io = {.fd = -1, .ready = ready};
    cr_assert_eq(loop_add(world.loop, &io, EPOLLIN), ERR_SYSTEM);
}

struct retiree {
    struct loop_retired retired;
    bool more;
};

static void release(struct loop_retired *retired) {
    see('r');
    struct retiree *retiree = container_of(retired, struct retiree, retired);
    if (retiree->more)
        loop_retire(world.loop, &((struct retiree *)calloc(1, sizeof *retiree))->retired, release);
    free(retired);
}

static void retire(struct loop_timer *timer) {
    (void)timer;
    struct retiree *retiree = calloc(1, sizeof *retiree);
    retiree->more = true;
    loop_retire(world.loop, &retiree->retired, release);
    see('t');
}

static void turn_over(void *owner) {
    (void)owner;
    see('o');
    loop_stop(world.loop);
}

Test(loop, what_is_retired_is_freed_when_the_turn_is_over) {
    struct loop_timer timer = {.fire = retire};
    cr_assert_eq(loop_timer_set(world.loop, &timer, 0), 0);
    loop_run(world.loop, turn_over);
    cr_assert_str_eq(world.seen, "torr");
}

Test(loop, freeing_the_loop_frees_what_is_retired) {
    struct loop *loop;
    cr_assert_eq(loop_new(&loop, NULL, NULL), 0);
    loop_retire(loop, &((struct retiree *)calloc(1, sizeof(struct retiree)))->retired, release);
    loop_free(loop);
    loop_free(NULL);
    cr_assert_str_eq(world.seen, "r");
}

struct letter {
    struct inbox_message message;
    bool last;
};

static void receive(struct inbox_message *message, void *receiver) {
    cr_assert_eq(receiver, &world);
    world.turns++;
    if (container_of(message, struct letter, message)->last) loop_stop(world.loop);
}

static void *send_letters(void *context) {
    struct letter *letters = context;
    for (int i = 0; i < 1000; i++) {
        letters[i].message.run = receive;
        letters[i].last = i == 999;
        loop_send(world.loop, &letters[i].message);
    }
    return NULL;
}

Test(loop, messages_of_another_thread_wake_it) {
    static struct letter letters[1000];
    pthread_t thread;
    pthread_create(&thread, NULL, send_letters, letters);
    loop_run(world.loop, NULL);
    pthread_join(thread, NULL);
    cr_assert_eq(world.turns, 1000);
}

static void send_to_itself(void *owner) {
    static struct letter letter;
    static int rounds;
    cr_assert_eq(owner, &world);
    if (rounds++ == 3) {
        // Runs when asked for; nothing is left for the next turn.
        letter.last = true;
        loop_send(world.loop, &letter.message);
        loop_take_own(world.loop);
        cr_assert_eq(world.turns, 5);
    } else {
        letter.message.run = receive;
        loop_send(world.loop, &letter.message);
    }
}

Test(loop, what_it_sends_to_itself_comes_without_a_wake) {
    static struct letter first;
    // Until it runs, the message is not this one's.
    first.message.run = receive;
    loop_send(world.loop, &first.message);
    loop_run(world.loop, send_to_itself);
    cr_assert_eq(world.turns, 5);
}

// --- how much a turn serves ----------------------------------------------------------------------

static void spin(void) {
    uint64_t until_us = clock_mono_us() + 12000;
    while (clock_mono_us() < until_us) continue;
}

static void slow_ready(struct loop_io *base, uint32_t events) {
    struct io *io = container_of(base, struct io, io);
    (void)events;
    see(io->name);
    loop_change(world.loop, base, 0);
    if (io->removes) loop_remove(world.loop, &io->removes->io);
    spin();
}

static void tell_turn(void *owner) {
    see('|');
    after_turn(owner);
}

// What was seen, in turns of at most two messages or descriptors, and one descriptor behind
// messages: each takes more than half of the time, or longer where others have the processor.
static void expect_pairs(const char *letters) {
    size_t turn = 0, at = 0;
    for (size_t i = 0; i < world.count; i++) {
        turn = world.seen[i] == '|' ? 0 : turn + 1;
        cr_assert_leq(turn, 3, "%s", world.seen);
        if (turn) cr_assert_eq(world.seen[i], letters[at++], "%s", world.seen);
    }
    cr_assert_eq(letters[at], '\0', "%s", world.seen);
}

Test(loop, many_that_are_ready_are_served_in_several_turns_and_each_once) {
    struct io all[6];
    for (int i = 0; i < 6; i++) {
        all[i] = (struct io){.name = (char)('a' + i)};
        watch(&all[i]);
        all[i].io.ready = slow_ready;
    }
    all[0].removes = &all[5];
    world.turns_max = 5;
    struct timer often = {.name = '|', .again = true};
    arm(&often, loop_now(world.loop));
    loop_run(world.loop, tell_turn);
    expect_pairs("abcde"); // the one that was removed is not called
    loop_timer_clear(world.loop, &often.timer);
    for (int i = 0; i < 6; i++) {
        if (all[i].io.ready) loop_remove(world.loop, &all[i].io);
        close(all[i].io.fd);
    }
}

static void slow_receive(struct inbox_message *message, void *receiver) {
    (void)message;
    cr_assert_eq(receiver, &world);
    see('m');
    spin();
}

Test(loop, messages_have_several_turns_too_and_nothing_overtakes_them) {
    static struct inbox_message messages[5];
    struct io io = {.name = 'r'};
    watch(&io);
    io.io.ready = slow_ready;
    for (int i = 0; i < 5; i++) {
        messages[i].run = slow_receive;
        loop_send(world.loop, &messages[i]);
    }
    world.turns_max = 6;
    struct timer often = {.name = '|', .again = true};
    arm(&often, loop_now(world.loop));
    loop_run(world.loop, tell_turn);
    expect_pairs("mmmmmr");
    loop_timer_clear(world.loop, &often.timer);
    loop_remove(world.loop, &io.io);
    close(io.io.fd);
}

Test(loop, messages_for_which_there_was_no_time_are_not_lost_at_the_end) {
    static struct inbox_message messages[3];
    for (int i = 0; i < 3; i++) {
        messages[i].run = slow_receive;
        loop_send(world.loop, &messages[i]);
    }
    world.turns_max = 1;
    loop_run(world.loop, tell_turn);
    size_t before = world.count;
    cr_assert_leq(before, strlen("mm|"));
    loop_drain(world.loop);
    cr_assert_eq(world.count, strlen("mmm|"));
    cr_assert_eq(world.seen[world.count - 1], 'm');
}

// --- how long turns take -------------------------------------------------------------------------

static uint64_t turn_began_us;

static void begin_turn(void *owner, uint64_t now_us) {
    cr_assert_eq(owner, &world);
    turn_began_us = now_us;
    see('B');
}

Test(loop, says_when_a_turn_begins) {
    struct timer last = {.name = 'z', .stops = true};
    uint64_t before_us = clock_mono_us();
    loop_before_turn(world.loop, begin_turn);
    arm(&last, loop_now(world.loop));
    loop_run(world.loop, NULL);
    cr_assert_str_eq(world.seen, "Bz", "before anything else");
    cr_assert(turn_began_us >= before_us && turn_began_us <= clock_mono_us());
    cr_assert_eq(turn_began_us / 1000, loop_now(world.loop), "the time of the turn");
}

static void work(struct loop_timer *timer) {
    uint64_t until_us = clock_thread_us() + LOOP_LONG_TURN_US + 1000;
    while (clock_thread_us() < until_us) continue;
    fire(timer);
}

static void rest(struct loop_timer *timer) {
    struct timespec while_ns = {.tv_nsec = (LOOP_LONG_TURN_US + 1000) * 1000};
    nanosleep(&while_ns, NULL);
    fire(timer);
}

Test(loop, counts_turns_that_use_the_processor_for_long) {
    struct timer busy = {.name = 'b'}, idle = {.name = 'i', .stops = true};
    arm(&busy, loop_now(world.loop));
    busy.timer.fire = work;
    arm(&idle, loop_now(world.loop) + 1);
    idle.timer.fire = rest;
    // The clock of the loop stands in a turn: the second timer is one of the next turn's.
    loop_run(world.loop, NULL);
    struct loop_turns turns = loop_turns(world.loop);
    cr_assert_str_eq(world.seen, "bi");
    cr_assert_eq(turns.long_total, 1, "time in which a turn sleeps does not count");
    cr_assert_geq(turns.cpu_us_max, LOOP_LONG_TURN_US + 1000 - 2);
    cr_assert_lt(turns.cpu_us_max, 10 * LOOP_LONG_TURN_US);
}

static void work_a_little(struct loop_timer *timer) {
    uint64_t until_us = clock_thread_us() + 300;
    while (clock_thread_us() < until_us) continue;
    fire(timer);
}

Test(loop, many_short_turns_are_no_long_one) {
    struct timer busy = {.name = 'b', .again = true};
    arm(&busy, loop_now(world.loop));
    busy.timer.fire = work_a_little;
    world.turns_max = 300;
    loop_run(world.loop, after_turn);
    struct loop_turns turns = loop_turns(world.loop);
    cr_assert_eq(turns.long_total, 0);
    cr_assert_lt(turns.cpu_us_max, LOOP_LONG_TURN_US / 10);
    loop_timer_clear(world.loop, &busy.timer);
}
