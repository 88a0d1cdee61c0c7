// SPDX-License-Identifier: MIT
// Selections of topics.
#include "hub/selection.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/list.h"
#include "hub/directory.h"

// --- links ---------------------------------------------------------------------------------------

// Not array_reserve, which begins with room for four: most topics have one follower, and most
// selections one topic.
static void *reserve(void *items, uint32_t *cap, uint32_t count, size_t size) {
    if (count <= *cap) return items;
    uint32_t more = *cap ? *cap * 2 : 1;
    items = realloc(items, more * size);
    if (items) *cap = more;
    return items;
}

static bool link_topic(struct selection *selection, struct topic *topic) {
    void *links = reserve(selection->links, &selection->links_cap, selection->links_count + 1,
                          sizeof *selection->links);
    if (!links) return false;
    selection->links = links;
    void *followers = reserve(topic->followers, &topic->followers_cap, topic->followers_count + 1,
                              sizeof *topic->followers);
    if (!followers) return false;
    topic->followers = followers;
    topic->followers[topic->followers_count] = (struct follower){selection, selection->links_count};
    selection->links[selection->links_count++] = (struct link){topic, topic->followers_count++};
    return true;
}

// Takes out what leads from the topic to the selection; the link goes with the caller.
static void remove_follower(const struct link *link) {
    struct topic *topic = link->topic;
    struct follower last = topic->followers[--topic->followers_count];
    topic->followers[link->follower] = last;
    last.selection->links[last.link].follower = link->follower;
}

static void remove_link(struct selection *selection, uint32_t at) {
    remove_follower(&selection->links[at]);
    struct link last = selection->links[--selection->links_count];
    if (at == selection->links_count) return;
    selection->links[at] = last;
    last.topic->followers[last.follower].link = at;
}

static void remove_links(struct selection *selection) {
    while (selection->links_count) remove_follower(&selection->links[--selection->links_count]);
    free(selection->links);
    selection->links = NULL;
    selection->links_cap = 0;
}

// --- topics --------------------------------------------------------------------------------------

static uint64_t changes_of(const struct topic *topic) {
    return topic->trimmed_seq * 2 + topic->closed;
}

static bool wants(const struct selection *selection, struct str name) {
    return pattern_match_any(selection->names, selection->names_count, name) &&
           (!selection->grants_count ||
            pattern_match_any(selection->grants, selection->grants_count, name));
}

static void widen(struct directory *directory, struct selection *selection) {
    selection->wide = true;
    remove_links(selection);
    DL_APPEND2(directory->wide, selection, prev_wide, next_wide);
}

static void hear(struct selection *selection, const struct topic_news *news) {
    selection->changes += news->changes;
    if (news->newest_seq > selection->newest_seq) selection->newest_seq = news->newest_seq;
    if (news->lost_seq > selection->lost_seq) selection->lost_seq = news->lost_seq;
    if (news->lost_at > selection->lost_at) selection->lost_at = news->lost_at;
}

// The topic has a number.
static bool enter(struct selection *selection, const struct topic *topic) {
    if (!number_set_add(&selection->topics, topic->no)) return false;
    struct topic_news all = {.newest_seq = topic->last_seq,
                             .changes = changes_of(topic),
                             .lost_seq = topic->trimmed_seq,
                             .lost_at = topic->trimmed_at};
    hear(selection, &all);
    return true;
}

// Both sides learn of each other. The topic's number may still be missing.
static bool join(struct directory *directory, struct selection *selection, struct topic *topic) {
    if (!selection->wide && !selection->exact && selection->links_count == SELECTION_WIDE)
        widen(directory, selection);
    if (!selection->wide && !link_topic(selection, topic)) return false;
    if (topic->no == TOPIC_UNNUMBERED || enter(selection, topic)) return true;
    if (!selection->wide) remove_link(selection, selection->links_count - 1);
    return false;
}

// What is gone with a topic.
static void lose_topic(struct selection *selection, const struct topic *topic) {
    if (topic->trimmed_seq > selection->gone_seq) selection->gone_seq = topic->trimmed_seq;
    if (topic->trimmed_at > selection->gone_at) selection->gone_at = topic->trimmed_at;
}

