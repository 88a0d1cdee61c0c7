// SPDX-License-Identifier: MIT
// Where a request carries its credential (API.md section 5).
#ifndef TAILRACE_AUTH_CREDENTIAL_H
#define TAILRACE_AUTH_CREDENTIAL_H

#include "http/params.h"
#include "proto/request.h"

struct credential {
    struct str secret; // ptr NULL: none was presented. Borrowed from the request or the params
    bool by_browser;   // a browser sends it by itself (a cookie), whichever page has asked for it
};

// The first that is there, in the order of the table in credential.c. One that cannot be decoded is
// presented and empty, and so wrong.
struct credential credential_read(const struct request *request, struct params *params);

#endif
