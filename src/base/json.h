// SPDX-License-Identifier: MIT
// Writing JSON (RFC 8259) into a buffer. Only writing: the hub never parses JSON.
#ifndef TAILRACE_BASE_JSON_H
#define TAILRACE_BASE_JSON_H

#include "base/buf.h"

// A quoted string. `text` must be valid UTF-8; control characters, '"' and '\' are escaped, and so are
// U+2028, U+2029 and '<' so that the result may stand in a script or a page.
void json_string(struct buf *out, struct str text);
// `"name":` with a comma before it unless it is the first of its object (*first is cleared).
void json_key(struct buf *out, bool *first, const char *name);
void json_pair_str(struct buf *out, bool *first, const char *name, struct str value);
void json_pair_u64(struct buf *out, bool *first, const char *name, uint64_t value);
void json_pair_bool(struct buf *out, bool *first, const char *name, bool value);

#endif
