// SPDX-License-Identifier: MIT
// Who may do what (API.md section 5): access keys, anonymous access, grants.
//
// An access table is immutable: a reload makes a new one, requests under way keep theirs (server/site.h).
#ifndef TAILRACE_AUTH_AUTH_H
#define TAILRACE_AUTH_AUTH_H

#include "base/err.h"
#include "base/pattern.h"
#include "base/str.h"

// What a credential permits. Lives as long as its access table.
struct grant {
    const char *name; // of the key, for logs; "anonymous", "open"
    bool is_key;      // not what holds without one
    const struct pattern *publish;
    size_t publish_count;
    const struct pattern *subscribe;
    size_t subscribe_count;
};

struct auth_key_config {
    const char *name;
    const char *secret; // already read from file or environment
    const char *const *publish;
    size_t publish_count;
    const char *const *subscribe;
    size_t subscribe_count;
};

struct auth_config {
    const struct auth_key_config *keys;
    size_t keys_count;
    struct auth_key_config anonymous; // name and secret unused
    bool open;                        // no keys configured: everything is allowed
};

struct auth;

// Checks and copies: patterns by pattern_read, names and secrets not empty and not twice, secrets of at least
// 8 bytes. ERR_INVALID with a report that names the key, never the secret.
int auth_new(struct auth **out, const struct auth_config *config, struct report *report) MUST_CHECK;
void auth_free(struct auth *auth); // any thread; NULL is fine

// The credential of a request, found by the caller in the order of API.md section 5; ptr NULL: none presented.
// 0 and the grant; ERR_DENIED: presented and wrong (401), also with `open`, unless no key exists at all. Constant time in the secret.
int auth_check(const struct auth *auth, struct str credential, const struct grant **out) MUST_CHECK;

bool grant_may_publish(const struct grant *grant, struct str topic);
// `pattern` is a topic or a pattern: whether all of it is permitted.
bool grant_may_subscribe(const struct grant *grant, const struct pattern *pattern);
// Whether anything may be subscribed (published) at all: 401 or 403 otherwise.
bool grant_subscribes_some(const struct grant *grant);

#endif
