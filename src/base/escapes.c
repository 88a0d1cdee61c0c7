// SPDX-License-Identifier: MIT
// Text without escape sequences.
#include "base/escapes.h"

#include <string.h>

#define BEL '\x07'
#define SO '\x0e'
#define SI '\x0f'
#define CAN '\x18'
#define SUB '\x1a'
#define ESC '\x1b'

bool escapes_are_in(struct str text) {
    return text.len && (memchr(text.ptr, ESC, text.len) || memchr(text.ptr, SO, text.len) ||
                        memchr(text.ptr, SI, text.len));
}

// Each of these gives where what it passes over ends.

static size_t pass(struct str text, size_t at, char low, char high) {
    while (at < text.len && text.ptr[at] >= low && text.ptr[at] <= high) at++;
    return at;
}

static size_t pass_one(struct str text, size_t at, char low, char high) {
    return at + (at < text.len && text.ptr[at] >= low && text.ptr[at] <= high);
}

// To BEL or ST, which belong to it.
static size_t pass_string(struct str text, size_t at) {
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == BEL) return at + 1;
        if (c == ESC) return at + (at + 1 < text.len && text.ptr[at + 1] == '\\' ? 2 : 0);
        if (c == '\r' || c == '\n' || c == CAN || c == SUB) break;
    }
    return at;
}

// What follows an ESC.
static size_t pass_sequence(struct str text, size_t at) {
    switch (at < text.len ? text.ptr[at] : '\0') {
        case '[':
            at = pass(text, at + 1, '0', '?');
            return pass_one(text, pass(text, at, ' ', '/'), '@', '~');
        case ']':
        case 'P':
        case 'X':
        case '^':
        case '_': return pass_string(text, at + 1);
        default: return pass_one(text, pass(text, at, ' ', '/'), '0', '~');
    }
}

size_t escapes_strip(char *out, struct str text) {
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at++];
        if (c == ESC) {
            at = pass_sequence(text, at);
        } else if (c != SO && c != SI) {
            out[len++] = c;
        }
    }
    return len;
}
