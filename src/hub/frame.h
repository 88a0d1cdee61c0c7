// SPDX-License-Identifier: MIT
// Frames: a live event encoded for one format and one wire, made once by the first worker that
// needs it and shared by all subscribers of all workers that want the same.
//
// They are kept with the event as they go out, framed: a single event at a low rate is then one
// send() of shared bytes without a copy, and so is each part of a round. Unframed ones would have
// to be framed anew in each round. A further coding is a further kind; only the kinds that some
// subscriber uses are ever made. The oldest are given up when the worker's account is full; then a
// frame is encoded where it is wanted.
#ifndef TAILRACE_HUB_FRAME_H
#define TAILRACE_HUB_FRAME_H

#include "base/limits.h"
#include "hub/document.h"
#include "hub/ring.h"
#include "proto/wire.h"

// The most that one event takes in any format and wire. JSON escapes take at most six bytes for
// one, and a line end becomes a line `data: ` of seven (proto/sse.h), one more than there are line
// ends; the fields around the data are short. Everything that holds frames is made for this.
#define FRAME_BYTES_MAX ((size_t)LIMIT_DATA_BYTES * 7 + (size_t)LIMIT_TOPIC_BYTES * 6 + 4096)

// Whether frames of this format are the same in every document.
static inline bool frame_is_shared(enum frame_format format) {
    return !document_has_separators(format);
}

// The frame of a live event in a format that is shared, kept with the event: good until the turn
// ends. One that had to be made is counted in the worker's own ring, and its account. NULL: it is
// not kept, since there is no room in the account, or no memory.
const struct encoding *frame_of(struct event *event, enum frame_format format, struct wire wire,
                                const char *epoch, struct ring *ring);
// Appends the frame, kept or not. The buffer fails when it cannot.
void frame_append(struct buf *out, struct event *event, enum frame_format format, struct wire wire,
                  const char *epoch, struct ring *ring);

#endif
