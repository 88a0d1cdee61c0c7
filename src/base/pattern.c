// SPDX-License-Identifier: MIT
// Patterns of topic names.
#include "base/pattern.h"

#include "base/topic.h"

static bool is_star(struct str segment) { return segment.len == 1 && segment.ptr[0] == '*'; }

static bool is_star_star(struct str segment) {
    return segment.len == 2 && segment.ptr[0] == '*' && segment.ptr[1] == '*';
}

int pattern_read(struct pattern *out, struct str text, struct report *report) {
    int err = topic_check_text(text, "topic pattern", report);
    if (err) return err;
    *out = (struct pattern){.kind = PATTERN_EXACT, .text = text};
    struct str rest = text;
    while (rest.ptr) {
        struct str segment = str_cut(&rest, '/');
        if (is_star(segment) || is_star_star(segment)) out->kind = PATTERN_SEGMENTS;
    }
    if (is_star_star(text)) out->kind = PATTERN_ANY;
    return 0;
}

// The classic wildcard walk, over segments: on a mismatch go back to the last `**` and let it take
// one segment more. With `covers`, `name` is itself a pattern: only `*` or `**` match a `*` in it,
// only `**` matches a `**`.
static bool walk(struct str pattern, struct str name, bool covers) {
    struct str star_pattern = {NULL, 0}, star_name = {NULL, 0};
    bool have_star = false;
    for (;;) {
        struct str p_rest = pattern, n_rest = name;
        struct str p = {NULL, 0};
        if (pattern.ptr) {
            p = str_cut(&p_rest, '/');
            if (is_star_star(p)) {
                have_star = true;
                star_pattern = p_rest;
                star_name = name;
                pattern = p_rest;
                continue;
            }
        }
        if (name.ptr) {
            struct str n = str_cut(&n_rest, '/');
            bool wide = covers && is_star_star(n);
            if (pattern.ptr && !wide && (is_star(p) || str_equal(p, n))) {
                pattern = p_rest;
                name = n_rest;
                continue;
            }
        } else if (!pattern.ptr) {
            return true;
        }
        if (!have_star || !star_name.ptr) return false;
        (void)str_cut(&star_name, '/');
        pattern = star_pattern;
        name = star_name;
    }
}

bool pattern_match(const struct pattern *pattern, struct str name) {
    switch (pattern->kind) {
        case PATTERN_EXACT: return str_equal(pattern->text, name);
        case PATTERN_SEGMENTS: return walk(pattern->text, name, false);
        case PATTERN_ANY: return true;
    }
    return false;
}

bool pattern_match_any(const struct pattern *patterns, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++) {
        if (pattern_match(&patterns[i], name)) return true;
    }
    return false;
}

bool pattern_covers(const struct pattern *outer, const struct pattern *inner) {
    if (inner->kind == PATTERN_EXACT) return pattern_match(outer, inner->text);
    switch (outer->kind) {
        case PATTERN_EXACT: return false;
        case PATTERN_SEGMENTS: return walk(outer->text, inner->text, true);
        case PATTERN_ANY: return true;
    }
    return false;
}

void pattern_key(const struct pattern *pattern, struct buf *out) {
    buf_append_char(out, (char)('0' + pattern->kind));
    buf_append_str(out, pattern->text);
    buf_append_char(out, '\0');
}
