// SPDX-License-Identifier: MIT
// Walking forwards.
#include "hub/merge.h"

#include <stdlib.h>

#include "base/array.h"
#include "hub/hub_priv.h"

// What finding a place in a long topic costs, in budget: some dozens of records looked at along its
// jumps.
#define SEEK_COST 64
// Seqs that are read of a topic at first. Each time twice as many, up to the most that one topic
// may have, and that all topics of a merge may have together (but each has the first few).
#define AHEAD_FIRST 16
#define AHEAD_MOST 1024
#define AHEAD_TOGETHER 32768
// Topics whose places are quickly found again.
#define SMALL_TOPICS 64

// What comes next in a topic.
struct ahead {
    // Where the walk back to its newest N has come to: of a topic in memory, or one whose links are
    // cut.
    uint64_t walk;
    uint64_t ordinal; // of the first of those N, 0: not known
    uint32_t count, cap;
    uint32_t at; // those before it were taken
    uint64_t seqs[];
};

enum chain_state {
    CHAIN_NEW,  // where the newest N begin is to be found; they are at or above `seq`
    CHAIN_OPEN, // what comes next is to be read; it is at or above `seq`
    CHAIN_NEXT  // `seq` comes next
};

struct chain {
    uint64_t seq;
    struct ahead *ahead; // NULL: nothing is known
    uint32_t topic_no;
    uint8_t state;
    bool cut;    // there may be more than what is known
    bool memory; // in the ring
    bool marker; // the newest of the newest N is one, and does not count
};
_Static_assert(sizeof(void *) > 8 || sizeof(struct chain) <= 24, "there may be a million");

struct merge {
    struct merge_from from;
    uint32_t topic_next; // topics from this number on are not in it yet
    bool complete;       // all are
    bool large;
    bool begun;
    uint32_t count, cap;
    struct chain *chains; // a heap, the lowest seq on top
    struct merge_item *items;
    size_t items_count, items_cap, items_next;
};

// --- memory, counted -----------------------------------------------------------------------------

static bool reserve_chain(struct hub *hub, struct merge *merge) {
    uint32_t cap = merge->cap;
    if (!array_reserve(merge->chains, merge->cap, merge->count + 1)) return false;
    hub->counts.merge_bytes += (merge->cap - cap) * sizeof *merge->chains;
    return true;
}

static bool reserve_item(struct hub *hub, struct merge *merge) {
    size_t cap = merge->items_cap;
    if (!array_reserve(merge->items, merge->items_cap, merge->items_count + 1)) return false;
    hub->counts.merge_bytes += (merge->items_cap - cap) * sizeof *merge->items;
    return true;
}

static size_t ahead_size(size_t cap) { return sizeof(struct ahead) + cap * sizeof(uint64_t); }

static bool reserve_ahead(struct hub *hub, struct chain *chain, size_t cap) {
    struct ahead *ahead = chain->ahead;
    size_t had = ahead ? ahead_size(ahead->cap) : 0;
    if (ahead && cap <= ahead->cap) return true;
    ahead = realloc(ahead, ahead_size(cap));
    if (!ahead) return false;
    if (!chain->ahead) *ahead = (struct ahead){0};
    ahead->cap = (uint32_t)cap;
    hub->counts.merge_bytes += ahead_size(cap) - had;
    chain->ahead = ahead;
    return true;
}

static void free_ahead(struct hub *hub, struct chain *chain) {
    if (chain->ahead) hub->counts.merge_bytes -= ahead_size(chain->ahead->cap);
    free(chain->ahead);
    chain->ahead = NULL;
}

struct merge *merge_new(struct hub *hub, const struct merge_from *from) {
    struct merge *merge = calloc(1, sizeof *merge);
    if (!merge) return NULL;
    merge->from = *from;
    hub->counts.merge_bytes += sizeof *merge;
    return merge;
}

void merge_free(struct hub *hub, struct merge *merge) {
    if (!merge) return;
    for (uint32_t i = 0; i < merge->count; i++) free_ahead(hub, &merge->chains[i]);
    hub->counts.merge_bytes -= sizeof *merge + merge->cap * sizeof *merge->chains +
                               merge->items_cap * sizeof *merge->items;
    free(merge->chains);
    free(merge->items);
    free(merge);
}

// --- the heap ------------------------------------------------------------------------------------

