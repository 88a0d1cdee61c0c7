// SPDX-License-Identifier: MIT
// HTTP/1.1 (RFC 9112) for a server: a push parser for requests over llhttp, and writers for
// response heads. Sans-I/O: bytes in, requests out; the caller owns the socket, the clock and the
// time-outs.
//
// Strict on purpose, since what two parsers read differently is how requests are smuggled: see
// http1_parser_feed.
#ifndef TAILRACE_PROTO_HTTP1_H
#define TAILRACE_PROTO_HTTP1_H

#include "base/buf.h"
#include "base/str.h"
#include "proto/request.h"

// A request's head as HTTP/1.1 sends it. Owned by the parser; everything in it lives until the
// parser takes the first byte of the next request or is freed.
struct http1_head {
    struct request request;
    uint8_t minor;        // HTTP/1.minor: 0 or 1
    bool keep_alive;      // the peer lets the connection go on
    bool expect_continue; // wants "100 Continue" before it sends the body
};

// What http1_parser_feed stopped at.
enum http1_step {
    HTTP1_MORE, // everything was taken; more bytes are needed
    // The head is complete: look at http1_parser_head, then feed the rest, even when it is empty.
    HTTP1_HEADERS,
    HTTP1_COMPLETE, // the message is complete; bytes that follow belong to the next request
    HTTP1_FAILED,   // answer http1_parser_error, then close; every later feed says the same
};

// Body bytes as they are decoded (chunk framing removed), pointing into what was fed: valid only
// during the call. Never called before HTTP1_HEADERS was returned.
typedef void http1_body_fn(void *context, struct str bytes);

// A heap object: a few hundred bytes and, while a head is held, that head. One thread at a time.
struct http1_parser;

// `header_bytes_max` bounds the whole head (request line and fields as sent). NULL when out of
// memory.
struct http1_parser *http1_parser_new(size_t header_bytes_max, http1_body_fn *on_body,
                                      void *context);
void http1_parser_free(struct http1_parser *parser); // NULL is fine
// Bytes of memory that it takes.
size_t http1_parser_bytes(const struct http1_parser *parser);
// As new, for another connection; what little memory it has is kept. The request of before is gone.
void http1_parser_renew(struct http1_parser *parser, size_t header_bytes_max, void *context);

// Takes bytes up to the next step; *consumed says how many, the rest stays the caller's and is to
// be fed again. After HTTP1_HEADERS the next feed goes on with the body, if there is one, and ends
// in HTTP1_COMPLETE; the feed after that begins the next request. It never takes a byte of the next
// request, and never keeps body bytes. `bytes` is not NULL even if `len` is 0.
//
// Refused, with the status to answer: a malformed request line, field or chunk; a line end that is
// not CRLF (in chunk framing too); folded lines; Content-Length together with Transfer-Encoding, or
// twice; HTTP/1.1 without Host; a fragment in the target (400). A Transfer-Encoding other than
// `chunked`, CONNECT (501). An expectation other than 100-continue (417). A request line over the
// bound (414), a head over the bound or of more than LIMIT_HEADER_FIELDS fields, trailers included
// (431). HTTP versions other than 1.0 and 1.1, also the HTTP/2 preface (505). Upgrade is ignored:
// an ordinary request.
enum http1_step http1_parser_feed(struct http1_parser *parser, const char *bytes, size_t len,
                                  size_t *consumed) MUST_CHECK;

// The head, from HTTP1_HEADERS until the next request's first byte; NULL otherwise. After
// HTTP1_FAILED it is what could be read when the head was already complete (a bad chunk), NULL
// otherwise.
struct http1_head *http1_parser_head(struct http1_parser *parser);

// Whether bytes of a request have come whose head is not complete: which of the time-outs (idle,
// header) applies.
bool http1_parser_in_head(const struct http1_parser *parser);
// Whether a request is under way: from its first byte to HTTP1_COMPLETE. When the peer closes now,
// it was cut off.
bool http1_parser_in_message(const struct http1_parser *parser);

// After HTTP1_FAILED: the status to answer, and what was wrong for a person (static storage, never
// holds the peer's bytes).
int http1_parser_error(const struct http1_parser *parser, const char **detail);

// "OK" for 200; "Unknown" for a status that is not in the table of what the hub sends. Never NULL.
const char *http1_reason(int status);

// "Sun, 22 Nov 2026 10:00:00 GMT", 29 characters and a terminator (RFC 9110, 5.6.7). Returns out.
char *http1_date(uint64_t unix_ms, char out[32]);

// A response's head: http1_write_status, any number of fields, http1_write_end. `date` as made by
// http1_date (cached by the caller for a second); empty: no Date field.
void http1_write_status(struct buf *out, int status, struct str date);
// The value holds no CR, LF, NUL (asserted; values taken from a request's head cannot).
void http1_write_field(struct buf *out, const char *name, struct str value);
void http1_write_text(struct buf *out, const char *name, const char *value);
void http1_write_u64(struct buf *out, const char *name, uint64_t value);
void http1_write_end(struct buf *out);

// An interim answer for expect_continue.
#define HTTP1_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

#endif
