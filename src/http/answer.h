// SPDX-License-Identifier: MIT
// An answer to a request, whatever version of HTTP it leaves by. Made on the stack of a handler and
// given to exchange_answer or exchange_stream, which copy what they need of it.
#ifndef TAILRACE_HTTP_ANSWER_H
#define TAILRACE_HTTP_ANSWER_H

#include "base/buf.h"
#include "proto/request.h"

#define ANSWER_FIELDS_MAX 8

enum answer_length {
    ANSWER_WHOLE,   // `body` is all of it
    ANSWER_ENDS,    // the body comes piece by piece and ends by itself
    ANSWER_ENDLESS, // the same without an end in sight
};

struct answer {
    int status;
    const char *type; // Content-Type; NULL: none
    struct str body;
    enum answer_length length;
    bool last;                              // the connection ends with it
    struct field fields[ANSWER_FIELDS_MAX]; // further ones, in their order
    unsigned fields_count;
};

// The value is borrowed until the answer is given; it holds no CR, LF or NUL.
void answer_field(struct answer *answer, const char *name, struct str value);
void answer_text(struct answer *answer, const char *name, const char *value);

// What was wrong, for a person: application/problem+json (RFC 9457).
struct problem {
    int status;
    const char *detail;     // what is wrong, where, what to do
    unsigned retry_after_s; // 0: the answer does not say when to come back
    struct field field;     // one further field; name.ptr NULL: none
};

// Memory for what an answer borrows.
struct problem_text {
    struct buf body;
    char retry_after[16];
};
// The answer that tells of the problem. `text` is the caller's and must live until the answer has
// been given; problem_fini frees it.
void problem_answer(const struct problem *problem, struct problem_text *text, struct answer *out);
void problem_fini(struct problem_text *text);

#endif
