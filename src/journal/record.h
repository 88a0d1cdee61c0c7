// SPDX-License-Identifier: MIT
// The journal's rows on disk: encoding and checking, plain functions on bytes (doc/JOURNAL.md,
// "Tables"). Numbers are in the machine's order, as in LMDB's own pages.
//
// Each row but those of `keys` has a checksum (XXH3) over its key and all of its value, mixed with
// the journal's seed, so that neither damage nor a page of another journal or of another time is
// taken for the row. Whatever is decoded has been checked; the body of an event's record (type,
// key, data) is checked apart, because walks along a topic's records do not look at it.
#ifndef TAILRACE_JOURNAL_RECORD_H
#define TAILRACE_JOURNAL_RECORD_H

#include "journal/journal.h"

// Goes up when a row changes in a way that an older tailrace would misread; doc/JOURNAL.md has the
// procedure.
#define RECORD_FORMAT_VERSION 2
#define RECORD_EPOCH_BYTES 16

// --- events: seq -> header, type, key, seconds if it expires (EVENT_EXPIRES), data ---

struct record_header {
    uint32_t head_sum; // of the seq and the rest of the header
    uint32_t body_sum; // of all that follows the header
    uint64_t time_ms;
    uint64_t prev;    // seq of the topic's event before, 0: none
    uint64_t jump;    // seq of the topic's event with ordinal n & (n - 1), 0: none, or long gone
    uint64_t ordinal; // n
    uint32_t topic_no;
    uint8_t version; // RECORD_FORMAT_VERSION
    uint8_t flags;
    uint8_t type_len;
    uint8_t key_len;
};

struct record_view {
    struct record record;
    uint64_t jump;
    uint32_t body_sum;
};

size_t record_size(const struct event *event);
// `to` has room for record_size bytes.
void record_encode(char *to, const struct event *event, uint64_t jump, uint64_t seed);
// Checks the header. ERR_CORRUPT when the bytes cannot be the record of this seq.
int record_decode(struct str bytes, uint64_t seq, uint64_t seed,
                  struct record_view *out) MUST_CHECK;
// Checks type, key and data. ERR_CORRUPT.
int record_check_body(const struct record_view *view, uint64_t seed) MUST_CHECK;
// Bytes that a record of this size takes in the file: whole pages when it is too large to share
// one.
uint64_t record_cost(size_t size);

// --- topics: number -> checksum, row, name ---

// The state of a topic: the part of its row that a commit changes and an undo restores.
struct topic_now {
    uint64_t last_seq;
    uint64_t last_ordinal;
    uint64_t last_time_ms;
    uint64_t trimmed_seq; // the floor: no event up to here is shown
    uint64_t trimmed_ordinal;
    uint64_t gone_seq; // records up to here are deleted; at most the floor
    uint64_t gone_ordinal;
    uint64_t bytes;     // data bytes above the floor
    uint64_t first_seq; // of its first event: one of before with the same name had lower ones
    uint32_t owner;     // struct publish.owner of the one that made it
    uint8_t closed;
    uint8_t marker;
    uint8_t zero[2];
};

size_t record_topic_size(struct str name);
// `to` has room for record_topic_size bytes.
void record_encode_topic(char *to, uint32_t no, const struct topic_now *now, struct str name,
                         uint64_t seed);
int record_decode_topic(struct str bytes, uint32_t no, uint64_t seed, struct topic_now *now,
                        struct str *name) MUST_CHECK;

// --- sources: name -> checksum, position ---

size_t record_source_size(struct str position);
// `to` has room for record_source_size bytes.
void record_encode_source(char *to, struct str name, struct str position, uint64_t seed);
int record_decode_source(struct str bytes, struct str name, uint64_t seed,
                         struct str *position) MUST_CHECK;

// --- meta: rows by name ---

// The beginning, up to the version, is the same in all formats.
struct record_format {
    char magic[8];
    uint32_t version;
    uint32_t zero;
    char epoch[RECORD_EPOCH_BYTES]; // terminated
    uint64_t seed;                  // drawn when the journal was created; epochs may change
    uint64_t checksum;
};

void record_format_init(struct record_format *out, const char *epoch, uint64_t seed);
// ERR_CORRUPT; ERR_VERSION when the row is of another format, whose number is in *version.
int record_decode_format(struct str bytes, struct record_format *out, uint32_t *version) MUST_CHECK;

// Written by every commit, so that it is always exact.
struct record_state {
    uint64_t checkpoint_seq; // topic rows and keys are complete up to here
    uint64_t last_seq;       // of the events stored
    uint64_t last_time_ms;
    uint64_t seq_reserved; // events of memory topics may have seqs up to here
    uint64_t events;
    uint64_t bytes;          // record_cost of all of them
    uint64_t topics_pending; // how many topics have a floor above what is deleted
    uint64_t head_seq;       // events below it are the kept ones of their topics
    // Of the log's last entry that was applied. In a shared log also its hash, by which it is known
    // again, and that of all up to it, by which journals are compared.
    uint64_t log_position, log_sum, log_chain;
    uint64_t ages_after_ms; // by the wall clock: ages are not to be trusted before
    uint32_t topic_next;
    uint32_t zero;
    uint64_t checksum; // set by record_seal_state
};

// One for each hub of a shared log, under this and its name.
#define RECORD_HUB_PREFIX "hub/"
struct record_hub {
    uint64_t incarnation, n; // of the last command that was applied
    uint64_t checksum;
};

void record_seal_hub(struct record_hub *hub, struct str name, uint64_t seed);
int record_decode_hub(struct str bytes, struct str name, uint64_t seed,
                      struct record_hub *out) MUST_CHECK;

void record_seal_state(struct record_state *state, uint64_t seed);
int record_decode_state(struct str bytes, uint64_t seed, struct record_state *out) MUST_CHECK;

#endif
