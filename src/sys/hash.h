// SPDX-License-Identifier: MIT
// Hashing of names that come from outside: XXH3 under a seed that differs from run to run, so that nobody can choose names that collide.
// Also the adapter of uthash, which is told to use it.
#ifndef TAILRACE_SYS_HASH_H
#define TAILRACE_SYS_HASH_H

#include <stddef.h>
#include <stdint.h>

// Any thread. The same within a process, different in the next one: never to be stored.
uint64_t hash_bytes(const void *bytes, size_t len);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)hash_bytes((keyptr), (keylen)))
#include <uthash.h>

#endif