static void leave(struct selection *selection, const struct topic *topic) {
    number_set_remove(&selection->topics, topic->no);
    selection->changes -= changes_of(topic);
    lose_topic(selection, topic);
}

void selection_drop_topic(struct directory *directory, struct topic *topic) {
    struct selection *selection;
    for (uint32_t i = topic->followers_count; i-- > 0;) {
        selection = topic->followers[i].selection;
        leave(selection, topic);
        // Patterns find the name again by matching; only exact ones must be remembered.
        if (!selection->exact) remove_link(selection, topic->followers[i].link);
    }
    DL_FOREACH2(directory->wide, selection, next_wide) {
        if (selection_has(selection, topic->no)) leave(selection, topic);
    }
    DL_FOREACH2(directory->resolving, selection, next_resolving) {
        if (topic->no >= selection->resolve_next && wants(selection, topic_name(topic)))
            lose_topic(selection, topic);
    }
}

void selection_tell(const struct directory *directory, const struct topic *topic,
                    const struct topic_news *news) {
    struct selection *selection;
    for (uint32_t i = 0; i < topic->followers_count; i++) hear(topic->followers[i].selection, news);
    DL_FOREACH2(directory->wide, selection, next_wide) {
        if (selection_has(selection, topic->no)) hear(selection, news);
    }
}

uint64_t selection_lost(const struct directory *directory, const struct selection *selection,
                        uint64_t told, uint64_t after) {
    uint64_t highest = selection->gone_at > told ? selection->gone_seq : 0;
    const struct topic *topic;
    if (selection->lost_at > told && selection->lost_seq > after) {
        DL_FOREACH2(directory->trimmed, topic, next_trimmed) {
            if (topic->trimmed_at <= told) break;
            if (topic->trimmed_seq > highest && selection_has(selection, topic->no))
                highest = topic->trimmed_seq;
        }
    }
    return highest > after ? highest : 0;
}

// --- new topics ----------------------------------------------------------------------------------
// Patterns are found by the segments that they begin with, up to the first `*` or `**`.

struct prefix {
    UT_hash_handle hh; // by text
    struct pattern_entry *entries;
    uint32_t count;
    uint32_t segments;
    uint32_t len;
    char text[];
};

static struct prefix *find_prefix(struct directory *directory, struct str text) {
    struct prefix *prefix;
    HASH_FIND(hh, directory->prefixes, text.ptr, text.len, prefix);
    return prefix;
}

static struct prefix *make_prefix(struct directory *directory, struct str text, uint32_t segments) {
    struct prefix *prefix = find_prefix(directory, text);
    if (prefix) return prefix;
    prefix = calloc(1, sizeof *prefix + text.len + 1);
    if (!prefix) return NULL;
    prefix->segments = segments;
    prefix->len = (uint32_t)text.len;
    memcpy(prefix->text, text.ptr, text.len);
    HASH_ADD(hh, directory->prefixes, text, text.len, prefix);
    directory->prefix_segments[segments]++;
    return prefix;
}

static void remove_entry(struct directory *directory, struct pattern_entry *entry) {
    struct prefix *prefix = entry->prefix;
    if (!prefix) return;
    DL_DELETE(prefix->entries, entry);
    if (--prefix->count) return;
    directory->prefix_segments[prefix->segments]--;
    HASH_DEL(directory->prefixes, prefix);
    free(prefix);
}

static int add_entry(struct directory *directory, struct selection *selection, uint32_t i,
                     struct report *report) {
    struct pattern_entry *entry = &selection->entries[i];
    uint32_t segments;
    struct str text = pattern_prefix(&selection->names[i], &segments);
    struct prefix *prefix = make_prefix(directory, text, segments);
    if (!prefix) return report_set(report, ERR_NOMEM, "no memory for a subscription");
    bool full = prefix->count >= LIMIT_PREFIX_PATTERNS;
    *entry = (struct pattern_entry){.selection = selection, .prefix = prefix};
    DL_APPEND(prefix->entries, entry);
    prefix->count++;
    return full ? report_set(report, ERR_LIMIT,
                             "too many patterns that begin alike are subscribed to at present")
                : 0;
}

