// SPDX-License-Identifier: MIT
// The beginning of a response.
#include "hub/opening.h"

#include <stdlib.h>

#include "base/limits.h"
#include "hub/hub_priv.h"
#include "hub/replay.h"
#include "hub/subscriber.h"
#include "hub/topics.h"

// Some more of the topics, as one piece.
static void list_some(const struct hub *hub, struct subscriber *subscriber, struct buf *out) {
    const struct selector *selector = subscriber->selector;
    struct replay_listing *listing = &subscriber->replay->listing;
    struct json json = document_topics(out, !listing->filled);
    listing->on =
        topics_write_some(&json, &hub->directory, selector->selection, hub->epoch, &listing->next);
    listing->filled = json.filled >> json.depth & 1;
    if (!listing->on) document_end_topics(out);
}

static int begin_list(const struct hub *hub, struct subscriber *subscriber, struct buf *out) {
    if (!document_lists_topics((enum frame_format)subscriber->selector->format)) return 0;
    if (!subscriber->replay && !replay_make(subscriber, REPLAY_PLAIN)) return ERR_NOMEM;
    list_some(hub, subscriber, out);
    return 0;
}

static int write_opening(const struct hub *hub, struct subscriber *subscriber, struct buf *out) {
    const struct selector *selector = subscriber->selector;
    buf_init(out, LIMIT_TAIL_BYTES);
    document_open(out, (enum frame_format)selector->format,
                  &(struct document_opening){.epoch = hub->epoch,
                                             .position = hub->position,
                                             .heartbeat_ms = hub->heartbeat_ms,
                                             .retry_ms = subscriber->retry_ms,
                                             .control = subscriber->flags & SUB_CONTROL});
    int err = begin_list(hub, subscriber, out);
    wire_close(selector->wire, out, 0);
    return err || buf_failed(out) ? ERR_NOMEM : 0;
}

// An empty tail; what was in it follows the topics, or is appended to `out`.
static bool renew_tail(struct subscriber *subscriber, struct buf *out) {
    if (subscriber->tail && opening_lists(subscriber)) {
        subscriber->replay->listing.held = subscriber->tail;
        subscriber->tail = NULL;
    } else if (subscriber->tail) {
        buf_append_str(out, buf_str(subscriber->tail));
        buf_fini(subscriber->tail);
    }
    if (!subscriber->tail) subscriber->tail = malloc(sizeof *subscriber->tail);
    if (subscriber->tail) buf_init(subscriber->tail, LIMIT_TAIL_BYTES);
    return subscriber->tail && !buf_failed(out);
}

static void begin(struct hub *hub, struct subscriber *subscriber, struct str opening) {
    struct buf *tail = subscriber->tail;
    enum hub_begun begun = subscriber->selector->sink->begin(subscriber, tail);
    if (begun != HUB_BEGUN_ENDED) buf_append_str(tail, opening);
    subscriber->written_tick = hub->wheel.tick;
    if (begun == HUB_BEGUN_BROKEN || buf_failed(tail)) {
        subscriber_break(subscriber);
    } else if (begun == HUB_BEGUN_ENDED) {
        replay_free(hub, subscriber);
        subscriber->state = SUB_ENDING;
        subscriber_end(hub, subscriber);
    }
}

int opening_queue(struct hub *hub, struct subscriber *subscriber) {
    struct buf opening;
    ASSERT(subscriber->selector->selection->resolved || !(subscriber->flags & SUB_SNAPSHOT));
    int err = write_opening(hub, subscriber, &opening);
    if (!err && !renew_tail(subscriber, &opening)) err = ERR_NOMEM;
    if (!err) begin(hub, subscriber, buf_str(&opening));
    buf_fini(&opening);
    return err;
}

bool opening_lists(const struct subscriber *subscriber) {
    return subscriber->replay && subscriber->replay->listing.on;
}

size_t opening_go_on(struct hub *hub, struct subscriber *subscriber) {
    struct buf piece;
    if (!subscriber_flush(hub, subscriber)) return 0;
    struct replay_listing *listing = &subscriber->replay->listing;
    buf_init(&piece, LIMIT_TAIL_BYTES);
    list_some(hub, subscriber, &piece);
    if (piece.len) wire_close(subscriber->selector->wire, &piece, 0);
    if (!listing->on && listing->held) {
        buf_append_str(&piece, buf_str(listing->held));
        buf_fini(listing->held);
        free(listing->held);
        listing->held = NULL;
    }
    size_t len = piece.len;
    if (buf_failed(&piece)) {
        subscriber_break(subscriber);
    } else if (subscriber_say(hub, subscriber, buf_str(&piece))) {
        (void)!subscriber_flush(hub, subscriber);
    }
    buf_fini(&piece);
    if (subscriber->state == SUB_PUMPED) ready_add(&hub->ready, subscriber);
    return len;
}
