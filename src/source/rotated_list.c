// SPDX-License-Identifier: MIT
// Rotated siblings of a log file: finding them in its directory.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/str.h"
#include "source/place.h"
#include "source/rotated.h"

// Siblings looked at. With more, all names in the directory begin alike.
#define SIBLINGS_MAX 4096
#define LOOKS_MAX 8
// Directories beside the log that are searched, and names in them.
#define SUBDIRS_MAX 64
#define SUBDIR_NAMES_MAX 16384

struct look {
    const struct rotated_search *search;
    struct siblings *out;
    size_t cap;
};

static int compare(const void *a, const void *b, void *base) { return rotated_compare(a, b, base); }

void rotated_free(struct siblings *siblings) {
    for (size_t i = 0; i < siblings->count; i++) free(siblings->list[i].name);
    free(siblings->list);
    free(siblings->dir);
    free(siblings->base);
    *siblings = (struct siblings){0};
}

static bool is_gz(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, ".gz") == 0;
}

static bool is_wanted(const struct rotated_search *search, uint64_t ino) {
    for (size_t i = 0; i < search->wanted_count; i++)
        if (search->wanted[i].ino == ino) return true;
    return false;
}

// The name without .gz, in `plain`. False: it is too long, or compressed otherwise.
static bool unpacked_name(const char *name, char plain[256]) {
    size_t len = strlen(name);
    if (is_gz(name)) len -= 3;
    if (len >= 256) return false;
    memcpy(plain, name, len);
    plain[len] = '\0';
    return !rotated_is_compressed(plain);
}

static bool begins_with(const char *name, const char *base) {
    return strncmp(name, base, strlen(base)) == 0;
}

// Adds the file if it is a regular one. Returns 0 also when the file is gone by now.
static int take(struct look *look, int dir, const char *prefix, const char *name,
                const char *plain) {
    struct siblings *out = look->out;
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) return 0;
    if (!array_reserve(out->list, look->cap, out->count + 1)) return ERR_NOMEM;
    char *copy;
    if (asprintf(&copy, "%s%s", prefix, name) < 0) return ERR_NOMEM;
    bool self = strcmp(plain, out->base) == 0;
    out->list[out->count++] = (struct sibling){
        .name = copy,
        .id = file_id(&st),
        .mtime_ns = file_mtime_ns(&st),
        .rotated = self || rotated_is(plain, out->base),
        .packed = is_gz(name),
        .self = self && !is_gz(name) && !prefix[0],
    };
    return 0;
}

static int look_at(struct look *look, int dir, const char *prefix, const struct dirent *entry) {
    const char *name = entry->d_name, *base = look->out->base;
    char plain[256];
    if (!unpacked_name(name, plain)) return 0;
    if (!prefix[0] && strcmp(name, base) == 0 && !look->search->self) return 0;
    bool beside = !prefix[0] && begins_with(plain, base);
    if (!beside && strcmp(plain, base) != 0 && !rotated_is(plain, base) &&
        !is_wanted(look->search, entry->d_ino))
        return 0;
    return take(look, dir, prefix, name, plain);
}

static int look_below(struct look *look, int parent, const char *name, size_t *names) {
    char prefix[258];
    snprintf(prefix, sizeof prefix, "%s/", name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0) close(fd);
        return 0;
    }
    int err = 0;
    struct dirent *entry;
    while (!err && look->out->count < SIBLINGS_MAX && *names && (entry = readdir(dir))) {
        --*names;
        err = look_at(look, fd, prefix, entry);
    }
    closedir(dir);
    return err;
}

static int look_once(struct siblings *out, const struct rotated_search *search) {
    const char *slash = strrchr(search->log, '/');
    *out = (struct siblings){.base = str_dup(str_from(slash + 1))};
    out->dir = str_dup(
        (struct str){search->log, slash == search->log ? 1 : (size_t)(slash - search->log)});
    bool has_names = out->dir && out->base;
    int fd = has_names ? place_open(out->dir, 0, O_RDONLY | O_DIRECTORY) : -1;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int err = has_names ? ERR_IO : ERR_NOMEM, error = errno;
        if (fd >= 0) close(fd);
        rotated_free(out);
        errno = error;
        return err;
    }
    struct look look = {.search = search, .out = out};
    size_t subdirs = SUBDIRS_MAX, names = SUBDIR_NAMES_MAX;
    int err = 0;
    struct dirent *entry;
    while (!err && out->count < SIBLINGS_MAX && (entry = readdir(dir))) {
        if (entry->d_type != DT_DIR)
            err = look_at(&look, dirfd(dir), "", entry);
        else if (search->deep && entry->d_name[0] != '.' && subdirs && subdirs--)
            err = look_below(&look, dirfd(dir), entry->d_name, &names);
    }
    closedir(dir);
    if (err)
        rotated_free(out);
    else if (out->count)
        qsort_r(out->list, out->count, sizeof *out->list, compare, out->base);
    return err;
}

static bool same(const struct siblings *a, const struct siblings *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!file_id_equal(a->list[i].id, b->list[i].id) ||
            strcmp(a->list[i].name, b->list[i].name) != 0)
            return false;
    return true;
}

int rotated_list(struct siblings *out, const struct rotated_search *search) {
    struct siblings list, again;
    *out = (struct siblings){0};
    int err = look_once(&list, search);
    for (int looks = 1; !err; looks++) {
        err = look_once(&again, search);
        bool agree = !err && same(&list, &again);
        rotated_free(&list);
        if (agree) {
            *out = again;
            return 0;
        }
        list = again;
        if (!err && looks == LOOKS_MAX) {
            rotated_free(&again);
            err = ERR_AGAIN;
        }
    }
    return err;
}
