// SPDX-License-Identifier: MIT
// Who may do what (API.md section 5): access keys, anonymous access, grants.
//
// An access table is immutable: a reload makes a new one, requests under way keep theirs
// (api/site.h).
#ifndef TAILRACE_AUTH_AUTH_H
#define TAILRACE_AUTH_AUTH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/pattern.h"
#include "base/str.h"

// What a credential permits. Immutable and reference-counted: whoever holds one longer than a call
// takes a reference, such as a stream that outlives a reload. Any thread.
struct grant {
    _Atomic(unsigned) refs;
    const char *name; // of the key, for logs; "anonymous", "open"
    bool is_key;      // not what holds without one
    const struct pattern *publish;
    size_t publish_count;
    const struct pattern *subscribe;
    size_t subscribe_count;
    bool backup; // GET /backup: everything, whatever the patterns say
};

struct grant *grant_get(struct grant *grant);
void grant_put(struct grant *grant); // NULL is fine

// A number that stands for the key, the same after each start; 0 for what holds without one.
uint32_t grant_owner(const struct grant *grant);

struct auth_key_config {
    const char *name;
    const char *secret; // already read from file or environment
    const char *const *publish;
    size_t publish_count;
    const char *const *subscribe;
    size_t subscribe_count;
    bool backup; // of a key only
};

struct auth_config {
    const struct auth_key_config *keys;
    size_t keys_count;
    struct auth_key_config anonymous; // name and secret unused
    bool open;                        // no keys configured: everything is allowed
};

struct auth;

// Patterns by pattern_read, names and secrets not empty and not twice, secrets of at least 8 bytes
// that a header can carry. ERR_INVALID with a report that names the key, never the secret; *wrong
// is its index, keys_count for anonymous access.
int auth_check_config(const struct auth_config *config, size_t *wrong,
                      struct report *report) MUST_CHECK;
// Copies. ERR_INVALID as of auth_check_config; ERR_NOMEM.
int auth_new(struct auth **out, const struct auth_config *config, struct report *report) MUST_CHECK;
void auth_free(struct auth *auth); // any thread; NULL is fine

// `secret`: of a request's credential (auth/credential.h), ptr NULL: none was presented. 0, and the
// grant with a reference for the caller. ERR_DENIED: presented and wrong (401), also with `open`,
// unless no key exists at all. Takes the same time for every wrong secret.
int auth_check(const struct auth *auth, struct str secret, struct grant **out) MUST_CHECK;

bool grant_may_publish(const struct grant *grant, struct str topic);
// `pattern` is a topic or a pattern: whether all of it is permitted.
bool grant_may_subscribe(const struct grant *grant, const struct pattern *pattern);
// Whether anything at all may be subscribed to.
bool grant_subscribes_some(const struct grant *grant);

#endif
