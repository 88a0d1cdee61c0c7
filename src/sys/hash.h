// SPDX-License-Identifier: MIT
// Hashing (XXH3): for tables in memory under a secret seed, for content under none. The only file
// that knows xxhash. Also the adapter of uthash, whose tables use hash_bytes.
#ifndef TAILRACE_SYS_HASH_H
#define TAILRACE_SYS_HASH_H

#include <stddef.h>
#include <stdint.h>

// For tables. The seed is random and differs from process to process, so that nobody can choose
// names that collide. The same bytes give the same hash within a process. Never store it. Any
// thread.
uint64_t hash_bytes(const void *bytes, size_t len);

// For content: the same in every process and on every machine, so it may be stored. Anybody who can
// choose the bytes can make two collide. Any thread.
uint64_t hash_content(const void *bytes, size_t len);
// The same with 128 bits: out[0] has the upper half, out[1] the lower.
void hash_content_wide(const void *bytes, size_t len, uint64_t out[2]);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)hash_bytes((keyptr), (keylen)))
#include <uthash.h>

#endif
