// SPDX-License-Identifier: MIT
// Percent-encoding, queries and redaction: see url.h.
#include "proto/url.h"

#include <string.h>

bool url_query_next(struct str *rest, struct str *name, struct str *value) {
    while (rest->ptr) {
        struct str part = str_cut(rest, '&');
        if (part.len == 0) continue;
        *name = str_cut(&part, '=');
        *value = part.ptr ? part : (struct str){name->ptr + name->len, 0};
        return true;
    }
    return false;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Decodes the character at raw.ptr[*at] and moves *at past it. -1: a bad escape or a NUL.
static int decode_one(struct str raw, size_t *at, bool plus_is_space) {
    char c = raw.ptr[(*at)++];
    if (c == '+' && plus_is_space) return ' ';
    if (c != '%') return c ? (unsigned char)c : -1;
    if (raw.len - *at < 2) return -1;
    int high = hex_digit(raw.ptr[*at]);
    int low = hex_digit(raw.ptr[*at + 1]);
    if (high < 0 || low < 0) return -1;
    *at += 2;
    int byte = high * 16 + low;
    return byte ? byte : -1;
}

int url_decode(struct str raw, bool plus_is_space, char *out, size_t cap, size_t *len) {
    size_t at = 0;
    size_t count = 0;
    while (at < raw.len) {
        int byte = decode_one(raw, &at, plus_is_space);
        if (byte < 0) return ERR_INVALID;
        if (count == cap) return ERR_TOO_LONG;
        out[count++] = (char)byte;
    }
    *len = count;
    return 0;
}

bool url_equal(struct str raw, const char *text) {
    size_t at = 0;
    while (at < raw.len && *text) {
        if (decode_one(raw, &at, true) != (unsigned char)*text++) return false;
    }
    return at == raw.len && !*text;
}

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_encode_query(struct buf *out, struct str text) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_unreserved(c)) {
            buf_append_char(out, c);
        } else {
            unsigned char byte = (unsigned char)c;
            buf_append(out, (char[3]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
        }
    }
}

static bool is_secret(struct str raw_name) {
    static const char *const secrets[] = {"code", "key", "access_token", "token"};
    char name[16];
    size_t len;
    if (url_decode(raw_name, true, name, sizeof name, &len) != 0) return false;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (str_equal_nocase((struct str){name, len}, str_from(secrets[i]))) return true;
    }
    return false;
}

// `scheme://user:password@host/…`: removes the part between "//" and '@'.
static void redact_front(struct buf *out, struct str front) {
    const char *slashes = memmem(front.ptr, front.len, "://", 3);
    if (slashes && front.ptr[0] != '/') {
        const char *from = slashes + 3;
        const char *end = front.ptr + front.len;
        const char *slash = memchr(from, '/', (size_t)(end - from));
        const char *at = memrchr(from, '@', (size_t)((slash ? slash : end) - from));
        if (at) {
            buf_append(out, front.ptr, (size_t)(from - front.ptr));
            buf_append_str(out, STR("REDACTED"));
            front = (struct str){at, (size_t)(end - at)};
        }
    }
    buf_append_str(out, front);
}

void url_redact(struct buf *out, struct str target) {
    struct str query = target;
    struct str front = str_cut(&query, '?');
    if (front.len) redact_front(out, front);
    char before = '?';
    while (query.ptr) {
        struct str part = str_cut(&query, '&');
        buf_append_char(out, before);
        before = '&';
        struct str value = part;
        struct str name = str_cut(&value, '=');
        if (value.ptr && is_secret(name)) {
            buf_append_str(out, name);
            buf_append_str(out, STR("=REDACTED"));
        } else {
            buf_append_str(out, part);
        }
    }
}
