// SPDX-License-Identifier: MIT
// The hub of one worker: topics, selectors, subscribers, cursors. The domain: no sockets and no
// wall clock. Time is passed in, bytes go out through a sink, framed and coded by proto/wire.
//
// Committed batches come in by hub_apply. The fan-out writes each touched subscriber once, with all
// that became deliverable together. A subscriber that cannot take all of it leaves the fast path
// with a cursor, and with a share of the event that it is in the middle of (hub/parcel.h). When it
// can be written to again, it is pumped from the ring or the store. Replay for a newcomer is the
// same pump: read from the cursor until there is no more.
//
// Everything here belongs to one thread.
#ifndef TAILRACE_HUB_HUB_H
#define TAILRACE_HUB_HUB_H

#include <sys/types.h>

#include "base/account.h"
#include "base/err.h"
#include "base/pattern.h"
#include "base/str.h"
#include "hub/document.h"
#include "journal/store_reader.h"
#include "proto/wire.h"

struct hub;
struct parcel;
struct replay;
struct selector;

// One live response. Embedded in whatever its owner keeps of it; the fields are the hub's.
struct subscriber {
    // What an idle one is asked for (a heartbeat, leaving) is together in one line of the cache.
    struct selector *selector;
    uint32_t place;       // in the selector's list
    uint32_t wheel_place; // in its slot of the heartbeat wheel
    union {
        uint32_t retry_ms;     // until hub_begin
        uint32_t written_tick; // of it alone; the selector has that of all the live ones
    };
    uint32_t parcel_at; // how much of the parcel is out
    uint8_t state;
    uint8_t wheel_slot;
    uint16_t flags;
    struct replay *replay; // while it is behind, or has a pace or a limit: more than a cursor
    // Bytes that are no event (head, notices) and have not been taken yet. They follow the parcel.
    struct buf *tail;
    struct parcel *parcel; // the event that is half sent, NULL: none
    // The last seq that it has been given (of which the parcel is a part) or has passed; not kept
    // up while it is live.
    uint64_t cursor;
    uint64_t until; // a snapshot ends here; UINT64_MAX for a stream
    uint64_t told;  // gaps have been sent for losses up to this count of the directory's
    struct subscriber *next_ready, *prev_ready;
};
// There may be a million idle ones.
_Static_assert(sizeof(void *) > 8 || sizeof(struct subscriber) <= 96, "a subscriber stays small");

enum hub_begun {
    HUB_BEGUN,
    HUB_BEGUN_BROKEN, // the head cannot be made, the connection is broken
    HUB_BEGUN_ENDED,  // the head is the whole answer
};

// How bytes leave by one kind of connection. All are called from within hub functions; none may
// call back into the hub.
struct hub_sink {
    // What `write` knows its connection by, such as a descriptor: good until hub_remove.
    intptr_t (*handle)(struct subscriber *subscriber);
    // Takes 0..len bytes; -1 when the connection is broken.
    ssize_t (*write)(intptr_t handle, const char *bytes, size_t len);
    // Whether hub_writable is to be called when it can take more.
    void (*want_writable)(struct subscriber *subscriber, bool on);
    // Everything was sent, the end of the body included; it is removed from the hub already. The
    // memory may be freed after the current hub function returns.
    void (*finished)(struct subscriber *subscriber);
    // It cannot go on (a write failed, memory is out): the connection must be closed without a
    // clean end, and hub_remove be called, after the current hub function has returned.
    void (*broken)(struct subscriber *subscriber);
    // The response begins, in hub_begin or later (the topics of a pattern were to be found first; a
    // long poll has something or was woken): appends its head, what goes out before the body, to
    // `head`.
    enum hub_begun (*begin)(struct subscriber *subscriber, struct buf *head);
};

struct hub_config {
    const char *epoch; // borrowed for the hub's life
    // Taken over by the hub when hub_new succeeds; NULL: nothing is ever read.
    struct store_reader *store;
    uint64_t position; // seq of the newest event already committed
    uint32_t ring_events;
    uint64_t ring_bytes;
    // Of encodings and large selectors; borrowed for the hub's life, which sets its yield: the
    // encodings give way. NULL: they have no bound.
    struct account *account;
    uint64_t heartbeat_ms; // an idle event stream is written to about this often
    // A clock in microseconds, for work of which nobody can tell beforehand how long it takes.
    // NULL: only its amount is bounded.
    uint64_t (*clock_us)(void);
    uint64_t (*cpu_us)(void); // the thread's time on the processor; as clock_us
    uint64_t turn_ms;         // how long such work may take in one turn (hub/budget.h)
};

