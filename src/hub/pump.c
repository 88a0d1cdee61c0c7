// SPDX-License-Identifier: MIT
// The pump.
#include "hub/pump.h"

#include "base/limits.h"
#include "hub/gather.h"
#include "hub/history.h"
#include "hub/hub_priv.h"
#include "hub/lookup.h"
#include "hub/merge.h"
#include "hub/opening.h"
#include "hub/replay.h"
#include "hub/subscriber.h"

// What all subscribers together are given by one turn of the hub: the live ones must not wait.
#define TURN_BYTES ((size_t)1024 * 1024)
// What one slice of finding topics takes, about half a millisecond.
#define RESOLVE_STEPS 8192
// Turns of gathering in which a long poll looks whether it must wait.
#define PROBE_TURNS 4

bool pump_lacks(const struct hub *hub, const struct subscriber *subscriber) {
    const struct selection *selection = subscriber->selector->selection;
    if (subscriber->told == hub->directory.trims || replay_window_of(subscriber)) return false;
    return selection->resolved &&
           selection_lost(&hub->directory, selection, subscriber->told, subscriber->cursor);
}

// What was to come after `from`, up to `to`, cannot be given. A client that comes back goes on from
// `seq`, but for a window: that would be more than it asked for.
static void tell_loss(struct hub *hub, struct subscriber *subscriber, uint64_t from, uint64_t to,
                      uint64_t seq, const char *reason) {
    const struct selector *selector = subscriber->selector;
    bool only_one = selector->selection->exact && selector->selection->names_count == 1;
    if (replay_window_of(subscriber)) seq = 0;
    subscriber_gap(
        hub, subscriber,
        &(struct subscriber_loss){
            .from_seq = from, .to_seq = to, .seq = only_one ? to : seq, .reason = reason});
}

// As selection_lost, for a window whose merge knows what is still to come of each topic; `next`
// comes first.
static uint64_t lost_of_window(struct hub *hub, const struct subscriber *subscriber,
                               uint64_t next) {
    const struct selection *selection = subscriber->selector->selection;
    struct replay *replay = subscriber->replay;
    uint64_t told = subscriber->told, highest = 0;
    uint64_t later = selection_lost(&hub->directory, selection, told, replay->window.then);
    if (later) return later;
    if (selection->lost_at > told && selection->lost_seq >= next)
        highest = merge_lost(hub, replay->merge, subscriber->cursor, told);
    // Of topics that are gone nobody knows what was to come.
    if (selection->gone_at > told && selection->gone_seq > highest) highest = selection->gone_seq;
    return highest;
}

// Loss that no gap has been sent for: retention overtook what the subscriber is still to be given.
// To be called when it owes nothing of what it was given: the cursor is then where the client is.
static void check_gap(struct hub *hub, struct subscriber *subscriber) {
    const struct replay_window *window = replay_window_of(subscriber);
    if (subscriber->told == hub->directory.trims || (window && !window->begun)) return;
    uint64_t known = subscriber->cursor, highest;
    if (window && merge_has_begun(subscriber->replay->merge)) {
        uint64_t next = merge_next(subscriber->replay->merge, known);
        known = next <= window->then ? next - 1 : window->then;
        highest = lost_of_window(hub, subscriber, next);
    } else {
        highest = selection_lost(&hub->directory, subscriber->selector->selection, subscriber->told,
                                 known);
    }
    if (highest > known)
        tell_loss(hub, subscriber, known, highest, subscriber->cursor, "retention");
    subscriber->told = hub->directory.trims;
}

// It is known where the window begins: the cursor is put before it.
static void begin_window(struct hub *hub, struct subscriber *subscriber) {
    struct replay_window *window = replay_window_of(subscriber);
    struct lookup first;
    if (window->begun) return;
    window->begun = true;
    uint64_t seq = merge_next(subscriber->replay->merge, subscriber->cursor);
    // The subscriber does not have what an alias at the beginning stands for.
    if (!lookup_event(hub, seq, &first) && first.record.flags & EVENT_ALIAS &&
        event_target(first.record.data))
        seq = event_target(first.record.data);
    subscriber->cursor = seq - 1;
}

// `more`: a limit left something out.
static void finish_snapshot(struct hub *hub, struct subscriber *subscriber, bool more) {
    struct document_closing closing = {.next_seq = more ? subscriber->cursor : subscriber->until,
                                       .more = more};
    subscriber_finish(hub, subscriber, NULL, &closing);
}