static int add_entries(struct directory *directory, struct selection *selection,
                       struct report *report) {
    selection->entries = calloc(selection->names_count, sizeof *selection->entries);
    if (!selection->entries) return report_set(report, ERR_NOMEM, "no memory for a subscription");
    int err = 0;
    for (uint32_t i = 0; i < selection->names_count && !err; i++)
        err = add_entry(directory, selection, i, report);
    return err;
}

// Matches a new topic with the patterns of a prefix.
static bool offer(struct directory *directory, struct topic *topic, struct str text) {
    const struct prefix *prefix = find_prefix(directory, text);
    const struct pattern_entry *entry;
    if (!prefix) return true;
    DL_FOREACH(prefix->entries, entry) {
        struct selection *selection = entry->selection;
        if (selection->looked_at == directory->looks) continue;
        selection->looked_at = directory->looks;
        // The walk has not been there.
        if (!selection->resolved && topic->no >= selection->resolve_next) continue;
        if (wants(selection, topic_name(topic)) && !join(directory, selection, topic)) return false;
    }
    return true;
}

bool selection_add_topic(struct directory *directory, struct topic *topic, uint32_t no) {
    struct str name = topic_name(topic), rest = name;
    topic->no = no;
    // Selections that named it before its first event know it already, but not its number.
    for (uint32_t i = 0; i < topic->followers_count; i++) {
        if (!enter(topic->followers[i].selection, topic)) return false;
    }
    directory->looks++;
    if (!offer(directory, topic, (struct str){name.ptr, 0})) return false;
    for (uint32_t segments = 1; rest.ptr; segments++) {
        struct str segment = str_cut(&rest, '/');
        if (!directory->prefix_segments[segments]) continue;
        size_t len = (size_t)(segment.ptr - name.ptr) + segment.len;
        if (!offer(directory, topic, (struct str){name.ptr, len})) return false;
    }
    return true;
}

// --- resolving -----------------------------------------------------------------------------------

static int resolve_exact(struct directory *directory, struct selection *selection) {
    for (uint32_t i = 0; i < selection->names_count; i++) {
        struct str name = selection->names[i].text;
        if (!wants(selection, name)) continue;
        struct topic *topic = directory_name(directory, name);
        if (!topic || !join(directory, selection, topic)) return ERR_NOMEM;
    }
    selection->resolved = true;
    return 0;
}

// What matching a name may cost.
static int64_t cost_of(const struct selection *selection, struct str name) {
    return (int64_t)(selection->names_count + selection->grants_count) *
           (int64_t)(1 + name.len / 128);
}

// Counts it with what it makes topics remember, as it is now. Topics that come later are those of
// whoever publishes, and have a bound of their own. False: there is no room.
static bool count(struct directory *directory, struct selection *selection) {
    size_t bytes = sizeof *selection + selection->key_len +
                   (selection->names_count + selection->grants_count) * sizeof *selection->names +
                   selection->links_count * (sizeof(struct link) + sizeof(struct follower)) +
                   selection->topics.words_cap * sizeof *selection->topics.words;
    // Each of these may be a topic that there is not, or a prefix of its own.
    for (uint32_t i = 0; i < selection->names_count; i++)
        bytes += (selection->exact ? sizeof(struct topic)
                                   : sizeof(struct pattern_entry) + sizeof(struct prefix)) +
                 selection->names[i].text.len;
    return account_hold(directory->account, &selection->counted, bytes);
}

static void end_resolving(struct directory *directory, struct selection *selection) {
    DL_DELETE2(directory->resolving, selection, prev_resolving, next_resolving);
    selection->resolved = true;
}

int selection_resolve(struct directory *directory, struct selection *selection, int64_t *steps) {
    while (!selection->resolved && *steps > 0) {
        struct topic *topic = directory_from(directory, selection->resolve_next);
        if (!topic) {
            if (!count(directory, selection)) return ERR_LIMIT;
            end_resolving(directory, selection);
            break;
        }
        *steps -= cost_of(selection, topic_name(topic));
        if (wants(selection, topic_name(topic)) && !join(directory, selection, topic))
            return ERR_NOMEM;
        selection->resolve_next = topic->no + 1;
    }
    return 0;
}

// --- interned ------------------------------------------------------------------------------------

