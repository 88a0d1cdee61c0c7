// SPDX-License-Identifier: MIT
// A small random number generator (xorshift64*): for jitter and simulations, never for secrets.
#ifndef TAILRACE_BASE_RANDOM_H
#define TAILRACE_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

// The same seed gives the same numbers. Any seed will do.
void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
// From 0 to below `bound`, which is not 0.
uint64_t random_below(struct random *random, uint64_t bound);

#endif
