// SPDX-License-Identifier: MIT
// Cross-origin access (WHATWG Fetch, "CORS protocol"): which origins may read answers.
#ifndef TAILRACE_HTTP_CORS_H
#define TAILRACE_HTTP_CORS_H

#include "base/err.h"
#include "base/str.h"

struct cors;

// `origins`: exact ("https://app.example.com", "null"), with one leading label open
// ("https://*.example.com", which does not match the bare domain), or "*". Copied. ERR_INVALID with
// a report for anything else (a path, no scheme).
int cors_new(struct cors **out, const char *const *origins, size_t count,
             struct report *report) MUST_CHECK;
void cors_free(struct cors *cors);

enum cors_answer {
    CORS_NONE,   // no origin sent, or not allowed: no CORS headers
    CORS_ORIGIN, // echo the origin, Vary: Origin, Access-Control-Allow-Credentials: true
    CORS_ANY,    // Access-Control-Allow-Origin: *, no credentials
};
// `origin`: the request's Origin header, ptr NULL when absent.
enum cors_answer cors_check(const struct cors *cors, struct str origin);
// Whether answers depend on the Origin header at all (then every answer says Vary: Origin).
bool cors_varies(const struct cors *cors);

#endif