// Lists are sorted and without repetition, so that the order of asking does not matter; NUL cannot
// occur in what it separates.
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
    size_t grants_at;
};

static void cut_names(char *at, struct pattern *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (struct pattern){(enum pattern_kind)(*at - '0'), str_from(at + 1)};
        at += out[i].text.len + 2;
    }
}

static struct selection *selection_new(const struct key_parts *parts) {
    struct selection *selection = calloc(1, sizeof *selection + parts->key.len);
    if (!selection) return NULL;
    selection->key_len = (uint32_t)parts->key.len;
    memcpy(selection->key, parts->key.data, parts->key.len);
    selection->names = calloc(parts->names + parts->grants, sizeof *selection->names);
    if (!selection->names) {
        free(selection);
        return NULL;
    }
    selection->grants = selection->names + parts->names;
    selection->names_count = parts->names;
    selection->grants_count = parts->grants;
    cut_names(selection->key, selection->names, parts->names);
    cut_names(selection->key + parts->grants_at, selection->grants, parts->grants);
    selection->exact = true;
    for (uint32_t i = 0; i < parts->names; i++) {
        if (selection->names[i].kind != PATTERN_EXACT) selection->exact = false;
    }
    return selection;
}

// Takes it out of all that know it.
static void selection_free(struct directory *directory, struct selection *selection) {
    if (!selection->exact && !selection->resolved)
        DL_DELETE2(directory->resolving, selection, prev_resolving, next_resolving);
    if (selection->wide) DL_DELETE2(directory->wide, selection, prev_wide, next_wide);
    for (uint32_t i = 0; selection->entries && i < selection->names_count; i++)
        remove_entry(directory, &selection->entries[i]);
    while (selection->links_count) {
        struct topic *topic = selection->links[selection->links_count - 1].topic;
        remove_link(selection, selection->links_count - 1);
        directory_forget_name(directory, topic);
    }
    account_release(directory->account, &selection->counted);
    number_set_fini(&selection->topics);
    free(selection->links);
    free(selection->entries);
    free(selection->names);
    free(selection);
}

static int selection_make(struct directory *directory, const struct key_parts *parts,
                          struct selection **out, struct report *report) {
    struct selection *selection = selection_new(parts);
    if (!selection) return report_set(report, ERR_NOMEM, "no memory for a subscription");
    int err = 0;
    if (selection->exact) {
        err = resolve_exact(directory, selection);
        if (err) report_set(report, err, "no memory for a subscription");
    } else {
        DL_APPEND2(directory->resolving, selection, prev_resolving, next_resolving);
        err = add_entries(directory, selection, report);
    }
    if (!err && !count(directory, selection)) err = report_set(report, ERR_LIMIT, SELECTION_FULL);
    if (err) {
        selection_free(directory, selection);
        return err;
    }
    HASH_ADD(hh, directory->selections, key, selection->key_len, selection);
    *out = selection;
    return 0;
}

int selection_get(struct directory *directory, const struct pattern *names, uint32_t names_count,
                  const struct pattern *grants, uint32_t grants_count, struct selection **out,
                  struct report *report) {
    struct key_parts parts;
    struct selection *selection = NULL;
    int err = 0;
    buf_init(&parts.key, (size_t)LIMIT_SELECTOR_TOPICS * 2 * (LIMIT_TOPIC_BYTES + 2) + 1);
    parts.names = append_names(&parts.key, names, names_count);
    buf_append_char(&parts.key, '\0');
    parts.grants_at = parts.key.len;
    parts.grants = append_names(&parts.key, grants, grants_count);
    if (buf_failed(&parts.key)) err = report_set(report, ERR_NOMEM, "no memory for a subscription");
    if (!err) HASH_FIND(hh, directory->selections, parts.key.data, parts.key.len, selection);
    if (!err && !selection) err = selection_make(directory, &parts, &selection, report);
    if (!err) selection->refs++;
    *out = selection;
    buf_fini(&parts.key);
    return err;
}

void selection_put(struct directory *directory, struct selection *selection) {
    ASSERT(selection->refs);
    if (--selection->refs) return;
    ASSERT(!selection->selectors);
    HASH_DEL(directory->selections, selection);
    selection_free(directory, selection);
}
