// SPDX-License-Identifier: MIT
// Looking at everything in a data directory.
//
// Tables come in the order of their names: events, keys, meta, sources, topics. So the first walk
// over the file reads `meta` and what LMDB's structure shows, the second one the rows.
#include "journal/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/limits.h"
#include "journal/audit_priv.h"
#include "journal/keys.h"
#include "journal/slots.h"
#include "journal/store.h"
#include "sys/hash.h"

// What the records of a topic say of it.
struct seen_topic {
    uint32_t no;
    uint64_t first_ordinal, last_ordinal, last_seq;
    uint64_t gone_seq; // of its row
    bool has_row;
};

// A key whose event was not found with that key.
struct loose_key {
    uint32_t no;
    uint64_t seq;
};

struct check {
    struct audit_source *source;
    struct slots topics;
    // Of topic, key and seq of each event with a key, sorted before the first lookup.
    uint64_t *keys;
    size_t keys_count, keys_cap;
    bool sorted;
    struct loose_key *loose;
    size_t loose_count, loose_cap;
    uint64_t first_seq; // of the first event that is whole
};

void audit_say(struct audit *audit, const char *fmt, ...) {
    char text[400];
    va_list args;
    audit->damages++;
    if (!audit->say) return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    audit->say(audit->context, text);
}

// --- the first walk ------------------------------------------------------------------------------

static int read_meta(void *context, struct str table, struct str key, struct str data) {
    struct audit_source *source = context;
    if (!str_equal(table, STR("meta"))) return 0;
    if (str_equal(key, STR("format"))) {
        source->format_err = record_decode_format(data, &source->format, &source->version);
    } else if (str_equal(key, STR("state"))) {
        source->state_err = record_decode_state(data, source->format.seed, &source->state);
    }
    return 0;
}

static void note_damage(void *context, struct str table, const char *what) {
    struct audit_source *source = context;
    audit_say(source->audit, "%.*s%s%s", (int)table.len, table.ptr ? table.ptr : "",
              table.len ? ": " : "", what);
}

static void note_nothing(void *context, struct str table, const char *what) {
    (void)context, (void)table, (void)what;
}

int audit_walk(struct audit_source *source,
               int (*record)(void *context, struct str table, struct str key, struct str data),
               void *context) {
    const struct lmdb_visitor visitor = {context, record, note_nothing};
    int err = lmdb_check_walk(source->fd, &visitor, source->report);
    return err == ERR_CORRUPT ? 0 : err;
}

int audit_open(struct audit_source *source, struct audit *audit, const char *dir,
               struct report *report) {
    *source = (struct audit_source){
        .audit = audit, .report = report, .format_err = ERR_NOT_FOUND, .state_err = ERR_NOT_FOUND};
    audit->events = audit->topics = audit->sources = audit->damages = 0;
    audit->structure_only = false;
    int err = store_open_data(dir, &source->fd, &source->lock_fd, report);
    if (err) return err;
    const struct lmdb_visitor visitor = {source, read_meta, note_damage};
    err = lmdb_check_walk(source->fd, &visitor, report);
    if (err == ERR_CORRUPT && audit->damages > 0) err = 0;
    if (!err && source->format_err == ERR_VERSION && source->version > RECORD_FORMAT_VERSION)
        err = report_set(report, ERR_VERSION,
                         "%s was written by a newer tailrace (format %u, this one knows %u)", dir,
                         source->version, RECORD_FORMAT_VERSION);
    audit->structure_only = source->format_err == ERR_VERSION;
    if (!err && source->format_err && !audit->structure_only)
        err = report_set(
            report, ERR_CORRUPT,
            "%s: the row that names the format is damaged or missing; without it nothing "
            "else can be checked",
            dir);
    if (!err && !audit->structure_only && source->state_err)
        audit_say(audit, "meta: the row of totals is damaged");
    if (err) audit_close(source);
    return err;
}

void audit_close(struct audit_source *source) {
    close(source->fd);
    if (source->lock_fd >= 0) close(source->lock_fd);
}

// --- the second walk -----------------------------------------------------------------------------

static bool has_no(const void *item, void *wanted) {
    return ((const struct seen_topic *)item)->no == *(const uint32_t *)wanted;
}

static struct seen_topic *find_topic(struct check *check, uint32_t no) {
    return slots_find(&check->topics, hash_bytes(&no, sizeof no), has_no, &no);
}

// NULL when out of memory.
static struct seen_topic *add_topic(struct check *check, uint32_t no) {
    struct seen_topic *topic = calloc(1, sizeof *topic);
    if (!topic) return NULL;
    topic->no = no;
    if (!slots_add(&check->topics, hash_bytes(&no, sizeof no), topic)) return topic;
    free(topic);
    return NULL;
}

static int check_topic_order(struct check *check, const struct record *record) {
    struct seen_topic *topic = find_topic(check, record->topic_no);
    if (!check->first_seq) check->first_seq = record->seq;
    if (!topic) {
        topic = add_topic(check, record->topic_no);
        if (!topic) return ERR_NOMEM;
        topic->first_ordinal = record->ordinal;
    } else if (record->prev != topic->last_seq || record->ordinal != topic->last_ordinal + 1) {
        audit_say(check->source->audit,
                  "events: between %" PRIu64 " and %" PRIu64 " events of topic %u are missing",
                  topic->last_seq, record->seq, topic->no);
    }
    topic->last_seq = record->seq;
    topic->last_ordinal = record->ordinal;
    return 0;
}

static uint64_t key_hash(struct str encoded, uint64_t seq) {
    return hash_bytes(encoded.ptr, encoded.len) ^ seq * 0x9e3779b97f4a7c15u;
}

