// SPDX-License-Identifier: MIT
// Hashing.
#include "sys/hash.h"

#include <sys/random.h>
#include <xxhash.h>

static XXH64_hash_t seed;

// Before main, so that every thread sees the same seed without asking whether it is there.
__attribute__((constructor)) static void draw_seed(void) {
    // A kernel or a sandbox without getrandom leaves the address of the program, which is random
    // too, but known to every process of this user.
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = (XXH64_hash_t)(uintptr_t)&seed;
}

uint64_t hash_bytes(const void *bytes, size_t len) {
    return XXH3_64bits_withSeed(bytes, len, seed);
}

uint64_t hash_content(const void *bytes, size_t len) { return XXH3_64bits(bytes, len); }

void hash_content_wide(const void *bytes, size_t len, uint64_t out[2]) {
    XXH128_hash_t hash = XXH3_128bits(bytes, len);
    out[0] = hash.high64;
    out[1] = hash.low64;
}
