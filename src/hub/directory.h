// SPDX-License-Identifier: MIT
// The directory: one worker's own view of all topics and of the selectors that match them. It is a
// replica, kept by applying committed batches in order, so that no worker asks another (or takes a
// lock) to deliver an event.
//
// A topic that is subscribed to but has no event yet is in it without a number.
#ifndef TAILRACE_HUB_DIRECTORY_H
#define TAILRACE_HUB_DIRECTORY_H

#include "base/account.h"
#include "base/limits.h"
#include "hub/budget.h"
#include "hub/document.h"
#include "hub/filter.h"
#include "hub/list.h"
#include "hub/selection.h"
#include "proto/wire.h"

struct hub_sink;

// What a subscriber asked for and how it goes out, interned: all subscribers that ask for the same
// share one, and what is computed for it is computed once.
struct selector {
    UT_hash_handle hh; // by key
    uint32_t refs;     // subscribers
    uint8_t format;    // enum frame_format
    // A topic was closed in this turn, as far as directory_apply has come.
    bool ending;
    bool touched; // in the directory's list
    struct wire wire;
    const struct hub_sink *sink;
    struct filter *filter;
    struct selection *selection;
    struct selector *prev, *next;   // in the selection's list
    struct live_list live;          // at the hub's position: written to by the fan-out
    struct subscriber_list waiting; // long polls that have nothing yet
    uint32_t written_tick;          // when all the live ones were last written to
    // Events that were applied and are to be delivered.
    uint32_t pending_count, pending_cap;
    struct event **pending;
    // Its live and waiting subscribers have to be pumped from after `lags_after`: in this turn
    // there was no time for its filter, or the filter has given up.
    bool lags;
    uint64_t lags_after;
    struct selector *next_touched;
    uint32_t key_len;
    char key[]; // of directory.c, but for DIRECTORY_KEY_WAY
};

// How many bytes at the beginning of a key say by which way it goes out, and which selection it is:
// with the selection's own key the rest is what was asked for, and the same in another process.
#define DIRECTORY_KEY_WAY (2 * sizeof(void *) + 1)

// Topics by number, so many together: numbers may have holes.
#define DIRECTORY_PAGE 256

struct directory {
    struct topic *by_name;
    struct topic ***pages; // by number; NULL: it has none of these
    uint32_t pages_count;
    uint32_t topics_count; // numbered ones
    struct selector *selectors;
    struct selector *touched; // those that have something to deliver
    struct selection *selections;
    struct selection *wide, *resolving;
    struct prefix *prefixes;                            // that patterns begin with
    uint32_t prefix_segments[LIMIT_TOPIC_SEGMENTS + 1]; // how many have so many
    uint64_t looks;                                     // new topics that were matched
    const struct budget *budget;                        // the hub's; NULL: time is not bounded
    struct filter_matcher *matcher;                     // the hub's
    struct account *account;                            // of what subscriptions take; borrowed
    // How often a topic lost events: a remembered number tells what was lost since.
    uint64_t trims;
    struct topic *trimmed; // those that have lost some, the last ones first
};

void directory_init(struct directory *directory, struct account *account);
void directory_fini(struct directory *directory);

// Topics. NULL when not known (or without a number).
static inline struct topic *directory_topic(const struct directory *directory, uint32_t no) {
    struct topic **page =
        no / DIRECTORY_PAGE < directory->pages_count ? directory->pages[no / DIRECTORY_PAGE] : NULL;
    return page ? page[no % DIRECTORY_PAGE] : NULL;
}
// The topic with the lowest number at or above this one.
struct topic *directory_from(const struct directory *directory, uint32_t no);
struct topic *directory_find(const struct directory *directory, struct str name);
// The topic of that number, made (and matched with the selectors) when it is new. NULL when out of
// memory.
struct topic *directory_number(struct directory *directory, uint32_t no, struct str name);
// The topic of that name, made without a number when it is not known. NULL when out of memory.
struct topic *directory_name(struct directory *directory, struct str name);
// It is deleted when it has neither a number nor a selection.
void directory_forget_name(struct directory *directory, struct topic *topic);
// It loses its number: nothing is left of it but the selectors that name it.
void directory_drop(struct directory *directory, struct topic *topic);

struct selector_spec {
    const struct pattern *names; // 1..LIMIT_SELECTOR_TOPICS
    uint32_t names_count;
    const struct pattern *grants;
    uint32_t grants_count;
    struct str filter; // ptr NULL: none
    enum frame_format format;
    struct wire wire;
    const struct hub_sink *sink;
};
// The selector for it, with a reference for the caller; its selection may still have to be
// resolved. ERR_INVALID for a bad filter, ERR_LIMIT as of selection_get, ERR_NOMEM.
int directory_select(struct directory *directory, const struct selector_spec *spec,
                     struct selector **out, struct report *report) MUST_CHECK;
void directory_release(struct directory *directory, struct selector *selector);

// Whether the topic is one of the selector's.
static inline bool directory_matches(const struct selector *selector, uint32_t topic_no) {
    return selection_has(selector->selection, topic_no);
}
// Whether the selector takes an event of one of its topics.
static inline bool directory_takes(const struct directory *directory,
                                   const struct selector *selector, uint8_t event_flags,
                                   struct str data) {
    if (event_flags & EVENT_MARKER) return false;
    return !selector->filter || filter_match(selector->filter, directory->matcher, data);
}

// Everything of the topic up to this seq and ordinal is gone.
void directory_trimmed(struct directory *directory, struct topic *topic, uint64_t seq,
                       uint64_t ordinal);
// The topic is closed now, or open; `newest_seq` is that of a new event of it, 0: there is none.
void directory_set_closed(struct directory *directory, struct topic *topic, bool closed,
                          uint64_t newest_seq);
// How many subscribers a topic has.
uint64_t directory_subscribers(const struct directory *directory, const struct topic *topic);
// The closed topic that was finished last, NULL when the selector goes on: one of its topics does,
// or further ones may come.
const struct topic *directory_last_closed(const struct directory *directory,
                                          const struct selector *selector);

// Applies a batch: topics are brought up to date, each selector with live or waiting subscribers
// gets the events that it takes into `pending`, or lags, and is in the list `touched` then (with a
// reference: its last subscriber may leave before the delivery).
void directory_apply(struct directory *directory, const struct batch *batch);
// The topic has events that nobody has looked at: its selectors with live or waiting subscribers
// lag behind `after`, up to where everything else was delivered.
void directory_lag(struct directory *directory, const struct topic *topic, uint64_t after);
// Takes the first selector from the list, NULL when there is none. The caller has its reference,
// empties `pending` and clears `ending` and `lags`.
struct selector *directory_take_touched(struct directory *directory);

#endif
