// SPDX-License-Identifier: MIT
// Topic names and patterns.
#include "base/topic.h"

#include "base/limits.h"
#include "base/utf8.h"

static bool is_star(struct str segment) { return segment.len == 1 && segment.ptr[0] == '*'; }

static bool is_star_star(struct str segment) {
    return segment.len == 2 && segment.ptr[0] == '*' && segment.ptr[1] == '*';
}

static int check(struct str name, bool pattern, struct report *report) {
    const char *what = pattern ? "topic pattern" : "topic";
    if (name.len == 0) return report_set(report, ERR_INVALID, "the %s is empty", what);
    if (name.len > LIMIT_TOPIC_BYTES) {
        return report_set(report, ERR_INVALID, "the %s has %zu bytes, at most %d are allowed", what,
                          name.len, LIMIT_TOPIC_BYTES);
    }
    size_t good = utf8_valid_prefix(name);
    if (good < name.len) {
        return report_set(report, ERR_INVALID, "the %s is not valid UTF-8 at byte %zu", what, good);
    }
    size_t segments = 1;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        // C1 controls are U+0080..U+009F, in UTF-8 0xC2 0x80..0x9F.
        bool c1 = c == 0xC2 && (unsigned char)name.ptr[i + 1] < 0xA0;
        if (c < 0x20 || c == 0x7F || c1) {
            return report_set(report, ERR_INVALID, "the %s has a control character at byte %zu",
                              what, i);
        }
        if (c == '/') segments++;
    }
    if (segments > LIMIT_TOPIC_SEGMENTS) {
        return report_set(report, ERR_INVALID, "the %s has %zu segments, at most %d are allowed",
                          what, segments, LIMIT_TOPIC_SEGMENTS);
    }
    if (!pattern && topic_is_pattern(name)) {
        return report_set(report, ERR_INVALID,
                          "a topic's segment may not be * or **; those stand only in patterns");
    }
    return 0;
}

int topic_check(struct str name, struct report *report) { return check(name, false, report); }

int topic_check_pattern(struct str pattern, struct report *report) {
    return check(pattern, true, report);
}

bool topic_is_pattern(struct str text) {
    while (text.ptr) {
        struct str segment = str_cut(&text, '/');
        if (is_star(segment) || is_star_star(segment)) return true;
    }
    return false;
}

// The classic wildcard walk over segments: on a mismatch go back to the last `**` and let it take one segment
// more. With `covers`, `name` is itself a pattern: a `*` in it is matched only by `*` or `**`, a `**` only by `**`.
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

bool topic_match(struct str pattern, struct str name) { return walk(pattern, name, false); }

bool topic_covers(struct str outer, struct str inner) { return walk(outer, inner, true); }

bool topic_is_reserved(struct str name) {
    return str_equal(name, STR("$sys")) || str_starts(name, STR("$sys/"));
}