static void sift_up(struct merge *merge) {
    struct chain *chains = merge->chains;
    uint32_t at = merge->count - 1;
    struct chain moved = chains[at];
    for (; at && chains[(at - 1) / 2].seq > moved.seq; at = (at - 1) / 2)
        chains[at] = chains[(at - 1) / 2];
    chains[at] = moved;
}

static void sift_down(struct merge *merge) {
    struct chain *chains = merge->chains, moved = chains[0];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= merge->count) break;
        if (child + 1 < merge->count && chains[child + 1].seq < chains[child].seq) child++;
        if (chains[child].seq >= moved.seq) break;
        chains[at] = chains[child];
        at = child;
    }
    chains[at] = moved;
}

static void remove_top(struct hub *hub, struct merge *merge) {
    free_ahead(hub, &merge->chains[0]);
    merge->chains[0] = merge->chains[--merge->count];
    if (merge->count) sift_down(merge);
}

// --- the topics ----------------------------------------------------------------------------------

static bool is_windowed(const struct merge *merge) { return merge->from.newest != MERGE_ALL; }

static struct chain chain_of(const struct merge *merge, const struct topic *topic) {
    const struct merge_from *from = &merge->from;
    struct chain chain = {.seq = from->after + 1,
                          .topic_no = topic->no,
                          .state = is_windowed(merge) ? CHAIN_NEW : CHAIN_OPEN,
                          .memory = topic->memory};
    // The newest one of a topic is known without reading anything.
    if (from->newest == 1 && topic->last_seq <= from->limit && !topic->marker) {
        chain.seq = topic->last_seq;
        chain.state = CHAIN_NEXT;
    }
    return chain;
}

static bool has_more(const struct merge *merge, const struct topic *topic) {
    return topic->last_seq > merge->from.after && topic->last_seq > topic->trimmed_seq &&
           (is_windowed(merge) || !topic->memory);
}

// Goes on with taking in topics, by their numbers: some may come or go between two turns.
static enum merge_step take_topics(struct hub *hub, struct merge *merge,
                                   const struct selector *selector, merge_budget *budget) {
    const struct number_set *topics = &selector->selection->topics;
    merge->large = topics->count > SMALL_TOPICS;
    for (uint32_t no = merge->topic_next; number_set_from(topics, &no); no++) {
        const struct topic *topic = directory_topic(&hub->directory, no);
        if ((*budget)-- <= 0) return MERGE_MORE;
        merge->topic_next = no + 1;
        if (!has_more(merge, topic)) continue;
        if (!is_windowed(merge) && merge->count == merge->from.topics_max) return MERGE_WIDE;
        if (!reserve_chain(hub, merge)) return MERGE_FAILED;
        merge->chains[merge->count++] = chain_of(merge, topic);
        sift_up(merge);
    }
    merge->complete = true;
    return MERGE_MORE;
}

// --- what comes next in the topic on top ---------------------------------------------------------

// What is known begins with the first of `ahead`, or there is nothing.
static void know(struct hub *hub, struct merge *merge, bool cut) {
    struct chain *chain = &merge->chains[0];
    if (!chain->ahead || !chain->ahead->count) {
        remove_top(hub, merge);
        return;
    }
    chain->seq = chain->ahead->seqs[0];
    chain->ahead->at = 1;
    chain->state = CHAIN_NEXT;
    chain->cut = cut;
    sift_down(merge);
}

static size_t ahead_wanted(const struct merge *merge, const struct chain *chain) {
    size_t most = AHEAD_TOGETHER / merge->count;
    if (most > AHEAD_MOST) most = AHEAD_MOST;
    size_t wanted = chain->ahead ? (size_t)chain->ahead->cap * 2 : AHEAD_FIRST;
    if (wanted > most) wanted = most;
    return wanted > AHEAD_FIRST ? wanted : AHEAD_FIRST;
}

// Up to where the topic has lost events, when only those from `ahead` on are left.
static uint64_t last_gone(struct hub *hub, const struct topic *topic, const struct ahead *ahead) {
    struct record first;
    if (!ahead->count) return topic->last_seq;
    int err = store_reader_read(hub->reading.store, ahead->seqs[0], &first);
    return err ? ahead->seqs[0] - 1 : first.prev;
}

