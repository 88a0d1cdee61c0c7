// SPDX-License-Identifier: MIT
// One subscriber.
#include "hub/subscriber.h"

#include <stdlib.h>

#include "base/limits.h"
#include "hub/hub_priv.h"
#include "hub/replay.h"

// A notice and the end of a document: some ids, counters and a client's own id.
#define WORDS_BYTES_MAX 65536

// --- bytes ---------------------------------------------------------------------------------------

bool subscriber_write(struct hub *hub, struct subscriber *subscriber, struct str bytes,
                      size_t *taken) {
    const struct selector *selector = subscriber->selector;
    intptr_t handle = subscriber->state == SUB_LIVE ? selector->live.items[subscriber->place].handle
                                                    : selector->sink->handle(subscriber);
    ssize_t n = selector->sink->write(handle, bytes.ptr, bytes.len);
    if (n < 0) {
        subscriber_break(subscriber);
        return false;
    }
    *taken = (size_t)n;
    subscriber->written_tick = hub->wheel.tick;
    hub->counts.sent_writes_total++;
    hub->counts.sent_bytes_total += (uint64_t)n;
    return true;
}

static void drop_parcel(struct hub *hub, struct subscriber *subscriber) {
    parcel_put(&hub->pinned, subscriber->parcel);
    subscriber->parcel = NULL;
}

// What its connection does not take is counted from then on, until it changes.
static bool count_tail(struct hub *hub, struct subscriber *subscriber) {
    size_t counted = 0;
    if (!subscriber->tail || subscriber->flags & SUB_COUNTED) return true;
    if (!account_hold(hub->account, &counted, subscriber->tail->cap)) return false;
    if (counted) subscriber->flags |= SUB_COUNTED;
    return true;
}

static void uncount_tail(struct hub *hub, struct subscriber *subscriber) {
    if (!(subscriber->flags & SUB_COUNTED)) return;
    subscriber->flags &= (uint16_t)~SUB_COUNTED;
    account_give(hub->account, subscriber->tail->cap - ACCOUNT_FREE_BYTES);
}

static void drop_tail(struct hub *hub, struct subscriber *subscriber) {
    if (!subscriber->tail) return;
    uncount_tail(hub, subscriber);
    buf_fini(subscriber->tail);
    free(subscriber->tail);
    subscriber->tail = NULL;
}

static bool flush_parcel(struct hub *hub, struct subscriber *subscriber) {
    const struct parcel *parcel = subscriber->parcel;
    if (!parcel) return true;
    uint32_t at = subscriber->parcel_at;
    size_t taken = 0;
    if (!subscriber_write(hub, subscriber, (struct str){parcel->bytes + at, parcel->len - at},
                          &taken))
        return false;
    subscriber->parcel_at += (uint32_t)taken;
    if (subscriber->parcel_at < parcel->len) {
        subscriber_block(hub, subscriber);
        return false;
    }
    hub->counts.deliveries_total++;
    drop_parcel(hub, subscriber);
    return true;
}

static bool flush_tail(struct hub *hub, struct subscriber *subscriber) {
    struct buf *tail = subscriber->tail;
    if (!tail) return true;
    size_t taken = 0;
    if (tail->len && !subscriber_write(hub, subscriber, buf_str(tail), &taken)) return false;
    buf_consume(tail, taken);
    if (tail->len) {
        subscriber_block(hub, subscriber);
        return false;
    }
    drop_tail(hub, subscriber);
    return true;
}

bool subscriber_flush(struct hub *hub, struct subscriber *subscriber) {
    return flush_parcel(hub, subscriber) && flush_tail(hub, subscriber);
}

bool subscriber_settle(struct hub *hub, struct subscriber *subscriber, size_t taken,
                       uint64_t before) {
    struct round *round = &hub->round;
    struct round_cut cut = round_cut(round, taken);
    size_t given = cut.whole + cut.begun;
    hub->counts.deliveries_total += cut.whole;
    if (given) subscriber->flags |= SUB_ELEMENTS;
    // What is begun is as good as given: nothing can keep its rest from following.
    subscriber->cursor = given ? round->pieces[given - 1].seq : before;
    if (!cut.begun) return true;
    subscriber->parcel_at = (uint32_t)cut.offset;
    if (!round_parcel(round, cut.whole, &hub->pinned, &subscriber->parcel)) return true;
    subscriber_break(subscriber);
    return false;
}

bool subscriber_send_round(struct hub *hub, struct subscriber *subscriber, size_t *written) {
    struct str bytes = round_bytes(&hub->round);
    size_t taken = 0;
    if (!subscriber_write(hub, subscriber, bytes, &taken)) return false;
    *written += taken;
    bool settled = subscriber_settle(hub, subscriber, taken, subscriber->cursor);
    round_release(&hub->round, &hub->pinned);
    if (settled && taken < bytes.len) subscriber_block(hub, subscriber);
    return settled && taken == bytes.len;
}

bool subscriber_say(struct hub *hub, struct subscriber *subscriber, struct str bytes) {
    if (!bytes.len) return true;
    uncount_tail(hub, subscriber);
    if (!subscriber->tail) {
        subscriber->tail = malloc(sizeof *subscriber->tail);
        if (subscriber->tail) buf_init(subscriber->tail, LIMIT_TAIL_BYTES);
    }
    if (subscriber->tail) buf_append_str(subscriber->tail, bytes);
    if (subscriber->tail && !buf_failed(subscriber->tail)) return true;
    subscriber_break(subscriber);
    return false;
}

