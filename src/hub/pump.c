// SPDX-License-Identifier: MIT
// The pump: brings a subscriber that is behind up to the hub's position, a bounded amount each turn, then makes it live (or ends a
// snapshot). Newcomers, resumes and slow readers are all the same to it.
#include <stdlib.h>

#include "base/limits.h"

#include "hub/history.h"
#include "hub/hub_priv.h"

void pump_enqueue(struct hub *hub, struct subscriber *subscriber) {
    if (subscriber->flags & SUB_READY) return;
    subscriber->flags |= SUB_READY;
    subscriber->next_ready = NULL;
    subscriber->prev_ready = hub->ready_tail;
    if (hub->ready_tail) {
        hub->ready_tail->next_ready = subscriber;
    } else {
        hub->ready_head = subscriber;
    }
    hub->ready_tail = subscriber;
    hub->ready_count++;
}

void pump_dequeue(struct hub *hub, struct subscriber *subscriber) {
    if (!(subscriber->flags & SUB_READY)) return;
    subscriber->flags &= (uint8_t)~SUB_READY;
    if (subscriber->prev_ready) subscriber->prev_ready->next_ready = subscriber->next_ready;
    if (subscriber->next_ready) subscriber->next_ready->prev_ready = subscriber->prev_ready;
    if (hub->ready_head == subscriber) hub->ready_head = subscriber->next_ready;
    if (hub->ready_tail == subscriber) hub->ready_tail = subscriber->prev_ready;
    hub->ready_count--;
}

static void pace_remove(struct hub *hub, struct replay *replay) {
    if (!replay->paced) return;
    if (replay->prev_paced) replay->prev_paced->next_paced = replay->next_paced;
    if (replay->next_paced) replay->next_paced->prev_paced = replay->prev_paced;
    if (hub->paced == replay) hub->paced = replay->next_paced;
    replay->paced = false;
}

static void pace_add(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    if (replay->paced) return;
    replay->subscriber = subscriber;
    replay->prev_paced = NULL;
    replay->next_paced = hub->paced;
    replay->paced = true;
    if (hub->paced) hub->paced->prev_paced = replay;
    hub->paced = replay;
}

void replay_free(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    if (!replay) return;
    pace_remove(hub, replay);
    history_free(hub, replay->history);
    free(replay->seqs);
    free(replay);
    subscriber->replay = NULL;
}

// Loss that has not been told yet: retention overtook what it is still to be given.
static void check_gap(struct hub *hub, struct subscriber *subscriber) {
    const struct selector *selector = subscriber->selector;
    const struct replay *replay = subscriber->replay;
    if (subscriber->told == hub->directory.trims) return;
    uint64_t known = subscriber->cursor, highest = 0;
    if (replay && replay->seqs) {
        size_t next = replay->next;
        while (next < replay->count && replay->seqs[next] <= known) next++;
        known = next < replay->count ? replay->seqs[next] - 1 : replay->then;
    }
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        const struct topic *topic = directory_topic(&hub->directory, selector->topics[i]);
        if (topic->trimmed_at > subscriber->told && topic->trimmed_seq > highest)
            highest = topic->trimmed_seq;
    }
    if (selector->gone_at > subscriber->told && selector->gone_seq > highest)
        highest = selector->gone_seq;
    if (highest > known) {
        bool only_one = selector->exact && selector->names_count == 1;
        bool listed = replay && replay->seqs;
        struct buf from;
        buf_init(&from, 128);
        frame_id(&from, hub->epoch, known);
        tell_gap(hub, subscriber, buf_str(&from), highest,
                 only_one ? highest
                 : listed ? 0
                          : subscriber->cursor,
                 "retention");
        buf_fini(&from);
    }
    subscriber->told = hub->directory.trims;
}

// `more`: a limit left something out.
static void finish_snapshot(struct hub *hub, struct subscriber *subscriber, bool more) {
    struct buf words;
    buf_init(&words, LIMIT_TAIL_BYTES);
    if (subscriber->selector->format == FRAME_JSON) {
        buf_append_str(&words, STR("],\"next\":\""));
        frame_id(&words, hub->epoch, more ? subscriber->cursor : subscriber->until);
        buf_append_str(&words, more ? STR("\",\"more\":true}\n") : STR("\"}\n"));
        if (subscriber->selector->chunked) frame_chunk(&words, 0);
    }
    subscriber_finish(hub, subscriber, buf_str(&words));
    buf_fini(&words);
}

// Everything has been sent up to the position.
static void caught_up(struct hub *hub, struct subscriber *subscriber) {
    replay_free(hub, subscriber);
    if (subscriber->flags & SUB_SNAPSHOT) {
        finish_snapshot(hub, subscriber, false);
    } else if (subscriber->cursor > hub->position) {
        // It came with an id that other workers know already.
        pump_enqueue(hub, subscriber);
    } else if (selector_finished(hub, subscriber->selector)) {
        subscriber_finish_closed(hub, subscriber);
    } else if (hub->position != hub->delivered) {
        // In the middle of a turn: the fan-out still has events in hand that the pump has just given.
        pump_enqueue(hub, subscriber);
    } else {
        subscriber->state = SUB_LIVE;
        live_add(&subscriber->selector->live, subscriber, hub->sink->handle(subscriber));
    }
}

