// SPDX-License-Identifier: MIT
// How long something took, counted by duration: a histogram in the sense of Prometheus.
#ifndef TAILRACE_BASE_DURATIONS_H
#define TAILRACE_BASE_DURATIONS_H

#include <stdint.h>

// Upper bounds in microseconds, and as Prometheus writes them, in seconds.
#define DURATIONS_TABLE(X)                                                                         \
    X(100, "0.0001")                                                                               \
    X(250, "0.00025")                                                                              \
    X(500, "0.0005")                                                                               \
    X(1000, "0.001")                                                                               \
    X(2500, "0.0025")                                                                              \
    X(5000, "0.005")                                                                               \
    X(10000, "0.01")                                                                               \
    X(25000, "0.025")                                                                              \
    X(50000, "0.05")                                                                               \
    X(100000, "0.1")                                                                               \
    X(250000, "0.25")                                                                              \
    X(500000, "0.5")                                                                               \
    X(1000000, "1")                                                                                \
    X(2500000, "2.5")                                                                              \
    X(10000000, "10")

#define DURATIONS_ONE(us, seconds) +1
#define DURATIONS_COUNT (0 DURATIONS_TABLE(DURATIONS_ONE))

struct durations {
    uint64_t count, sum_us;
    uint64_t within[DURATIONS_COUNT]; // at most the bound, and over the one before
};

void durations_add(struct durations *durations, uint64_t us);

#endif
