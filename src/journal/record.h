// SPDX-License-Identifier: MIT
// The journal's rows on disk: encoding and checking, plain functions on bytes (doc/JOURNAL.md,
// "Tables"). Numbers are in the machine's order, as in LMDB's own pages. Whatever is decoded has
// been checked: lengths fit, counters make sense.
#ifndef TAILRACE_JOURNAL_RECORD_H
#define TAILRACE_JOURNAL_RECORD_H

#include "journal/journal.h"

// Goes up when a row changes in a way that an older tailrace would misread; doc/JOURNAL.md has the
// procedure.
#define RECORD_FORMAT_VERSION 1
#define RECORD_EPOCH_BYTES 16

// --- events: seq -> header, type, key, data ------------------------------------------------------

struct record_header {
    uint64_t time_ms;
    uint64_t prev;    // seq of the topic's event before, 0: none
    uint64_t jump;    // seq of the topic's event with ordinal n & (n - 1), 0: none, or long gone
    uint64_t ordinal; // n
    uint32_t topic_no;
    uint32_t data_len;
    uint8_t flags;
    uint8_t type_len;
    uint8_t key_len;
    uint8_t zero;
    uint32_t zero2;
};

struct record_view {
    struct record record;
    uint64_t jump;
};

size_t record_size(const struct event *event);
// `to` has room for record_size bytes.
void record_encode(char *to, const struct event *event, uint64_t jump);
// ERR_CORRUPT when the bytes cannot be a record of this seq.
int record_decode(struct str bytes, uint64_t seq, struct record_view *out) MUST_CHECK;
// Bytes that a record of this size takes in the file: whole pages when it is too large to share
// one.
uint64_t record_cost(size_t size);

// --- topics: number -> row, name -----------------------------------------------------------------

// The state of a topic: the part of its row that a commit changes and an undo restores.
struct topic_now {
    uint64_t last_seq;
    uint64_t last_ordinal;
    uint64_t last_time_ms;
    uint64_t trimmed_seq; // the floor: no event up to here is shown
    uint64_t trimmed_ordinal;
    uint64_t gone_seq; // records up to here are deleted; at most the floor
    uint64_t gone_ordinal;
    uint64_t bytes; // data bytes above the floor
    uint8_t closed;
    uint8_t marker;
    uint8_t zero[6];
};

int record_decode_topic(struct str bytes, struct topic_now *now, struct str *name) MUST_CHECK;

// --- meta: two rows ------------------------------------------------------------------------------

struct record_format {
    char magic[8];
    uint32_t version;
    uint32_t zero;
    char epoch[RECORD_EPOCH_BYTES]; // terminated
};

extern const char record_magic[8];

// Written by every commit, so that it is always exact.
struct record_state {
    uint64_t checkpoint_seq; // topic rows and keys are complete up to here
    uint64_t last_seq;       // of the events stored
    uint64_t last_time_ms;
    uint64_t seq_reserved; // events of memory topics may have seqs up to here
    uint64_t events;
    uint64_t bytes;          // record_cost of all of them
    uint64_t topics_pending; // how many topics have a floor above what is deleted
    uint32_t topic_next;
    uint32_t zero;
};

#endif
