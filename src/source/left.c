// SPDX-License-Identifier: MIT
// What a pattern matches and a source does not follow.
#include "source/left.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "sys/clock.h"
#include "sys/hash.h"
#include "sys/log.h"

// Names in one line of the log.
#define NAMES_BYTES 800
#define LINES_PER_MINUTE 10

struct left_name {
    UT_hash_handle hh;
    enum left_why why;
    const char *what;
    bool told;
    uint64_t scan; // that named it last
    struct file_id id;
    int64_t mtime_ns, size;
    char path[];
};

static const char *const messages[LEFT_WHYS] = {
    [LEFT_LINK] = "symbolic links are left out; follow_symlinks: true follows them",
    [LEFT_SPECIAL] = "pipes, sockets and devices are left out; a pipe is read when it is named",
    [LEFT_NO_TEXT] = "files that are no text are left out",
    [LEFT_COMPRESSED] = "compressed files are left out",
    [LEFT_ROTATED] =
        ("rotated files are left out; they are read as parts of the file they belong to, and "
         "separate: true follows each as a log of its own"),
};

void left_begin(struct left *left) { left->scan++; }

static struct left_name *find(struct left *left, const char *path) {
    struct left_name *name;
    HASH_FIND_STR(left->names, path, name);
    return name;
}

void left_note(struct left *left, const char *path, enum left_why why, const char *what) {
    struct left_name *name = find(left, path);
    if (!name) {
        if (HASH_COUNT(left->names) >= LIMIT_SOURCE_FILES) return;
        name = calloc(1, sizeof *name + strlen(path) + 1);
        if (!name) return;
        strcpy(name->path, path);
        HASH_ADD_STR(left->names, path, name);
    }
    name->told = name->told && name->why == why;
    name->why = why;
    name->what = what;
    name->scan = left->scan;
}

bool left_again(struct left *left, const char *path, const struct stat *st) {
    struct left_name *name = find(left, path);
    if (!name || name->why != LEFT_NO_TEXT || !file_id_equal(name->id, file_id(st)) ||
        name->mtime_ns != file_mtime_ns(st) || name->size != st->st_size)
        return false;
    name->scan = left->scan;
    return true;
}

void left_state(struct left *left, const char *path, const struct stat *st) {
    struct left_name *name = find(left, path);
    if (!name) return;
    name->id = file_id(st);
    name->mtime_ns = file_mtime_ns(st);
    name->size = st->st_size;
}

static void tell(struct left *left, const char *pattern, enum left_why why, enum log_level level) {
    struct buf names;
    size_t count = 0, hidden = 0;
    buf_init(&names, NAMES_BYTES + 2 * 4096);
    struct left_name *name, *next;
    HASH_ITER(hh, left->names, name, next) {
        if (name->why != why || name->told) continue;
        name->told = true;
        count++;
        if (names.len > NAMES_BYTES) {
            hidden++;
            continue;
        }
        buf_printf(&names, "%s%s", names.len ? ", " : "", name->path);
        if (name->what) buf_printf(&names, " is %s", name->what);
    }
    if (hidden) buf_printf(&names, " and %zu more", hidden);
    if (count) {
        left->lines++;
        log_write(level, messages[why], LOG_TEXT("pattern", pattern),
                  LOG_TEXT("files", buf_cstr(&names)));
    }
    buf_fini(&names);
}

void left_end(struct left *left, const char *pattern, bool first) {
    struct left_name *name, *next;
    HASH_ITER(hh, left->names, name, next) {
        if (name->scan == left->scan) continue;
        HASH_DEL(left->names, name);
        free(name);
    }
    uint64_t minute = clock_mono_ms() / 60000;
    if (minute != left->minute) left->lines = 0;
    left->minute = minute;
    for (enum left_why why = 0; why < LEFT_WHYS && left->lines < LINES_PER_MINUTE; why++)
        tell(left, pattern, why, first || why < LEFT_COMPRESSED ? LOG_WARN : LOG_INFO);
}

void left_fini(struct left *left) {
    struct left_name *name, *next;
    HASH_ITER(hh, left->names, name, next) {
        HASH_DEL(left->names, name);
        free(name);
    }
}
