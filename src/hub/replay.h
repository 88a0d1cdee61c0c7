// SPDX-License-Identifier: MIT
// What a subscriber that is behind keeps beside its cursor until it has caught up: how it is to be
// given what it asked for, and the places in its topics. Data and lifetime only; start.c makes
// them, gather.c, pump.c and history.c use them.
#ifndef TAILRACE_HUB_REPLAY_H
#define TAILRACE_HUB_REPLAY_H

#include "hub/hub.h"
#include "hub/ready.h"

struct lookback;
struct merge;

enum replay_kind {
    REPLAY_PLAIN, // nothing but what goes with other kinds too
    REPLAY_PACED, // one event at a time
    REPLAY_LIMIT, // so many events at most
    REPLAY_PAST,  // answered from the past
};

// The newest few of each topic, as it was at `then`; after that everything.
struct replay_window {
    uint64_t newest; // 0: there is no window, or it has been given
    uint64_t then;
    bool begun; // it is known where it begins: the cursor is there
};

struct replay_pace {
    uint64_t every_ms; // HUB_PACE_ORIGINAL: as they were published
    uint32_t speed;
    struct ready_due due;
    uint64_t sent_at_ms, sent_time_ms; // when the last event was sent, and its own time
};

// Of a seq in a list: it is damaged, a gap is told in its place.
#define REPLAY_DAMAGED ((uint64_t)1 << 63)

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
    uint64_t oldest;    // what was found last, 0: nothing yet
    size_t count, next; // of the list: those before `next` have been given
    uint64_t seqs[];    // in the order in which they are given; or with REPLAY_DAMAGED
};

// The topics that its document begins with are being written.
struct replay_listing {
    bool on;
    bool filled;      // some are
    uint32_t next;    // those with numbers from here on are not
    struct buf *held; // what follows them, NULL: nothing
};

struct replay {
    enum replay_kind kind;
    struct replay_listing listing;
    // These go with any kind but REPLAY_PAST.
    bool scans; // behind the ring more topics have events for it than are worth merging
    struct replay_window window;
    struct merge *merge; // NULL: to be made when it is needed
    union {
        struct replay_pace pace;
        uint64_t left; // REPLAY_LIMIT: events that it may still be given
        struct replay_past *past;
    };
};

// Gives the subscriber a replay of this kind: it has none yet, or REPLAY_PLAIN is asked for and
// what it has will do. False: out of memory.
bool replay_make(struct subscriber *subscriber, enum replay_kind kind) MUST_CHECK;
// For REPLAY_PAST, with room for so many seqs. False: out of memory.
bool replay_make_past(struct hub *hub, struct subscriber *subscriber, size_t room) MUST_CHECK;
// A subscriber without one is fine.
void replay_free(struct hub *hub, struct subscriber *subscriber);
// The cursor has moved on: what it has passed the end of is freed.
void replay_pass(struct hub *hub, struct subscriber *subscriber);
// The subscriber has to wait, for its connection or for a time: frees what is easily made again, or
// takes too much of the hub's memory.
void replay_rest(struct hub *hub, struct subscriber *subscriber);

// What the subscriber has of it, NULL: nothing.
static inline struct replay *replay_of(const struct subscriber *subscriber, enum replay_kind kind) {
    struct replay *replay = subscriber->replay;
    return replay && replay->kind == kind ? replay : NULL;
}
static inline struct replay_window *replay_window_of(const struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    return replay && replay->window.newest ? &replay->window : NULL;
}

#endif
