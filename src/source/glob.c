// SPDX-License-Identifier: MIT
// Finding the files that a path or pattern matches.
#include "source/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/str.h"
#include "source/place.h"
#include "sys/hash.h"

// How deep `**` goes. Anything deeper is a loop of bind mounts, or no place for logs.
#define DEPTH_MAX 16
#define WILDCARDS "*?["

// A directory that was read for a part of the pattern.
struct visit {
    struct visit_key {
        uint64_t dev, ino;
        const char *pattern;
    } key;
    UT_hash_handle hh;
};

// A link to a directory, to be looked into when all that is not behind links was seen.
struct later {
    struct later *prev, *next;
    const char *pattern;
    unsigned depth;
    char path[];
};

struct state {
    const struct glob_walk *walk;
    size_t trusted; // of the paths below (place.h)
    struct visit *visited;
    struct later *later;
    bool ended;
};

bool glob_is_pattern(const char *path) {
    return strpbrk(path, WILDCARDS) || expand_has_braces(path);
}

int glob_open(struct glob *glob, const char *path) {
    struct stat st;
    *glob = (struct glob){0};
    bool exists = lstat(path, &st) == 0;
    int err = exists ? expand_literal(&glob->patterns, path) : expand_path(&glob->patterns, path);
    if (err) {
        glob_close(glob);
        return err;
    }
    const struct expanded *patterns = &glob->patterns;
    glob->literal = exists || (patterns->count == 1 && !strpbrk(patterns->texts[0], WILDCARDS));
    return 0;
}

void glob_close(struct glob *glob) { expand_free(&glob->patterns); }

bool glob_matches_name(const struct glob *glob, const char *name) {
    for (size_t i = 0; i < glob->patterns.count; i++) {
        const char *pattern = glob->patterns.texts[i];
        if (fnmatch(strrchr(pattern, '/') + 1, name, FNM_PERIOD) == 0) return true;
    }
    return false;
}

// --- one walk ------------------------------------------------------------------------------------

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

// Like stat, without following a link that somebody else may have put there: it is left out.
static bool look(const struct state *state, const char *path, struct stat *st) {
    int fd = place_open(path, state->trusted, O_PATH);
    bool link = fd < 0 && errno == ELOOP;
    bool found = fd >= 0 && fstat(fd, st) == 0;
    if (fd >= 0) close(fd);
    link = link || (found && S_ISLNK(st->st_mode));
    if (link) state->walk->left(state->walk->context, path, GLOB_LEFT_LINK);
    return found && !link;
}

static bool leads_to_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static unsigned char type_of(const char *path, const struct dirent *entry) {
    struct stat st;
    if (entry->d_type != DT_UNKNOWN) return entry->d_type;
    return lstat(path, &st) ? DT_UNKNOWN : (unsigned char)IFTODT(st.st_mode);
}

static void walk_from(struct state *state, const char *dir, const char *pattern, unsigned depth);

static void remember(struct state *state, const char *path, const char *pattern, unsigned depth) {
    struct later *later = malloc(sizeof *later + strlen(path) + 1);
    if (!later) return;
    later->pattern = pattern;
    later->depth = depth;
    strcpy(later->path, path);
    DL_APPEND(state->later, later);
}

// Goes on with `pattern` in what `path` is, if that is a directory.
static void enter(struct state *state, const char *path, unsigned char type, const char *pattern,
                  unsigned depth, bool named) {
    const struct glob_walk *walk = state->walk;
    if (type == DT_DIR)
        walk_from(state, path, pattern, depth);
    else if (type == DT_LNK && walk->follow_symlinks && leads_to_dir(path))
        remember(state, path, pattern, depth);
    else if (type == DT_LNK && !walk->follow_symlinks && named)
        walk->left(walk->context, path, GLOB_LEFT_LINK);
}

static void take_file(struct state *state, const char *path, unsigned char type) {
    const struct glob_walk *walk = state->walk;
    if (type == DT_REG || type == DT_UNKNOWN || (type == DT_LNK && walk->follow_symlinks)) {
        if (!walk->match(walk->context, path, state->trusted)) state->ended = true;
    } else if (type == DT_LNK) {
        if (!leads_to_dir(path)) walk->left(walk->context, path, GLOB_LEFT_LINK);
    } else if (type != DT_DIR) {
        walk->left(walk->context, path, GLOB_LEFT_SPECIAL);
    }
}

