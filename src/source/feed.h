// SPDX-License-Identifier: MIT
// A feed: the way of one followed file, stdin or simulation into the journal. Lines are gathered in a chunk; one chunk is under
// way to the journal and one more may wait behind it, so that reading and committing overlap while the order cannot change: a
// chunk that the journal refuses is offered again, unchanged, until it is taken.
//
// All on the sources' thread.
#ifndef TAILRACE_SOURCE_FEED_H
#define TAILRACE_SOURCE_FEED_H

#include "base/buf.h"
#include "base/limits.h"
#include "journal/journal.h"
#include "source/source.h"
#include "sys/loop.h"

struct source;
struct sources;

// Lines and the position that is reached with them. Events are made from the text when it is handed to the journal, and again when
// that failed: what the journal has taken over does not come back.
struct chunk {
    struct publish publish;
    struct feed *feed;
    struct buf text; // the data of all lines, one after the other
    struct chunk_line {
        uint32_t end;  // in `text`
        uint8_t flags; // of its event
    } * lines;
    uint32_t count, cap;
    char position[LIMIT_SOURCE_POSITION_BYTES];
    size_t position_len;                // 0: none
    bool forget;                        // the position is to be forgotten
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
    bool accepted; // `flying` is with the journal
    struct loop_timer retry;
    uint32_t backoff_ms;
    // One turn: read something, submit at most one chunk.
    void (*run)(struct feed *feed);
    // The last thing: nothing is under way any more. Frees whatever the feed is part of, after feed_fini.
    void (*release)(struct feed *feed);
    bool closed;
    struct source_status status; // under sources->lock
    uint64_t error_logged_ms;
};

// Zeroed memory in, a feed of sources->feeds out. Copies the texts. `position_key` (may be NULL): what the position is filed under; one that
// is too long is hashed. ERR_NOMEM.
int feed_init(struct feed *feed, struct source *source, const char *name, const char *topic,
              const char *position_key) MUST_CHECK;
void feed_fini(struct feed *feed);
// What `position_key` becomes.
void feed_position_name(const char *position_key, char out[LIMIT_SOURCE_NAME_BYTES + 1]);
// No more turns; `release` is called when the journal has nothing of it any more, maybe at once.
void feed_close(struct feed *feed);

// Asks for a turn.
void feed_wake(struct feed *feed);
// Whether a chunk may be submitted now. When not, a turn comes by itself later.
bool feed_may_submit(const struct feed *feed);
// Hands over the chunk, which may hold only a position.
void feed_submit(struct feed *feed, struct chunk *chunk);
// Offers a refused chunk again if its timer could not be armed. Call now and then.
void feed_poke(struct feed *feed);

// An error for the status and, rate-limited, for the log; the same text again counts but is not logged again soon.
void feed_error(struct feed *feed, const char *fmt, ...) PRINTF_LIKE(2, 3);
void feed_error_clear(struct feed *feed);
void feed_attached(struct feed *feed, bool attached);

struct chunk *chunk_new(void); // NULL: out of memory
void chunk_free(struct chunk *chunk);
bool chunk_full(const struct chunk *chunk);
// Takes the lines after the first `count` out again.
void chunk_cut(struct chunk *chunk, uint32_t count);
// Adds a line, made valid UTF-8 without NUL. Replacing makes it longer: when it passes line_max it is cut there and marked with `length`,
// that of the whole line as it was read. `flags` are the event's. ERR_NOMEM leaves the chunk as it was.
int chunk_add(struct chunk *chunk, struct str line, size_t line_max, uint64_t length,
              uint8_t flags) MUST_CHECK;

#endif
