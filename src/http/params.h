// SPDX-License-Identifier: MIT
// Query parameters of a request, decoded on demand.
#ifndef TAILRACE_HTTP_PARAMS_H
#define TAILRACE_HTTP_PARAMS_H

#include "base/buf.h"
#include "base/str.h"

// The decoded value of the first parameter of that name. 0 with *value borrowed from `memory`
// (which grows); ERR_NOT_FOUND, ERR_INVALID (bad encoding), ERR_TOO_LONG.
struct params {
    struct str query;  // of the request
    struct str preset; // of a configured route; what it names, the request's is not asked for
    char *memory;      // values, one after the other
    size_t used, size;
    char small[256]; // is the memory when it is enough
};

// Room for all values of both queries is taken at once. ERR_NOMEM.
int params_init(struct params *params, struct str query, struct str preset) MUST_CHECK;
void params_fini(struct params *params);
int params_get(struct params *params, const char *name, struct str *value) MUST_CHECK;
// The next of several of that name; *cursor is zeroed before the first. ERR_NOT_FOUND at the end.
struct params_cursor {
    struct str rest;
    int stage;
    bool found; // in the query that is being read
};
int params_next(struct params *params, const char *name, struct params_cursor *cursor,
                struct str *value) MUST_CHECK;
// A switch: 1, true, yes or nothing ("?close") is on; 0, false, no is off, and so is its absence.
// ERR_INVALID for anything else.
int params_flag(struct params *params, const char *name, bool *on) MUST_CHECK;

#endif
