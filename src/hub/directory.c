// SPDX-License-Identifier: MIT
// The directory of topics and selectors.
#include "hub/directory.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/list.h"

void directory_init(struct directory *directory) { *directory = (struct directory){0}; }

static void topic_free(struct topic *topic) {
    free(topic->selectors);
    free(topic);
}

void directory_fini(struct directory *directory) {
    ASSERT(!directory->selectors);
    struct topic *topic, *next;
    HASH_ITER(hh, directory->by_name, topic, next) {
        HASH_DEL(directory->by_name, topic);
        topic_free(topic);
    }
    free(directory->by_no);
    *directory = (struct directory){0};
}

struct topic *directory_topic(const struct directory *directory, uint32_t no) {
    return no < directory->by_no_cap ? directory->by_no[no] : NULL;
}

struct topic *directory_find(const struct directory *directory, struct str name) {
    struct topic *topic;
    HASH_FIND(hh, directory->by_name, name.ptr, name.len, topic);
    return topic;
}

// Adds a topic's number to what a selector matches, in order.
static bool add_number(struct selector *selector, uint32_t no) {
    if (!array_reserve(selector->topics, selector->topics_cap, selector->topics_count + 1))
        return false;
    uint32_t at = selector->topics_count++;
    for (; at && selector->topics[at - 1] > no; at--)
        selector->topics[at] = selector->topics[at - 1];
    selector->topics[at] = no;
    return true;
}

// Both sides learn of each other. The topic's number may still be missing.
static bool join(struct topic *topic, struct selector *selector) {
    if (!array_reserve(topic->selectors, topic->selectors_cap, topic->selectors_count + 1))
        return false;
    if (topic->no != TOPIC_UNNUMBERED && !add_number(selector, topic->no)) return false;
    topic->selectors[topic->selectors_count++] = selector;
    return true;
}

static void part(struct topic *topic, const struct selector *selector) {
    for (uint32_t i = 0; i < topic->selectors_count; i++) {
        if (topic->selectors[i] != selector) continue;
        topic->selectors[i] = topic->selectors[--topic->selectors_count];
        return;
    }
}

static struct topic *topic_new(struct directory *directory, struct str name) {
    struct topic *topic = calloc(1, sizeof *topic + name.len);
    if (!topic) return NULL;
    topic->no = TOPIC_UNNUMBERED;
    topic->name_len = (uint16_t)name.len;
    memcpy(topic->name, name.ptr, name.len);
    HASH_ADD(hh, directory->by_name, name, name.len, topic);
    return topic;
}

static bool wants(const struct selector *selector, struct str name) {
    return pattern_match_any(selector->names, selector->names_count, name) &&
           (!selector->grants_count ||
            pattern_match_any(selector->grants, selector->grants_count, name));
}

// Room in by_no for `no`.
static bool reserve_number(struct directory *directory, uint32_t no) {
    if (no < directory->by_no_cap) return true;
    uint32_t cap = directory->by_no_cap ? directory->by_no_cap : 64;
    while (cap <= no) cap *= 2;
    struct topic **by_no = realloc(directory->by_no, cap * sizeof(struct topic *));
    if (!by_no) return false;
    memset(by_no + directory->by_no_cap, 0, (cap - directory->by_no_cap) * sizeof(struct topic *));
    directory->by_no = by_no;
    directory->by_no_cap = cap;
    return true;
}

struct topic *directory_number(struct directory *directory, uint32_t no, struct str name) {
    struct topic *topic = directory_topic(directory, no);
    if (topic) return topic;
    if (!reserve_number(directory, no)) return NULL;
    topic = directory_find(directory, name);
    if (!topic) topic = topic_new(directory, name);
    if (!topic) return NULL;
    // Selectors that named it before its first event know it already, but not its number.
    for (uint32_t i = 0; i < topic->selectors_count; i++) {
        if (!add_number(topic->selectors[i], no)) return NULL;
    }
    topic->no = no;
    for (struct selector *s = directory->patterns; s; s = s->next_pattern) {
        if (wants(s, name) && !join(topic, s)) return NULL;
    }
    directory->by_no[no] = topic;
    directory->topics_count++;
    return topic;
}

