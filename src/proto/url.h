// SPDX-License-Identifier: MIT
// The parts of a URL that the hub needs: percent-encoding (RFC 3986), queries (WHATWG URL, section
// 5.1), and hiding secrets before a target is shown. Plain functions on text; no I/O, no state.
#ifndef TAILRACE_PROTO_URL_H
#define TAILRACE_PROTO_URL_H

#include "base/buf.h"
#include "base/str.h"

// Takes the next `name=value` from a raw query (the part after `?`) and moves *rest past it. Only
// `&` separates, empty parts are skipped, a name without `=` has an empty value. Both slices point
// into the query and are still encoded: give them to url_decode with plus_is_space. False when
// there is no more.
//
//     struct str rest = request->query;
//     while (url_query_next(&rest, &name, &value)) …
bool url_query_next(struct str *rest, struct str *name, struct str *value);

// Decodes %XX, and `+` as a space if plus_is_space (for queries, not for paths). `out` is not
// terminated and may be raw.ptr itself. 0 with the length. ERR_INVALID: a `%` without two hex
// digits after it, or a NUL, encoded or plain. ERR_TOO_LONG: it needs more than `cap` bytes. The
// result is bytes; the caller checks whether they are UTF-8.
int url_decode(struct str raw, bool plus_is_space, char *out, size_t cap, size_t *len) MUST_CHECK;

// Whether a raw name or value decodes (with plus_is_space) to exactly `text`. False for text that
// url_decode refuses.
bool url_equal(struct str raw, const char *text);

// Appends `text` percent-encoded, for a value in a query: everything except unreserved characters
// (RFC 3986, 2.3). A space becomes %20, which every decoder understands.
void url_encode_query(struct buf *out, struct str text);

// Appends a request target, or a whole URL, in a form that is safe for logs and errors. REDACTED
// replaces a password before `@` and the values of the query parameters code, key, access_token and
// token, in any case and however their names are encoded.
void url_redact(struct buf *out, struct str target);

#endif
