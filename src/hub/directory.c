// SPDX-License-Identifier: MIT
// The directory of topics and selectors.
#include "hub/directory.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/list.h"

void directory_init(struct directory *directory, struct account *account) {
    *directory = (struct directory){.account = account};
}

static void topic_free(struct topic *topic) {
    free(topic->followers);
    free(topic);
}

void directory_fini(struct directory *directory) {
    ASSERT(!directory->selectors && !directory->selections);
    struct topic *topic, *next;
    HASH_ITER(hh, directory->by_name, topic, next) {
        HASH_DEL(directory->by_name, topic);
        topic_free(topic);
    }
    for (uint32_t i = 0; i < directory->pages_count; i++) free(directory->pages[i]);
    free(directory->pages);
    *directory = (struct directory){0};
}

// --- topics --------------------------------------------------------------------------------------

struct topic *directory_from(const struct directory *directory, uint32_t no) {
    for (uint32_t at = no / DIRECTORY_PAGE; at < directory->pages_count; at++) {
        struct topic **page = directory->pages[at];
        uint32_t i = at == no / DIRECTORY_PAGE ? no % DIRECTORY_PAGE : 0;
        for (; page && i < DIRECTORY_PAGE; i++) {
            if (page[i]) return page[i];
        }
    }
    return NULL;
}

struct topic *directory_find(const struct directory *directory, struct str name) {
    struct topic *topic;
    HASH_FIND(hh, directory->by_name, name.ptr, name.len, topic);
    return topic;
}

struct topic *directory_name(struct directory *directory, struct str name) {
    struct topic *topic = directory_find(directory, name);
    if (!topic) topic = calloc(1, sizeof *topic + name.len);
    if (!topic || topic->name_len) return topic;
    topic->no = TOPIC_UNNUMBERED;
    topic->name_len = (uint16_t)name.len;
    memcpy(topic->name, name.ptr, name.len);
    HASH_ADD(hh, directory->by_name, name, name.len, topic);
    return topic;
}

void directory_forget_name(struct directory *directory, struct topic *topic) {
    if (topic->no != TOPIC_UNNUMBERED || topic->followers_count) return;
    HASH_DEL(directory->by_name, topic);
    topic_free(topic);
}

// Where a topic of this number is kept. NULL: out of memory.
static struct topic **reserve_number(struct directory *directory, uint32_t no) {
    uint32_t at = no / DIRECTORY_PAGE, count = directory->pages_count;
    if (at >= count) {
        size_t more = (size_t)at + 1 > (size_t)count * 2 ? (size_t)at + 1 : (size_t)count * 2;
        struct topic ***pages = realloc(directory->pages, more * sizeof *pages);
        if (!pages) return NULL;
        memset(pages + count, 0, (more - count) * sizeof *pages);
        directory->pages = pages;
        directory->pages_count = (uint32_t)more;
    }
    if (!directory->pages[at])
        directory->pages[at] = calloc(DIRECTORY_PAGE, sizeof *directory->pages[at]);
    return directory->pages[at] ? &directory->pages[at][no % DIRECTORY_PAGE] : NULL;
}

struct topic *directory_number(struct directory *directory, uint32_t no, struct str name) {
    struct topic *topic = directory_topic(directory, no);
    if (topic) return topic;
    if (no == TOPIC_UNNUMBERED) return NULL;
    struct topic **place = reserve_number(directory, no);
    topic = place ? directory_name(directory, name) : NULL;
    if (!topic) return NULL;
    // Before anybody looks for it by this number.
    *place = topic;
    directory->topics_count++;
    return selection_add_topic(directory, topic, no) ? topic : NULL;
}

void directory_drop(struct directory *directory, struct topic *topic) {
    selection_drop_topic(directory, topic);
    if (topic->trimmed_at) DL_DELETE2(directory->trimmed, topic, prev_trimmed, next_trimmed);
    directory->pages[topic->no / DIRECTORY_PAGE][topic->no % DIRECTORY_PAGE] = NULL;
    directory->topics_count--;
    topic->no = TOPIC_UNNUMBERED;
    topic->closed = topic->marker = topic->memory = false;
    topic->last_seq = topic->last_ordinal = topic->last_time_ms = 0;
    topic->trimmed_seq = topic->trimmed_ordinal = topic->trimmed_at = topic->bytes = 0;
    directory_forget_name(directory, topic);
}