int hub_new(struct hub **out, const struct hub_config *config, struct report *report) MUST_CHECK;
// All subscribers must be gone.
void hub_free(struct hub *hub);
// Before the first batch: what the store knew at its opening.
int hub_load_topic(struct hub *hub, const struct topic_state *topic) MUST_CHECK;

// A turn begins, at this time of the hub's clock: to be called before anything else in it.
void hub_turn(struct hub *hub, uint64_t now_us);
void hub_set_turn_time(struct hub *hub, uint64_t turn_ms);

// Applies batches in order; takes over one reference of each. Deliver afterwards: hub_deliver
// writes to all that were touched since.
void hub_apply(struct hub *hub, struct batch *batch);
void hub_deliver(struct hub *hub, uint64_t now_ms);
// Goes on with replays that still have work, up to a bound. True when there is more: call again
// next turn.
bool hub_continue(struct hub *hub, uint64_t now_ms);

// Encodings that this hub does not use any more: how many bytes there are, and the list, for
// encodings_free when no worker is in a turn any more that had begun before this call.
size_t hub_retired_bytes(const struct hub *hub);
struct encoding *hub_take_retired(struct hub *hub);

enum hub_start_kind {
    HUB_START_LIVE,
    // After `seq`. With `foreign` the id was of another journal: a gap is sent, `fallback` applies.
    HUB_START_AFTER,
    HUB_START_TIME, // since `time_ms`
    HUB_START_LAST, // the newest `count` of each topic; UINT64_MAX: all
    // The newest `count` before `seq` (UINT64_MAX: of all) of all topics together. Only for
    // HUB_SNAPSHOT, not for event streams; neither pace nor limit.
    HUB_START_BEFORE,
};
enum hub_mode {
    HUB_STREAM,   // goes on
    HUB_SNAPSHOT, // ends at what is there now
    HUB_WAIT,     // a snapshot that waits for something to be in it
};
#define HUB_PACE_NONE 0
#define HUB_PACE_ORIGINAL UINT64_MAX

struct hub_request {
    const struct pattern *names;
    uint32_t names_count;
    const struct pattern *grants; // patterns that narrow them; count 0: no restriction
    uint32_t grants_count;
    struct str filter; // ptr NULL: none
    enum frame_format format;
    struct wire wire;
    const struct hub_sink *sink; // of its kind of connection; static storage
    uint64_t retry_ms;           // event streams: what the opening says; at most 2^32 - 1 counts
    bool control;                // it has asked for the hub's notices
    bool quiet; // streams: it wants no notices at all; comments stand for them where there are any
    enum hub_mode mode;
    enum hub_start_kind start;
    bool foreign;
    struct str foreign_id;        // for the gap, as the client gave it
    enum hub_start_kind fallback; // when foreign: LAST or TIME, with the values below
    uint64_t seq, time_ms, count;
    // HUB_START_BEFORE: newest first, given as they are found; else `count` is at most
    // LIMIT_PAGE_EVENTS.
    bool newest;
    uint64_t limit; // of a snapshot: at most so many events. 0: no limit
    // What the journal has committed. An id up to here is good although this hub has not
    // applied it yet: it is waited for.
    uint64_t committed;
    // HUB_PACE_NONE, milliseconds, or HUB_PACE_ORIGINAL with pace_speed. Not with a limit.
    uint64_t pace_ms;
    uint32_t pace_speed; // 1: as published
};

// ERR_NOT_FOUND: all its topics are closed and the caller has all of it (answer 204). ERR_INVALID:
// bad filter. ERR_LIMIT: too many patterns, or no room for the topics now. ERR_NOMEM, ERR_IO. After
// 0 the subscriber is in the hub and nothing was written yet: call hub_begin. With HUB_WAIT and
// nothing to send yet, *waits is true: the head is asked for later, by sink->begin.
int hub_subscribe(struct hub *hub, struct subscriber *subscriber, const struct hub_request *request,
                  uint64_t now_ms, bool *waits, struct report *report) MUST_CHECK;
// Begins the response: the head (sink->begin) with the document's opening, then what there is to
// give, up to a bound; hub_continue does the rest. Once, for a subscriber that does not wait. A
// snapshot of a pattern whose topics are still being found begins in hub_continue. ERR_NOMEM:
// nothing was asked for or written, and the caller calls hub_remove.
int hub_begin(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms) MUST_CHECK;
// Why not all of what was asked for can be given, in one of the words of tailrace.gap, as far as
// that is known when the response begins; NULL: nothing is known to be missing. For sink->begin.
const char *hub_missing(const struct hub *hub, const struct subscriber *subscriber);
// A long poll's time is up: it is answered with what there is (nothing, as a rule).
void hub_wake(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms);
// The connection is gone: forget it. Fine in every state after hub_subscribe; not after `finished`.
void hub_remove(struct hub *hub, struct subscriber *subscriber);
// The connection can take more: hub_continue goes on with it.
void hub_writable(struct hub *hub, struct subscriber *subscriber, uint64_t now_ms);

