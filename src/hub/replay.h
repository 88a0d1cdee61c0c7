// SPDX-License-Identifier: MIT
// A start that is more than a cursor: what a subscriber keeps until it is used up. Data and
// lifetime only; start.c makes them, gather.c, pump.c and history.c use them.
#ifndef TAILRACE_HUB_REPLAY_H
#define TAILRACE_HUB_REPLAY_H

#include "hub/hub.h"
#include "hub/ready.h"

struct lookback;

enum replay_kind {
    REPLAY_LIST,  // nothing but a list
    REPLAY_PACED, // one event at a time
    REPLAY_LIMIT, // so many events at most
    REPLAY_PAST,  // answered from the past; there is no list
};

// Events to give, ascending; then everything after `then`.
struct replay_list {
    uint64_t *seqs; // NULL: there is none, or it has been used up
    size_t count, cap, next;
    uint64_t then;
};

struct replay_pace {
    uint64_t every_ms; // HUB_PACE_ORIGINAL: as they were published
    uint32_t speed;
    struct ready_due due;
    uint64_t sent_at_ms, sent_time_ms; // when the last event was sent, and its own time
};

// A page of history, or a search: see history.h.
struct replay_past {
    struct lookback *walk; // NULL: the hub has not applied all that is asked for yet
    uint64_t before;
    bool newest;  // newest first
    bool control; // says how far it is
    bool looked;  // after the last that was wanted, for one more
    bool over;    // nothing more is looked for
    bool ended;   // nothing older is stored
    uint64_t wanted, hits, scanned, said_ms;
    uint64_t oldest;    // what was found last
    size_t count, next; // of the list: those before `next` have been given
    uint64_t seqs[];    // in the order in which they are given
};

struct replay {
    enum replay_kind kind;
    struct replay_list list; // goes with any kind but REPLAY_PAST
    union {
        struct replay_pace pace;
        uint64_t left; // REPLAY_LIMIT: events that it may still be given
        struct replay_past *past;
    };
};

// Gives the subscriber a replay of this kind: it has none yet, or REPLAY_LIST is asked for and what
// it has may have a list. False: out of memory.
bool replay_make(struct subscriber *subscriber, enum replay_kind kind) MUST_CHECK;
// For REPLAY_PAST, with room for so many seqs. False: out of memory.
bool replay_make_past(struct hub *hub, struct subscriber *subscriber, size_t room) MUST_CHECK;
// A subscriber without one is fine.
void replay_free(struct hub *hub, struct subscriber *subscriber);
// The list is used up. What has nothing else is freed.
void replay_end_list(struct hub *hub, struct subscriber *subscriber);

// What the subscriber has of it, NULL: nothing.
static inline struct replay *replay_of(const struct subscriber *subscriber, enum replay_kind kind) {
    struct replay *replay = subscriber->replay;
    return replay && replay->kind == kind ? replay : NULL;
}
static inline struct replay_list *replay_list_of(const struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    return replay && replay->list.seqs ? &replay->list : NULL;
}

#endif
