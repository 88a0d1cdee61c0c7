// SPDX-License-Identifier: MIT
// The journal's time.
#include "journal/timekeeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void timekeeper_init(struct timekeeper *keeper, uint64_t last_ms, uint64_t unix_ms,
                     uint64_t boot_ms) {
    *keeper =
        (struct timekeeper){.unix_ms = unix_ms > last_ms ? unix_ms : last_ms, .boot_ms = boot_ms};
    // The hub may have been off for long, or the machine's clock may not be set yet.
    if (last_ms && unix_ms > last_ms + TIMEKEEPER_LEAP_MS)
        keeper->unsure_until_ms = boot_ms + TIMEKEEPER_STEADY_MS;
}

static void follow(struct timekeeper *keeper, uint64_t unix_ms, uint64_t boot_ms) {
    keeper->unix_ms = unix_ms;
    keeper->boot_ms = boot_ms;
    keeper->leapt_at_ms = 0;
    keeper->leap_ms = 0;
}

uint64_t timekeeper_now(struct timekeeper *keeper, uint64_t unix_ms, uint64_t boot_ms) {
    uint64_t expected_ms = keeper->unix_ms + (boot_ms - keeper->boot_ms);
    int64_t leap_ms = (int64_t)(unix_ms - expected_ms);
    if (llabs(leap_ms) <= TIMEKEEPER_LEAP_MS || boot_ms < keeper->unsure_until_ms) {
        follow(keeper, unix_ms, boot_ms);
        return unix_ms;
    }
    if (!keeper->leapt_at_ms || llabs(leap_ms - keeper->leap_ms) > TIMEKEEPER_LEAP_MS) {
        keeper->leapt_at_ms = boot_ms;
        keeper->leap_ms = leap_ms;
    }
    if (boot_ms - keeper->leapt_at_ms < TIMEKEEPER_STEADY_MS) return expected_ms;
    if (leap_ms > 0) keeper->distrust_until_ms = boot_ms + TIMEKEEPER_TRUST_MS;
    follow(keeper, unix_ms, boot_ms);
    return unix_ms;
}

bool timekeeper_trusts_ages(const struct timekeeper *keeper, uint64_t boot_ms) {
    return !keeper->leapt_at_ms && boot_ms >= keeper->unsure_until_ms &&
           boot_ms >= keeper->distrust_until_ms;
}

void timekeeper_say(const struct timekeeper *keeper, uint64_t boot_ms, char *text, size_t size) {
    text[0] = '\0';
    if (keeper->leapt_at_ms) {
        int64_t minutes = llabs(keeper->leap_ms) / 60000;
        (void)snprintf(
            text, size,
            "the system clock went %s by %" PRId64
            " minutes at once; events keep the time of before until it is back or has stayed "
            "there for 10 minutes, and nothing is deleted for its age",
            keeper->leap_ms > 0 ? "forward" : "back", minutes);
    } else if (boot_ms < keeper->distrust_until_ms) {
        (void)snprintf(
            text, size,
            "the system clock went forward by more than an hour at once and stayed there; "
            "nothing is deleted for its age for another %" PRIu64 " minutes",
            (keeper->distrust_until_ms - boot_ms) / 60000 + 1);
    }
}
