// SPDX-License-Identifier: MIT
// What the files of hub/ share: the hub itself and the states of a subscriber.
#ifndef TAILRACE_HUB_HUB_PRIV_H
#define TAILRACE_HUB_HUB_PRIV_H

#include "hub/directory.h"
#include "hub/hub.h"
#include "hub/ring.h"

// Where a subscriber is:
//
//   NEW ──hub_begin──▶ PUMPED ◀──▶ LIVE        LIVE: at the hub's position, in selector->live
//    │                  │  ▲                   PUMPED: behind, in the ready queue or due later (paced)
//    ▼                  ▼  │                   BLOCKED: the connection takes no more, waits for hub_writable
//   WAITING ──────▶   BLOCKED ──▶ ENDING       ENDING: the end is in the tail; finished when that is sent
enum subscriber_state {
    SUB_NEW,
    SUB_WAITING,
    SUB_PUMPED,
    SUB_LIVE,
    SUB_BLOCKED,
    SUB_ENDING,
    SUB_DEAD
};

enum subscriber_flags {
    SUB_CONTROL = 1,  // pings are events
    SUB_READY = 2,    // in the ready queue
    SUB_ELEMENTS = 4, // a JSON snapshot has at least one element already
    SUB_WHEEL = 8,    // in the heartbeat wheel
    SUB_SNAPSHOT = 16,
};

// A start that is more than a cursor. Freed when it is used up.
struct replay {
    uint64_t *seqs; // events to give, ascending; then everything after `then`
    size_t count, next;
    uint64_t then;
    uint64_t pace_ms; // as in struct hub_request
    uint32_t speed;
    uint64_t due_ms, sent_at_ms, sent_time_ms;
    bool paced;   // in the hub's list
    bool limited; // `left` is how many events it may still be given
    uint64_t left;
    struct history *history; // it is answered from the past
    struct subscriber *subscriber;
    struct replay *next_paced, *prev_paced;
};

// A frame in the scratch buffer ends at `end`.
struct bound {
    uint64_t seq;
    size_t end;
};

struct hub {
    const char *epoch;
    struct journal_reader *reader;
    const struct hub_sink *sink;
    struct directory directory;
    struct ring ring;
    uint64_t position;     // everything up to here was applied
    uint64_t delivered;    // everything up to here was written to the live ones
    uint64_t last_time_ms; // of the newest event
    uint64_t now_ms;
    uint64_t (*clock_us)(void);

    struct selector *touched;
    // What is being written now: frames one after the other, and where each ends.
    struct buf scratch;
    struct bound *bounds;
    size_t bounds_count, bounds_cap;

    struct subscriber *ready_head, *ready_tail;
    size_t ready_count;
    struct replay *paced;
    struct subscriber_list wheel[HUB_WHEEL_SLOTS];
    uint32_t tick;
    uint64_t tick_ms;
    uint64_t looked_total; // events looked at by the pump
    bool reading;          // between journal_reader_begin and _end

    struct buf heartbeat[4]; // [control][chunked]
    struct hub_counts counts;
};

// How much one subscriber is given by one turn of the pump, and all of them together: a long replay must not make the live ones wait.
#define PUMP_BYTES ((size_t)256 * 1024)
#define PUMP_EVENTS 1024
#define TURN_BYTES ((size_t)1024 * 1024)
// Events that are looked at (and skipped) in one turn of the pump, and in one of all of them together.
#define PUMP_SKIPS 8192
#define TURN_SKIPS 65536
// Turns of the pump in which a long poll looks whether it must wait.
#define PROBE_TURNS 4
// Up to this many topics are merged; a wider selector reads the journal in order and skips what does not match.
#define MERGE_TOPICS 64

// list.c
bool list_reserve(struct subscriber_list *list, uint32_t count);
void list_add(struct subscriber_list *list,
              struct subscriber *subscriber); // must have been reserved