void directory_trimmed(struct directory *directory, struct topic *topic, uint64_t seq,
                       uint64_t ordinal) {
    if (ordinal > topic->trimmed_ordinal) topic->trimmed_ordinal = ordinal;
    if (seq <= topic->trimmed_seq) return;
    if (topic->trimmed_at) DL_DELETE2(directory->trimmed, topic, prev_trimmed, next_trimmed);
    DL_PREPEND2(directory->trimmed, topic, prev_trimmed, next_trimmed);
    struct topic_news news = {
        .changes = (seq - topic->trimmed_seq) * 2, .lost_seq = seq, .lost_at = ++directory->trims};
    topic->trimmed_seq = seq;
    topic->trimmed_at = directory->trims;
    selection_tell(directory, topic, &news);
}

uint64_t directory_subscribers(const struct directory *directory, const struct topic *topic) {
    uint64_t count = 0;
    const struct selection *selection;
    for (uint32_t i = 0; i < topic->followers_count; i++)
        count += topic->followers[i].selection->subscribers;
    DL_FOREACH2(directory->wide, selection, next_wide) {
        if (selection_has(selection, topic->no)) count += selection->subscribers;
    }
    return count;
}

// --- selectors -----------------------------------------------------------------------------------

// The key says all that makes a selector what it is.
static void build_key(struct buf *key, const struct selector_spec *spec,
                      const struct selection *selection) {
    buf_init(key, spec->filter.len + 64);
    buf_append(key, &spec->sink, sizeof spec->sink);
    buf_append(key, &selection, sizeof selection);
    buf_append_char(key, (char)('0' + wire_kind(spec->wire)));
    ASSERT(key->failed || key->len == DIRECTORY_KEY_WAY);
    buf_append_char(key, (char)('0' + spec->format));
    // An empty filter is not the same as none: it is refused.
    buf_append_char(key, spec->filter.ptr ? 'f' : '-');
    buf_append_str(key, spec->filter);
}

static void selector_free(struct selector *selector) {
    filter_free(selector->filter);
    free(selector->live.items);
    free(selector->waiting.items);
    free(selector->pending);
    free(selector);
}

static int selector_new(struct selector **out, const struct buf *key,
                        const struct selector_spec *spec, struct report *report) {
    struct selector *selector = calloc(1, sizeof *selector + key->len);
    if (!selector) return report_set(report, ERR_NOMEM, "no memory for a subscription");
    selector->format = (uint8_t)spec->format;
    selector->wire = spec->wire;
    selector->sink = spec->sink;
    selector->key_len = (uint32_t)key->len;
    memcpy(selector->key, key->data, key->len);
    int err = spec->filter.ptr ? filter_new(&selector->filter, spec->filter, report) : 0;
    if (err) {
        selector_free(selector);
        return err;
    }
    *out = selector;
    return 0;
}

static void get(struct selector *selector) {
    selector->refs++;
    selector->selection->subscribers++;
}

int directory_select(struct directory *directory, const struct selector_spec *spec,
                     struct selector **out, struct report *report) {
    struct selection *selection;
    struct selector *selector = NULL;
    struct buf key;
    int err = selection_get(directory, spec->names, spec->names_count, spec->grants,
                            spec->grants_count, &selection, report);
    if (err) return err;
    build_key(&key, spec, selection);
    if (buf_failed(&key)) err = report_set(report, ERR_NOMEM, "no memory for a subscription");
    if (!err) HASH_FIND(hh, directory->selectors, key.data, key.len, selector);
    if (!err && !selector) {
        err = selector_new(&selector, &key, spec, report);
        if (!err) {
            selector->selection = selection;
            selection->refs++;
            DL_APPEND(selection->selectors, selector);
            HASH_ADD(hh, directory->selectors, key, selector->key_len, selector);
        }
    }
    if (!err) get(selector);
    *out = selector;
    selection_put(directory, selection);
    buf_fini(&key);
    return err;
}

