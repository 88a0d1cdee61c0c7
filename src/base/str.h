// SPDX-License-Identifier: MIT
// String slices: pointer and length, not terminated, never owning.
#ifndef TAILRACE_BASE_STR_H
#define TAILRACE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
// For printf: "%.*s", STR_ARG(s)
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *text) {
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_equal(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

// ASCII only: for HTTP field names and tokens.
bool str_equal_nocase(struct str a, struct str b);

// Whether it is a token (RFC 9110, 5.6.2): what names of HTTP fields are made of. Not empty.
bool str_is_token(struct str s);

// Without leading and trailing space and tab.
struct str str_trim(struct str s);

// Cuts *rest at the first `separator`. Returns the part before it; *rest becomes the part after it,
// with ptr NULL when there is no separator. A loop: while (rest.ptr) part = str_cut(&rest, ',');
struct str str_cut(struct str *rest, char separator);

// A decimal number with nothing around it, at most `max`. False for empty text, a sign, an
// overflow, or other characters.
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

// A terminated copy on the heap, NULL when out of memory. The caller frees it.
char *str_dup(struct str s);

#endif