// Ends a stream cleanly, after the rest of an event that is half sent: an event stream with the
// notice `tailrace.CONTROL` (NULL: none). Does nothing to an answer that ends by itself.
void hub_end(struct hub *hub, struct subscriber *subscriber, const char *control);
// The same for up to `count` streams of the hub, for draining; returns how many are left.
size_t hub_end_some(struct hub *hub, size_t count, const char *control);

// Heartbeats: to be called every hub_tick_ms(hub).
#define HUB_WHEEL_SLOTS 16
uint64_t hub_tick_ms(const struct hub *hub);
void hub_set_heartbeat(struct hub *hub, uint64_t heartbeat_ms);
void hub_tick(struct hub *hub, uint64_t now_ms);
// When a paced replay wants hub_continue, UINT64_MAX: none does.
uint64_t hub_next_due(const struct hub *hub);

// Name (of the metric tailrace_NAME too), level (gauge or counter), over all workers (sum: adds up;
// same: each has the same value), help.
#define HUB_COUNTERS(X)                                                                            \
    X(subscribers, gauge, sum, "live responses at present")                                        \
    X(selectors, gauge, sum, "distinct subscriptions at present")                                  \
    X(topics, gauge, same, "topics known")                                                         \
    X(deliveries_total, counter, sum, "events given to subscribers")                               \
    X(sent_bytes_total, counter, sum, "bytes sent to subscribers")                                 \
    X(sent_writes_total, counter, sum, "writes to subscribers")                                    \
    X(gaps_total, counter, sum, "gaps told to subscribers")                                        \
    X(damaged_total, counter, sum, "damaged events that replays, pages and searches met")          \
    X(missed_total, counter, sum, "times a worker was so far behind that it was not given events") \
    X(replays_total, counter, sum, "subscriptions that asked for history")                         \
    X(blocked_total, counter, sum, "times a subscriber could not take more")                       \
    X(searches, gauge, sum, "pages of history and searches that are under way")                    \
    X(looked_back_total, counter, sum, "about how many events pages and searches looked at")       \
    X(merge_bytes, gauge, sum, "memory of the places that replays of topics keep")                 \
    X(ring_events, gauge, sum, "recent events in memory, all workers")                             \
    X(ring_bytes, gauge, sum, "their bytes")                                                       \
    X(encoded_bytes, gauge, sum, "bytes of their encodings, a part of tailrace_held_bytes")        \
    X(pinned_parcels, gauge, sum, "events of which slow subscribers have a part")                  \
    X(pinned_bytes, gauge, sum, "their bytes")

struct hub_counts {
#define X(name, level, over_workers, help) uint64_t name;
    HUB_COUNTERS(X)
#undef X
};
void hub_counts(const struct hub *hub, struct hub_counts *out);
// Adds those of a further worker.
void hub_counts_add(struct hub_counts *total, const struct hub_counts *counts);

// --- what answers other than streams need --------------------------------------------------------

// The media type of a format's documents. Static storage.
static inline const char *hub_content_type(enum frame_format format) {
    return document_content_type(format);
}

uint64_t hub_position(const struct hub *hub);
// The newest matching event's seq, and a number that differs between selectors and changes when any
// of the matching topics loses events or is closed: for an ETag. From sink->begin of a snapshot on.
void hub_fingerprint(struct hub *hub, const struct subscriber *subscriber, uint64_t *newest,
                     uint64_t *sum);

struct hub_topic {
    struct str name;
    uint32_t no;
    uint64_t last_seq, last_time_ms, events, bytes;
    bool closed;
};
// A walk over topics, in the order of their numbers: those that match the names and the narrowing
// patterns (count 0: no restriction). It may take as long as it likes: each topic that is there all
// the time is met once.
struct hub_walk {
    const struct pattern *names;
    uint32_t names_count;
    const struct pattern *grants;
    uint32_t grants_count;
    uint32_t next; // topics with numbers from here on have not been met; 0 at first
};
// Goes on, a bounded amount, or until `each` has returned false. False: there are no more.
bool hub_topics(struct hub *hub, struct hub_walk *walk,
                bool (*each)(void *context, const struct hub_topic *topic), void *context);
// Writes a topic as a member of an array:
// {topic,last_id,last_time,events,bytes,subscribers,closed}. `subscribers`: of all workers; NULL:
// that member is left out.
void hub_topic_write(struct json *json, const struct hub_topic *topic, const char *epoch,
                     const uint64_t *subscribers);
// How many subscribers of this worker a topic has.
uint64_t hub_topic_subscribers(const struct hub *hub, uint32_t topic_no);

#endif
