// SPDX-License-Identifier: MIT
// HTTP/1.1 responses: heads and dates. See http1.h.
#include <stdio.h>
#include <time.h>

#include "proto/http1.h"

// The statuses that the hub sends.
#define REASON_TABLE(X)                                                                            \
    X(100, "Continue")                                                                             \
    X(200, "OK")                                                                                   \
    X(204, "No Content")                                                                           \
    X(304, "Not Modified")                                                                         \
    X(400, "Bad Request")                                                                          \
    X(401, "Unauthorized")                                                                         \
    X(403, "Forbidden")                                                                            \
    X(404, "Not Found")                                                                            \
    X(405, "Method Not Allowed")                                                                   \
    X(406, "Not Acceptable")                                                                       \
    X(408, "Request Timeout")                                                                      \
    X(409, "Conflict")                                                                             \
    X(413, "Content Too Large")                                                                    \
    X(414, "URI Too Long")                                                                         \
    X(415, "Unsupported Media Type")                                                               \
    X(417, "Expectation Failed")                                                                   \
    X(429, "Too Many Requests")                                                                    \
    X(431, "Request Header Fields Too Large")                                                      \
    X(501, "Not Implemented")                                                                      \
    X(503, "Service Unavailable")                                                                  \
    X(505, "HTTP Version Not Supported")

const char *http1_reason(int status) {
    switch (status) {
#define X(code, text)                                                                              \
    case code: return text;
        REASON_TABLE(X)
#undef X
        default: return "Unknown";
    }
}

char *http1_date(uint64_t unix_ms, char out[32]) {
    // Not strftime: its names follow the locale.
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;
    const struct tm *known = gmtime_r(&seconds, &tm);
    ASSERT(known);
    snprintf(out, 32, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday],
             (unsigned)tm.tm_mday % 100, months[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    return out;
}

void http1_write_status(struct buf *out, int status, struct str date) {
    ASSERT(status >= 100 && status <= 999);
    buf_append_str(out, STR("HTTP/1.1 "));
    buf_append_u64(out, (uint64_t)status);
    buf_append_char(out, ' ');
    buf_append_str(out, str_from(http1_reason(status)));
    buf_append_str(out, STR("\r\n"));
    if (date.len) http1_write_field(out, "Date", date);
}

static bool has_byte(struct str text, char byte) {
    return text.len && memchr(text.ptr, byte, text.len);
}

static char *put(char *to, const void *bytes, size_t len) {
    if (len) memcpy(to, bytes, len);
    return to + len;
}

void http1_write_field(struct buf *out, const char *name, struct str value) {
    ASSERT(!has_byte(value, '\r') && !has_byte(value, '\n') && !has_byte(value, '\0'));
    size_t name_len = strlen(name), len = name_len + 2 + value.len + 2;
    char *to = buf_reserve(out, len);
    if (!to) return;
    to = put(to, name, name_len);
    to = put(to, ": ", 2);
    to = put(to, value.ptr, value.len);
    put(to, "\r\n", 2);
    out->len += len;
}

void http1_write_text(struct buf *out, const char *name, const char *value) {
    http1_write_field(out, name, str_from(value));
}

void http1_write_u64(struct buf *out, const char *name, uint64_t value) {
    buf_append_str(out, str_from(name));
    buf_append_str(out, STR(": "));
    buf_append_u64(out, value);
    buf_append_str(out, STR("\r\n"));
}

void http1_write_end(struct buf *out) { buf_append_str(out, STR("\r\n")); }
