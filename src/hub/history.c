// SPDX-License-Identifier: MIT
// Answers from the past.
#include "hub/history.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "hub/hub_priv.h"
#include "hub/lookback.h"

// What one slice looks at, in events of ordinary length, and how long it may take: a regular expression or a cold disk may need a thousand times as
// long for an event as a text in memory does.
#define SLICE 1024
#define SLICE_US 1000
// How often it looks at the clock, in events; a regular expression after each.
#define CLOCK_EVENTS 16
// A slice in the currency of TURN_SKIPS: a turn of the hub does up to four of them.
#define SLICE_SKIPS (TURN_SKIPS / 4)
// Hits that are found before they are given.
#define BATCH_HITS 512
// How often a search says how far it is.
#define PROGRESS_MS 500

struct history {
    struct lookback *walk; // NULL: the hub has not been told of all that is asked for yet
    uint64_t before;
    bool newest;  // newest first
    bool control; // says how far it is
    bool looked;  // after the last that was wanted, for one more
    bool over;    // nothing more is looked for
    bool ended;   // nothing older is kept
    uint64_t wanted, hits, scanned, said_ms;
    uint64_t oldest;    // what was found last
    size_t count, next; // of the list: those before `next` have been given
    uint64_t seqs[];    // in the order in which they are given
};

int history_new(struct history **out, struct hub *hub, const struct hub_request *request) {
    size_t room = request->newest ? BATCH_HITS : request->count;
    ASSERT(room <= LIMIT_PAGE_EVENTS);
    struct history *history = calloc(1, sizeof *history + room * sizeof *history->seqs);
    if (!history) return ERR_NOMEM;
    history->before = request->seq == UINT64_MAX ? hub->position + 1 : request->seq;
    history->newest = request->newest;
    history->control = request->control && request->newest && request->format != FRAME_TEXT;
    history->wanted = request->count;
    history->said_ms = hub->now_ms;
    hub->counts.searches++;
    *out = history;
    return 0;
}

void history_free(struct hub *hub, struct history *history) {
    if (!history) return;
    lookback_free(history->walk);
    free(history);
    hub->counts.searches--;
}

// --- looking --------------------------------------------------------------------------------------------------------

static void reverse(uint64_t *seqs, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        uint64_t seq = seqs[i];
        seqs[i] = seqs[count - 1 - i];
        seqs[count - 1 - i] = seq;
    }
}

// Looks at one event more. LOOKBACK_EVENT: go on.
static enum lookback_step look_at_next(struct hub *hub, struct history *history,
                                       const struct selector *selector, lookback_budget *budget) {
    struct lookback_event event;
    enum lookback_step step = lookback_next(hub, history->walk, selector, budget, &event);
    if (step == LOOKBACK_END) history->over = history->ended = true;
    if (step != LOOKBACK_EVENT) return step;
    history->scanned++;
    if (selector->filter && !filter_match(selector->filter, event.data)) return step;
    if (!history->wanted) {
        history->over = true;
        return step;
    }
    history->seqs[history->count++] = history->oldest = event.seq;
    history->hits++;
    history->wanted--;
    return step;
}

// Fills the list from a slice of the walk. False: the journal cannot be read.
static bool look(struct hub *hub, struct history *history, const struct selector *selector) {
    lookback_budget budget = SLICE;
    enum lookback_step step = LOOKBACK_EVENT;
    uint64_t began_us = hub->clock_us ? hub->clock_us() : 0, scanned = history->scanned;
    uint64_t clock_events = filter_is_regex(selector->filter) ? 1 : CLOCK_EVENTS;
    if (history->over) return true;
    if (hub_read_begin(hub)) return false;
    while (step == LOOKBACK_EVENT && !history->over &&
           !(history->newest && history->count == BATCH_HITS)) {
        step = look_at_next(hub, history, selector, &budget);
        bool look_up = hub->clock_us && (history->scanned - scanned) % clock_events == 0;
        if (step == LOOKBACK_EVENT && look_up && hub->clock_us() - began_us >= SLICE_US)
            step = LOOKBACK_PAUSE;
    }
    hub->counts.looked_back_total += (uint64_t)(SLICE - budget);
    hub->looked_total +=
        step == LOOKBACK_PAUSE ? SLICE_SKIPS : (uint64_t)(SLICE - budget) * SLICE_SKIPS / SLICE + 1;
    // Whether there is one more is worth another slice, not a search.
    if (step == LOOKBACK_PAUSE && !history->wanted) {
        history->over = history->looked;
        history->looked = true;
    }
    if (history->over && !history->newest) reverse(history->seqs, history->count);
    return step != LOOKBACK_FAILED;
}

// --- saying ---------------------------------------------------------------------------------------------------------

// Where the next older page begins.
static uint64_t reached(const struct history *history) {
    if (!history->wanted && history->hits) return history->oldest;
    return lookback_place(history->walk).seq;
}

