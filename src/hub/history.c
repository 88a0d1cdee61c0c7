// SPDX-License-Identifier: MIT
// Answers from the past.
#include "hub/history.h"

#include "base/limits.h"
#include "hub/gather.h"
#include "hub/hub_priv.h"
#include "hub/lookback.h"
#include "hub/replay.h"
#include "hub/subscriber.h"

// What one slice looks at, in events of ordinary length, and how long it may take: a regular
// expression or a cold disk may need a thousand times as long for an event as a text in memory
// does.
#define SLICE 1024
#define SLICE_US 1000
// How often it looks at the clock, in events; with a filter after each.
#define CLOCK_EVENTS 16
// A slice in the currency of GATHER_TURN_SKIPS: a turn of the hub does up to four of them.
#define SLICE_SKIPS (GATHER_TURN_SKIPS / 4)
// Hits that are found before they are given.
#define HITS 512
// How often a search says how far it is.
#define PROGRESS_MS 500

int history_start(struct hub *hub, struct subscriber *subscriber,
                  const struct hub_request *request) {
    ASSERT(request->mode == HUB_SNAPSHOT && !document_is_event_stream(request->format));
    size_t room = request->newest ? HITS : request->count;
    ASSERT(room <= LIMIT_PAGE_EVENTS);
    if (!replay_make_past(hub, subscriber, room)) return ERR_NOMEM;
    struct replay_past *past = subscriber->replay->past;
    past->before = request->seq == UINT64_MAX ? hub->position + 1 : request->seq;
    past->newest = request->newest;
    past->control = request->control && request->newest;
    past->wanted = request->count;
    past->said_ms = hub->now_ms;
    return 0;
}

// --- looking -------------------------------------------------------------------------------------

static void reverse(uint64_t *seqs, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        uint64_t seq = seqs[i];
        seqs[i] = seqs[count - 1 - i];
        seqs[count - 1 - i] = seq;
    }
}

// Looks at one event more. LOOKBACK_EVENT: go on.
static enum lookback_step look_at_next(struct hub *hub, struct replay_past *past,
                                       const struct selector *selector, lookback_budget *budget) {
    struct lookback_event event;
    enum lookback_step step = lookback_next(hub, past->walk, selector, budget, &event);
    if (step == LOOKBACK_END) past->over = past->ended = true;
    if (step != LOOKBACK_EVENT && step != LOOKBACK_DAMAGED) return step;
    bool damaged = step == LOOKBACK_DAMAGED;
    past->scanned++;
    if (!damaged && !directory_takes(&hub->directory, selector, 0, event.data))
        return LOOKBACK_EVENT;
    if (!past->wanted) {
        past->over = true;
        return LOOKBACK_EVENT;
    }
    past->oldest = event.seq;
    past->seqs[past->count++] = damaged ? event.seq | REPLAY_DAMAGED : event.seq;
    past->wanted--;
    if (damaged) {
        hub->counts.damaged_total++;
    } else {
        past->hits++;
    }
    return LOOKBACK_EVENT;
}

// Fills the list from a slice of the walk. False: the store cannot be read.
static bool look(struct hub *hub, struct replay_past *past, const struct selector *selector) {
    lookback_budget budget = SLICE;
    enum lookback_step step = LOOKBACK_EVENT;
    uint64_t began_us = hub->budget.clock_us ? hub->budget.clock_us() : 0, scanned = past->scanned;
    uint64_t clock_events = selector->filter ? 1 : CLOCK_EVENTS;
    if (past->over) return true;
    if (reading_begin(&hub->reading)) return false;
    while (step == LOOKBACK_EVENT && !past->over && !(past->newest && past->count == HITS)) {
        step = look_at_next(hub, past, selector, &budget);
        if (filter_gave_up(selector->filter)) past->over = true;
        bool look_up = hub->budget.clock_us && (past->scanned - scanned) % clock_events == 0;
        if (step == LOOKBACK_EVENT && look_up && hub->budget.clock_us() - began_us >= SLICE_US)
            step = LOOKBACK_PAUSE;
    }
    hub->counts.looked_back_total += (uint64_t)(SLICE - budget);
    hub->looked_total +=
        step == LOOKBACK_PAUSE ? SLICE_SKIPS : (uint64_t)(SLICE - budget) * SLICE_SKIPS / SLICE + 1;
    // Whether there is one more is worth another slice, not a search.
    if (step == LOOKBACK_PAUSE && !past->wanted) {
        past->over = past->looked;
        past->looked = true;
    }
    if (past->over && !past->newest) reverse(past->seqs, past->count);
    return step != LOOKBACK_FAILED;
}

// --- saying --------------------------------------------------------------------------------------

// Where the next older page begins.
static uint64_t reached(const struct replay_past *past) {
    if (!past->wanted && past->oldest) return past->oldest;
    return lookback_place(past->walk).seq;
}

