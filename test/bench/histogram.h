// SPDX-License-Identifier: MIT
// A log-linear histogram of nanoseconds: 64 steps for each power of two, so that a quantile is off
// by at most 1.6 %.
#ifndef TAILRACE_BENCH_HISTOGRAM_H
#define TAILRACE_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 6
#define HISTOGRAM_CELLS (60u << HISTOGRAM_STEP_BITS)

struct histogram {
    uint64_t count, max;
    uint32_t cells[HISTOGRAM_CELLS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
// The number of microseconds below which the given share (0..1) of the values lies; 0 when there
// are no values.
double histogram_quantile_us(const struct histogram *histogram, double share);

#endif
