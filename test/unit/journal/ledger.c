// SPDX-License-Identifier: MIT
// What a journal showed and acknowledged, and what must be found after a power cut.
#include "ledger.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/limits.h"

enum {
    NOTE_OPENED,   // data: the epoch; what was noted before no longer counts
    NOTE_TOPIC,    // a topic that was found; seq: its floor
    NOTE_POSITION, // of the source `topic`; data: where it is
    NOTE_EVENT,
    NOTE_READY, // all that was found is noted
    NOTE_CHANGE,
    NOTE_DONE, // seq: the highest that was acknowledged; 0: refused
};

// --- in the process that is recorded -------------------------------------------------------------

static powerloss_note_fn *recorder(void) {
    return (powerloss_note_fn *)dlsym(RTLD_DEFAULT, "powerloss_note");
}

static void put(const struct ledger_note *fixed, struct str topic, struct str type, struct str key,
                struct str data) {
    powerloss_note_fn *put_note = recorder();
    if (!put_note) return;
    struct ledger_note note = *fixed;
    const struct str texts[] = {topic, type, key, data};
    size_t len = sizeof note;
    note.topic_len = (uint16_t)topic.len;
    note.type_len = (uint8_t)type.len;
    note.key_len = (uint8_t)key.len;
    note.data_len = (uint32_t)data.len;
    char *bytes = malloc(len + topic.len + type.len + key.len + data.len);
    memcpy(bytes, &note, sizeof note);
    for (size_t i = 0; i < 4; i++) {
        if (texts[i].len) memcpy(bytes + len, texts[i].ptr, texts[i].len);
        len += texts[i].len;
    }
    put_note(bytes, len);
    free(bytes);
}

static const struct str none;
// The one source of the scenarios.
static const struct str source_name = {"file", 4};

static void put_topic(void *context, const struct topic_state *topic) {
    (void)context;
    put(&(struct ledger_note){.kind = NOTE_TOPIC,
                              .topic_no = topic->topic_no,
                              .seq = topic->trimmed_seq,
                              .closed = topic->closed},
        topic->name, none, none, none);
}

void ledger_note_opened(struct journal *journal) {
    char position[LIMIT_SOURCE_POSITION_BYTES];
    struct store_reader *reader;
    struct record record = {0};
    size_t len;
    put(&(struct ledger_note){.kind = NOTE_OPENED}, none, none, none,
        str_from(journal_epoch(journal)));
    journal_topics(journal, put_topic, NULL);
    int err = journal_source_position(journal, source_name, position, &len);
    cr_assert(err == 0 || err == ERR_NOT_FOUND);
    if (!err)
        put(&(struct ledger_note){.kind = NOTE_POSITION}, source_name, none, none,
            (struct str){position, len});
    cr_assert_eq(journal_reader_open(journal, &reader), 0);
    cr_assert_eq(store_reader_begin(reader), 0);
    while (!(err = store_reader_next(reader, record.seq, &record)))
        put(&(struct ledger_note){.kind = NOTE_EVENT,
                                  .topic_no = record.topic_no,
                                  .seq = record.seq,
                                  .time_ms = record.time_ms,
                                  .ordinal = record.ordinal,
                                  .flags = record.flags},
            none, record.type, record.key, record.data);
    cr_assert_eq(err, ERR_NOT_FOUND);
    store_reader_end(reader);
    store_reader_close(reader);
    put(&(struct ledger_note){.kind = NOTE_READY}, none, none, none, none);
}

static size_t changes_trimmed, changes_dropped;

static void committed(void *context, struct batch *batch) {
    (void)context;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct event *event = batch->events[i];
        put(&(struct ledger_note){.kind = NOTE_EVENT,
                                  .topic_no = event->topic_no,
                                  .seq = event->seq,
                                  .time_ms = event->time_ms,
                                  .ordinal = event->ordinal,
                                  .flags = event->flags},
            event_topic(event), event_type(event), event_key(event), event_data(event));
    }
    for (uint32_t i = 0; i < batch->changes_count; i++) {
        const struct topic_change *change = &batch->changes[i];
        put(&(struct ledger_note){.kind = NOTE_CHANGE,
                                  .topic_no = change->topic_no,
                                  .seq = change->trimmed_seq,
                                  .closed = change->closed,
                                  .gone = change->gone},
            none, none, none, none);
        *(change->gone ? &changes_dropped : &changes_trimmed) += 1;
    }
    batch_put(batch);
}

