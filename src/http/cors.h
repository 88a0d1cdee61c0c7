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
    // Access-Control-Allow-Origin: *, no credentials. Also for "null": any page can make itself an
    // origin of that name (a sandboxed frame), so that it is as good as "*".
    CORS_ANY,
};
// `origin`: the request's Origin header, ptr NULL when absent.
enum cors_answer cors_check(const struct cors *cors, struct str origin);
// Whether answers depend on the Origin header at all (then every answer says Vary: Origin).
bool cors_varies(const struct cors *cors);

// What a preflight may name as a field that the page wants to send (WHATWG Fetch, "CORS-preflight
// request": names between commas; RFC 9110, 5.6.2: what a name is made of). Such a text can be
// echoed as it is. False for anything else, and for more than CORS_NAMES_BYTES_MAX bytes.
#define CORS_NAMES_BYTES_MAX 2048
bool cors_are_names(struct str list);

#endif
