// SPDX-License-Identifier: MIT
// Events on their way to a journal that takes them, refuses them, and commits them when a test says
// so.
#include "api/submission.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

#define QUEUE_MAX 100

static struct api api;
static struct loop *loop;
static struct submission submission;
static int refusal; // what the journal says to the next publish
static struct publish *queue[QUEUE_MAX];
static size_t queued, holds_on, settled_times;
static bool held;
static uint64_t seq;

static int take(struct api *context, struct publish *publish) {
    (void)context;
    if (refusal) return refusal;
    cr_assert_lt(queued, QUEUE_MAX);
    queue[queued++] = publish;
    return 0;
}

static void on_hold(struct submission *of, bool on) {
    cr_assert_eq(of, &submission);
    if (on && !held) holds_on++;
    held = on;
}

static void on_settled(struct submission *of) {
    cr_assert_eq(of, &submission);
    settled_times++;
}

static const struct submission_ops ops = {.hold = on_hold, .settled = on_settled};

static void stop_after(void *owner) {
    (void)owner;
    loop_stop(loop);
}

static void turn(void) { loop_run(loop, stop_after); }

// Commits the oldest publish with that result, or fails it.
static void commit(int result) {
    struct publish *publish = queue[0];
    memmove(queue, queue + 1, --queued * sizeof(struct publish *));
    for (uint32_t i = 0; i < publish->count; i++) event_free(publish->events[i]);
    publish->result = result;
    if (!result) {
        publish->first = seq + 1;
        publish->last = seq += publish->count;
    }
    publish->done(publish);
    turn();
}

static void add(const char *data) {
    struct event *event = event_new(STR("t"), STR(""), STR(""), str_from(data), 0);
    cr_assert(event);
    cr_assert_eq(submission_add(&submission, event), 0);
}

// As many publishes as the submission cuts `count` lines into.
static void add_lines(size_t count) {
    for (size_t i = 0; i < count; i++) add("line");
}

static void open_submission(bool waits) {
    struct report report = {0};
    cr_assert_eq(loop_new(&loop, NULL, &report), 0);
    api.http.loop = loop;
    api.publish = take;
    submission_init(&submission, &ops, &api, waits);
}

static void close_submission(void) {
    submission_fini(&submission);
    loop_free(loop);
}

Test(submission, one_event_is_handed_over_and_settled) {
    open_submission(false);
    add("x");
    submission_send(&submission);
    cr_assert_eq(queued, 1);
    cr_assert(!submission_is_idle(&submission));
    commit(0);
    cr_assert(submission_is_idle(&submission));
    cr_assert_eq(settled_times, 1);
    cr_assert_eq(submission.first, 1);
    cr_assert_eq(submission.count, 1);
    cr_assert_eq(api.counts.published_total, 1);
    close_submission();
}

Test(submission, a_few_are_under_way_and_the_rest_holds_its_sender) {
    open_submission(true);
    add_lines(LIMIT_PUBLISH_EVENTS / 4 * 6);
    submission_send(&submission);
    cr_assert_eq(queued, 4);
    cr_assert(held);
    commit(0);
    cr_assert_eq(queued, 4, "the next one follows");
    cr_assert(held);
    commit(0);
    cr_assert(!held, "nothing waits any more");
    while (queued) commit(0);
    cr_assert_eq(submission.last, LIMIT_PUBLISH_EVENTS / 4 * 6);
    cr_assert_eq(holds_on, 1);
    close_submission();
}

Test(submission, a_single_event_is_refused_when_there_is_no_room) {
    open_submission(false);
    refusal = ERR_BUSY;
    add("x");
    submission_send(&submission);
    cr_assert_eq(submission.err, ERR_BUSY);
    cr_assert(submission_is_idle(&submission));
    close_submission();
}

