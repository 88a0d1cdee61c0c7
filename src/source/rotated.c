// SPDX-License-Identifier: MIT
// Rotated siblings of a log file: what their names say. rotated_list.c finds them.
#include "source/rotated.h"

#include "base/str.h"
#include "source/series.h"

// What rotation has added to a name, and where.
struct added {
    enum { NOTHING, AFTER, BEFORE_EXTENSION, BEFORE_NAME, TAI64N } where;
    struct str text; // with its separator; of TAI64N the whole name
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_separator(char c) { return c == '.' || c == '-' || c == '_'; }

static bool is_word(struct str s) {
    return str_equal(s, STR("old")) || str_equal(s, STR("bak")) || str_equal(s, STR("prev"));
}

static bool is_number(struct str s, size_t digits_max) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_digit(s.ptr[i])) return false;
    return s.len > 0 && s.len <= digits_max;
}

static bool is_year(const char *digits) {
    return memcmp(digits, "19", 2) == 0 || memcmp(digits, "20", 2) == 0;
}

// 20261122  2026-11-22T10:00  11-22-2026  26-11-22  1795000000 (seconds since 1970). Not 10.0.0.1,
// 8080 or 123456.
static bool is_date(struct str s) {
    size_t digits = 0, pairs = 0, dots = 0, others = 0;
    bool year = false;
    for (size_t i = 0; i < s.len;) {
        size_t len = 0;
        while (i + len < s.len && is_digit(s.ptr[i + len])) len++;
        if (!len) {
            if (!memchr(".-_:TZ+", s.ptr[i], 7)) return false;
            dots += s.ptr[i] == '.';
            others += s.ptr[i] != '.';
            i++;
            continue;
        }
        digits += len;
        pairs += len == 2;
        year = year || (len == 4 && is_year(s.ptr + i)) || (len >= 8 && is_year(s.ptr + i)) ||
               ((len == 10 || len == 13) && s.ptr[i] == '1');
        i += len;
    }
    // The year of a century that nobody writes: three pairs, and not an address.
    return digits >= 6 && (year || (pairs >= 3 && others >= dots && others));
}

// `s` begins with the separator.
static bool is_suffix(struct str s) {
    if (s.len < 2 || !is_separator(s.ptr[0])) return false;
    struct str rest = {s.ptr + 1, s.len - 1};
    return is_word(rest) || is_number(rest, 5) || is_date(rest);
}

// Before an extension, "-1" is more likely the number of one of several writers than of a rotation,
// and ".8080" a port.
static bool is_infix(struct str s) {
    if (s.len < 2 || !is_separator(s.ptr[0])) return false;
    struct str rest = {s.ptr + 1, s.len - 1};
    return (s.ptr[0] == '.' && (is_word(rest) || is_number(rest, 3))) || is_date(rest);
}

// The names that multilog, svlogd and s6-log give to `current`: @, 24 hexadecimal digits, and
// perhaps .s or .u.
static bool is_tai64n(struct str name) {
    if (name.len < 25 || name.ptr[0] != '@') return false;
    for (size_t i = 1; i < 25; i++)
        if (!memchr("0123456789abcdef", name.ptr[i], 16)) return false;
    return name.len == 25 || (name.len == 27 && name.ptr[25] == '.');
}

static bool has_extension(const char *name, const char *extension) {
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, extension) == 0;
}

bool rotated_is_compressed(const char *name) {
    static const char *const extensions[] = {".gz", ".xz",  ".bz2", ".zst", ".lz4",
                                             ".Z",  ".zip", ".7z",  ".lz",  ".lzma"};
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (has_extension(name, extensions[i])) return true;
    return false;
}

// The name without directories and without .gz.
static struct str plain_name(const char *name) {
    const char *slash = strrchr(name, '/');
    struct str plain = str_from(slash ? slash + 1 : name);
    if (has_extension(plain.ptr, ".gz")) plain.len -= 3;
    return plain;
}

static struct added added(struct str n, const char *base) {
    const struct added none = {NOTHING, {"", 0}};
    struct str b = str_from(base);
    if (str_equal(b, STR("current")) && is_tai64n(n)) return (struct added){TAI64N, n};
    if (n.len <= b.len) return none;
    size_t more = n.len - b.len;
    struct str rest = {n.ptr + b.len, more};
    if (str_starts(n, b) && is_suffix(rest)) return (struct added){AFTER, rest};
    if (memcmp(n.ptr + more, b.ptr, b.len) == 0 && is_separator(n.ptr[more - 1]) &&
        is_date((struct str){n.ptr, more - 1}))
        return (struct added){BEFORE_NAME, {n.ptr, more}};
    const char *dot = strrchr(base, '.');
    if (!dot || dot == base) return none;
    size_t stem = (size_t)(dot - base), extension = b.len - stem;
    rest = (struct str){n.ptr + stem, more};
    if (memcmp(n.ptr, b.ptr, stem) != 0 || memcmp(n.ptr + n.len - extension, dot, extension) != 0)
        return none;
    return is_infix(rest) ? (struct added){BEFORE_EXTENSION, rest} : none;
}

