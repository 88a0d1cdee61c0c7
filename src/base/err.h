// SPDX-License-Identifier: MIT
// Error codes and the report: how every fallible function of tailrace says what went wrong.
//
// A fallible function returns 0 or one of the negative codes below. Text for people (what is wrong,
// where, what to do) goes into a struct report that the caller owns. Nothing below cli/ prints to
// the terminal; what happens while the hub runs goes to its log (sys/log.h).
#ifndef TAILRACE_BASE_ERR_H
#define TAILRACE_BASE_ERR_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

// The one list of error codes: name, value, text.
#define ERR_TABLE(X)                                                                               \
    X(ERR_NOMEM, -1, "out of memory")                                                              \
    X(ERR_INVALID, -2, "invalid input")                                                            \
    X(ERR_TOO_LONG, -3, "too long")                                                                \
    X(ERR_NOT_FOUND, -4, "not found")                                                              \
    X(ERR_BUSY, -5, "over capacity")                                                               \
    X(ERR_CLOSED, -6, "closed")                                                                    \
    X(ERR_IO, -7, "input/output error")                                                            \
    X(ERR_FULL, -8, "no space left")                                                               \
    X(ERR_CORRUPT, -9, "corrupt data")                                                             \
    X(ERR_VERSION, -10, "unsupported format version")                                              \
    X(ERR_LOCKED, -11, "in use by another process")                                                \
    X(ERR_DENIED, -12, "not permitted")                                                            \
    X(ERR_EXISTS, -13, "already exists")                                                           \
    X(ERR_AGAIN, -14, "not now")                                                                   \
    X(ERR_LIMIT, -15, "limit reached")                                                             \
    X(ERR_SYSTEM, -16, "system call failed")                                                       \
    X(ERR_UNKNOWN, -17, "outcome not known")

enum err {
#define X(name, value, text) name = (value),
    ERR_TABLE(X)
#undef X
};

// The text of a code, "unknown error" for one that is not in the table. Never NULL; static storage.
const char *err_text(int err);

// What went wrong, as text for a person. The caller owns it and zeroes it. `line` and `column`
// count from 1; 0 means unknown.
struct report {
    int err;
    unsigned line;
    unsigned column;
    char text[512];
};

// Fills the report, which may be NULL, and returns `err`. So a function can end with `return
// report_set(report, ERR_INVALID, "…")`. Text that is too long is cut.
int report_set(struct report *report, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

// Like report_set, with ": strerror(errno)" at the end; errno is read first.
int report_errno(struct report *report, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

// For mistakes in our own code. Checked in release builds too. Never for input from a peer or a
// disk.
#define ASSERT(condition)                                                                          \
    ((condition) ? (void)0 : err_assert_failed(#condition, __FILE__, __LINE__))
void err_assert_failed(const char *condition, const char *file, int line)
    __attribute__((noreturn, cold));

#endif
