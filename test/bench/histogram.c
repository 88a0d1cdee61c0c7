// SPDX-License-Identifier: MIT
// The histogram.
#include "histogram.h"

#define STEPS (1u << HISTOGRAM_STEP_BITS)

static uint32_t cell_of(uint64_t ns) {
    if (ns < STEPS) return (uint32_t)ns;
    uint32_t power = 63u - (uint32_t)__builtin_clzll(ns);
    uint32_t shift = power - HISTOGRAM_STEP_BITS;
    uint32_t cell = ((shift + 1) << HISTOGRAM_STEP_BITS) + (uint32_t)((ns >> shift) & (STEPS - 1));
    return cell < HISTOGRAM_CELLS ? cell : HISTOGRAM_CELLS - 1;
}

static double value_of(uint32_t cell) {
    if (cell < STEPS) return cell;
    uint32_t shift = (cell >> HISTOGRAM_STEP_BITS) - 1;
    return (double)((uint64_t)(STEPS + (cell & (STEPS - 1))) << shift);
}

void histogram_add(struct histogram *histogram, uint64_t ns) {
    histogram->cells[cell_of(ns)]++;
    histogram->count++;
    if (ns > histogram->max) histogram->max = ns;
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) into->cells[i] += from->cells[i];
    into->count += from->count;
    if (from->max > into->max) into->max = from->max;
}

double histogram_quantile_us(const struct histogram *histogram, double share) {
    if (!histogram->count) return 0;
    uint64_t wanted = (uint64_t)(share * (double)histogram->count), sum = 0;
    for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
        sum += histogram->cells[i];
        if (sum > wanted) return value_of(i) / 1e3;
    }
    return (double)histogram->max / 1e3;
}