// Everything has been sent up to the position.
static void caught_up(struct hub *hub, struct subscriber *subscriber) {
    replay_free(hub, subscriber);
    if (subscriber->flags & SUB_SNAPSHOT) {
        finish_snapshot(hub, subscriber, false);
    } else if (subscriber->cursor > hub->position) {
        // Its id is one that other workers know already.
        ready_add(&hub->ready, subscriber);
    } else if (directory_last_closed(&hub->directory, subscriber->selector)) {
        subscriber_finish_closed(hub, subscriber);
    } else if (hub->position != hub->delivered) {
        // In the middle of a turn: the fan-out still has events in hand that the pump has just
        // given.
        ready_add(&hub->ready, subscriber);
    } else {
        subscriber_go_live(hub, subscriber);
    }
}

// Whether its limit allows what was gathered.
static bool within_limit(const struct hub *hub, const struct subscriber *subscriber) {
    const struct replay *replay = replay_of(subscriber, REPLAY_LIMIT);
    return !replay || replay->left || !hub->round.count;
}

// Counts what has been given of the round.
static void count_limit(const struct hub *hub, const struct subscriber *subscriber) {
    struct replay *replay = replay_of(subscriber, REPLAY_LIMIT);
    const struct round *round = &hub->round;
    if (!replay) return;
    for (size_t i = 0; i < round->count && round->pieces[i].seq <= subscriber->cursor; i++)
        replay->left--;
}

// Everything up to `reached` has been given.
static void pass(struct hub *hub, struct subscriber *subscriber, uint64_t reached) {
    if (reached > subscriber->cursor) subscriber->cursor = reached;
    replay_pass(hub, subscriber);
}

// As gather_next. A window that has just begun is gone on with, unless something has to be told
// first.
static struct gathering gather(struct hub *hub, struct subscriber *subscriber) {
    struct gathering gathering = gather_next(hub, subscriber);
    if (gathering.got != GATHER_BEGINS) return gathering;
    begin_window(hub, subscriber);
    return subscriber->told == hub->directory.trims ? gather_next(hub, subscriber) : gathering;
}

void pump_give_up(struct hub *hub, struct subscriber *subscriber, uint64_t reached) {
    tell_loss(hub, subscriber, subscriber->cursor, reached, reached, "filter");
    pass(hub, subscriber, reached);
    if (subscriber->flags & SUB_SNAPSHOT) {
        finish_snapshot(hub, subscriber, true);
    } else {
        subscriber_finish(hub, subscriber, NULL, NULL);
    }
}

static size_t give(struct hub *hub, struct subscriber *subscriber) {
    size_t written = 0;
    struct gathering gathering = gather(hub, subscriber);
    if (gathering.got == GATHER_FAILED) {
        subscriber_break(subscriber);
        return 0;
    }
    if (gathering.got == GATHER_LATER) {
        replay_rest(hub, subscriber);
        ready_add_due(&hub->ready, &subscriber->replay->pace.due);
        return 0;
    }
    if (!within_limit(hub, subscriber)) {
        finish_snapshot(hub, subscriber, true);
        return 0;
    }
    if (hub->round.count) {
        bool all = subscriber_send_round(hub, subscriber, &written);
        if (subscriber->state != SUB_DEAD) count_limit(hub, subscriber);
        if (!all) return written;
    }
    if (gathering.got == GATHER_GAVE_UP) {
        pump_give_up(hub, subscriber, gathering.reached);
        return written;
    }
    if (gathering.got == GATHER_LOST)
        tell_loss(hub, subscriber, subscriber->cursor, gathering.lost, gathering.lost,
                  gathering.damaged ? "damage" : "retention");
    pass(hub, subscriber, gathering.reached);
    if (gathering.got == GATHER_ALL) {
        caught_up(hub, subscriber);
    } else if (subscriber->state == SUB_PUMPED) {
        ready_add(&hub->ready, subscriber);
    }
    return written;
}

static size_t turn(struct hub *hub, struct subscriber *subscriber) {
    // The rest of an event first: what follows it is a question of where it ends.
    if (subscriber->parcel && !subscriber_flush(hub, subscriber)) return 0;
    check_gap(hub, subscriber);
    if (subscriber->state != SUB_PUMPED || !subscriber_flush(hub, subscriber)) return 0;
    return give(hub, subscriber);
}

// --- the beginning -------------------------------------------------------------------------------

int pump_resolve(struct hub *hub, struct subscriber *subscriber) {
    int64_t steps = RESOLVE_STEPS;
    int err = selection_resolve(&hub->directory, subscriber->selector->selection, &steps);
    hub->walked_total += (uint64_t)(RESOLVE_STEPS - steps);
    return err;
}

