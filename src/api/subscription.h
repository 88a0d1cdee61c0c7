// SPDX-License-Identifier: MIT
// What a request for a subscription asks for (API.md section 3): which form, which topics, from where, how. Reads the request and says
// what is wrong with it; answers nothing.
#ifndef TAILRACE_API_SUBSCRIPTION_H
#define TAILRACE_API_SUBSCRIPTION_H

#include "base/limits.h"
#include "http/conn.h"
#include "http/params.h"

enum form { FORM_SSE, FORM_JSON, FORM_NDJSON, FORM_TEXT, FORM_HTML, FORM_NONE };

// A request as it is understood. Slices borrow from the params and the grant.
struct subscription {
    struct conn *conn;
    const struct http1_request *http;
    struct params *params;
    const struct grant *grant;
    struct reply reply;
    struct pattern names[LIMIT_SELECTOR_TOPICS];
    struct pattern grants[LIMIT_SELECTOR_TOPICS];
    struct hub_request hub;
    enum form form;
    bool follow, one_topic;
    uint64_t wait_ms, age_ms;
    char problem[700]; // empty while all is well
    int status;
};

// Which form the request wants, by its Accept. FORM_NONE: none that we have.
enum form subscription_form(const struct http1_request *request, bool one_topic);
// Reads everything else into `asked`, of which conn, http, params, reply and form are set. `topic`: of /t/…, ptr NULL for /events. On an
// error problem and status say what to answer.
int subscription_read(struct subscription *asked, struct str topic) MUST_CHECK;
// Narrows patterns to what the grant may see. ERR_DENIED: a topic that it may not.
int subscription_grant(struct subscription *asked) MUST_CHECK;
// A number that tells answers of different starts apart, for an ETag.
uint64_t subscription_fingerprint(const struct subscription *asked);

#endif