// Its links are cut: what comes next is looked for among all events. What is damaged may be the
// topic's, unless a link leads past it.
static enum merge_step scan_on(struct hub *hub, struct merge *merge, struct topic *topic,
                               uint64_t after, size_t wanted, merge_budget *budget) {
    struct chain *chain = &merge->chains[0];
    struct ahead *ahead = chain->ahead;
    uint64_t last = topic->last_seq < merge->from.limit ? topic->last_seq : merge->from.limit;
    uint64_t at = after;
    bool more = true;
    ahead->count = 0;
    while (ahead->count<wanted && * budget> 0) {
        struct record record;
        *budget -= 1;
        int err = store_reader_next(hub->reading.store, at, &record);
        bool damaged = err == ERR_CORRUPT && record.seq;
        if (err == ERR_AGAIN) {
            *budget -= STORE_READER_AGAIN;
            at = record.seq;
            continue;
        }
        if (err && err != ERR_NOT_FOUND && !damaged) return MERGE_FAILED;
        more = err != ERR_NOT_FOUND && record.seq <= last;
        if (!more) break;
        if (record.topic_no == topic->no) {
            while (ahead->count && ahead->seqs[ahead->count - 1] > record.prev) ahead->count--;
            uint64_t before = ahead->count ? ahead->seqs[ahead->count - 1] : after;
            // Those between are gone: what is before them first.
            if (record.prev > before && ahead->count) break;
            if (record.prev > before) {
                directory_trimmed(&hub->directory, topic, record.prev, topic->trimmed_ordinal);
                return MERGE_AGAIN;
            }
        }
        at = record.seq;
        if (record.topic_no == topic->no || record.topic_no == RECORD_TOPIC_UNKNOWN)
            ahead->seqs[ahead->count++] = at;
    }
    if (ahead->count || !more) {
        know(hub, merge, more);
    } else {
        chain->seq = at + 1;
        sift_down(merge);
    }
    return MERGE_MORE;
}

static enum merge_step read_on(struct hub *hub, struct merge *merge, struct topic *topic,
                               merge_budget *budget) {
    struct chain *chain = &merge->chains[0];
    uint64_t after = chain->seq - 1;
    bool lost = false;
    size_t count = 0, wanted = ahead_wanted(merge, chain);
    if (topic->trimmed_seq > after) after = topic->trimmed_seq;
    if (!reserve_ahead(hub, chain, wanted)) return MERGE_FAILED;
    int err = store_reader_topic_after(hub->reading.store, topic->last_seq, after,
                                       chain->ahead->seqs, wanted, &count, &lost);
    *budget -= SEEK_COST + (merge_budget)count;
    if (err == ERR_CORRUPT) return scan_on(hub, merge, topic, after, wanted, budget);
    if (err && err != ERR_NOT_FOUND) return MERGE_FAILED;
    chain->ahead->count = (uint32_t)count;
    if (err || lost) {
        // Retention was faster than its announcement. Where the chain is stays as it was: what is
        // gone was to come.
        uint64_t gone = last_gone(hub, topic, chain->ahead);
        if (gone > after) {
            directory_trimmed(&hub->directory, topic, gone, topic->trimmed_ordinal);
            return MERGE_AGAIN;
        }
    }
    know(hub, merge, count == wanted);
    return MERGE_MORE;
}

// The topic's newest event as it was at the limit: what followed came meanwhile.
static int newest_at_limit(struct hub *hub, const struct merge *merge, const struct topic *topic,
                           struct record *out) {
    *out = (struct record){.seq = topic->last_seq,
                           .ordinal = topic->last_ordinal,
                           .flags = topic->marker ? EVENT_MARKER : 0};
    if (out->seq <= merge->from.limit) return 0;
    int err = store_reader_topic_before(hub->reading.store, topic->last_seq, merge->from.limit + 1,
                                        &out->seq);
    if (err) return err;
    err = store_reader_read(hub->reading.store, out->seq, out);
    return err == ERR_CORRUPT && out->topic_no == topic->no ? 0 : err;
}

// With this event as the newest one: the ordinal of the first of the newest N.
static uint64_t first_of_newest(const struct merge *merge, const struct record *newest) {
    uint64_t wanted = merge->from.newest + (newest->flags & EVENT_MARKER ? 1 : 0);
    return newest->ordinal > wanted ? newest->ordinal - wanted + 1 : 1;
}

