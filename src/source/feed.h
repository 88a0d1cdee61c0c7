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

#include "source/chunk.h"
#include "source/source.h"
#include "sys/loop.h"

struct source;
struct sources;

struct feed {
    struct feed *prev, *next; // of sources->feeds, once it has begun
    bool begun;
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
    bool encoding_told; // the log has named the encoding of what is read
};

// Makes zeroed memory a feed. Copies the texts. The journal stores the position under
// `position_key`, or under a hash of it when it is too long; NULL: no position is stored. Any
// thread. ERR_NOMEM.
int feed_init(struct feed *feed, struct source *source, const char *name, const char *topic,
              const char *position_key) MUST_CHECK;
// The feed may run from now on, and is shown in the status.
void feed_begin(struct feed *feed);
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

#endif
