// SPDX-License-Identifier: MIT
// Durations, sizes and times as people write them (API.md section 1).
#ifndef TAILRACE_BASE_UNITS_H
#define TAILRACE_BASE_UNITS_H

#include "base/err.h"
#include "base/str.h"

// "500ms" "15s" "2m" "2h" "7d" "1w", sums such as "1h30m", and "0". A bare number is refused: its
// unit would be a guess. ERR_INVALID.
int units_parse_duration(struct str text, uint64_t *out_ms) MUST_CHECK;
// "0", "4096", "64KB", "10MB", "2GB", "1TB": powers of 1024. "K", "KiB" and lower case mean the
// same. ERR_INVALID.
int units_parse_size(struct str text, uint64_t *out_bytes) MUST_CHECK;
// An RFC 3339 date-time, such as 2026-11-22T10:00:00Z or 2026-11-22T12:00:00.250+02:00, to
// milliseconds since 1970. ERR_INVALID.
int units_parse_time(struct str text, uint64_t *out_unix_ms) MUST_CHECK;

// The shortest text that parses back to the same value; `out` has room for 32 bytes. Returns out.
char *units_format_duration(uint64_t ms, char out[32]);
char *units_format_size(uint64_t bytes, char out[32]);
// RFC 3339 UTC with milliseconds: 2026-11-22T10:00:00.000Z, 24 characters and a terminator.
char *units_format_time(uint64_t unix_ms, char out[32]);

#endif