// An element of the answer that is no event of a topic.
static void add_element(struct hub *hub, struct subscriber *subscriber, struct buf *out,
                        struct str type, struct str data) {
    const struct selector *selector = subscriber->selector;
    const struct history *history = subscriber->replay->history;
    struct lookback_place place = lookback_place(history->walk);
    size_t start = out->len;
    struct frame_view view = {.seq = reached(history),
                              .time_ms = place.time_ms ? place.time_ms : hub->last_time_ms,
                              .topic = STR(""),
                              .type = type,
                              .data = data};
    if (selector->format == FRAME_JSON && subscriber->flags & SUB_ELEMENTS)
        buf_append_char(out, ',');
    subscriber->flags |= SUB_ELEMENTS;
    frame_encode(out, selector->format, &view, hub->epoch, false);
    if (selector->chunked) frame_chunk(out, start);
}

static void say_progress(struct hub *hub, struct subscriber *subscriber) {
    struct history *history = subscriber->replay->history;
    struct buf data, words;
    bool first = true;
    if (!history->control || hub->now_ms - history->said_ms < PROGRESS_MS) return;
    history->said_ms = hub->now_ms;
    buf_init(&data, 256);
    buf_init(&words, 4096);
    buf_append_char(&data, '{');
    json_pair_u64(&data, &first, "scanned", history->scanned);
    buf_append_char(&data, '}');
    add_element(hub, subscriber, &words, STR("tailrace.progress"), buf_str(&data));
    (void)subscriber_say(hub, subscriber, buf_str(&words));
    buf_fini(&data);
    buf_fini(&words);
}

static void add_done(struct hub *hub, struct subscriber *subscriber, struct buf *words) {
    const struct history *history = subscriber->replay->history;
    struct buf data;
    bool first = true;
    buf_init(&data, 256);
    buf_append_char(&data, '{');
    json_pair_u64(&data, &first, "scanned", history->scanned);
    json_pair_u64(&data, &first, "hits", history->hits);
    json_pair_bool(&data, &first, "complete", history->ended);
    buf_append_char(&data, '}');
    add_element(hub, subscriber, words, STR("tailrace.done"), buf_str(&data));
    buf_fini(&data);
}

static void finish(struct hub *hub, struct subscriber *subscriber) {
    const struct history *history = subscriber->replay->history;
    const struct selector *selector = subscriber->selector;
    struct buf words;
    buf_init(&words, 4096);
    if (history->control) add_done(hub, subscriber, &words);
    if (selector->format == FRAME_JSON) {
        size_t start = words.len;
        buf_append_str(&words, STR("],\"next\":\""));
        frame_id(&words, hub->epoch, subscriber->until);
        if (history->ended) {
            buf_append_str(&words, STR("\",\"previous\":null}\n"));
        } else {
            buf_append_str(&words, STR("\",\"previous\":\""));
            frame_id(&words, hub->epoch, reached(history));
            buf_append_str(&words, STR("\"}\n"));
        }
        if (selector->chunked) frame_chunk(&words, start);
    }
    subscriber_finish(hub, subscriber, buf_str(&words));
    buf_fini(&words);
}

// --- giving ---------------------------------------------------------------------------------------------------------

// How many of the list from `next` on are out, whole: all of those that were gathered, or those up to what the connection took.
static void advance(struct history *history, const struct subscriber *subscriber, size_t gathered,
                    bool all) {
    if (all) {
        history->next += gathered;
        return;
    }
    for (size_t i = history->next; i < history->next + gathered; i++) {
        if (history->seqs[i] == subscriber->partial_seq) {
            history->next = i;
            return;
        }
        if (history->seqs[i] == subscriber->cursor && !subscriber->partial_seq) {
            history->next = i + 1;
            return;
        }
    }
}

// Sends what has been found. False when the turn is over for it.
static bool give(struct hub *hub, struct subscriber *subscriber, size_t *written) {
    struct history *history = subscriber->replay->history;
    size_t gathered;
    if (!gather_seqs(hub, subscriber, history->seqs + history->next, history->count - history->next,
                     &gathered)) {
        subscriber_break(hub, subscriber);
        return false;
    }
    bool all = !hub->scratch.len || pump_send(hub, subscriber, written);
    if (subscriber->state != SUB_DEAD) advance(history, subscriber, gathered, all);
    return all;
}

size_t history_turn(struct hub *hub, struct subscriber *subscriber) {
    struct history *history = subscriber->replay->history;
    size_t written = 0;
    if (!subscriber_flush(hub, subscriber)) return 0;
    // Another worker has been told of what stands before that id; this one will be at once.
    if (!history->walk && hub->position + 1 < history->before) goto again;
    if (!history->walk) history->walk = lookback_new(hub, subscriber->selector, history->before);
    if (history->next == history->count && history->newest) history->next = history->count = 0;
    if (!history->walk || !look(hub, history, subscriber->selector)) {
        subscriber_break(hub, subscriber);
        return 0;
    }
    if (history->newest || history->over) {
        if (history->next < history->count && !give(hub, subscriber, &written)) return written;
        if (history->over && history->next == history->count) {
            finish(hub, subscriber);
            return written;
        }
    }
    // What has been found and not given is older than where the search is.
    if (history->next == history->count) say_progress(hub, subscriber);
again:
    if (subscriber->state == SUB_PUMPED) pump_enqueue(hub, subscriber);
    return written;
}
