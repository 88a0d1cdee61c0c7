// SPDX-License-Identifier: MIT
// What a request for a subscription asks for (API.md section 3): which form, which topics, from
// where, how. Reads text and says what is wrong with it; answers nothing, and knows nothing but
// what it is given.
#ifndef TAILRACE_API_SUBSCRIPTION_H
#define TAILRACE_API_SUBSCRIPTION_H

#include "auth/auth.h"
#include "base/limits.h"
#include "http/params.h"
#include "hub/hub.h"
#include "proto/request.h"

enum form { FORM_SSE, FORM_JSON, FORM_NDJSON, FORM_TEXT, FORM_HTML, FORM_NONE };

// A request as it is understood. Slices borrow from the request, the params and the grant.
struct subscription {
    // Given:
    const struct request *request;
    struct params *params;
    const char *epoch;    // of the journal
    uint64_t committed;   // the journal's newest seq
    uint64_t now_unix_ms; // for `since=2h`
    // Read:
    enum form form;
    bool follow;
    uint64_t wait_ms;
    struct hub_request hub; // all but the wire's framing, the sink and retry_ms
    struct pattern names[LIMIT_SELECTOR_TOPICS];
    // When something is wrong:
    int status;
    char problem[700];
};

// Which form the request wants, by its Accept (RFC 9110, 12.5.1): the first of the best.
// `one_topic`: it is for one topic, not for /events. FORM_NONE: none that the hub has.
enum form subscription_form(const struct request *request, bool one_topic);
// Reads everything else; `form` has been set, and is not FORM_HTML or FORM_NONE. `topic`: of /t/…,
// decoded; ptr NULL for /events. On an error problem and status say what to answer.
int subscription_read(struct subscription *asked, struct str topic) MUST_CHECK;
// Narrows patterns to what the grant may see; asked->hub borrows from it. ERR_DENIED: a topic that
// it may not see.
int subscription_grant(struct subscription *asked, const struct grant *grant) MUST_CHECK;
// A number that differs between answers of different starts, for an ETag.
uint64_t subscription_fingerprint(const struct subscription *asked);

#endif
