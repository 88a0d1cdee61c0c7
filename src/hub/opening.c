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

int opening_queue(struct hub *hub, struct subscriber *subscriber, struct buf *head) {
    const struct selector *selector = subscriber->selector;
    struct topics_of topics = {hub, selector};
    size_t start = head->len;
    document_open(head, selector->format,
                  &(struct document_opening){.epoch = hub->epoch,
                                             .position = hub->position,
                                             .heartbeat_ms = hub->heartbeat_ms,
                                             .retry_ms = subscriber->retry_ms,
                                             .control = subscriber->flags & SUB_CONTROL,
                                             .topics = write_topics,
                                             .context = &topics});
    wire_close(selector->wire, head, start);
    if (subscriber->tail) buf_append_str(head, buf_str(subscriber->tail));
    if (buf_failed(head)) return ERR_TOO_LONG;
    if (!subscriber->tail) {
        subscriber->tail = malloc(sizeof *subscriber->tail);
        if (!subscriber->tail) return ERR_NOMEM;
    } else {
        buf_fini(subscriber->tail);
    }
    // The buffer moves.
    *subscriber->tail = *head;
    buf_init(head, LIMIT_TAIL_BYTES);
    subscriber->written_tick = hub->wheel.tick;
    return 0;
}