// Whether anything is there for a long poll (or may be: it looks only so far). Its cursor passes
// over what is not for it.
static bool probe(struct hub *hub, struct subscriber *subscriber) {
    for (int turns = 0; turns < PROBE_TURNS; turns++) {
        struct gathering gathering = gather(hub, subscriber);
        if (hub->round.count || gathering.got == GATHER_FAILED || gathering.got == GATHER_LOST ||
            gathering.got == GATHER_GAVE_UP)
            return true;
        pass(hub, subscriber, gathering.reached);
        if (gathering.got == GATHER_ALL) return false;
    }
    return true;
}

bool pump_wait(struct hub *hub, struct subscriber *subscriber) {
    if (!subscriber->selector->selection->resolved) {
        subscriber->flags |= SUB_UNOPENED | SUB_POLL;
        subscriber->state = SUB_PUMPED;
        ready_add(&hub->ready, subscriber);
        return true;
    }
    if (subscriber->tail || probe(hub, subscriber)) return false;
    subscriber->state = SUB_WAITING;
    list_add(&subscriber->selector->waiting, subscriber);
    return true;
}

int pump_begin(struct hub *hub, struct subscriber *subscriber) {
    if (subscriber->flags & SUB_SNAPSHOT && !subscriber->selector->selection->resolved) {
        subscriber->flags |= SUB_UNOPENED;
    } else {
        int err = opening_queue(hub, subscriber);
        if (err || subscriber->state == SUB_DEAD || subscriber->state == SUB_ENDING) return err;
    }
    subscriber->state = SUB_PUMPED;
    return 0;
}

// The topics of one that has not begun are known.
static void open_late(struct hub *hub, struct subscriber *subscriber) {
    bool polls = subscriber->flags & SUB_POLL;
    subscriber->flags &= (uint16_t) ~(SUB_UNOPENED | SUB_POLL);
    // What came meanwhile would not wake it.
    if (polls && hub->position > subscriber->until) subscriber->until = hub->position;
    if (polls && pump_wait(hub, subscriber)) return;
    if (pump_begin(hub, subscriber)) subscriber_break(subscriber);
    if (subscriber->state == SUB_PUMPED) ready_add(&hub->ready, subscriber);
}

size_t pump_turn(struct hub *hub, struct subscriber *subscriber) {
    const struct selection *selection = subscriber->selector->selection;
    ASSERT(subscriber->state == SUB_PUMPED);
    if (!selection->resolved && pump_resolve(hub, subscriber)) {
        subscriber_break(subscriber);
        return 0;
    }
    if (!selection->resolved) {
        ready_add(&hub->ready, subscriber);
        return 0;
    }
    if (subscriber->flags & SUB_UNOPENED) {
        open_late(hub, subscriber);
        return 0;
    }
    if (opening_lists(subscriber)) return opening_go_on(hub, subscriber);
    if (replay_of(subscriber, REPLAY_PAST)) return history_turn(hub, subscriber);
    size_t written = turn(hub, subscriber);
    if (subscriber->state == SUB_BLOCKED) replay_rest(hub, subscriber);
    return written;
}

bool pump_all(struct hub *hub) {
    size_t written = 0;
    uint64_t before = hub->looked_total + hub->walked_total;
    ready_wake(&hub->ready, hub->now_ms);
    // Each at most once a turn: one that is queued again waits for the next.
    for (size_t left = hub->ready.count;
         left && written < TURN_BYTES &&
         hub->looked_total + hub->walked_total - before < GATHER_TURN_SKIPS;
         left--) {
        struct subscriber *subscriber = ready_take(&hub->ready);
        if (!subscriber) break;
        if (subscriber->state == SUB_PUMPED) written += pump_turn(hub, subscriber);
        if (budget_spent(&hub->budget)) break;
    }
    reading_end(&hub->reading);
    return hub->ready.queue != NULL;
}

void pump_wake(struct hub *hub, struct subscriber *subscriber) {
    subscriber_detach(subscriber);
    subscriber->state = SUB_PUMPED;
    // Its id may still be ahead of the hub's position.
    subscriber->until = subscriber->cursor > hub->position ? subscriber->cursor : hub->position;
    // Whatever it had wanted of what has been delivered would have woken it.
    if (subscriber->cursor < hub->delivered) subscriber->cursor = hub->delivered;
    if (opening_queue(hub, subscriber)) subscriber_break(subscriber);
    if (subscriber->state == SUB_PUMPED) ready_add(&hub->ready, subscriber);
}