static void forget_number(struct selector *selector, uint32_t no) {
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        if (selector->topics[i] != no) continue;
        memmove(selector->topics + i, selector->topics + i + 1,
                (selector->topics_count - i - 1) * sizeof *selector->topics);
        selector->topics_count--;
        return;
    }
}

static void topic_delete(struct directory *directory, struct topic *topic) {
    HASH_DEL(directory->by_name, topic);
    topic_free(topic);
}

void directory_drop(struct directory *directory, struct topic *topic) {
    for (uint32_t i = 0; i < topic->selectors_count; i++) {
        struct selector *selector = topic->selectors[i];
        forget_number(selector, topic->no);
        if (topic->trimmed_seq > selector->gone_seq) selector->gone_seq = topic->trimmed_seq;
        if (topic->trimmed_at > selector->gone_at) selector->gone_at = topic->trimmed_at;
    }
    directory->by_no[topic->no] = NULL;
    directory->topics_count--;
    topic->no = TOPIC_UNNUMBERED;
    topic->closed = topic->marker = topic->memory = false;
    topic->last_seq = topic->last_ordinal = topic->last_time_ms = 0;
    topic->trimmed_seq = topic->trimmed_ordinal = topic->trimmed_at = topic->bytes = 0;
    // Pattern selectors will find the name again by matching; only exact ones must be remembered.
    for (uint32_t i = topic->selectors_count; i-- > 0;) {
        if (!topic->selectors[i]->exact) part(topic, topic->selectors[i]);
    }
    if (!topic->selectors_count) topic_delete(directory, topic);
}

// The key says all that makes a selector what it is. Lists are sorted and without repetition, so
// that the order of asking does not matter; NUL cannot occur in what it separates.
static int compare_names(const void *a, const void *b) {
    const struct pattern *x = a, *y = b;
    size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
    int order = len ? memcmp(x->text.ptr, y->text.ptr, len) : 0;
    if (!order) order = (x->text.len > y->text.len) - (x->text.len < y->text.len);
    return order ? order : (int)x->kind - (int)y->kind;
}

static uint32_t append_names(struct buf *key, const struct pattern *names, uint32_t count) {
    struct pattern sorted[LIMIT_SELECTOR_TOPICS];
    ASSERT(count <= LIMIT_SELECTOR_TOPICS);
    if (count) memcpy(sorted, names, count * sizeof *names);
    qsort(sorted, count, sizeof *sorted, compare_names);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i && !compare_names(&sorted[i], &sorted[i - 1])) continue;
        pattern_key(&sorted[i], key);
        kept++;
    }
    return kept;
}

struct key_parts {
    struct buf key;
    uint32_t names, grants;
    size_t names_at, grants_at;
};

static void build_key(struct key_parts *parts, const struct selector_spec *spec) {
    buf_init(&parts->key,
             (size_t)LIMIT_SELECTOR_TOPICS * 2 * (LIMIT_TOPIC_BYTES + 2) + LIMIT_FILTER_BYTES + 32);
    buf_append(&parts->key, &spec->sink, sizeof spec->sink);
    buf_append_char(&parts->key, (char)('0' + wire_kind(spec->wire)));
    ASSERT(parts->key.failed || parts->key.len == DIRECTORY_KEY_WAY);
    buf_append_char(&parts->key, (char)('0' + spec->format));
    // An empty filter is not the same as none: it is refused.
    buf_append_char(&parts->key, spec->filter.ptr ? 'f' : '-');
    buf_append_str(&parts->key, spec->filter);
    buf_append_char(&parts->key, '\0');
    parts->names_at = parts->key.len;
    parts->names = append_names(&parts->key, spec->names, spec->names_count);
    buf_append_char(&parts->key, '\0');
    parts->grants_at = parts->key.len;
    parts->grants = append_names(&parts->key, spec->grants, spec->grants_count);
}

static void cut_names(char *at, struct pattern *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (struct pattern){(enum pattern_kind)(*at - '0'), str_from(at + 1)};
        at += out[i].text.len + 2;
    }
}

