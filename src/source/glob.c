// SPDX-License-Identifier: MIT
// Finding the files that a path or pattern matches.
#include "source/glob.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

// How deep `**` goes. Anything deeper is a loop of bind mounts, or no place for logs.
#define DEPTH_MAX 16

static bool has_wildcard(const char *text) { return strpbrk(text, "*?[") != NULL; }

char *glob_absolute(const char *path) {
    struct buf out;
    buf_init(&out, 2 * PATH_MAX);
    if (path[0] != '/') {
        char cwd[PATH_MAX];
        buf_append_str(&out, str_from(getcwd(cwd, sizeof cwd) ? cwd : "/"));
    }
    struct str rest = str_from(path);
    while (rest.ptr) {
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || str_equal(part, STR("."))) continue;
        if (out.len == 0 || out.data[out.len - 1] != '/') buf_append_char(&out, '/');
        buf_append_str(&out, part);
    }
    char *result = buf_failed(&out) ? NULL : str_dup(buf_str(&out));
    buf_fini(&out);
    return result;
}

bool glob_is_pattern(const char *path) {
    struct stat st;
    return has_wildcard(path) && lstat(path, &st) != 0;
}

bool glob_matches_name(const char *pattern, const char *name) {
    const char *slash = strrchr(pattern, '/');
    return fnmatch(slash ? slash + 1 : pattern, name, FNM_PERIOD) == 0;
}

struct state {
    const struct glob_walk *walk;
    bool ended;
};

// Reports the nearest directory above `path` that exists, so that the missing one is noticed when
// it appears.
static void tell_nearest(const struct glob_walk *walk, const char *path) {
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", path);
    struct stat st;
    while (dir[1]) {
        char *slash = strrchr(dir, '/');
        slash[slash == dir] = '\0';
        if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode)) break;
    }
    walk->dir(walk->context, dir);
}

static bool is_dir(const struct glob_walk *walk, const char *path, unsigned char type) {
    struct stat st;
    if (type == DT_DIR) return true;
    if (type == DT_LNK && !walk->follow_symlinks) return false;
    if (type != DT_LNK && type != DT_UNKNOWN) return false;
    int failed = walk->follow_symlinks ? stat(path, &st) : lstat(path, &st);
    return !failed && S_ISDIR(st.st_mode);
}

static bool may_be_file(const struct glob_walk *walk, unsigned char type) {
    return type == DT_REG || type == DT_UNKNOWN || (type == DT_LNK && walk->follow_symlinks);
}

static void walk_from(struct state *state, const char *dir, const char *pattern, unsigned depth);

// Compares one name in a directory with the pattern's first component.
static void try_name(struct state *state, const char *path, const struct dirent *entry,
                     struct str part, const char *rest, unsigned depth) {
    const struct glob_walk *walk = state->walk;
    char component[NAME_MAX + 1];
    if (part.len >= sizeof component) return;
    memcpy(component, part.ptr, part.len);
    component[part.len] = '\0';
    if (str_equal(part, STR("**"))) {
        if (entry->d_name[0] != '.' && is_dir(walk, path, entry->d_type))
            walk_from(state, path, part.ptr, depth + 1);
        return;
    }
    if (fnmatch(component, entry->d_name, FNM_PERIOD) != 0) return;
    if (rest) {
        if (is_dir(walk, path, entry->d_type)) walk_from(state, path, rest, depth + 1);
    } else if (may_be_file(walk, entry->d_type) && !walk->match(walk->context, path)) {
        state->ended = true;
    }
}

static void read_dir(struct state *state, const char *dir, struct str part, const char *rest,
                     unsigned depth) {
    state->walk->dir(state->walk->context, dir);
    DIR *open = opendir(dir);
    if (!open) return;
    struct dirent *entry;
    char path[PATH_MAX];
    while (!state->ended && (entry = readdir(open))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        int len = snprintf(path, sizeof path, "%s/%s", dir[1] ? dir : "", entry->d_name);
        if (len > 0 && (size_t)len < sizeof path) try_name(state, path, entry, part, rest, depth);
    }
    closedir(open);
}

// `pattern` is the part of the pattern that is left below `dir`.
static void walk_from(struct state *state, const char *dir, const char *pattern, unsigned depth) {
    if (depth > DEPTH_MAX || state->ended) return;
    const char *slash = strchr(pattern, '/');
    struct str part = {pattern, slash ? (size_t)(slash - pattern) : strlen(pattern)};
    const char *rest = slash ? slash + 1 : NULL;
    // A pattern that ends with `**` means all files below.
    if (str_equal(part, STR("**"))) walk_from(state, dir, rest ? rest : "*", depth);
    bool wild = memchr(part.ptr, '*', part.len) || memchr(part.ptr, '?', part.len) ||
                memchr(part.ptr, '[', part.len);
    if (wild) {
        read_dir(state, dir, part, rest, depth);
        return;
    }
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%.*s", dir[1] ? dir : "", STR_ARG(part));
    if (len < 0 || (size_t)len >= sizeof path) return;
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (!exists || !rest) tell_nearest(state->walk, path);
    if (exists && rest)
        walk_from(state, path, rest, depth);
    else if (exists && S_ISREG(st.st_mode) && !state->walk->match(state->walk->context, path))
        state->ended = true;
}

void glob_walk(const struct glob_walk *walk, const char *pattern) {
    struct state state = {.walk = walk};
    if (glob_is_pattern(pattern)) {
        walk_from(&state, "/", pattern + 1, 0);
        return;
    }
    tell_nearest(walk, pattern);
    (void)walk->match(walk->context, pattern);
}
