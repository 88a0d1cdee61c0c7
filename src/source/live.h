// SPDX-License-Identifier: MIT
// Logs that are named like rotated parts of another one: app.1.log beside app.log may be what
// rotation has made of it, or the log of a second process. A part is not written to any more, or it
// was the log itself before, or it is being copied from it. What is written to without that is a
// log of its own.
//
// The sources' thread.
#ifndef TAILRACE_SOURCE_LIVE_H
#define TAILRACE_SOURCE_LIVE_H

#include "source/tail.h"

struct live_name;

// Zeroed: nothing was seen.
struct living {
    struct live_name *names;
    uint64_t scan;
};

// What is asked about: a file at `path` that is named like a part of the log that `base` follows
// (NULL: which nobody follows yet). `trusted`: of the path (place.h). `is_new`: the hub has seen it
// come.
struct live_question {
    const char *path;
    size_t trusted;
    const struct stat *st;
    const struct tail *base;
    bool is_new;
};
enum live_answer {
    LIVE_PART,
    LIVE_OLD, // a log of its own, which was there before the hub
    LIVE_NEW, // a log of its own, which has come since
};
// To be asked in each scan. The first answer for a file is LIVE_PART.
enum live_answer live_ask(struct living *live, const struct live_question *question);
// The scan is over. What was not asked about in it is forgotten.
void live_end(struct living *live);
void live_fini(struct living *live);

#endif