bool pump_send(struct hub *hub, struct subscriber *subscriber, size_t *written) {
    size_t skip = subscriber->partial_seq ? subscriber->partial_sent : 0;
    size_t len = hub->scratch.len;
    size_t taken;
    struct str rest = {hub->scratch.data + skip, len - skip};
    if (!subscriber_write(hub, subscriber, rest, &taken)) return false;
    *written += taken;
    subscriber_settle(hub, subscriber, skip + taken, subscriber->cursor);
    if (skip + taken < len) {
        subscriber_block(hub, subscriber);
        return false;
    }
    return true;
}

// How many it may still be given. False when it has all that its limit allows and there was one more.
static bool within_limit(const struct hub *hub, const struct subscriber *subscriber) {
    const struct replay *replay = subscriber->replay;
    return !replay || !replay->limited || replay->left || !hub->scratch.len;
}

static void count_limit(const struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    if (!replay || !replay->limited) return;
    for (size_t i = 0; i < hub->bounds_count && hub->bounds[i].seq <= subscriber->cursor; i++)
        replay->left--;
}

// A list that has been used up gives way to the cursor.
static void end_list(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    if (!replay || !replay->seqs || subscriber->cursor < replay->then) return;
    free(replay->seqs);
    replay->seqs = NULL;
    if (!replay->pace_ms && !replay->limited) replay_free(hub, subscriber);
}

size_t pump_turn(struct hub *hub, struct subscriber *subscriber) {
    size_t written = 0;
    ASSERT(subscriber->state == SUB_PUMPED);
    if (subscriber->replay && subscriber->replay->history) return history_turn(hub, subscriber);
    if (!subscriber->partial_seq) check_gap(hub, subscriber);
    if (subscriber->state != SUB_PUMPED || !subscriber_flush(hub, subscriber)) return 0;
    uint64_t reached = 0;
    enum gathered got = gather(hub, subscriber, &reached);
    switch (got) {
        case GATHER_LATER: pace_add(hub, subscriber); return 0;
        case GATHER_FAILED: subscriber_break(hub, subscriber); return 0;
        case GATHER_AGAIN: pump_enqueue(hub, subscriber); break;
        case GATHER_MORE:
        case GATHER_ALL: break;
    }
    if (!within_limit(hub, subscriber)) {
        finish_snapshot(hub, subscriber, true);
        return 0;
    }
    if (hub->scratch.len) {
        bool all = pump_send(hub, subscriber, &written);
        count_limit(hub, subscriber);
        if (!all) return written;
    }
    if (reached > subscriber->cursor) subscriber->cursor = reached;
    end_list(hub, subscriber);
    if (got == GATHER_ALL) {
        caught_up(hub, subscriber);
    } else {
        pump_enqueue(hub, subscriber);
    }
    return written;
}

bool pump_probe(struct hub *hub, struct subscriber *subscriber) {
    for (int turns = 0; turns < PROBE_TURNS; turns++) {
        uint64_t reached = 0;
        enum gathered got = gather(hub, subscriber, &reached);
        if (hub->scratch.len || got == GATHER_FAILED) return true;
        if (reached > subscriber->cursor) subscriber->cursor = reached;
        end_list(hub, subscriber);
        if (got == GATHER_ALL) return false;
    }
    return true;
}

bool hub_continue(struct hub *hub, uint64_t now_ms) {
    hub->now_ms = now_ms;
    for (struct replay *replay = hub->paced, *next; replay; replay = next) {
        next = replay->next_paced;
        if (replay->due_ms > now_ms) continue;
        pace_remove(hub, replay);
        pump_enqueue(hub, replay->subscriber);
    }
    size_t written = 0;
    uint64_t looked = hub->looked_total;
    // Each at most once a turn: whoever is queued again waits for the next.
    for (size_t left = hub->ready_count;
         left && hub->ready_head && written < TURN_BYTES && hub->looked_total - looked < TURN_SKIPS;
         left--) {
        struct subscriber *subscriber = hub->ready_head;
        pump_dequeue(hub, subscriber);
        if (subscriber->state == SUB_PUMPED) written += pump_turn(hub, subscriber);
    }
    hub_read_end(hub);
    return hub->ready_head != NULL;
}

uint64_t hub_next_due(const struct hub *hub) {
    uint64_t due = UINT64_MAX;
    for (const struct replay *replay = hub->paced; replay; replay = replay->next_paced) {
        if (replay->due_ms < due) due = replay->due_ms;
    }
    return due;
}