Test(submission, lines_wait_for_room_and_hold_their_sender) {
    open_submission(true);
    refusal = ERR_BUSY;
    add("x");
    submission_send(&submission);
    cr_assert(held && !submission.err && submission.retry.slot);
    turn();
    refusal = 0;
    while (!queued) turn();
    cr_assert(!held);
    commit(0);
    cr_assert(submission_is_idle(&submission));
    close_submission();
}

Test(submission, nothing_is_published_after_a_refusal) {
    open_submission(true);
    add_lines(LIMIT_PUBLISH_EVENTS / 4 * 6);
    submission_send(&submission);
    commit(0);
    commit(ERR_IO);
    cr_assert_eq(submission.err, ERR_IO);
    cr_assert_null(submission.first_waiting, "what waits would be out of order");
    cr_assert(!held);
    commit(0);
    cr_assert(!submission_is_idle(&submission));
    while (queued) commit(ERR_CLOSED);
    cr_assert(submission_is_idle(&submission));
    cr_assert_eq(submission.err, ERR_IO, "the first one counts");
    close_submission();
}

Test(submission, a_journal_that_stops_cannot_write) {
    open_submission(true);
    refusal = ERR_CLOSED;
    add("x");
    submission_send(&submission);
    cr_assert_eq(submission.err, ERR_IO);
    close_submission();
}

Test(submission, a_stopping_worker_waits_for_no_timer) {
    open_submission(true);
    refusal = ERR_BUSY;
    add("x");
    submission_send(&submission);
    api.http.stopping = true;
    submission_stop(&submission);
    cr_assert(submission_is_idle(&submission) && !submission.retry.slot);
    add("y");
    submission_send(&submission);
    cr_assert_eq(submission.err, ERR_BUSY);
    close_submission();
}

Test(submission, forgetting_is_an_operation_of_its_own) {
    open_submission(false);
    struct event *event = event_new(STR("t"), STR(""), STR(""), STR(""), 0);
    cr_assert_eq(submission_forget(&submission, event), 0);
    submission_send(&submission);
    cr_assert_eq(queue[0]->op, PUBLISH_FORGET);
    commit(ERR_NOT_FOUND);
    cr_assert_eq(submission.err, ERR_NOT_FOUND);
    close_submission();
}

Test(submission, large_events_go_one_by_one) {
    open_submission(true);
    char data[100001];
    memset(data, 'x', sizeof data - 1);
    data[sizeof data - 1] = '\0';
    for (int i = 0; i < 4; i++) add(data);
    cr_assert(submission_is_full(&submission));
    submission_send(&submission);
    cr_assert_eq(queued, 2);
    cr_assert_eq(queue[0]->count, 2);
    cr_assert(!submission_is_full(&submission));
    cr_assert_eq(submission.waiting_bytes, 0);
    while (queued) commit(0);
    close_submission();
}

// A line of nothing is an event with a topic, a type and a key, and that is what waits.
Test(submission, what_waits_is_bounded_by_memory_whatever_the_lines_are) {
    char text[LIMIT_TOPIC_BYTES];
    memset(text, 'x', sizeof text);
    open_submission(true);
    size_t events = 0, most = 0;
    refusal = ERR_BUSY;
    for (; !submission_is_full(&submission); events++) {
        struct event *event =
            event_new((struct str){text, LIMIT_TOPIC_BYTES}, (struct str){text, LIMIT_TYPE_BYTES},
                      (struct str){text, LIMIT_KEY_BYTES}, STR(""), 0);
        cr_assert_eq(submission_add(&submission, event), 0);
        most += LIMIT_TOPIC_BYTES + LIMIT_TYPE_BYTES + LIMIT_KEY_BYTES + sizeof *event;
    }
    cr_assert_eq(submission.waiting_bytes, most);
    cr_assert_lt(most, 512 * 1024, "%zu events take %zu bytes", events, most);
    submission_send(&submission);
    cr_assert(held && submission_is_full(&submission), "the journal has no room");
    submission_stop(&submission);
    cr_assert_eq(submission.waiting_bytes, 0);
    close_submission();
}
