// SPDX-License-Identifier: MIT
// Where a request carries its credential (API.md section 5).
#ifndef TAILRACE_AUTH_CREDENTIAL_H
#define TAILRACE_AUTH_CREDENTIAL_H

#include "base/limits.h"
#include "http/params.h"
#include "proto/request.h"

// A credential in all the ways in which it can be meant: the first is what came, the others are
// what a URL or a cookie may have made a secret such as "a+b/c=" of.
#define CREDENTIAL_READINGS_MAX 3
struct credential {
    struct str readings[CREDENTIAL_READINGS_MAX]; // borrowed from the request, the params, `memory`
    size_t count;                                 // 0: none was presented
    bool by_browser; // a browser sends it by itself (a cookie), whichever page has asked for it
    char memory[LIMIT_SECRET_BYTES * 2];
};

// The first that is there, in the order of the table in credential.c. One that cannot be decoded is
// presented and empty, and so wrong. Further readings:
//  * of a cookie, without quotes around it and percent-decoded, as scripts and frameworks encode
//    values (RFC 6265, 4.1.1, has no `"`, `,`, `;`, `\` and space in them)
//  * with each space as the `+` that a query makes a space of
void credential_read(struct credential *out, const struct request *request, struct params *params);

#endif
