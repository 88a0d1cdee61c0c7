// SPDX-License-Identifier: MIT
// Logs that are named like rotated parts of another one.
#include "source/live.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "source/chain.h"
#include "source/place.h"

#define HEAD_BYTES 1024

struct live_name {
    UT_hash_handle hh;
    struct file_id id;
    off_t size; // when it was first seen, or after it was truncated
    bool part;  // it was the log
    bool is_new;
    uint64_t scan;
    char path[];
};

static struct live_name *enter(struct living *live, const struct live_question *question) {
    struct live_name *name;
    HASH_FIND_STR(live->names, question->path, name);
    if (!name) {
        if (HASH_COUNT(live->names) >= LIMIT_SOURCE_FILES) return NULL;
        name = calloc(1, sizeof *name + strlen(question->path) + 1);
        if (!name) return NULL;
        strcpy(name->path, question->path);
        HASH_ADD_STR(live->names, path, name);
    }
    name->scan = live->scan;
    struct file_id id = file_id(question->st);
    if (file_id_equal(name->id, id)) return name;
    name->id = id;
    name->size = question->st->st_size;
    name->part = false;
    name->is_new = question->is_new;
    return name;
}

// Whether the two files begin alike, as far as the shorter one goes.
static bool begin_alike(int a, int b) {
    char bytes_a[HEAD_BYTES], bytes_b[HEAD_BYTES];
    ssize_t len_a = pread(a, bytes_a, sizeof bytes_a, 0),
            len_b = pread(b, bytes_b, sizeof bytes_b, 0);
    ssize_t len = len_a < len_b ? len_a : len_b;
    return len > 0 && memcmp(bytes_a, bytes_b, (size_t)len) == 0;
}

static bool has_head_of(const struct mark *mark, int fd) {
    return mark->head_len >= MARK_PROOF_BYTES && mark_head_holds(mark, fd);
}

// Whether the file is, or may become, a copy of the log: rotation by copytruncate takes its time.
static bool is_copy(const struct live_question *question) {
    const struct tail *base = question->base;
    int fd = place_open(question->path, question->trusted, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return true;
    bool copy = (base->now && begin_alike(fd, base->now->fd)) ||
                has_head_of(&base->position.now, fd) || has_head_of(&base->position.before, fd);
    close(fd);
    return copy;
}

enum live_answer live_ask(struct living *live, const struct live_question *question) {
    struct live_name *name = enter(live, question);
    if (!name) return LIVE_PART;
    if (question->base && chain_holds(question->base, name->id)) name->part = true;
    if (question->st->st_size < name->size) name->size = question->st->st_size;
    if (name->part || question->st->st_size == name->size || !question->base || is_copy(question))
        return LIVE_PART;
    return name->is_new ? LIVE_NEW : LIVE_OLD;
}

static void forget(struct living *live, bool all) {
    struct live_name *name, *next;
    HASH_ITER(hh, live->names, name, next) {
        if (!all && name->scan == live->scan) continue;
        HASH_DEL(live->names, name);
        free(name);
    }
}

void live_end(struct living *live) {
    forget(live, false);
    live->scan++;
}

void live_fini(struct living *live) { forget(live, true); }