void ledger_count_changes(size_t *trimmed, size_t *dropped) {
    *trimmed = changes_trimmed;
    *dropped = changes_dropped;
}

struct journal_listener ledger_listener(void) {
    return (struct journal_listener){.committed = committed};
}

void ledger_note_done(const struct publish *publish) {
    if (!publish->result && publish->source_name.ptr)
        put(&(struct ledger_note){.kind = NOTE_POSITION}, publish->source_name, none, none,
            publish->source_position);
    put(&(struct ledger_note){.kind = NOTE_DONE, .seq = publish->last}, none, none, none, none);
}

// --- states --------------------------------------------------------------------------------------

struct ledger_commit {
    size_t possible_at; // the moment after its last write had begun
    size_t first, end;  // its notes are among these entries
};

struct str ledger_topic(const struct ledger_note *note) {
    return (struct str){note->bytes, note->topic_len};
}

static struct str note_type(const struct ledger_note *note) {
    return (struct str){note->bytes + note->topic_len, note->type_len};
}

struct str ledger_key(const struct ledger_note *note) {
    return (struct str){note->bytes + note->topic_len + note->type_len, note->key_len};
}

static struct str note_data(const struct ledger_note *note) {
    return (struct str){note->bytes + note->topic_len + note->type_len + note->key_len,
                        note->data_len};
}

static struct ledger_row *row_of(struct ledger_state *state, uint32_t no) {
    if (no >= state->rows_count) {
        cr_assert(array_reserve(state->rows, state->rows_cap, no + 1));
        memset(state->rows + state->rows_count, 0,
               (no + 1 - state->rows_count) * sizeof *state->rows);
        state->rows_count = no + 1;
    }
    return &state->rows[no];
}

bool ledger_is_live(const struct ledger_state *state, const struct ledger_note *event) {
    return event->seq > state->rows[event->topic_no].trimmed_seq;
}

static void add_event(struct ledger_state *state, const struct ledger_note *note) {
    if (note->seq > state->last_seq) state->last_seq = note->seq;
    if (note->flags & EVENT_MEMORY) return;
    struct ledger_row *row = row_of(state, note->topic_no);
    // An event that was found has no name; its topic was noted.
    if (note->topic_len) row->name = ledger_topic(note);
    row->exists = true;
    row->closed = note->flags & EVENT_CLOSE;
    cr_assert(array_reserve(state->events, state->cap, state->count + 1));
    cr_assert(state->count == 0 || state->events[state->count - 1]->seq < note->seq);
    state->events[state->count++] = note;
}

static void set_row(struct ledger_state *state, const struct ledger_note *note) {
    struct ledger_row *row = row_of(state, note->topic_no);
    if (note->kind == NOTE_TOPIC) {
        row->name = ledger_topic(note);
        row->exists = true;
    }
    row->closed = note->closed;
    // The number may have been another topic's, whose events are gone.
    if (note->seq > row->trimmed_seq) row->trimmed_seq = note->seq;
    if (note->gone) row->exists = false;
}

static void set_position(struct ledger_state *state, struct str name, struct str position) {
    size_t i = 0;
    while (i < state->sources_count && !str_equal(state->sources[i].name, name)) i++;
    cr_assert(i < sizeof state->sources / sizeof state->sources[0]);
    state->sources[i].name = name;
    state->sources[i].position = position;
    if (i == state->sources_count) state->sources_count++;
}

static void apply(struct ledger_state *state, const struct disk_entry *entry) {
    const struct ledger_note *note = (const struct ledger_note *)entry->data.ptr;
    switch (note->kind) {
        case NOTE_OPENED:
            state->count = state->rows_count = state->sources_count = 0;
            state->epoch = note_data(note);
            break;
        case NOTE_TOPIC:
        case NOTE_CHANGE: set_row(state, note); break;
        case NOTE_POSITION: set_position(state, ledger_topic(note), note_data(note)); break;
        case NOTE_EVENT: add_event(state, note); break;
        case NOTE_DONE: cr_assert_leq(note->seq, state->last_seq); break;
        default: break;
    }
}

