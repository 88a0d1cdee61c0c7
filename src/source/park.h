// SPDX-License-Identifier: MIT
// Files that are closed because descriptors are short. There may be more followed files than
// descriptors (sys/descriptors.h); most are quiet most of the time. When one is to be opened and
// there is no descriptor for it, a quiet one is parked: closed, and opened again where reading has
// stopped as soon as it changes. inotify tells that, as for an open file, and each check does.
//
// The sources' thread.
#ifndef TAILRACE_SOURCE_PARK_H
#define TAILRACE_SOURCE_PARK_H

#include <sys/stat.h>

#include "source/tail.h"

// Whether the tail may open a file now; parks another one if necessary. False: the tail is checked
// again when there may be room.
bool park_make_room(struct tail *tail);
// There was no descriptor although there should have been one: the same as false above.
void park_wait(struct tail *tail);
// Whether the parked file is still as it was closed; otherwise it has to be opened, or looked for.
// `st` NULL: there is no file at the path. That counts as a change only after a while: the file may
// be found under another name.
bool park_is_unchanged(struct tail *tail, const struct stat *st);
// The tail is not parked any more: its file is opened, or it is closed. Does nothing if it was not.
void park_end(struct tail *tail);

#endif
