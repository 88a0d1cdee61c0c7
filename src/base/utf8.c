// SPDX-License-Identifier: MIT
// UTF-8: checking and repairing.
#include "base/utf8.h"

// The length of the well-formed character at p; 0 when it is ill-formed. Then *bad is the length of
// its maximal ill-formed subpart.
static size_t char_length(const unsigned char *p, size_t left, size_t *bad) {
    unsigned char lead = p[0];
    *bad = 1;
    if (lead < 0x80) return 1;
    unsigned char low = 0x80, high = 0xBF;
    size_t need;
    if (lead >= 0xC2 && lead <= 0xDF) {
        need = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        need = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        need = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if (i >= left || p[i] < low || p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return need;
}

#define WORD sizeof(uint64_t)
#define HIGH_BITS 0x8080808080808080u

static uint64_t word_at(const unsigned char *p) {
    uint64_t word;
    memcpy(&word, p, WORD);
    return word;
}

// Most text is ASCII: where that ends, or up to seven bytes before.
static size_t skip_ascii(const unsigned char *p, size_t at, size_t len) {
    for (; len - at >= 4 * WORD; at += 4 * WORD) {
        const unsigned char *q = p + at;
        uint64_t all =
            word_at(q) | word_at(q + WORD) | word_at(q + 2 * WORD) | word_at(q + 3 * WORD);
        if (all & HIGH_BITS) break;
    }
    for (; len - at >= WORD; at += WORD)
        if (word_at(p + at) & HIGH_BITS) return at;
    // The last few, with some that have been looked at before.
    if (at && len >= WORD && !(word_at(p + len - WORD) & HIGH_BITS)) return len;
    return at;
}

size_t utf8_valid_prefix(struct str s) {
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t at = 0;
    while (at < s.len) {
        if (p[at] < 0x80) at = skip_ascii(p, at, s.len);
        if (at >= s.len) break;
        size_t bad, len = char_length(p + at, s.len - at, &bad);
        if (len == 0) return at;
        at += len;
    }
    return at;
}

bool utf8_valid(struct str s) { return utf8_valid_prefix(s) == s.len; }

void utf8_repair(struct buf *out, struct str s) {
    while (s.len) {
        size_t good = utf8_valid_prefix(s);
        buf_append(out, s.ptr, good);
        s = (struct str){s.ptr + good, s.len - good};
        if (s.len == 0) return;
        size_t bad;
        (void)char_length((const unsigned char *)s.ptr, s.len, &bad);
        buf_append_str(out, STR("\xEF\xBF\xBD"));
        s = (struct str){s.ptr + bad, s.len - bad};
    }
}

struct str utf8_cut(struct str s, size_t max) {
    if (s.len <= max) return s;
    size_t len = max;
    while (len && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) len--;
    return (struct str){s.ptr, len};
}
