// SPDX-License-Identifier: MIT
// The ledger: what was published, in which order it came, and whether every subscriber got all of it once and in that order.
// Shared by all processes of the load generator.
//
// Events are numbered by the publisher. Which order a hub gives to events that were in flight together is its own business, but
// it must be the same for all: per topic the first subscriber to get the k-th event writes its number down, and all others must get
// that one as their k-th. Where only one order is possible (one connection, or never two events of a topic in flight) it must be the
// publisher's.
//
// An event is in flight until its publish was answered and every subscriber of its topic has it. A process counts its own
// subscribers and tells the others once, when its last one has the event.
#ifndef TAILRACE_BENCH_LEDGER_H
#define TAILRACE_BENCH_LEDGER_H

#include <stdatomic.h>

#include "histogram.h"
#include "options.h"

// In flight at most; a power of two.
#define LEDGER_SLOTS 65536u
// "@@", eight hexadecimal digits, "@": an event's number, at the beginning of its data.
#define MARKER_BYTES 11
// Events of one run, all topics together.
#define LEDGER_EVENTS (32u * 1024 * 1024)
#define LEDGER_PROCESSES 64u

// A process's own counts. Only that process writes them.
struct share {
    _Atomic(uint64_t) opened, failed, closed, deliveries, bytes, receives, finished;
    uint64_t doubled, disordered, foreign, missing;
    struct histogram latency;          // publish to delivery
    struct histogram complete, answer; // publish to the last delivery and to the answer
    char problem[160];
};

struct slot {
    _Atomic(uint64_t) published_ns;
    _Atomic(uint32_t) number,
        parts; // parts: processes that do not have all of it yet, and the answer to the publish
};

struct ledger {
    const struct options *options;
    _Atomic(bool) ended;         // the other processes close and go
    _Atomic(uint64_t) published; // numbers below this are known
    _Atomic(uint64_t) measured_from;
    _Atomic(uint64_t) inflight, abandoned;
    int wake; // an eventfd that ends the publisher's wait
    bool strict;
    struct slot slots[LEDGER_SLOTS];
    struct share shares[LEDGER_PROCESSES];
    _Atomic(uint32_t) *order; // [topic + topics * k]: the k-th event's number + 1
    _Atomic(uint32_t) *place; // [number]: its k + 1
    _Atomic(uint16_t) *parts; // [topic]: processes that have subscribers of it
    _Atomic(uint32_t) *sizes; // [topic]: events published
};

// In memory that children share. Ends the program when there is none.
struct ledger *ledger_new(const struct options *options);

// The publisher's, who is the first process.
uint32_t ledger_publish(struct ledger *ledger, uint64_t now_ns);
void ledger_answered(struct ledger *ledger, uint32_t number, bool ok, uint64_t now_ns);
// Stops waiting for what is in flight; it will show up as missing.
void ledger_abandon(struct ledger *ledger);

// A subscriber's account.
struct account {
    uint32_t topic, at, received, skipped;
};
enum verdict { VERDICT_NEW, VERDICT_REPEATED, VERDICT_FOREIGN };
// Subscriber of the process that owns `share` got event `number`.
enum verdict ledger_deliver(struct ledger *ledger, struct share *share, struct account *account,
                            uint32_t number);
// All subscribers of the process that owns `share` have it.
void ledger_part_done(struct ledger *ledger, struct share *share, uint32_t number, uint64_t now_ns);

#endif
