// SPDX-License-Identifier: MIT
// The journal's time: what events are stamped with and ages are measured against. The wall clock,
// but not when it leaps by more than an hour against the time that has passed since it was looked
// at last (which counts a suspended machine's sleep). Then the time goes on as if it had not leapt,
// until the wall clock is back, or has stayed where it is for ten minutes.
//
// Ages are not trusted during a leap, for a day after a leap ahead that turned out to last, and for
// the first ten minutes after a start that is more than an hour after the journal's newest event:
// what is deleted does not come back. Plain functions on the readings of two clocks.
#ifndef TAILRACE_JOURNAL_TIMEKEEPER_H
#define TAILRACE_JOURNAL_TIMEKEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMEKEEPER_LEAP_MS (3600 * 1000)
#define TIMEKEEPER_STEADY_MS (600 * 1000)
#define TIMEKEEPER_TRUST_MS (24 * 3600 * 1000)

// Times are milliseconds; `boot_ms` is of a clock that only goes forward, sleep included.
struct timekeeper {
    uint64_t unix_ms, boot_ms; // the time at one moment of the clock that only goes forward
    int64_t leap_ms;           // how far the wall clock is from the time, while it leaps
    uint64_t leapt_at_ms;      // boot_ms when it was seen first, 0: it does not leap
    uint64_t unsure_until_ms;  // after the start; the wall clock is followed wherever it goes
    uint64_t distrust_until_ms;
};

// `last_ms`: the time of the journal's newest event, 0: it has none.
void timekeeper_init(struct timekeeper *keeper, uint64_t last_ms, uint64_t unix_ms,
                     uint64_t boot_ms);
// The time, from what the wall clock says.
uint64_t timekeeper_now(struct timekeeper *keeper, uint64_t unix_ms, uint64_t boot_ms);
// Whether an age measured now may delete anything.
bool timekeeper_trusts_ages(const struct timekeeper *keeper, uint64_t boot_ms);
// What is wrong, for a person; empty when nothing is.
void timekeeper_say(const struct timekeeper *keeper, uint64_t boot_ms, char *text, size_t size);

#endif