// Its links are cut: goes back over all events to where the newest N begin; in another turn when
// the budget is used up.
static enum merge_step scan_back(struct hub *hub, struct merge *merge, const struct topic *topic,
                                 merge_budget *budget) {
    struct chain *chain = &merge->chains[0];
    struct ahead *ahead = chain->ahead;
    uint64_t bound = chain->seq > topic->trimmed_seq ? chain->seq : topic->trimmed_seq + 1;
    while (ahead->walk > bound) {
        struct record record;
        if ((*budget)-- <= 0) return MERGE_MORE;
        int err = store_reader_previous(hub->reading.store, &ahead->walk, &record);
        bool damaged = err == ERR_CORRUPT && record.seq;
        if (err && err != ERR_NOT_FOUND && !damaged) return MERGE_FAILED;
        if (err == ERR_NOT_FOUND || record.seq < bound || record.topic_no != topic->no) continue;
        if (!ahead->ordinal) ahead->ordinal = first_of_newest(merge, &record);
        if (record.ordinal > ahead->ordinal) continue;
        // Behind it when the first one itself is damaged.
        chain->seq = record.ordinal < ahead->ordinal ? record.seq + 1 : record.seq;
        break;
    }
    chain->state = CHAIN_OPEN;
    sift_down(merge);
    return MERGE_MORE;
}

static enum merge_step begin_scan_back(struct hub *hub, struct merge *merge,
                                       const struct topic *topic, uint64_t ordinal,
                                       merge_budget *budget) {
    struct chain *chain = &merge->chains[0];
    if (!reserve_ahead(hub, chain, AHEAD_FIRST)) return MERGE_FAILED;
    chain->ahead->walk = merge->from.limit + 1;
    chain->ahead->ordinal = ordinal;
    return scan_back(hub, merge, topic, budget);
}

// Finds where a stored topic's newest N begin.
static enum merge_step find_newest(struct hub *hub, struct merge *merge, const struct topic *topic,
                                   merge_budget *budget) {
    struct chain *chain = &merge->chains[0];
    struct record newest;
    if (chain->ahead) return scan_back(hub, merge, topic, budget);
    *budget -= SEEK_COST;
    int err = newest_at_limit(hub, merge, topic, &newest);
    if (err == ERR_CORRUPT) return begin_scan_back(hub, merge, topic, 0, budget);
    chain->state = CHAIN_OPEN;
    // There was nothing, or it is gone: reading on tells.
    if (err == ERR_NOT_FOUND) return MERGE_MORE;
    if (err) return MERGE_FAILED;
    uint64_t first = first_of_newest(merge, &newest), seq = 0;
    // All that is left of it: reading on begins there.
    if (first == 1 || first - 1 <= topic->trimmed_ordinal) return MERGE_MORE;
    err = store_reader_topic_at(hub->reading.store, topic->last_seq, first, &seq);
    if (err == ERR_NOT_FOUND) return MERGE_MORE;
    if (err == ERR_CORRUPT) {
        chain->state = CHAIN_NEW;
        return begin_scan_back(hub, merge, topic, first, budget);
    }
    if (err) return MERGE_FAILED;
    if (seq < chain->seq) return MERGE_MORE;
    chain->seq = seq;
    chain->state = CHAIN_NEXT;
    chain->cut = seq < newest.seq;
    sift_down(merge);
    return MERGE_MORE;
}

static void reverse(struct ahead *ahead) {
    for (uint32_t i = 0; i < ahead->count / 2; i++) {
        uint64_t seq = ahead->seqs[i];
        ahead->seqs[i] = ahead->seqs[ahead->count - 1 - i];
        ahead->seqs[ahead->count - 1 - i] = seq;
    }
}

// Collects the newest N of a topic in memory; goes on in another turn when the budget is used up.
static enum merge_step walk_back(struct hub *hub, struct merge *merge, const struct topic *topic,
                                 merge_budget *budget) {
    struct chain *chain = &merge->chains[0];
    if (!chain->ahead) {
        if (!reserve_ahead(hub, chain, AHEAD_FIRST)) return MERGE_FAILED;
        chain->ahead->walk = topic->last_seq;
    }
    while (chain->ahead->count < merge->from.newest + chain->marker) {
        struct ahead *ahead = chain->ahead;
        uint64_t seq = ahead->walk;
        if (seq < chain->seq || seq <= topic->trimmed_seq) break;
        if ((*budget)-- <= 0) return MERGE_MORE;
        const struct event *event = ring_at(&hub->ring, seq);
        if (!event || event->topic_no != topic->no) break;
        ahead->walk = event->prev;
        if (seq > merge->from.limit) continue;
        if (!ahead->count) chain->marker = event->flags & EVENT_MARKER;
        if (ahead->count == ahead->cap && !reserve_ahead(hub, chain, (size_t)ahead->cap * 2))
            return MERGE_FAILED;
        chain->ahead->seqs[chain->ahead->count++] = seq;
    }
    reverse(chain->ahead);
    know(hub, merge, false);
    return MERGE_MORE;
}

