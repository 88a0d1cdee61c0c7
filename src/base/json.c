// SPDX-License-Identifier: MIT
// Writing JSON.
#include "base/json.h"

// Bytes that json_string must look at: control characters, quote, backslash, '<', and 0xE2, which
// may be the first byte of U+2028 or U+2029.
static const bool special[256] = {
    [0 ... 31] = true, ['"'] = true, ['\\'] = true, ['<'] = true, [0x7F] = true, [0xE2] = true,
};

void json_string(struct buf *out, struct str text) {
    buf_append_char(out, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!special[c]) continue;
        size_t taken = 1;
        char escape[8] = {'\\', 0};
        switch (c) {
            case '"':
            case '\\': escape[1] = (char)c; break;
            case '\n': escape[1] = 'n'; break;
            case '\r': escape[1] = 'r'; break;
            case '\t': escape[1] = 't'; break;
            case 0xE2:
                if (text.len - i < 3 || (unsigned char)text.ptr[i + 1] != 0x80 ||
                    ((unsigned char)text.ptr[i + 2] & 0xFE) != 0xA8) {
                    continue;
                }
                memcpy(escape + 1, text.ptr[i + 2] & 1 ? "u2029" : "u2028", 6);
                taken = 3;
                break;
            default: {
                static const char hex[] = "0123456789abcdef";
                memcpy(escape + 1, "u00", 3);
                escape[4] = hex[c >> 4];
                escape[5] = hex[c & 15];
                escape[6] = '\0';
            }
        }
        buf_append(out, text.ptr + start, i - start);
        buf_append(out, escape, strlen(escape));
        start = i + taken;
        i += taken - 1;
    }
    if (text.len > start) buf_append(out, text.ptr + start, text.len - start);
    buf_append_char(out, '"');
}

static void begin(struct json *json, const char *name) {
    uint32_t bit = (uint32_t)1 << json->depth;
    ASSERT(!json->depth || !name == !!(json->arrays & bit));
    if (json->depth && json->filled & bit) buf_append_char(json->out, ',');
    json->filled |= bit;
    if (!name) return;
    buf_append_char(json->out, '"');
    buf_append(json->out, name, strlen(name));
    buf_append_str(json->out, STR("\":"));
}

static void open_one(struct json *json, const char *name, bool array) {
    begin(json, name);
    ASSERT(json->depth < JSON_DEPTH_MAX);
    uint32_t bit = (uint32_t)1 << ++json->depth;
    json->filled &= ~bit;
    json->arrays = array ? json->arrays | bit : json->arrays & ~bit;
    buf_append_char(json->out, array ? '[' : '{');
}

void json_object(struct json *json, const char *name) { open_one(json, name, false); }

void json_array(struct json *json, const char *name) { open_one(json, name, true); }

void json_end(struct json *json) {
    ASSERT(json->depth);
    buf_append_char(json->out, json->arrays >> json->depth & 1 ? ']' : '}');
    json->depth--;
}

void json_str(struct json *json, const char *name, struct str value) {
    begin(json, name);
    json_string(json->out, value);
}

void json_u64(struct json *json, const char *name, uint64_t value) {
    begin(json, name);
    buf_append_u64(json->out, value);
}

void json_bool(struct json *json, const char *name, bool value) {
    begin(json, name);
    buf_append_str(json->out, value ? STR("true") : STR("false"));
}

void json_null(struct json *json, const char *name) {
    begin(json, name);
    buf_append_str(json->out, STR("null"));
}

void json_id(struct json *json, const char *name, const char *epoch, uint64_t seq) {
    begin(json, name);
    buf_append_char(json->out, '"');
    buf_append(json->out, epoch, strlen(epoch));
    buf_append_char(json->out, '-');
    buf_append_u64(json->out, seq);
    buf_append_char(json->out, '"');
}
