// SPDX-License-Identifier: MIT
// Whether a request may do what it asks for: its parameters, its credential, its origin, its topic.
// All answer the exchange when it may not.
#ifndef TAILRACE_API_ACCESS_H
#define TAILRACE_API_ACCESS_H

#include "auth/auth.h"
#include "base/limits.h"
#include "http/exchange.h"
#include "http/params.h"

// The parameters of the request, for params_fini later. False: there was no memory for them, and
// the exchange ends.
bool access_params(struct exchange *exchange, struct params *params);

// The grant of the request's credential, with a reference for the caller. NULL: it was answered.
struct grant *access_check(struct exchange *exchange, struct params *params);

// 401 or 403 for a caller that may not do `what` ("publish to this topic").
void access_forbid(struct exchange *exchange, const struct grant *grant, const char *what);

// Decodes what follows /t/ in the path. False: it was answered (400).
bool access_decode_topic(struct exchange *exchange, char memory[LIMIT_TOPIC_BYTES],
                         struct str *topic);

// What a request may write to.
struct access_write {
    char memory[LIMIT_TOPIC_BYTES];
    struct str topic; // may be in `memory`
    uint32_t owner;   // of the topic, if it is new: struct publish
};

// What publishing and forgetting share: the topic of the path, and whether the request may write to
// it. False: it was answered.
bool access_check_write(struct exchange *exchange, struct params *params, struct access_write *out);

#endif
