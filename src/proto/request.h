// SPDX-License-Identifier: MIT
// A request's head (RFC 9110), independent of the version of HTTP. Everything in it is borrowed
// from the parser, which says how long it is valid (for HTTP/1.1: proto/http1.h).
#ifndef TAILRACE_PROTO_REQUEST_H
#define TAILRACE_PROTO_REQUEST_H

#include "base/str.h"

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER, // known to HTTP, not to the hub: 405
};

struct field {
    struct str name;  // as sent; compare without case
    struct str value; // without white space around it; no control characters but tab
};

struct request {
    enum method method;
    struct str method_text; // static storage
    struct str target;      // as sent: "/t/x?y", "http://host/t/x?y", "*" (only with OPTIONS)
    struct str path;        // still encoded; begins with '/', or is "*"
    struct str query;       // still encoded, without '?'; ptr NULL: there was no '?'
    struct str authority;   // host and port of the target or of the Host field; may be empty
    bool has_body;
    bool length_known;          // content_length says how long the body is
    uint64_t content_length;    // 0 without a body, or when its length is not known
    const struct field *fields; // in the order of arrival
    size_t fields_count;

    // Set by the router when it has chosen a handler:
    struct str rest;   // the part of the path that the handler reads, still encoded
    struct str preset; // the query of a configured route; comes before the request's own
};

// The value of the first field of that name (without case), ptr NULL when there is none. Fields for
// which a second one would be ambiguous (Host, Content-Length, Transfer-Encoding, Authorization,
// X-Api-Key, X-Functions-Key, Content-Type, Origin) occur at most once: the parser refuses other
// requests.
struct str request_field(const struct request *request, const char *name);
// For fields that may be repeated (Accept, Cookie, Last-Event-ID): *index starts at 0. False when
// there are no more.
bool request_field_next(const struct request *request, const char *name, size_t *index,
                        struct str *value);

#endif