static struct selector *selector_new(const struct key_parts *parts,
                                     const struct selector_spec *spec) {
    struct selector *selector = calloc(1, sizeof *selector + parts->key.len);
    if (!selector) return NULL;
    selector->format = (uint8_t)spec->format;
    selector->wire = spec->wire;
    selector->sink = spec->sink;
    selector->key_len = (uint32_t)parts->key.len;
    memcpy(selector->key, parts->key.data, parts->key.len);
    selector->names = calloc(parts->names + parts->grants, sizeof *selector->names);
    if (!selector->names) {
        free(selector);
        return NULL;
    }
    selector->grants = selector->names + parts->names;
    selector->names_count = parts->names;
    selector->grants_count = parts->grants;
    cut_names(selector->key + parts->names_at, selector->names, parts->names);
    cut_names(selector->key + parts->grants_at, selector->grants, parts->grants);
    selector->exact = true;
    for (uint32_t i = 0; i < parts->names; i++) {
        if (selector->names[i].kind != PATTERN_EXACT) selector->exact = false;
    }
    return selector;
}

static void selector_free(struct selector *selector) {
    filter_free(selector->filter);
    free(selector->topics);
    free(selector->names);
    free(selector->live.items);
    free(selector->waiting.items);
    free(selector->pending);
    free(selector);
}

// Finds the topics of a new selector.
static bool resolve(struct directory *directory, struct selector *selector) {
    if (!selector->exact) {
        DL_APPEND2(directory->patterns, selector, prev_pattern, next_pattern);
        for (uint32_t no = 0; no < directory->by_no_cap; no++) {
            struct topic *topic = directory->by_no[no];
            if (topic && wants(selector, topic_name(topic)) && !join(topic, selector)) return false;
        }
        return true;
    }
    for (uint32_t i = 0; i < selector->names_count; i++) {
        struct str name = selector->names[i].text;
        if (!wants(selector, name)) continue;
        struct topic *topic = directory_find(directory, name);
        if (!topic) topic = topic_new(directory, name);
        if (!topic || !join(topic, selector)) return false;
    }
    return true;
}

// Takes it out of all that know it.
static void unresolve(struct directory *directory, struct selector *selector) {
    if (!selector->exact) {
        DL_DELETE2(directory->patterns, selector, prev_pattern, next_pattern);
        for (uint32_t i = 0; i < selector->topics_count; i++)
            part(directory->by_no[selector->topics[i]], selector);
        return;
    }
    for (uint32_t i = 0; i < selector->names_count; i++) {
        struct topic *topic = directory_find(directory, selector->names[i].text);
        if (!topic) continue;
        part(topic, selector);
        if (topic->no == TOPIC_UNNUMBERED && !topic->selectors_count)
            topic_delete(directory, topic);
    }
}

int directory_select(struct directory *directory, const struct selector_spec *spec,
                     struct selector **out, struct report *report) {
    struct key_parts parts;
    struct selector *selector = NULL;
    int err = 0;
    build_key(&parts, spec);
    if (buf_failed(&parts.key)) {
        err = report_set(report, ERR_NOMEM, "no memory for a subscription");
        goto out;
    }
    HASH_FIND(hh, directory->selectors, parts.key.data, parts.key.len, selector);
    if (selector) {
        selector->refs++;
        *out = selector;
        goto out;
    }
    selector = selector_new(&parts, spec);
    if (!selector) {
        err = report_set(report, ERR_NOMEM, "no memory for a subscription");
        goto out;
    }
    if (spec->filter.ptr) err = filter_new(&selector->filter, spec->filter, report);
    if (err) {
        selector_free(selector);
        goto out;
    }
    if (!resolve(directory, selector)) {
        unresolve(directory, selector);
        selector_free(selector);
        err = report_set(report, ERR_NOMEM, "no memory for a subscription");
        goto out;
    }
    selector->refs = 1;
    HASH_ADD(hh, directory->selectors, key, selector->key_len, selector);
    *out = selector;
out:
    buf_fini(&parts.key);
    return err;
}

void directory_release(struct directory *directory, struct selector *selector) {
    ASSERT(selector->refs);
    if (--selector->refs) return;
    ASSERT(!selector->live.count && !selector->waiting.count);
    HASH_DEL(directory->selectors, selector);
    unresolve(directory, selector);
    selector_free(selector);
}