static struct notice how_far(const struct hub *hub, const struct replay_past *past,
                             enum notice_kind kind) {
    struct lookback_place place = lookback_place(past->walk);
    return (struct notice){.kind = kind,
                           .seq = reached(past),
                           .time_ms = place.time_ms ? place.time_ms : hub->last_time_ms,
                           .topic = STR(""),
                           .search = {past->scanned, past->hits, past->ended}};
}

static void say_progress(struct hub *hub, struct subscriber *subscriber, struct replay_past *past) {
    if (!past->control || hub->now_ms - past->said_ms < PROGRESS_MS) return;
    past->said_ms = hub->now_ms;
    struct notice progress = how_far(hub, past, NOTICE_PROGRESS);
    (void)subscriber_notice(hub, subscriber, &progress);
}

static void finish(struct hub *hub, struct subscriber *subscriber, const struct replay_past *past) {
    // Nothing older was looked at.
    if (filter_gave_up(subscriber->selector->filter))
        subscriber_gap(hub, subscriber,
                       &(struct subscriber_loss){
                           .to_seq = reached(past) - 1, .seq = reached(past), .reason = "filter"});
    struct notice done = how_far(hub, past, NOTICE_DONE);
    struct document_closing closing = {.next_seq = subscriber->until,
                                       .previous = past->ended ? PREVIOUS_NONE : PREVIOUS_ID,
                                       .previous_seq = reached(past)};
    subscriber_finish(hub, subscriber, past->control ? &done : NULL, &closing);
}

// --- giving --------------------------------------------------------------------------------------

// How many of the list from `next` on have been given: all those that were gathered, or those up to
// where the connection took a part.
static void advance(struct replay_past *past, const struct subscriber *subscriber, size_t gathered,
                    bool all) {
    if (all) {
        past->next += gathered;
        return;
    }
    for (size_t i = past->next; i < past->next + gathered; i++) {
        if (past->seqs[i] != subscriber->cursor) continue;
        past->next = i + 1;
        return;
    }
}

static bool is_damaged(const struct replay_past *past, size_t at) {
    return at < past->count && past->seqs[at] & REPLAY_DAMAGED;
}

// One gap for those that come next and are damaged.
static void tell_damage(struct hub *hub, struct subscriber *subscriber, struct replay_past *past) {
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (; is_damaged(past, past->next); past->next++) {
        uint64_t seq = past->seqs[past->next] & ~REPLAY_DAMAGED;
        if (seq < lowest) lowest = seq;
        if (seq > highest) highest = seq;
    }
    // Its id is where a client goes on: behind it, or before it.
    subscriber_gap(hub, subscriber,
                   &(struct subscriber_loss){.from_seq = lowest - 1,
                                             .to_seq = highest,
                                             .seq = past->newest ? lowest : highest,
                                             .reason = "damage"});
}

// Sends what comes next of what has been found, up to the next damaged one. False: the turn is over
// for it.
static bool give(struct hub *hub, struct subscriber *subscriber, struct replay_past *past,
                 size_t *written) {
    size_t gathered, end = past->next;
    while (end < past->count && !is_damaged(past, end)) end++;
    if (!gather_seqs(hub, subscriber, past->seqs + past->next, end - past->next, &gathered)) {
        subscriber_break(subscriber);
        return false;
    }
    bool all = !hub->round.count || subscriber_send_round(hub, subscriber, written);
    if (subscriber->state != SUB_DEAD) advance(past, subscriber, gathered, all);
    return all;
}

size_t history_turn(struct hub *hub, struct subscriber *subscriber) {
    struct replay_past *past = subscriber->replay->past;
    size_t written = 0;
    if (!subscriber_flush(hub, subscriber)) return 0;
    // Another worker has applied what is before that id; this one is about to.
    if (!past->walk && hub->position + 1 < past->before) goto again;
    if (!past->walk) past->walk = lookback_new(hub, subscriber->selector, past->before);
    if (past->next == past->count && past->newest) past->next = past->count = 0;
    if (!past->walk || !look(hub, past, subscriber->selector)) {
        subscriber_break(subscriber);
        return 0;
    }
    if (past->newest || past->over) {
        if (is_damaged(past, past->next)) {
            tell_damage(hub, subscriber, past);
        } else if (past->next < past->count && !give(hub, subscriber, past, &written)) {
            return written;
        }
        if (past->over && past->next == past->count) {
            finish(hub, subscriber, past);
            return written;
        }
    }
    // What has been found and not given is older than where the search is.
    if (past->next == past->count) say_progress(hub, subscriber, past);
again:
    if (subscriber->state == SUB_PUMPED) ready_add(&hub->ready, subscriber);
    return written;
}
