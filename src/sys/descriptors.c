// SPDX-License-Identifier: MIT
// The division of descriptors.
#include "sys/descriptors.h"

#include <stdatomic.h>
#include <sys/resource.h>

// Standard streams, journal, lock, inotify, a backup's pipes and file, a configuration's files; for
// each worker a listener, a loop, an inbox, and what its requests open for a moment.
#define OWN 40
#define OWN_OF_WORKER 8
// Kept for followed files that come later: an eighth, at most so many.
#define LATER_FILES_MAX 64

static uint64_t limit = UINT64_MAX, own;
static _Atomic(uint64_t) files;

void descriptors_init(unsigned workers) {
    struct rlimit now;
    if (getrlimit(RLIMIT_NOFILE, &now)) return;
    if (now.rlim_cur < now.rlim_max) {
        now.rlim_cur = now.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &now);
        if (getrlimit(RLIMIT_NOFILE, &now)) return;
    }
    limit = now.rlim_cur == RLIM_INFINITY ? UINT64_MAX : now.rlim_cur;
    own = OWN + (uint64_t)workers * OWN_OF_WORKER;
    // Of a very small limit everybody gets a part.
    if (own > limit / 2) own = limit / 2;
}

uint64_t descriptors_own(void) { return own; }

uint64_t descriptors_for_files(void) { return (limit - own) / 2; }

void descriptors_set_files(uint64_t open) { atomic_store(&files, open); }

uint64_t descriptors_for_clients(void) {
    uint64_t left = limit - own, taken = atomic_load(&files), later = left / 8;
    if (later > LATER_FILES_MAX) later = LATER_FILES_MAX;
    if (taken < later) taken = later;
    return taken < left ? left - taken : 0;
}