void directory_release(struct directory *directory, struct selector *selector) {
    struct selection *selection = selector->selection;
    ASSERT(selector->refs);
    selection->subscribers--;
    if (--selector->refs) return;
    ASSERT(!selector->live.count && !selector->waiting.count);
    HASH_DEL(directory->selectors, selector);
    DL_DELETE(selection->selectors, selector);
    selector_free(selector);
    selection_put(directory, selection);
}

const struct topic *directory_last_closed(const struct directory *directory,
                                          const struct selector *selector) {
    const struct topic *last = NULL;
    const struct selection *selection = selector->selection;
    if (!selection->exact || selection->topics.count < selection->names_count) return NULL;
    for (uint32_t no = 0; number_set_from(&selection->topics, &no); no++) {
        const struct topic *topic = directory_topic(directory, no);
        if (!topic->closed) return NULL;
        if (!last || topic->last_seq > last->last_seq) last = topic;
    }
    return last;
}

// --- applying ------------------------------------------------------------------------------------

static void touch(struct directory *directory, struct selector *selector) {
    if (selector->touched) return;
    selector->touched = true;
    get(selector);
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
static void apply_to_selector(struct directory *directory, struct selector *selector,
                              const struct event *event, struct event *meant) {
    if (!selector->live.count && !selector->waiting.count) return;
    if (event->flags & EVENT_CLOSE) {
        selector->ending = true;
        touch(directory, selector);
    }
    if (selector->lags || (meant != event && has_taken(selector, meant))) return;
    if (must_lag(directory, selector)) {
        selector->lags = true;
        // Before the event that an alias stands for: behind it the alias would be passed over.
        selector->lags_after = meant->seq - 1;
    } else if (directory_takes(directory, selector, meant->flags, event_data(meant))) {
        add_pending(selector, meant);
    } else {
        return;
    }
    touch(directory, selector);
}

static void apply_to(struct directory *directory, const struct selection *selection,
                     const struct event *event, struct event *meant) {
    struct selector *selector;
    DL_FOREACH(selection->selectors, selector)
    apply_to_selector(directory, selector, event, meant);
}

void directory_set_closed(struct directory *directory, struct topic *topic, bool closed,
                          uint64_t newest_seq) {
    struct topic_news news = {.newest_seq = newest_seq,
                              .changes = (uint64_t)closed - (uint64_t)topic->closed};
    topic->closed = closed;
    if (news.newest_seq || news.changes) selection_tell(directory, topic, &news);
}

static void apply_event(struct directory *directory, const struct event *event,
                        struct event *meant) {
    struct topic *topic = directory_number(directory, event->topic_no, event_topic(event));
    const struct selection *selection;
    ASSERT(topic);
    topic->last_seq = event->seq;
    topic->last_ordinal = event->ordinal;
    topic->last_time_ms = event->time_ms;
    topic->bytes += event->data_len;
    topic->marker = event->flags & EVENT_MARKER;
    topic->memory = event->flags & EVENT_MEMORY;
    directory_set_closed(directory, topic, event->flags & EVENT_CLOSE, event->seq);
    for (uint32_t i = 0; i < topic->followers_count; i++)
        apply_to(directory, topic->followers[i].selection, event, meant);
    DL_FOREACH2(directory->wide, selection, next_wide) {
        if (selection_has(selection, topic->no)) apply_to(directory, selection, event, meant);
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
    directory_set_closed(directory, topic, change->closed, 0);
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

static void lag(struct directory *directory, const struct selection *selection, bool closed,
                uint64_t after) {
    struct selector *selector;
    DL_FOREACH(selection->selectors, selector) {
        if (!selector->live.count && !selector->waiting.count) continue;
        selector->lags = true;
        selector->lags_after = after;
        if (closed) selector->ending = true;
        touch(directory, selector);
    }
}

void directory_lag(struct directory *directory, const struct topic *topic, uint64_t after) {
    struct selection *selection;
    for (uint32_t i = 0; i < topic->followers_count; i++)
        lag(directory, topic->followers[i].selection, topic->closed, after);
    DL_FOREACH2(directory->wide, selection, next_wide) {
        if (selection_has(selection, topic->no)) lag(directory, selection, topic->closed, after);
    }
}

struct selector *directory_take_touched(struct directory *directory) {
    struct selector *selector = directory->touched;
    if (selector) {
        directory->touched = selector->next_touched;
        selector->touched = false;
    }
    return selector;
}
