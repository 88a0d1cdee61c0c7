// SPDX-License-Identifier: MIT
// Hashing of names that come from outside.
#include "sys/hash.h"

#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t len) {
    // Where the system has put the program this time: no secret on this machine, but one for the network.
    return XXH3_64bits_withSeed(bytes, len, (XXH64_hash_t)(uintptr_t)&hash_bytes);
}
