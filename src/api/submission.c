// SPDX-License-Identifier: MIT
// Events on their way to the journal.
#include "api/submission.h"

#include <stdlib.h>

#include "base/limits.h"

// Publishes of one submission that may be under way: keeps the journal busy, and bounded.
#define UNDER_WAY_MAX 4
// Memory of the events of one share, unless a single event takes more: some thousand lines of a
// log, or some hundred with the longest topic, type and key, which each of them carries.
#define SHARE_BYTES ((size_t)256 * 1024)
_Static_assert(SHARE_BYTES <= LIMIT_PUBLISH_BYTES, "a share is one publish");
// When the journal has no room, how soon lines try again.
#define RETRY_MS 20

// Events that are handed to the journal together.
struct share {
    struct publish publish;
    struct share *next;
    struct submission *submission;
    size_t bytes; // memory of the events
    uint32_t cap;
    struct event *events[];
};

static void retry_fire(struct loop_timer *timer);

void submission_init(struct submission *submission, const struct submission_ops *ops,
                     struct api *api, bool waits) {
    *submission =
        (struct submission){.ops = ops, .api = api, .waits = waits, .retry = {.fire = retry_fire}};
}

static void drop_waiting(struct submission *submission) {
    while (submission->first_waiting) {
        struct share *share = submission->first_waiting;
        submission->first_waiting = share->next;
        for (uint32_t i = 0; i < share->publish.count; i++) event_free(share->events[i]);
        free(share);
    }
    submission->filling = NULL;
    submission->waiting_bytes = 0;
}

void submission_fini(struct submission *submission) {
    ASSERT(!submission->under_way && !submission->retry.slot);
    drop_waiting(submission);
}

bool submission_is_idle(const struct submission *submission) {
    return !submission->under_way && !submission->first_waiting;
}

// --- gathering -----------------------------------------------------------------------------------

// A new share at the end of what waits. How many events it takes follows from the size of its
// first.
static struct share *share_new(struct submission *submission, size_t bytes) {
    uint32_t cap = !submission->waits         ? 1
                   : bytes > SHARE_BYTES / 64 ? 64
                                              : LIMIT_PUBLISH_EVENTS / 4;
    struct share *share = calloc(1, sizeof *share + cap * sizeof(struct event *));
    if (!share) return NULL;
    share->cap = cap;
    if (submission->filling) {
        submission->filling->next = share;
    } else {
        submission->first_waiting = share;
    }
    submission->filling = share;
    return share;
}

static bool has_room(const struct share *share, size_t bytes) {
    return share->publish.count < share->cap &&
           (!share->publish.count || share->bytes + bytes <= SHARE_BYTES);
}

bool submission_is_full(const struct submission *submission) {
    const struct share *share = submission->filling;
    return share && (share != submission->first_waiting || share->publish.count == share->cap ||
                     share->bytes >= SHARE_BYTES);
}

int submission_add(struct submission *submission, struct event *event) {
    struct share *share = submission->filling;
    size_t bytes = event_size(event);
    if (!share || !has_room(share, bytes)) share = share_new(submission, bytes);
    if (!share) {
        event_free(event);
        return ERR_NOMEM;
    }
    share->events[share->publish.count++] = event;
    share->bytes += bytes;
    submission->waiting_bytes += bytes;
    return 0;
}

int submission_forget(struct submission *submission, struct event *event) {
    int err = submission_add(submission, event);
    if (!err) submission->filling->publish.op = PUBLISH_FORGET;
    return err;
}

// --- committed -----------------------------------------------------------------------------------

static void settle(struct submission *submission, const struct publish *publish) {
    submission->under_way--;
    if (publish->result) {
        if (!submission->err) submission->err = publish->result;
        return;
    }
    if (!submission->first) submission->first = publish->first;
    submission->last = publish->last;
    submission->count += publish->count;
    submission->duplicates += publish->duplicates;
    submission->api->counts.published_total += publish->count - publish->duplicates;
    submission->api->counts.duplicates_total += publish->duplicates;
}

// On the worker's thread.
static void run_settled(struct inbox_message *message, void *receiver) {
    (void)receiver;
    struct share *share = container_of(message, struct share, publish.message);
    struct submission *submission = share->submission;
    settle(submission, &share->publish);
    free(share);
    submission_send(submission);
    submission->ops->settled(submission);
}

// On the journal's thread.
static void done(struct publish *publish) {
    struct share *share = container_of(publish, struct share, publish);
    publish->message.run = run_settled;
    loop_send(share->submission->api->http.loop, &publish->message);
}

// --- to the journal ------------------------------------------------------------------------------

static bool try_later(struct submission *submission) {
    struct loop *loop = submission->api->http.loop;
    if (submission->api->http.stopping) return false;
    return loop_timer_set(loop, &submission->retry, loop_now(loop) + RETRY_MS) == 0;
}

void submission_send(struct submission *submission) {
    if (submission->retry.slot) return;
    while (!submission->err && submission->first_waiting && submission->under_way < UNDER_WAY_MAX) {
        struct share *share = submission->first_waiting;
        share->submission = submission;
        share->publish.events = share->events;
        share->publish.owner = submission->owner;
        share->publish.done = done;
        int err = submission->api->publish(submission->api, &share->publish);
        if (err == ERR_BUSY && submission->waits && try_later(submission)) break;
        if (err) {
            // The journal's word for stopping is a topic's for being finished.
            submission->err = err == ERR_CLOSED ? ERR_IO : err;
            break;
        }
        submission->first_waiting = share->next;
        if (!submission->first_waiting) submission->filling = NULL;
        submission->waiting_bytes -= share->bytes;
        submission->under_way++;
    }
    if (submission->err) drop_waiting(submission);
    submission->ops->hold(submission, submission->first_waiting != NULL);
}

static void retry_fire(struct loop_timer *timer) {
    struct submission *submission = container_of(timer, struct submission, retry);
    submission_send(submission);
    submission->ops->settled(submission);
}

void submission_stop(struct submission *submission) {
    loop_timer_clear(submission->api->http.loop, &submission->retry);
    drop_waiting(submission);
}
