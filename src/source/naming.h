// SPDX-License-Identifier: MIT
// Which topics files get. Two logs of one name are two logs: where {name} or {stem} alone would
// give one topic to two files, it becomes as much of the end of the path as tells them apart.
//
//   /srv/shop/access.log → logs/shop/access.log      /srv/blog/access.log → logs/blog/access.log
//
// A topic that a file has had stays its topic: readers know it. So a file that was followed before
// keeps its topic, and of two files the one that comes later gets the longer one; files that are
// found together when a source starts are alike.
//
// The sources' thread.
#ifndef TAILRACE_SOURCE_NAMING_H
#define TAILRACE_SOURCE_NAMING_H

#include <stdbool.h>

#include "base/err.h"

// All files that are followed or going to be, by their names. Zeroed: none.
struct naming {
    struct naming_base *bases;
};

// One file's place in it.
struct naming_entry {
    struct naming_entry *prev, *next; // of its base
    struct naming_base *base;
    char *topic;    // NULL: not chosen yet
    unsigned parts; // of the path that stand for {name} or {stem} in the topic
    char path[];
};

// Enters a path, without a topic. NULL: out of memory.
struct naming_entry *naming_enter(struct naming *naming, const char *path);
// NULL is fine.
void naming_leave(struct naming *naming, struct naming_entry *entry);

struct naming_choice {
    const char *template; // of the topic
    bool together;        // the file was found at the start of its source
    // Whether the file was followed under this topic before.
    bool (*known)(void *context, const char *path, const char *topic);
    void *context;
};

// Chooses the topic. A template without {name} and {stem} is taken as it is. Where nothing tells
// two files apart, as {stem} cannot do with app.log and app.err, the log says so. ERR_INVALID with
// a report: no topic can be made of the path. ERR_NOMEM.
int naming_choose(struct naming_entry *entry, const struct naming_choice *choice,
                  struct report *report) MUST_CHECK;

#endif