bool rotated_is(const char *name, const char *base) {
    return !rotated_is_compressed(name) && added(str_from(name), base).where != NOTHING;
}

static bool try_base(const char *name, size_t cut_at, size_t cut_len,
                     bool (*each)(void *context, const char *base), void *context) {
    char base[256];
    size_t len = strlen(name);
    if (len - cut_len >= sizeof base) return false;
    memcpy(base, name, cut_at);
    memcpy(base + cut_at, name + cut_at + cut_len, len - cut_at - cut_len + 1);
    return rotated_is(name, base) && each(context, base);
}

bool rotated_bases(const char *name, bool (*each)(void *context, const char *base), void *context) {
    size_t len = strlen(name);
    const char *dot = strrchr(name, '.');
    if (is_tai64n(str_from(name))) return each(context, "current");
    for (size_t at = 1; at < len; at++) {
        if (!is_separator(name[at])) continue;
        if (try_base(name, at, len - at, each, context)) return true;
        if (dot && name + at < dot && try_base(name, at, (size_t)(dot - name) - at, each, context))
            return true;
        if (at + 1 < len && try_base(name, 0, at + 1, each, context)) return true;
    }
    return false;
}

// --- order ---------------------------------------------------------------------------------------

// ".3" is older than ".2"; such numbers are more reliable than time stamps. False: no such number.
static bool rotation_number(struct added added, uint64_t *number) {
    struct str s = added.text;
    if ((added.where != AFTER && added.where != BEFORE_EXTENSION) || s.len < 2) return false;
    struct str rest = {s.ptr + 1, s.len - 1};
    return is_number(rest, 5) && str_to_u64(rest, 99999, number);
}

// Whether names with it are in the order of time: those with the year first.
static bool is_ordered(struct added added) {
    struct str s = added.text;
    if (added.where == TAI64N) return true;
    if (added.where == AFTER || added.where == BEFORE_EXTENSION)
        s = (struct str){s.ptr + 1, s.len - 1};
    return s.len >= 6 && is_digit(s.ptr[0]) && is_digit(s.ptr[1]) && is_digit(s.ptr[2]) &&
           is_digit(s.ptr[3]) && is_year(s.ptr);
}

static bool same_shape(struct str a, struct str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (is_digit(a.ptr[i]) != is_digit(b.ptr[i]) ||
            (!is_digit(a.ptr[i]) && a.ptr[i] != b.ptr[i]))
            return false;
    return true;
}

static bool alike(struct added a, struct added b) {
    uint64_t number;
    if (a.where != b.where || a.where == NOTHING) return false;
    if (a.where == TAI64N) return true;
    if (rotation_number(a, &number) || rotation_number(b, &number))
        return rotation_number(a, &number) && rotation_number(b, &number) &&
               a.text.ptr[0] == b.text.ptr[0];
    // A count after a date may grow by a digit.
    return same_shape(a.text, b.text) || (is_ordered(a) && is_ordered(b));
}

bool rotated_alike(const struct sibling *a, const struct sibling *b, const char *base) {
    return a->self || b->self ||
           alike(added(plain_name(a->name), base), added(plain_name(b->name), base));
}

bool rotated_has_number(const struct sibling *sibling, const char *base) {
    struct added what = added(plain_name(sibling->name), base);
    uint64_t number;
    return what.where == TAI64N || rotation_number(what, &number) ||
           (what.where != NOTHING && !is_word((struct str){what.text.ptr + 1, what.text.len - 1}));
}

int rotated_compare(const struct sibling *a, const struct sibling *b, const char *base) {
    struct str name_a = plain_name(a->name), name_b = plain_name(b->name);
    struct added added_a = added(name_a, base), added_b = added(name_b, base);
    uint64_t number_a, number_b;
    if (a->self != b->self) return a->self ? 1 : -1;
    if (rotation_number(added_a, &number_a) && rotation_number(added_b, &number_b) &&
        number_a != number_b)
        return number_a > number_b ? -1 : 1;
    // A date in the name is older than the time of a compressed file.
    if (alike(added_a, added_b) && is_ordered(added_a)) {
        int order = series_compare_names(name_a.ptr, name_b.ptr);
        if (order) return order;
    }
    if (a->mtime_ns != b->mtime_ns) return a->mtime_ns < b->mtime_ns ? -1 : 1;
    return strcmp(a->name, b->name);
}