bool directory_matches(const struct selector *selector, uint32_t topic_no) {
    uint32_t low = 0, high = selector->topics_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (selector->topics[middle] == topic_no) return true;
        if (selector->topics[middle] < topic_no) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

void directory_trimmed(struct directory *directory, struct topic *topic, uint64_t seq,
                       uint64_t ordinal) {
    if (ordinal > topic->trimmed_ordinal) topic->trimmed_ordinal = ordinal;
    if (seq <= topic->trimmed_seq) return;
    topic->trimmed_seq = seq;
    topic->trimmed_at = ++directory->trims;
}

const struct topic *directory_last_closed(const struct directory *directory,
                                          const struct selector *selector) {
    const struct topic *last = NULL;
    if (!selector->exact || selector->topics_count < selector->names_count) return NULL;
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        const struct topic *topic = directory_topic(directory, selector->topics[i]);
        if (!topic->closed) return NULL;
        if (!last || topic->last_seq > last->last_seq) last = topic;
    }
    return last;
}

// --- applying ------------------------------------------------------------------------------------

static void touch(struct directory *directory, struct selector *selector) {
    if (selector->touched) return;
    selector->touched = true;
    selector->refs++;
    selector->next_touched = directory->touched;
    directory->touched = selector;
}

static void add_pending(struct selector *selector, struct event *event) {
    bool room =
        array_reserve(selector->pending, selector->pending_cap, selector->pending_count + 1);
    // Without this memory an event would be lost without a word; a restart loses nothing.
    ASSERT(room);
    selector->pending[selector->pending_count++] = event;
}

// What an alias stands for comes directly before it and its siblings: a selector that has taken it
// took it last.
static bool has_taken(const struct selector *selector, const struct event *event) {
    return selector->pending_count && selector->pending[selector->pending_count - 1] == event;
}

// Whether it has no more time for its filter in this turn, or no more use: then what follows is the
// pump's.
static bool must_lag(const struct directory *directory, const struct selector *selector) {
    if (!selector->filter) return false;
    return filter_gave_up(selector->filter) ||
           (directory->budget && budget_spent(directory->budget));
}

// `meant` is the event itself, or what it stands for.
static void apply_event(struct directory *directory, const struct event *event,
                        struct event *meant) {
    struct topic *topic = directory_number(directory, event->topic_no, event_topic(event));
    ASSERT(topic);
    topic->last_seq = event->seq;
    topic->last_ordinal = event->ordinal;
    topic->last_time_ms = event->time_ms;
    topic->bytes += event->data_len;
    topic->closed = event->flags & EVENT_CLOSE;
    topic->marker = event->flags & EVENT_MARKER;
    topic->memory = event->flags & EVENT_MEMORY;
    for (uint32_t i = 0; i < topic->selectors_count; i++) {
        struct selector *selector = topic->selectors[i];
        if (!selector->live.count && !selector->waiting.count) continue;
        if (topic->closed) {
            selector->ending = true;
            touch(directory, selector);
        }
        if (selector->lags || (meant != event && has_taken(selector, meant))) continue;
        if (must_lag(directory, selector)) {
            selector->lags = true;
            // Before the event that an alias stands for: behind it the alias would be passed over.
            selector->lags_after = meant->seq - 1;
        } else if (directory_takes(directory, selector, meant->flags, event_data(meant))) {
            add_pending(selector, meant);
        } else {
            continue;
        }
        touch(directory, selector);
    }
}

static void apply_change(struct directory *directory, const struct topic_change *change) {
    struct topic *topic = directory_topic(directory, change->topic_no);
    if (!topic) return;
    if (change->gone) {
        directory_trimmed(directory, topic, topic->last_seq, topic->last_ordinal);
        directory_drop(directory, topic);
        return;
    }
    directory_trimmed(directory, topic, change->trimmed_seq, change->trimmed_ordinal);
    topic->closed = change->closed;
    topic->bytes = change->bytes;
}

void directory_apply(struct directory *directory, const struct batch *batch) {
    struct event *meant = NULL;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct event *event = batch->events[i];
        if (!(event->flags & EVENT_ALIAS)) meant = event;
        ASSERT(meant && (meant == event || meant->seq == event_target(event_data(event))));
        apply_event(directory, event, meant);
    }
    for (uint32_t i = 0; i < batch->changes_count; i++) apply_change(directory, &batch->changes[i]);
}

struct selector *directory_take_touched(struct directory *directory) {
    struct selector *selector = directory->touched;
    if (selector) {
        directory->touched = selector->next_touched;
        selector->touched = false;
    }
    return selector;
}
