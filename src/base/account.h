// SPDX-License-Identifier: MIT
// An account of memory: what the unfinished business of one worker's clients takes in sum, and the
// most that it may take (limits.held_bytes).
//
// Only what outlives the turn in which it came is counted: a body that came whole, an answer that
// was sent at once cost nothing. And what one connection, request or subscription holds counts from
// ACCOUNT_FREE_BYTES on: below that it is a part of what a connection costs, of which there is a
// bound of its own (limits.connections). So those who hold little are served while the account is
// full.
//
// Belongs to the worker's thread.
#ifndef TAILRACE_BASE_ACCOUNT_H
#define TAILRACE_BASE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define ACCOUNT_FREE_BYTES ((size_t)4096)

struct account {
    size_t most; // bytes; may be set anew at any time, also to less than what is held
    size_t held;
    // Asked before anybody is turned away: gives back, by account_give, what can be made again,
    // until there is room for so many bytes or nothing is left of it. NULL: there is no such thing.
    void (*yield)(void *context, size_t bytes);
    void *context;
};

// Whether so many bytes fit as it is now.
static inline bool account_has_room(const struct account *account, size_t bytes) {
    return account->held <= account->most && bytes <= account->most - account->held;
}

// The same after what can be made again has given way.
bool account_fits(struct account *account, size_t bytes);

// Counts them all. False: there is no room, nothing has changed.
bool account_take(struct account *account, size_t bytes) MUST_CHECK;
// At most what was taken.
void account_give(struct account *account, size_t bytes);

// The slow part of account_hold.
bool account_change(struct account *account, size_t *counted, size_t bytes) MUST_CHECK;

// Somebody holds `bytes` now, of which ACCOUNT_FREE_BYTES are free. *counted is what the account
// has for it, 0 at first. Less than before always fits. False: there is no room, nothing has
// changed, and it must let go of what it holds.
static inline bool account_hold(struct account *account, size_t *counted, size_t bytes) {
    if (bytes <= ACCOUNT_FREE_BYTES && !*counted) return true;
    return account_change(account, counted, bytes);
}
// It holds nothing any more.
static inline void account_release(struct account *account, size_t *counted) {
    if (*counted) account_give(account, *counted);
    *counted = 0;
}

#endif