// Compares one name in a directory with the pattern's first component.
static void try_name(struct state *state, const char *path, const struct dirent *entry,
                     struct str part, const char *rest, unsigned depth) {
    char component[NAME_MAX + 1];
    if (part.len >= sizeof component) return;
    memcpy(component, part.ptr, part.len);
    component[part.len] = '\0';
    if (str_equal(part, STR("**"))) {
        if (entry->d_name[0] != '.')
            enter(state, path, type_of(path, entry), part.ptr, depth + 1, false);
        return;
    }
    if (fnmatch(component, entry->d_name, FNM_PERIOD) != 0) return;
    unsigned char type = type_of(path, entry);
    if (rest)
        enter(state, path, type, rest, depth + 1, true);
    else
        take_file(state, path, type);
}

// Whether the directory was read for this part of the pattern before: links lead in circles.
static bool was_visited(struct state *state, int fd, const char *pattern) {
    struct stat st;
    struct visit *visit = calloc(1, sizeof *visit), *before;
    if (!visit || fstat(fd, &st)) {
        free(visit);
        return true;
    }
    visit->key = (struct visit_key){st.st_dev, st.st_ino, pattern};
    HASH_FIND(hh, state->visited, &visit->key, sizeof visit->key, before);
    if (before)
        free(visit);
    else
        HASH_ADD(hh, state->visited, key, sizeof visit->key, visit);
    return before != NULL;
}

static DIR *open_dir(struct state *state, const char *dir, const char *pattern) {
    int fd = place_open(dir, state->trusted, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return NULL;
    DIR *open = NULL;
    if (!state->walk->follow_symlinks || !was_visited(state, fd, pattern)) open = fdopendir(fd);
    if (!open) close(fd);
    return open;
}

static void read_dir(struct state *state, const char *dir, struct str part, const char *rest,
                     unsigned depth) {
    state->walk->dir(state->walk->context, dir);
    DIR *open = open_dir(state, dir, part.ptr);
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
    const char *slash = strchrnul(pattern, '/');
    struct str part = {pattern, (size_t)(slash - pattern)};
    const char *rest = *slash ? slash + 1 : NULL;
    // A pattern that ends with `**` means all files below.
    if (str_equal(part, STR("**"))) walk_from(state, dir, rest ? rest : "*", depth);
    if (strcspn(pattern, WILDCARDS) < part.len) {
        read_dir(state, dir, part, rest, depth);
        return;
    }
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%.*s", dir[1] ? dir : "", STR_ARG(part));
    if (len < 0 || (size_t)len >= sizeof path) return;
    struct stat st;
    bool exists = look(state, path, &st);
    if (!exists || !rest) tell_nearest(state->walk, path);
    if (exists && rest)
        walk_from(state, path, rest, depth);
    else if (exists && S_ISREG(st.st_mode) &&
             !state->walk->match(state->walk->context, path, state->trusted))
        state->ended = true;
}

// The part of the pattern before its first component with a wildcard.
static size_t trusted_part(const char *pattern) {
    size_t at = strcspn(pattern, WILDCARDS);
    if (!pattern[at]) return PLACE_ALL;
    while (at > 1 && pattern[at - 1] != '/') at--;
    return at > 1 ? at - 1 : 1;
}

static bool walk_one(const struct glob_walk *walk, const char *pattern) {
    struct state state = {.walk = walk,
                          .trusted = walk->follow_symlinks ? PLACE_ALL : trusted_part(pattern)};
    walk_from(&state, "/", pattern + 1, 0);
    struct later *later;
    while ((later = state.later)) {
        DL_DELETE(state.later, later);
        walk_from(&state, later->path, later->pattern, later->depth);
        free(later);
    }
    struct visit *visit, *next;
    HASH_ITER(hh, state.visited, visit, next) {
        HASH_DEL(state.visited, visit);
        free(visit);
    }
    return !state.ended;
}

void glob_walk(const struct glob_walk *walk, const struct glob *glob) {
    if (glob->literal) {
        tell_nearest(walk, glob->patterns.texts[0]);
        (void)walk->match(walk->context, glob->patterns.texts[0], PLACE_ALL);
        return;
    }
    for (size_t i = 0; i < glob->patterns.count; i++)
        if (!walk_one(walk, glob->patterns.texts[i])) return;
}
