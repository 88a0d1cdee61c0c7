// SPDX-License-Identifier: MIT
// A store in memory, behind the same interface as the journal's readers: events in arrays, topics
// with retention by count, closing, forgetting, and topics that are in memory only (not stored).
// What is published becomes a batch as of one commit. One thread, no files, and the same every
// time.
#ifndef TEST_HUB_MEMORY_STORE_H
#define TEST_HUB_MEMORY_STORE_H

#include "journal/journal.h"

struct memory_store;

// The rules of the policy count: `memory` and retention.count_max. Borrowed.
struct memory_store *memory_store_new(const struct journal_policy *policy);
// Its readers must be closed.
void memory_store_free(struct memory_store *store);
struct store_reader *memory_store_reader(struct memory_store *store);

// What follows is committed at this time.
void memory_store_set_time(struct memory_store *store, uint64_t time_ms);
// Retention takes events as they fall out of it, but says so only with the next commit.
void memory_store_announce_late(struct memory_store *store, bool late);
// While it fails, reading gives this error. 0: it works.
void memory_store_fail(struct memory_store *store, int err);

// The event of this seq is damaged: its texts, or all of it, so that links of its topic over it are
// cut.
enum damage { DAMAGE_NONE, DAMAGE_TEXTS, DAMAGE_ALL };
void memory_store_damage(struct memory_store *store, uint64_t seq, enum damage damage);

// Commits events to existing or new topics and takes them over. The topic must not be closed. The
// data of aliases (8 bytes) are set to the seq of the event before them that is none.
struct batch *memory_store_publish(struct memory_store *store, struct event **events,
                                   uint32_t count);
// Everything of the topic goes; it is not closed any more.
struct batch *memory_store_forget(struct memory_store *store, const char *topic);
// How many records its readers have looked at: one for each that was given out, and for each seq.
uint64_t memory_store_reads(const struct memory_store *store);
uint64_t memory_store_last_seq(const struct memory_store *store);

#endif
