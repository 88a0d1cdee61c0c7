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

// Removes the beginning of a character whose rest was cut off.
static void trim_cut(char *text, size_t len) {
    size_t lead = len;
    while (lead > 0 && len - lead < 3 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80) lead--;
    if (lead == 0) return;
    unsigned char c = (unsigned char)text[lead - 1];
    size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    if (need > len - lead + 1) text[lead - 1] = '\0';
}

__attribute__((format(printf, 4, 0))) static void fill(struct report *report, int err,
                                                       const char *suffix, const char *fmt,
                                                       va_list args) {
    if (!report) return;
    report->err = err;
    int written = vsnprintf(report->text, sizeof report->text, fmt, args);
    if (written < 0) return;
    if ((size_t)written >= sizeof report->text) {
        trim_cut(report->text, sizeof report->text - 1);
    } else if (suffix) {
        snprintf(report->text + written, sizeof report->text - (size_t)written, ": %s", suffix);
    }
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