static enum merge_step look_at_top(struct hub *hub, struct merge *merge, merge_budget *budget) {
    const struct chain *chain = &merge->chains[0];
    struct topic *topic = directory_topic(&hub->directory, chain->topic_no);
    // Nothing is left of it; or its events are kept in another way now.
    if (!topic || topic->last_seq <= topic->trimmed_seq || topic->memory != chain->memory) {
        remove_top(hub, merge);
        return MERGE_MORE;
    }
    if (chain->memory) return walk_back(hub, merge, topic, budget);
    if (reading_begin(&hub->reading)) return MERGE_FAILED;
    return chain->state == CHAIN_NEW ? find_newest(hub, merge, topic, budget)
                                     : read_on(hub, merge, topic, budget);
}

// The top has been listed.
static void take_top(struct hub *hub, struct merge *merge) {
    struct chain *chain = &merge->chains[0];
    struct ahead *ahead = chain->ahead;
    if (ahead && ahead->at < ahead->count) {
        chain->seq = ahead->seqs[ahead->at++];
    } else if (chain->cut) {
        chain->seq++;
        chain->state = CHAIN_OPEN;
    } else {
        remove_top(hub, merge);
        return;
    }
    sift_down(merge);
}

// --- the list ------------------------------------------------------------------------------------

enum merge_step merge_list(struct hub *hub, struct merge *merge, const struct selector *selector,
                           size_t max, merge_budget *budget) {
    merge->items_count = merge->items_next = 0;
    if (!merge->complete) {
        enum merge_step step = take_topics(hub, merge, selector, budget);
        if (!merge->complete) return step;
    }
    while (merge->items_count < max) {
        const struct chain *top = merge->chains;
        if (!merge->count || top->seq > merge->from.limit) return MERGE_END;
        if (*budget <= 0) return MERGE_MORE;
        if (top->state != CHAIN_NEXT) {
            enum merge_step step = look_at_top(hub, merge, budget);
            if (step != MERGE_MORE) return step;
            continue;
        }
        if (is_windowed(merge) && !merge->begun) {
            merge->begun = true;
            return MERGE_BEGINS;
        }
        if (!reserve_item(hub, merge)) return MERGE_FAILED;
        merge->items[merge->items_count++] = (struct merge_item){top->seq, top->topic_no};
        *budget -= 1;
        take_top(hub, merge);
    }
    return MERGE_MORE;
}

const struct merge_item *merge_listed(struct merge *merge, uint64_t after, size_t *count) {
    while (merge->items_next < merge->items_count && merge->items[merge->items_next].seq <= after)
        merge->items_next++;
    *count = merge->items_count - merge->items_next;
    return *count ? &merge->items[merge->items_next] : NULL;
}

uint64_t merge_limit(const struct merge *merge) { return merge->from.limit; }

bool merge_is_large(const struct merge *merge) { return merge->large; }

bool merge_has_begun(const struct merge *merge) { return merge && merge->begun; }

uint64_t merge_next(struct merge *merge, uint64_t after) {
    size_t count;
    const struct merge_item *items = merge_listed(merge, after, &count);
    if (items) return items->seq;
    return merge->count ? merge->chains[0].seq : UINT64_MAX;
}

// `highest`, or how far the topic has lost events if that is further and `seq` is among them.
static uint64_t lost_of(const struct hub *hub, uint32_t topic_no, uint64_t seq, uint64_t told,
                        uint64_t highest) {
    const struct topic *topic = directory_topic(&hub->directory, topic_no);
    if (!topic || topic->trimmed_at <= told || topic->trimmed_seq < seq) return highest;
    return topic->trimmed_seq > highest ? topic->trimmed_seq : highest;
}

uint64_t merge_lost(const struct hub *hub, struct merge *merge, uint64_t after, uint64_t told) {
    uint64_t highest = 0;
    size_t count;
    const struct merge_item *items = merge_listed(merge, after, &count);
    for (size_t i = 0; i < count; i++)
        highest = lost_of(hub, items[i].topic_no, items[i].seq, told, highest);
    for (uint32_t i = 0; i < merge->count; i++)
        highest = lost_of(hub, merge->chains[i].topic_no, merge->chains[i].seq, told, highest);
    return highest;
}
