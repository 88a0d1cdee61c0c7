// SPDX-License-Identifier: MIT
// Writing JSON (RFC 8259) into a buffer. There is no parser: the hub never reads JSON.
//
//    struct json json = JSON(&out);
//    json_object(&json, NULL);
//    json_str(&json, "topic", name);
//    json_end(&json);
//
// `name` is the member's name within an object; it is NULL within an array and at the top. Commas
// are added where they are needed. Errors stick in the buffer.
#ifndef TAILRACE_BASE_JSON_H
#define TAILRACE_BASE_JSON_H

#include "base/buf.h"

#define JSON_DEPTH_MAX 31

struct json {
    struct buf *out;
    uint32_t arrays; // bit d: what is open at depth d is an array, not an object
    uint32_t filled; // bit d: it has a member already
    unsigned depth;
};
#define JSON(buffer) ((struct json){.out = (buffer)})

// Opens an object or an array. At most JSON_DEPTH_MAX of them may be nested.
void json_object(struct json *json, const char *name);
void json_array(struct json *json, const char *name);
// Closes the innermost object or array.
void json_end(struct json *json);

void json_str(struct json *json, const char *name, struct str value); // as json_string
void json_u64(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);
// An event's id, "<epoch>-<seq>". `epoch` has no character that needs an escape.
void json_id(struct json *json, const char *name, const char *epoch, uint64_t seq);

// A quoted string. `text` must be valid UTF-8. Escaped are control characters, '"' and '\', and
// also U+2028, U+2029 and '<', so that the result is safe in a script or a page.
void json_string(struct buf *out, struct str text);

#endif
