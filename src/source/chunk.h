// SPDX-License-Identifier: MIT
// A chunk: the lines of one publish, on their way from a source into the journal.
#ifndef TAILRACE_SOURCE_CHUNK_H
#define TAILRACE_SOURCE_CHUNK_H

#include "base/buf.h"
#include "base/limits.h"
#include "journal/journal.h"

struct feed;

// Lines, and the position after them. The events are made from the text when the chunk is offered
// to the journal, and made again after a refusal: the journal does not return the events it was
// given.
struct chunk {
    struct publish publish;
    struct feed *feed; // whose chunk it is, once it is submitted
    struct buf text;   // the text of all lines, without separators
    struct chunk_line {
        uint32_t end;  // in `text`
        uint8_t flags; // of the event
    } * lines;
    uint32_t count, cap;
    uint32_t expires_s; // of the events; 0: nothing is said
    char position[LIMIT_SOURCE_POSITION_BYTES];
    size_t position_len;                // 0: none
    bool forget;                        // the journal is asked to forget the position
    uint64_t position_bytes, lag_bytes; // for the status, once it is committed
    size_t held;                        // bytes of memory, counted when it is submitted
};

// NULL: out of memory.
struct chunk *chunk_new(void);
// NULL is fine.
void chunk_free(struct chunk *chunk);
// Whether it has as many lines or bytes as one publish may have.
bool chunk_full(const struct chunk *chunk);
// Removes the lines after the first `count`.
void chunk_cut(struct chunk *chunk, uint32_t count);
// Adds a line as repair_line (base/repair.h) makes it. The event gets `flags`. ERR_NOMEM: the chunk
// is unchanged.
int chunk_add(struct chunk *chunk, struct str line, size_t line_max, uint64_t length,
              uint8_t flags) MUST_CHECK;
// Makes an event of each line, in publish.events. ERR_NOMEM: makes none.
int chunk_make_events(struct chunk *chunk, struct str topic, struct str type) MUST_CHECK;

#endif
