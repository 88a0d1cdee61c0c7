// SPDX-License-Identifier: MIT
// One subscriber: its states, and how it is written to, blocked, cut off and finished.
#ifndef TAILRACE_HUB_SUBSCRIBER_H
#define TAILRACE_HUB_SUBSCRIBER_H

#include "hub/hub.h"

// Where a subscriber is:
//
//   NEW ──hub_begin──▶ PUMPED ◀──▶ LIVE
//    │                  │  ▲
//    ▼                  ▼  │
//   WAITING ──────▶   BLOCKED ──▶ ENDING ──▶ DEAD
//
//   WAITING  a long poll that has nothing yet, in selector->waiting
//   PUMPED   behind; in the ready queue, or due later (paced)
//   LIVE     at the hub's position, in selector->live
//   BLOCKED  the connection takes no more; waits for hub_writable
//   ENDING   its last bytes are in the tail; finished when they are sent
//   DEAD     out of the hub, or to be removed from it
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
    SUB_CONTROL = 1,  // it has asked for notices
    SUB_READY = 2,    // in the ready queue
    SUB_ELEMENTS = 4, // its document has an element already: an event, a notice
    SUB_WHEEL = 8,    // in the heartbeat wheel
    SUB_SNAPSHOT = 16,
    SUB_UNOPENED = 32,     // a snapshot that begins when its topics are known
    SUB_POLL = 64,         // and then may have to wait
    SUB_QUIET = 128,       // notices are comments
    SUB_OTHER_EPOCH = 256, // its id was of another journal
    SUB_OTHER_ID = 512,    // its id is one that the journal has not given out
    SUB_COUNTED = 1024,    // its tail is in the account
};

// --- bytes ---------------------------------------------------------------------------------------
// What is owed goes out in this order: the rest of the parcel, the tail, a round.

// Writes to one, and counts it. False: the connection broke.
bool subscriber_write(struct hub *hub, struct subscriber *subscriber, struct str bytes,
                      size_t *taken) MUST_CHECK;
// Sends the rest of the parcel and what is in the tail. False: the connection did not take all (it
// is blocked then), or broke.
bool subscriber_flush(struct hub *hub, struct subscriber *subscriber) MUST_CHECK;
// Sends the hub's round to one that owes nothing; adds to *written. False: blocked or broken.
bool subscriber_send_round(struct hub *hub, struct subscriber *subscriber,
                           size_t *written) MUST_CHECK;
// `taken` of the round's bytes went out to one that had everything up to `before`: sets its cursor,
// keeps the parcel of an event that is half sent. False: there is no room for the parcel, it is
// broken.
bool subscriber_settle(struct hub *hub, struct subscriber *subscriber, size_t taken,
                       uint64_t before) MUST_CHECK;

// Bytes that are no event, to go out next. False: out of memory, it is broken.
bool subscriber_say(struct hub *hub, struct subscriber *subscriber, struct str bytes);
// The same for a notice, if its document has a place for it.
bool subscriber_notice(struct hub *hub, struct subscriber *subscriber, const struct notice *notice);
// tailrace.gap. `from`: the id it had, ptr NULL: `from_seq`. `seq` is where a client that comes
// back after it goes on from: nothing that is still to be given may be before it. 0: it keeps the
// id that it has.
struct subscriber_loss {
    struct str from;
    uint64_t from_seq, to_seq, seq;
    const char *reason;
};
void subscriber_gap(struct hub *hub, struct subscriber *subscriber,
                    const struct subscriber_loss *loss);

// --- states --------------------------------------------------------------------------------------

// It is at the hub's position.
void subscriber_go_live(struct hub *hub, struct subscriber *subscriber);
// Takes it out of its selector's lists.
void subscriber_detach(struct subscriber *subscriber);
// Its connection takes no more. What it is owed that is no event is counted; when there is no room
// for that it is broken.
void subscriber_block(struct hub *hub, struct subscriber *subscriber);
// It cannot go on.
void subscriber_break(struct subscriber *subscriber);
// Sends a last notice (NULL: none), the document's end (NULL: none), and the end of the body. It is
// finished and out of the hub, or ENDING until the connection has taken that.
void subscriber_finish(struct hub *hub, struct subscriber *subscriber, const struct notice *notice,
                       const struct document_closing *closing);
// The same for one whose topics are all closed, with tailrace.end.
void subscriber_finish_closed(struct hub *hub, struct subscriber *subscriber);
// Goes on with one that is ENDING.
void subscriber_end(struct hub *hub, struct subscriber *subscriber);
// Frees what it holds, whatever its state: it is out of the hub. Not counted.
void subscriber_release(struct hub *hub, struct subscriber *subscriber);

#endif
