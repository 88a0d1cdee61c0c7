// SPDX-License-Identifier: MIT
// Frames: a live event encoded for one format and one wire, made once by the first worker that
// needs it and shared by all subscribers of all workers that want the same.
//
// They are kept with the event as they go out, framed: a single event at a low rate is then one
// send() of shared bytes without a copy, and so is each part of a round. Unframed ones would have
// to be framed anew in each round. A further coding is a further kind; only the kinds that some
// subscriber uses are ever made.
#ifndef TAILRACE_HUB_FRAME_H
#define TAILRACE_HUB_FRAME_H

#include "hub/document.h"
#include "hub/ring.h"
#include "proto/wire.h"

// Whether frames of this format are the same in every document.
static inline bool frame_is_shared(enum frame_format format) {
    return !document_has_separators(format);
}

// The frame of a live event in a format that is shared. Lives as long as the event. NULL when out
// of memory. One that had to be made is counted in the worker's own ring.
const struct encoding *frame_of(struct event *event, enum frame_format format, struct wire wire,
                                const char *epoch, struct ring *ring);

#endif
