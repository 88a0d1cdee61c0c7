// SPDX-License-Identifier: MIT
// Random numbers.
#include "base/random.h"

void random_seed(struct random *random, uint64_t seed) {
    // One step of splitmix64, so that seeds which differ in a bit give other numbers at once.
    seed += 0x9E3779B97F4A7C15u;
    seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9u;
    seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBu;
    random->state = (seed ^ (seed >> 31)) | 1; // 0 would stay 0
}

uint64_t random_next(struct random *random) {
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * 0x2545F4914F6CDD1Du;
}

uint64_t random_below(struct random *random, uint64_t bound) {
    // The high bits are the better ones. The bias is below 2^-32 for bounds below 2^32.
    return (uint64_t)(((unsigned __int128)random_next(random) * bound) >> 64);
}
