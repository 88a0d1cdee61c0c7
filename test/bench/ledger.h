// SPDX-License-Identifier: MIT
// The ledger: which events were published, in which order they came, and whether every subscriber
// got all of them once and in that order. Shared by all processes of the load generator.
//
// The publisher numbers the events. A hub may order events that are in flight together as it likes,
// but the order must be the same for all. The first subscriber of a topic to get a k-th event
// records its number; all others must get that one as their k-th. Where only one order is possible
// (one connection, or never two events of a topic in flight), it must be the publisher's.
//
// An event is in flight until its publish was answered and every subscriber of its topic has it. A
// process counts its own subscribers and tells the others once, when its last one has the event.
#ifndef TAILRACE_BENCH_LEDGER_H
#define TAILRACE_BENCH_LEDGER_H

#include <stdatomic.h>

#include "histogram.h"
#include "options.h"

// Events in flight, at most. A power of two.
#define LEDGER_SLOTS 65536u
// "@@", eight hexadecimal digits, "@": an event's number, at the beginning of its data.
#define MARKER_BYTES 11
// Events of one run, in all topics together.
#define LEDGER_EVENTS (32u * 1024 * 1024)
#define LEDGER_PROCESSES 64u

// The counts of one process. Only that process writes them.
struct share {
    _Atomic(uint64_t) opened, failed, closed, deliveries, bytes, receives, finished;
    uint64_t doubled, disordered, foreign, missing;
    struct histogram latency;          // publish to delivery
    struct histogram complete, answer; // publish to the last delivery and to the answer
    char problem[160];
};

struct slot {
    _Atomic(uint64_t) published_ns;
    _Atomic(uint32_t) number;
    // Processes in which a subscriber does not have the event yet; one more until the publish is
    // answered.
    _Atomic(uint32_t) parts;
};

struct ledger {
    const struct options *options;
    _Atomic(bool) ended;         // the other processes close and exit
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

// Memory is shared with child processes. Ends the program when there is not enough.
struct ledger *ledger_new(const struct options *options);

// For the publisher, which is the first process.
uint32_t ledger_publish(struct ledger *ledger, uint64_t now_ns);
void ledger_answered(struct ledger *ledger, uint32_t number, bool ok, uint64_t now_ns);
// Stops waiting for events in flight. They will count as missing.
void ledger_abandon(struct ledger *ledger);

// What one subscriber has got.
struct account {
    uint32_t topic, at, received, skipped;
};
enum verdict { VERDICT_NEW, VERDICT_REPEATED, VERDICT_FOREIGN };
// A subscriber of the process that owns `share` got event `number`.
enum verdict ledger_deliver(struct ledger *ledger, struct share *share, struct account *account,
                            uint32_t number);
// All subscribers of the process that owns `share` have the event.
void ledger_part_done(struct ledger *ledger, struct share *share, uint32_t number, uint64_t now_ns);

#endif