static int note_key(struct check *check, const struct record *record) {
    char bytes[KEYS_BYTES_MAX];
    if (record->key.len == 0) return 0;
    uint32_t no = record->flags & EVENT_WIRE_ID ? 0 : record->topic_no;
    struct str encoded = {bytes, keys_encode(bytes, no, record->key)};
    if (!array_reserve(check->keys, check->keys_cap, check->keys_count + 1)) return ERR_NOMEM;
    check->keys[check->keys_count++] = key_hash(encoded, record->seq);
    return 0;
}

int audit_read_event(struct audit_source *source, struct str key, struct str data,
                     struct record_view *out) {
    uint64_t seq = 0, seed = source->format.seed;
    if (key.len == sizeof seq) memcpy(&seq, key.ptr, sizeof seq);
    int err = record_decode(data, seq, seed, out);
    return err ? err : record_check_body(out, seed);
}

static int check_event(struct check *check, struct str key, struct str data) {
    struct record_view view;
    uint64_t seq = 0;
    if (key.len == sizeof seq) memcpy(&seq, key.ptr, sizeof seq);
    if (audit_read_event(check->source, key, data, &view)) {
        audit_say(check->source->audit, "events: event %" PRIu64 " is damaged", seq);
        return 0;
    }
    check->source->audit->events++;
    int err = check_topic_order(check, &view.record);
    return err ? err : note_key(check, &view.record);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int check_key(struct check *check, struct str key, struct str data) {
    uint64_t seq = 0;
    if (!check->sorted && check->keys_count)
        qsort(check->keys, check->keys_count, sizeof *check->keys, compare);
    check->sorted = true;
    if (data.len == sizeof seq) memcpy(&seq, data.ptr, sizeof seq);
    uint64_t wanted = key_hash(key, seq);
    if (!check->keys_count ||
        !bsearch(&wanted, check->keys, check->keys_count, sizeof wanted, compare)) {
        uint32_t no = 0;
        if (key.len >= sizeof no) memcpy(&no, key.ptr, sizeof no);
        if (!array_reserve(check->loose, check->loose_cap, check->loose_count + 1))
            return ERR_NOMEM;
        check->loose[check->loose_count++] = (struct loose_key){__builtin_bswap32(no), seq};
    }
    return 0;
}

// The key of a damaged event cannot be deleted with it: such a row stays behind, and says nothing.
static void check_loose_keys(struct check *check) {
    for (size_t i = 0; i < check->loose_count; i++) {
        const struct loose_key *loose = &check->loose[i];
        const struct seen_topic *topic = find_topic(check, loose->no);
        bool stayed = loose->no ? !topic || (topic->has_row && loose->seq <= topic->gone_seq)
                                : loose->seq < check->first_seq;
        if (!stayed || loose->seq == 0)
            audit_say(check->source->audit,
                      "keys: a key names event %" PRIu64 ", which is not there or has another key",
                      loose->seq);
    }
}

static int check_topic(struct check *check, struct str key, struct str data) {
    struct audit *audit = check->source->audit;
    struct topic_now now;
    struct str name;
    uint32_t no = 0;
    if (key.len == sizeof no) memcpy(&no, key.ptr, sizeof no);
    struct seen_topic *seen = find_topic(check, no);
    if (seen) seen->has_row = true;
    if (record_decode_topic(data, no, check->source->format.seed, &now, &name)) {
        audit_say(audit, "topics: the row of topic %u is damaged", no);
        return 0;
    }
    audit->topics++;
    uint64_t first = now.gone_ordinal + 1, last = seen ? seen->last_ordinal : now.gone_ordinal;
    if (last < now.last_ordinal || (seen && seen->first_ordinal != first))
        audit_say(audit, "topics: the oldest or newest events of %.*s are missing",
                  name.len > 200 ? 200 : (int)name.len, name.ptr);
    if (!seen && check->loose_count) seen = add_topic(check, no);
    if (!seen) return check->loose_count ? ERR_NOMEM : 0;
    seen->has_row = true;
    seen->gone_seq = now.gone_seq;
    return 0;
}

static int check_source(struct check *check, struct str key, struct str data) {
    struct str position;
    if (record_decode_source(data, key, check->source->format.seed, &position))
        audit_say(check->source->audit, "sources: the position of %.*s is damaged",
                  key.len > 200 ? 200 : (int)key.len, key.ptr);
    else
        check->source->audit->sources++;
    return 0;
}

static int check_row(void *context, struct str table, struct str key, struct str data) {
    struct check *check = context;
    if (str_equal(table, STR("events"))) return check_event(check, key, data);
    if (str_equal(table, STR("keys"))) return check_key(check, key, data);
    if (str_equal(table, STR("topics"))) return check_topic(check, key, data);
    if (str_equal(table, STR("sources"))) return check_source(check, key, data);
    return 0;
}

static void end_check(struct check *check) {
    for (size_t i = 0; i < check->topics.cap; i++) {
        struct seen_topic *topic = check->topics.at[i].item;
        if (topic && !topic->has_row)
            audit_say(check->source->audit, "topics: the row of topic %u is missing", topic->no);
        free(topic);
    }
    slots_fini(&check->topics);
    free(check->keys);
    free(check->loose);
}

int audit_check(struct audit *audit, const char *dir, struct report *report) {
    struct audit_source source;
    int err = audit_open(&source, audit, dir, report);
    if (err) return err;
    struct check check = {.source = &source};
    if (!audit->structure_only) err = audit_walk(&source, check_row, &check);
    if (!err) check_loose_keys(&check);
    if (err == ERR_NOMEM) err = report_set(report, err, "out of memory");
    end_check(&check);
    audit_close(&source);
    return err ? err : audit->damages ? report_set(report, ERR_CORRUPT, "%s is damaged", dir) : 0;
}
