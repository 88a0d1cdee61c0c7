// SPDX-License-Identifier: MIT
// The beginning of a response.
#include "hub/opening.h"

#include <stdlib.h>

#include "base/limits.h"
#include "hub/hub_priv.h"
#include "hub/subscriber.h"
#include "hub/topics.h"

struct topics_of {
    const struct hub *hub;
    const struct selector *selector;
};

static void write_topics(void *context, struct json *json) {
    const struct topics_of *of = context;
    topics_write_all(json, &of->hub->directory, of->selector, of->hub->epoch);
}

// Room for a head, which is not known before it is asked for.
#define HEAD_BYTES_MAX ((size_t)64 * 1024)

// The opening and what is queued, in a buffer of its own.
static int write_opening(struct hub *hub, const struct subscriber *subscriber, struct buf *out) {
    const struct selector *selector = subscriber->selector;
    struct topics_of topics = {hub, selector};
    buf_init(out, LIMIT_TAIL_BYTES - HEAD_BYTES_MAX);
    document_open(out, selector->format,
                  &(struct document_opening){.epoch = hub->epoch,
                                             .position = hub->position,
                                             .heartbeat_ms = hub->heartbeat_ms,
                                             .retry_ms = subscriber->retry_ms,
                                             .control = subscriber->flags & SUB_CONTROL,
                                             .topics = write_topics,
                                             .context = &topics});
    wire_close(selector->wire, out, 0);
    if (subscriber->tail) buf_append_str(out, buf_str(subscriber->tail));
    return buf_failed(out) ? ERR_TOO_LONG : 0;
}

// An empty tail, with memory to come.
static bool renew_tail(struct subscriber *subscriber) {
    if (subscriber->tail) {
        buf_fini(subscriber->tail);
    } else {
        subscriber->tail = malloc(sizeof *subscriber->tail);
    }
    if (subscriber->tail) buf_init(subscriber->tail, LIMIT_TAIL_BYTES);
    return subscriber->tail;
}

int opening_queue(struct hub *hub, struct subscriber *subscriber) {
    struct buf opening;
    int err = write_opening(hub, subscriber, &opening);
    if (!err && !renew_tail(subscriber)) err = ERR_NOMEM;
    if (!err) {
        struct buf *tail = subscriber->tail;
        bool begun = subscriber->selector->sink->begin(subscriber, tail);
        buf_append_str(tail, buf_str(&opening));
        if (!begun || buf_failed(tail)) subscriber_break(subscriber);
        subscriber->written_tick = hub->wheel.tick;
    }
    buf_fini(&opening);
    return err;
}