void list_remove(struct subscriber_list *list, struct subscriber *subscriber);
bool live_reserve(struct live_list *list, uint32_t count);
void live_add(struct live_list *list, struct subscriber *subscriber,
              intptr_t handle); // must have been reserved
void live_remove(struct live_list *list, struct subscriber *subscriber);
bool wheel_add(struct hub *hub, struct subscriber *subscriber);
void wheel_remove(struct hub *hub, struct subscriber *subscriber);

// fanout.c
bool scratch_bound(struct hub *hub, uint64_t seq);
// Writes to one, and counts it. False when the connection broke.
bool subscriber_write(struct hub *hub, struct subscriber *subscriber, struct str bytes,
                      size_t *taken);
// `taken` of the scratch's bytes went out to a subscriber that had everything up to `before`: sets its cursor and its partial frame.
void subscriber_settle(struct hub *hub, struct subscriber *subscriber, size_t taken,
                       uint64_t before);
void subscriber_block(struct hub *hub, struct subscriber *subscriber);
void subscriber_break(struct hub *hub, struct subscriber *subscriber);
// Sends what is in the tail. False when the connection did not take all (it is blocked then) or broke.
bool subscriber_flush(struct hub *hub, struct subscriber *subscriber);
// Bytes that are no event, to go out next. False: out of memory, it is broken.
bool subscriber_say(struct hub *hub, struct subscriber *subscriber, struct str bytes);
// Takes it off the lists it is in.
void subscriber_detach(struct hub *hub, struct subscriber *subscriber);
// Sends `last_words` and the end of the body; it is finished, or ENDING until the connection has taken that.
void subscriber_finish(struct hub *hub, struct subscriber *subscriber, struct str last_words);
bool selector_finished(const struct hub *hub, const struct selector *selector);
// tailrace.end for a subscriber whose topics are all closed.
void subscriber_finish_closed(struct hub *hub, struct subscriber *subscriber);
void hub_trimmed(struct hub *hub, struct topic *topic, uint64_t seq, uint64_t ordinal);

// pump.c
void pump_enqueue(struct hub *hub, struct subscriber *subscriber);
void pump_dequeue(struct hub *hub, struct subscriber *subscriber);
// One turn for one subscriber; the number of bytes written.
size_t pump_turn(struct hub *hub, struct subscriber *subscriber);
// The scratch to the connection. False when the turn is over for it: blocked or broken.
bool pump_send(struct hub *hub, struct subscriber *subscriber, size_t *written);
// Whether anything matching is there for it (or may be: it looks only so far); passes over what is not.
bool pump_probe(struct hub *hub, struct subscriber *subscriber);
void replay_free(struct hub *hub, struct subscriber *subscriber);

// gather.c
enum gathered { GATHER_MORE, GATHER_ALL, GATHER_LATER, GATHER_AGAIN, GATHER_FAILED };
// Fills the scratch with frames that follow the subscriber's cursor, up to the pump's bounds. *reached is the seq up to which it then has everything.
enum gathered gather(struct hub *hub, struct subscriber *subscriber, uint64_t *reached);
// The same for the events of a list in its order; those that are gone are left out. *gathered: how many of the list it stands for. False: out of
// memory, the journal cannot be read, or an event that is half sent is gone.
bool gather_seqs(struct hub *hub, struct subscriber *subscriber, const uint64_t *seqs, size_t count,
                 size_t *gathered);

// start.c
// Sets cursor, replay and what has been told, from what was asked for.
int start_resolve(struct hub *hub, struct subscriber *subscriber, const struct hub_request *request,
                  struct report *report) MUST_CHECK;
// Queues tailrace.gap. `id` is where a client that comes back after it goes on from: nothing that is still to be given may be before
// it. 0: it keeps the id that it has.
void tell_gap(struct hub *hub, struct subscriber *subscriber, struct str from, uint64_t to,
              uint64_t id, const char *reason);

// reading, shared by pump.c and start.c
int hub_read_begin(struct hub *hub) MUST_CHECK;
void hub_read_end(struct hub *hub);

#endif
