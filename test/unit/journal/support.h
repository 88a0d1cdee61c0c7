// SPDX-License-Identifier: MIT
// A journal in a temporary directory, and publishing that waits for its end: for the tests of this
// folder.
#ifndef TEST_JOURNAL_SUPPORT_H
#define TEST_JOURNAL_SUPPORT_H

#include <pthread.h>

#include "journal/journal.h"

// Makes /tmp/tailrace-test-XXXXXX; the path is static. Removed with all in it when the test's
// process ends well.
const char *support_dir(void);
struct journal_config support_config(const char *dir);
// Opens and starts; the listener only keeps what it was told (below). Any failure fails the test.
struct journal *support_open(const struct journal_config *config);

// Opens without starting the thread: turns are the test's (writer_turn).
struct journal *support_open_quiet(const struct journal_config *config);

struct support_publish {
    struct publish publish;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool over;
};
// Publishes and waits. The events array is `count` events; result and seqs are in the struct.
int support_publish(struct journal *journal, struct support_publish *to, struct event **events,
                    uint32_t count);
// One event; returns its seq, and fails the test when it was refused.
uint64_t support_put(struct journal *journal, const char *topic, const char *data);
// One event with everything said; returns the result.
int support_put_full(struct journal *journal, const char *topic, const char *key, const char *data,
                     uint8_t flags, struct support_publish *to);
int support_forget(struct journal *journal, const char *topic);
// Stores a source's position.
void support_position(struct journal *journal, const char *source, const char *position);

// What the listener was told so far. Waits until `ready` says so.
struct support_seen {
    pthread_mutex_t lock;
    pthread_cond_t more;
    uint64_t *seqs;
    size_t count, cap;
    struct topic_change last_change;
    uint64_t changes, gone;
    struct batch *last; // kept
};
extern struct support_seen support_seen;
void support_wait(bool (*ready)(const struct support_seen *seen));

// All seqs of a topic above `after`, at most max.
size_t support_after(struct journal *journal, uint64_t tail, uint64_t after, uint64_t *seqs,
                     size_t max, bool *lost);
// Events that can be read from the start, in order.
size_t support_count(struct journal *journal);

#endif
