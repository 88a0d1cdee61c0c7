// SPDX-License-Identifier: MIT
// Error codes and the report.
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *err_text(int err) {
    switch (err) {
#define X(name, value, text)                                                                       \
    case name: return text;
        ERR_TABLE(X)
#undef X
        default: return "unknown error";
    }
}

static void fill(struct report *report, int err, const char *suffix, const char *fmt,
                 va_list args) {
    if (!report) return;
    report->err = err;
    int written = vsnprintf(report->text, sizeof report->text, fmt, args);
    if (!suffix || written < 0 || (size_t)written >= sizeof report->text) return;
    snprintf(report->text + written, sizeof report->text - (size_t)written, ": %s", suffix);
}

int report_set(struct report *report, int err, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fill(report, err, NULL, fmt, args);
    va_end(args);
    return err;
}

int report_errno(struct report *report, int err, const char *fmt, ...) {
    char text[128];
    const char *suffix = strerror_r(errno, text, sizeof text);
    va_list args;
    va_start(args, fmt);
    fill(report, err, suffix, fmt, args);
    va_end(args);
    return err;
}

void err_assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "tailrace: bug: %s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
