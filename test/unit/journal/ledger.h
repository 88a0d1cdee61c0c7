// SPDX-License-Identifier: MIT
// What a journal showed and acknowledged while its disk was recorded (test/fault/powerloss.h), and
// what must therefore be found after a power cut at a moment of the recording.
//
// The journal writes a commit, tells its listener, answers the publishers, then begins the next. So
// after a cut it is as it was told last, or there is also the one commit whose last page was being
// written or of which nobody had been told yet: all of that commit or nothing.
#ifndef TEST_JOURNAL_LEDGER_H
#define TEST_JOURNAL_LEDGER_H

#include "disk.h"
#include "journal/journal.h"

// --- in the process that is recorded -------------------------------------------------------------

// What the journal holds, before it is started.
void ledger_note_opened(struct journal *journal);
// Tells what the journal showed.
struct journal_listener ledger_listener(void);
// How many topics were told to be trimmed, and to be dropped. When the journal is closed.
void ledger_count_changes(size_t *trimmed, size_t *dropped);
// Within `done`: what was answered.
void ledger_note_done(const struct publish *publish);

// --- in the process that checks ------------------------------------------------------------------

// As it stands in the recording, at any address.
struct __attribute__((packed)) ledger_note {
    uint32_t kind;
    uint32_t topic_no;
    uint64_t seq, time_ms, ordinal;
    uint32_t data_len;
    uint16_t topic_len;
    uint8_t type_len, key_len, flags;
    bool closed, gone;
    char bytes[]; // topic, type, key, data
};

struct str ledger_topic(const struct ledger_note *note);
struct str ledger_key(const struct ledger_note *note);

// What the journal holds after a commit.
struct ledger_state {
    // By rising seq; some may be gone (ledger_is_live).
    const struct ledger_note **events;
    size_t count, cap;
    struct ledger_row {
        struct str name;
        bool exists, closed;
        uint64_t trimmed_seq;
    } * rows; // by the topics' numbers
    size_t rows_count, rows_cap;
    struct {
        struct str name, position;
    } sources[8];
    size_t sources_count;
    struct str epoch;  // empty: no journal was opened yet
    uint64_t last_seq; // the highest that was shown or acknowledged
};

bool ledger_is_live(const struct ledger_state *state, const struct ledger_note *event);

struct ledger_commit; // notes after the same last write

struct ledger {
    const struct disk *disk;
    struct str first_epoch; // of the journal that was opened first
    struct ledger_commit *commits;
    size_t commits_count, commits_cap;
    size_t next; // commit after those in `certain`
    // At the present moment: what was shown or acknowledged, and that with the commit that may be
    // there.
    struct ledger_state certain, possible;
};

// `disk` is borrowed. `base`: the journal that the recording opens first was there before, under
// whatever epoch. Fails the test when something was acknowledged that had not been shown.
struct ledger *ledger_new(const struct disk *disk, bool base);
void ledger_free(struct ledger *ledger);
// The moment, or if a commit was failing then, which may be found or not, the moment after its
// publisher was told so.
size_t ledger_told(const struct ledger *ledger, size_t moment);
// Goes on to a moment of the disk, not below the present one.
void ledger_advance(struct ledger *ledger, size_t moment);

// Whether the journal, opened and not started, is as the state says, epoch apart. If not `why` says
// what is wrong.
bool ledger_agrees(const struct ledger_state *state, struct journal *journal, char *why,
                   size_t size);

#endif