static void copy_state(struct ledger_state *to, const struct ledger_state *from) {
    struct ledger_state old = *to;
    *to = *from;
    to->events = old.events;
    to->cap = old.cap;
    to->rows = old.rows;
    to->rows_cap = old.rows_cap;
    cr_assert(array_reserve(to->events, to->cap, from->count + 1));
    cr_assert(array_reserve(to->rows, to->rows_cap, from->rows_count + 1));
    if (from->count) memcpy(to->events, from->events, from->count * sizeof *to->events);
    if (from->rows_count) memcpy(to->rows, from->rows, from->rows_count * sizeof *to->rows);
}

// --- moments -------------------------------------------------------------------------------------

// LMDB's two first pages: one of them makes a commit count.
static bool is_last_page(const struct disk_entry *entry) {
    enum { PAGES_BYTES = 2 * 4096 };
    const struct str suffix = STR("data.mdb");
    return (entry->kind == POWERLOSS_WRITE || entry->kind == POWERLOSS_WRITE_SYNCED) &&
           entry->at < PAGES_BYTES && entry->name.len >= suffix.len &&
           memcmp(entry->name.ptr + entry->name.len - suffix.len, suffix.ptr, suffix.len) == 0;
}

static void find_commits(struct ledger *ledger) {
    const struct disk *disk = ledger->disk;
    size_t wrote = 0;
    for (size_t i = 0; i < disk->count; i++) {
        if (is_last_page(&disk->entries[i])) wrote = i + 1;
        if (disk->entries[i].kind != POWERLOSS_NOTE) continue;
        struct ledger_commit *last =
            ledger->commits_count ? &ledger->commits[ledger->commits_count - 1] : NULL;
        if (!last || last->possible_at != wrote) {
            cr_assert(
                array_reserve(ledger->commits, ledger->commits_cap, ledger->commits_count + 1));
            last = &ledger->commits[ledger->commits_count++];
            *last = (struct ledger_commit){.possible_at = wrote, .first = i};
        }
        last->end = i + 1;
    }
    cr_assert_gt(ledger->commits_count, 0);
}

static void apply_commit(const struct ledger *ledger, size_t number, struct ledger_state *state) {
    const struct ledger_commit *commit = &ledger->commits[number];
    for (size_t i = commit->first; i < commit->end; i++)
        if (ledger->disk->entries[i].kind == POWERLOSS_NOTE)
            apply(state, &ledger->disk->entries[i]);
}

struct ledger *ledger_new(const struct disk *disk, bool base) {
    struct ledger *ledger = calloc(1, sizeof *ledger);
    cr_assert(ledger);
    ledger->disk = disk;
    find_commits(ledger);
    struct ledger_state *found = &ledger->certain;
    for (size_t i = ledger->commits[0].first; i < ledger->commits[0].end; i++) {
        if (disk->entries[i].kind != POWERLOSS_NOTE) continue;
        apply(found, &disk->entries[i]);
        if (((const struct ledger_note *)disk->entries[i].data.ptr)->kind == NOTE_READY) break;
    }
    ledger->first_epoch = found->epoch;
    found->epoch = none;
    if (!base) found->count = found->rows_count = found->sources_count = 0;
    return ledger;
}

void ledger_free(struct ledger *ledger) {
    free(ledger->certain.events);
    free(ledger->certain.rows);
    free(ledger->possible.events);
    free(ledger->possible.rows);
    free(ledger->commits);
    free(ledger);
}

size_t ledger_told(const struct ledger *ledger, size_t moment) {
    const struct disk *disk = ledger->disk;
    for (size_t i = 0; i + 1 < disk->count && i < moment; i++) {
        if (disk->entries[i].kind != POWERLOSS_WRITE_SYNCED ||
            disk->entries[i + 1].kind == POWERLOSS_RETURNED)
            continue;
        size_t told = i;
        while (told < disk->count && disk->entries[told].kind != POWERLOSS_NOTE) told++;
        if (moment <= told) return told + 1;
    }
    return moment;
}

void ledger_advance(struct ledger *ledger, size_t moment) {
    while (ledger->next < ledger->commits_count && ledger->commits[ledger->next].first < moment)
        apply_commit(ledger, ledger->next++, &ledger->certain);
    copy_state(&ledger->possible, &ledger->certain);
    if (ledger->next < ledger->commits_count && ledger->commits[ledger->next].possible_at <= moment)
        apply_commit(ledger, ledger->next, &ledger->possible);
}

// --- comparing -----------------------------------------------------------------------------------

