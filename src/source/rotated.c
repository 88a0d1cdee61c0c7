// SPDX-License-Identifier: MIT
// Rotated siblings of a log file.
#include "source/rotated.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/str.h"
#include "source/place.h"

// Siblings looked at. With more, all names in the directory begin alike.
#define SIBLINGS_MAX 4096
#define LOOKS_MAX 8

static bool is_separator(char c) { return c == '.' || c == '-' || c == '_'; }

static size_t digits_in(struct str s) {
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) digits += s.ptr[i] >= '0' && s.ptr[i] <= '9';
    return digits;
}

// ".1" "-20261122" ".2026-11-22T10:00" ".old"
static bool is_suffix(struct str s) {
    if (s.len < 2 || !is_separator(s.ptr[0])) return false;
    struct str rest = {s.ptr + 1, s.len - 1};
    if (str_equal(rest, STR("old")) || str_equal(rest, STR("bak")) || str_equal(rest, STR("prev")))
        return true;
    for (size_t i = 0; i < rest.len; i++)
        if (!memchr("0123456789.-_:TZ+", rest.ptr[i], 17)) return false;
    return digits_in(rest) > 0;
}

// Before an extension, "-1" is more likely the number of one of several writers than of a rotation.
static bool is_infix(struct str s) {
    return is_suffix(s) && (s.ptr[0] == '.' || digits_in(s) >= 6);
}

bool rotated_is_compressed(const char *name) {
    static const char *const extensions[] = {".gz", ".xz",  ".bz2", ".zst", ".lz4",
                                             ".Z",  ".zip", ".7z",  ".lz",  ".lzma"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof extensions[0]; i++)
        if (strcmp(dot, extensions[i]) == 0) return true;
    return false;
}

// The part that rotation has added to the base name; len 0: the name is not a sibling.
static struct str added(const char *name, const char *base) {
    const struct str none = {"", 0};
    struct str n = str_from(name), b = str_from(base);
    if (n.len <= b.len || rotated_is_compressed(name)) return none;
    struct str rest = {n.ptr + b.len, n.len - b.len};
    if (str_starts(n, b) && is_suffix(rest)) return rest;
    const char *dot = strrchr(base, '.');
    if (!dot || dot == base) return none;
    size_t stem = (size_t)(dot - base), extension = b.len - stem;
    rest = (struct str){n.ptr + stem, n.len - b.len};
    if (memcmp(n.ptr, b.ptr, stem) != 0 || memcmp(n.ptr + n.len - extension, dot, extension) != 0)
        return none;
    return is_infix(rest) ? rest : none;
}

bool rotated_is(const char *name, const char *base) { return added(name, base).len > 0; }

static bool try_base(const char *name, size_t cut_at, size_t cut_len, const char *full,
                     bool (*each)(void *context, const char *base), void *context) {
    char base[256];
    size_t len = strlen(name);
    if (len - cut_len >= sizeof base) return false;
    memcpy(base, name, cut_at);
    memcpy(base + cut_at, name + cut_at + cut_len, len - cut_at - cut_len + 1);
    return rotated_is(full, base) && each(context, base);
}

bool rotated_bases(const char *name, bool (*each)(void *context, const char *base), void *context) {
    size_t len = strlen(name);
    const char *dot = strrchr(name, '.');
    for (size_t at = 1; at < len; at++) {
        if (!is_separator(name[at])) continue;
        if (try_base(name, at, len - at, name, each, context)) return true;
        if (dot && name + at < dot &&
            try_base(name, at, (size_t)(dot - name) - at, name, each, context))
            return true;
    }
    return false;
}

// ".3" is older than ".2"; such numbers are more reliable than time stamps. False: no such number.
static bool rotation_number(const char *name, const char *base, uint64_t *number) {
    struct str suffix = added(name, base);
    if (suffix.len < 2 || suffix.len > 6) return false;
    return str_to_u64((struct str){suffix.ptr + 1, suffix.len - 1}, 99999, number);
}

int rotated_compare(const struct sibling *a, const struct sibling *b, const char *base) {
    uint64_t number_a, number_b;
    if (rotation_number(a->name, base, &number_a) && rotation_number(b->name, base, &number_b) &&
        number_a != number_b)
        return number_a > number_b ? -1 : 1;
    if (a->mtime_ns != b->mtime_ns) return a->mtime_ns < b->mtime_ns ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare(const void *a, const void *b, void *base) { return rotated_compare(a, b, base); }

void rotated_free(struct sibling *list, size_t count) {
    for (size_t i = 0; i < count; i++) free(list[i].name);
    free(list);
}

static bool is_candidate(const char *name, const char *base) {
    if (strcmp(name, base) == 0 || rotated_is_compressed(name)) return false;
    return strncmp(name, base, strlen(base)) == 0 || rotated_is(name, base);
}

// Adds the file if it is a regular one. Returns 0 also when the file is gone by now.
static int take(struct sibling **list, size_t *count, size_t *cap, int dir, const char *name,
                const char *base) {
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) return 0;
    if (!array_reserve(*list, *cap, *count + 1)) return ERR_NOMEM;
    char *copy = str_dup(str_from(name));
    if (!copy) return ERR_NOMEM;
    (*list)[(*count)++] = (struct sibling){
        .name = copy,
        .id = file_id(&st),
        .mtime_ns = file_mtime_ns(&st),
        .rotated = rotated_is(name, base),
    };
    return 0;
}

static int look(const char *dir_path, size_t trusted, const char *base, struct sibling **out,
                size_t *out_count) {
    int fd = place_open(dir_path, trusted, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0) close(fd);
        return ERR_IO;
    }
    struct sibling *list = NULL;
    size_t count = 0, cap = 0;
    int err = 0;
    struct dirent *entry;
    while (!err && count < SIBLINGS_MAX && (entry = readdir(dir)))
        if (is_candidate(entry->d_name, base))
            err = take(&list, &count, &cap, dirfd(dir), entry->d_name, base);
    closedir(dir);
    if (err) {
        rotated_free(list, count);
        return err;
    }
    if (count) qsort_r(list, count, sizeof *list, compare, (void *)base);
    *out = list;
    *out_count = count;
    return 0;
}

static bool same(const struct sibling *a, size_t a_count, const struct sibling *b, size_t b_count) {
    if (a_count != b_count) return false;
    for (size_t i = 0; i < a_count; i++)
        if (!file_id_equal(a[i].id, b[i].id) || strcmp(a[i].name, b[i].name) != 0) return false;
    return true;
}

int rotated_list(const char *dir, size_t trusted, const char *base, struct sibling **out,
                 size_t *count) {
    struct sibling *list, *again;
    size_t list_count, again_count;
    int err = look(dir, trusted, base, &list, &list_count);
    for (int looks = 1; !err; looks++) {
        err = look(dir, trusted, base, &again, &again_count);
        bool agree = !err && same(list, list_count, again, again_count);
        rotated_free(list, list_count);
        if (agree) {
            *out = again;
            *count = again_count;
            return 0;
        }
        list = again;
        list_count = again_count;
        if (!err && looks == LOOKS_MAX) {
            rotated_free(again, again_count);
            err = ERR_AGAIN;
        }
    }
    return err;
}