// Appends a notice as one piece, if the document has a place for it.
static void add_notice(const struct hub *hub, struct subscriber *subscriber, struct buf *out,
                       const struct notice *notice) {
    const struct selector *selector = subscriber->selector;
    size_t start = out->len;
    bool first = !(subscriber->flags & SUB_ELEMENTS);
    if (subscriber->flags & SUB_QUIET) {
        document_aside(out, selector->format, notice, hub->epoch);
    } else if (document_notice(out, selector->format, notice, first, hub->epoch)) {
        subscriber->flags |= SUB_ELEMENTS;
    }
    wire_close(selector->wire, out, start);
}

bool subscriber_notice(struct hub *hub, struct subscriber *subscriber,
                       const struct notice *notice) {
    struct buf words;
    buf_init(&words, WORDS_BYTES_MAX);
    add_notice(hub, subscriber, &words, notice);
    bool said = subscriber_say(hub, subscriber, buf_str(&words));
    buf_fini(&words);
    return said;
}

void subscriber_gap(struct hub *hub, struct subscriber *subscriber,
                    const struct subscriber_loss *loss) {
    const struct notice notice = {
        .kind = NOTICE_GAP,
        .seq = loss->seq,
        .time_ms = hub->last_time_ms,
        .topic = subscriber->selector->selection->names[0].text,
        .gap = {loss->from, loss->from_seq, loss->to_seq, loss->reason},
    };
    hub->counts.gaps_total++;
    (void)subscriber_notice(hub, subscriber, &notice);
}

// --- states --------------------------------------------------------------------------------------

void subscriber_go_live(struct hub *hub, struct subscriber *subscriber) {
    struct selector *selector = subscriber->selector;
    ASSERT(!subscriber->parcel && !subscriber->tail && hub->position == hub->delivered);
    subscriber->state = SUB_LIVE;
    list_add_live(&selector->live, subscriber, selector->sink->handle(subscriber));
}

void subscriber_detach(struct subscriber *subscriber) {
    if (subscriber->state == SUB_LIVE) list_remove_live(&subscriber->selector->live, subscriber);
    if (subscriber->state == SUB_WAITING) list_remove(&subscriber->selector->waiting, subscriber);
}

void subscriber_break(struct subscriber *subscriber) {
    if (subscriber->state == SUB_DEAD) return;
    subscriber_detach(subscriber);
    subscriber->state = SUB_DEAD;
    subscriber->selector->sink->broken(subscriber);
}

void subscriber_block(struct hub *hub, struct subscriber *subscriber) {
    if (!count_tail(hub, subscriber)) {
        subscriber_break(subscriber);
        return;
    }
    subscriber_detach(subscriber);
    if (subscriber->state != SUB_ENDING) subscriber->state = SUB_BLOCKED;
    hub->counts.blocked_total++;
    subscriber->selector->sink->want_writable(subscriber, true);
}

void subscriber_finish(struct hub *hub, struct subscriber *subscriber, const struct notice *notice,
                       const struct document_closing *closing) {
    const struct selector *selector = subscriber->selector;
    struct buf words;
    if (subscriber->state == SUB_DEAD || subscriber->state == SUB_ENDING) return;
    buf_init(&words, WORDS_BYTES_MAX);
    if (notice) add_notice(hub, subscriber, &words, notice);
    size_t start = words.len;
    if (closing) document_close(&words, selector->format, closing, hub->epoch);
    wire_close(selector->wire, &words, start);
    wire_end(selector->wire, &words);
    if (subscriber_say(hub, subscriber, buf_str(&words))) {
        subscriber_detach(subscriber);
        replay_free(hub, subscriber);
        subscriber->state = SUB_ENDING;
        subscriber_end(hub, subscriber);
    }
    buf_fini(&words);
}

void subscriber_finish_closed(struct hub *hub, struct subscriber *subscriber) {
    const struct topic *topic = directory_last_closed(&hub->directory, subscriber->selector);
    const struct notice end = {
        .kind = NOTICE_END, .seq = topic->last_seq, .end = {topic_name(topic)}};
    subscriber_finish(hub, subscriber, &end, NULL);
}

void subscriber_end(struct hub *hub, struct subscriber *subscriber) {
    const struct hub_sink *sink = subscriber->selector->sink;
    if (!subscriber_flush(hub, subscriber)) return;
    subscriber_release(hub, subscriber);
    hub->counts.subscribers--;
    sink->finished(subscriber);
}

void subscriber_release(struct hub *hub, struct subscriber *subscriber) {
    subscriber_detach(subscriber);
    wheel_remove(&hub->wheel, subscriber);
    ready_remove(&hub->ready, subscriber);
    replay_free(hub, subscriber);
    drop_parcel(hub, subscriber);
    drop_tail(hub, subscriber);
    directory_release(&hub->directory, subscriber->selector);
    subscriber->selector = NULL;
    // The connection may still have word for it in this turn.
    subscriber->state = SUB_DEAD;
}
