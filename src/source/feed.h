// SPDX-License-Identifier: MIT
// A feed: carries the lines of one followed file, stdin or simulation into the journal.
//
// Lines are gathered in a chunk. One chunk is on its way to the journal, and one more may wait
// behind it. So reading and committing overlap, and the order cannot change: a chunk that the
// journal refuses is offered again, unchanged, until it is accepted.
//
// Everything runs on the sources' thread.
#ifndef TAILRACE_SOURCE_FEED_H
#define TAILRACE_SOURCE_FEED_H

#include "base/buf.h"
#include "base/limits.h"
#include "journal/journal.h"
#include "source/source.h"
#include "sys/loop.h"

struct source;
struct sources;

// Lines, and the position after them. The events are made from the text when the chunk is offered
// to the journal, and made again after a refusal: the journal does not return the events it was
// given.
struct chunk {
    struct publish publish;
    struct feed *feed;
    struct buf text; // the text of all lines, without separators
    struct chunk_line {
        uint32_t end;  // in `text`
        uint8_t flags; // of the event
    } * lines;
    uint32_t count, cap;
    char position[LIMIT_SOURCE_POSITION_BYTES];
    size_t position_len;                // 0: none
    bool forget;                        // the journal is asked to forget the position
    uint64_t position_bytes, lag_bytes; // for the status, once it is committed
    size_t held;
};

struct feed {
    struct feed *prev, *next; // of sources->feeds
    struct feed *run_next;
    bool runnable;
    struct sources *sources;
    char *name;                                      // "file:/var/log/app.log"
    char position_name[LIMIT_SOURCE_NAME_BYTES + 1]; // "" : none
    char *topic;
    const char *type;
    struct chunk *flying, *waiting;
    bool accepted; // the journal has `flying`
    struct loop_timer retry;
    uint32_t backoff_ms;
    // Reads something and submits at most one chunk.
    void (*run)(struct feed *feed);
    // Called last, when the journal has finished with the feed. Calls feed_fini, then frees the
    // struct that the feed is part of.
    void (*release)(struct feed *feed);
    bool closed;
    struct source_status status; // under sources->lock
    uint64_t error_logged_ms;
};

// Makes zeroed memory a feed and adds it to sources->feeds. Copies the texts. The journal stores
// the position under `position_key`, or under a hash of it when it is too long; NULL: no position
// is stored. ERR_NOMEM.
int feed_init(struct feed *feed, struct source *source, const char *name, const char *topic,
              const char *position_key) MUST_CHECK;
void feed_fini(struct feed *feed);
// The name under which the position of `position_key` is stored.
void feed_position_name(const char *position_key, char out[LIMIT_SOURCE_NAME_BYTES + 1]);
// The feed does not run again. `release` is called when the journal has finished with its chunks,
// which may be at once.
void feed_close(struct feed *feed);

// Puts the feed into the queue, so that it runs soon.
void feed_wake(struct feed *feed);
// Whether a chunk may be submitted now. If not, the feed will run again when it may.
bool feed_may_submit(const struct feed *feed);
// Hands over the chunk. A chunk may have a position and no lines.
void feed_submit(struct feed *feed, struct chunk *chunk);
// Offers a refused chunk again if its timer could not be armed. To be called now and then.
void feed_poke(struct feed *feed);

// Sets the error of the status and logs it. The same text again counts as an error but is not
// logged again soon.
void feed_error(struct feed *feed, const char *fmt, ...) PRINTF_LIKE(2, 3);
void feed_error_clear(struct feed *feed);
void feed_attached(struct feed *feed, bool attached);

struct chunk *chunk_new(void); // NULL: out of memory
void chunk_free(struct chunk *chunk);
bool chunk_full(const struct chunk *chunk);
// Removes the lines after the first `count`.
void chunk_cut(struct chunk *chunk, uint32_t count);
// Adds a line, made valid UTF-8 without NUL. Replacement makes a line longer: beyond line_max it is
// cut and marked with `length`, the length of the whole line as it was read. The event gets
// `flags`. ERR_NOMEM: the chunk is unchanged.
int chunk_add(struct chunk *chunk, struct str line, size_t line_max, uint64_t length,
              uint8_t flags) MUST_CHECK;

#endif