struct comparing {
    const struct ledger_state *state;
    char *why;
    size_t size;
    size_t topics;
    bool differs;
};

static bool differs(struct comparing *comparing, const char *what, struct str name,
                    uint64_t number) {
    snprintf(comparing->why, comparing->size, "%s: %.*s %llu", what, STR_ARG(name),
             (unsigned long long)number);
    comparing->differs = true;
    return false;
}

static void compare_topic(void *context, const struct topic_state *topic) {
    struct comparing *comparing = context;
    const struct ledger_state *state = comparing->state;
    const struct ledger_row *row =
        topic->topic_no < state->rows_count ? &state->rows[topic->topic_no] : NULL;
    if (!row || !row->exists)
        differs(comparing, "a topic that nobody was told of", topic->name, topic->topic_no);
    else if (!str_equal(row->name, topic->name))
        differs(comparing, "a topic has another's number", topic->name, topic->topic_no);
    else if (row->closed != topic->closed)
        differs(comparing, row->closed ? "a finished topic is open" : "an open topic is finished",
                topic->name, topic->topic_no);
    comparing->topics++;
}

static bool compare_topics(struct comparing *comparing, struct journal *journal) {
    size_t wanted = 0;
    journal_topics(journal, compare_topic, comparing);
    for (size_t i = 0; i < comparing->state->rows_count; i++)
        wanted += comparing->state->rows[i].exists;
    if (comparing->differs) return false;
    return wanted == comparing->topics ||
           differs(comparing, "another number of topics", none, comparing->topics);
}

static bool compare_event(struct comparing *comparing, const struct ledger_note *note,
                          const struct record *record) {
    struct str name = comparing->state->rows[note->topic_no].name;
    return (record->topic_no == note->topic_no && record->time_ms == note->time_ms &&
            record->ordinal == note->ordinal && record->flags == note->flags &&
            str_equal(record->type, note_type(note)) && str_equal(record->key, ledger_key(note)) &&
            str_equal(record->data, note_data(note))) ||
           differs(comparing, "an event is another", name, note->seq);
}

static bool compare_events(struct comparing *comparing, struct store_reader *reader) {
    const struct ledger_state *state = comparing->state;
    struct record record = {0};
    int err = store_reader_next(reader, 0, &record);
    for (size_t i = 0; i < state->count; i++) {
        const struct ledger_note *note = state->events[i];
        if (!ledger_is_live(state, note)) continue;
        struct str name = state->rows[note->topic_no].name;
        if (err == ERR_NOT_FOUND || (!err && record.seq > note->seq))
            return differs(comparing, "an event is gone", name, note->seq);
        if (err) return differs(comparing, "an event cannot be read", name, note->seq);
        if (record.seq < note->seq)
            return differs(comparing, "an event that nobody was told of", none, record.seq);
        if (!compare_event(comparing, note, &record)) return false;
        err = store_reader_next(reader, record.seq, &record);
    }
    return err == ERR_NOT_FOUND ||
           differs(comparing, "an event that nobody was told of", none, record.seq);
}

static bool compare_sources(struct comparing *comparing, struct journal *journal) {
    const struct ledger_state *state = comparing->state;
    char position[LIMIT_SOURCE_POSITION_BYTES];
    size_t len;
    int err = journal_source_position(journal, source_name, position, &len);
    struct str wanted = state->sources_count ? state->sources[0].position : none;
    return (err == 0 && str_equal(wanted, (struct str){position, len})) ||
           (err == ERR_NOT_FOUND && wanted.len == 0) ||
           differs(comparing, "a source is at another position", (struct str){position, len},
                   (uint64_t)-err);
}

bool ledger_agrees(const struct ledger_state *state, struct journal *journal, char *why,
                   size_t size) {
    struct comparing comparing = {.state = state, .why = why, .size = size};
    struct store_reader *reader;
    if (!compare_topics(&comparing, journal)) return false;
    if (!compare_sources(&comparing, journal)) return false;
    if (journal_reader_open(journal, &reader)) return differs(&comparing, "no reader", none, 0);
    bool agrees = store_reader_begin(reader) == 0;
    if (agrees) {
        agrees = compare_events(&comparing, reader);
        store_reader_end(reader);
    } else {
        differs(&comparing, "cannot be read", none, 0);
    }
    store_reader_close(reader);
    return agrees;
}
