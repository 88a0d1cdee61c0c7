// SPDX-License-Identifier: MIT
// Heartbeats.
#include "hub/heartbeat.h"

#include "hub/hub_priv.h"
#include "hub/subscriber.h"

// How many heartbeats ahead memory is asked for.
#define AHEAD 12
// Ticks without a write after which a stream is idle.
#define IDLE_TICKS (HUB_WHEEL_SLOTS / 4)

int heartbeat_init(struct hub *hub) {
    bool failed = false;
    for (unsigned format = 0; format < FRAME_FORMATS; format++) {
        for (unsigned control = 0; control < 2; control++) {
            for (unsigned kind = 0; kind < WIRE_KINDS; kind++) {
                struct buf *out = &hub->heartbeats[format][control][kind];
                buf_init(out, 256);
                document_heartbeat(out, (enum frame_format)format, control, hub->epoch);
                wire_close(wire_of_kind(kind), out, 0);
                failed = failed || buf_failed(out);
            }
        }
    }
    return failed ? ERR_NOMEM : 0;
}

void heartbeat_fini(struct hub *hub) {
    for (unsigned format = 0; format < FRAME_FORMATS; format++) {
        for (unsigned control = 0; control < 2; control++) {
            for (unsigned kind = 0; kind < WIRE_KINDS; kind++)
                buf_fini(&hub->heartbeats[format][control][kind]);
        }
    }
}

static void beat(struct hub *hub, struct subscriber *subscriber) {
    const struct selector *selector = subscriber->selector;
    uint32_t tick = hub->wheel.tick;
    bool live = subscriber->state == SUB_LIVE;
    bool idle = tick - subscriber->written_tick >= IDLE_TICKS &&
                (!live || tick - selector->written_tick >= IDLE_TICKS);
    bool free_to_speak = live || subscriber->state == SUB_PUMPED;
    if (!idle || !free_to_speak || subscriber->parcel || subscriber->tail) return;
    const struct buf *words =
        &hub->heartbeats[selector->format][subscriber->flags & SUB_CONTROL ? 1 : 0]
                        [wire_kind(selector->wire)];
    size_t taken;
    if (!words->len || !subscriber_write(hub, subscriber, buf_str(words), &taken)) return;
    if (taken == words->len) return;
    // Being live means having everything up to here; the cursor must say so where it ends.
    if (live) subscriber->cursor = hub->delivered;
    if (subscriber_say(hub, subscriber, (struct str){words->data + taken, words->len - taken}))
        subscriber_block(hub, subscriber);
}

void heartbeat_tick(struct hub *hub) {
    struct subscriber_list *list = &hub->wheel.slots[hub->wheel.tick % HUB_WHEEL_SLOTS];
    hub->wheel.tick++;
    for (uint32_t i = list->count; i-- > 0;) {
        if (i >= list->count) continue;
        if (i >= AHEAD) {
            // Subscribers lie all over memory; what a heartbeat reads of one may straddle two lines
            // of the cache.
            const struct subscriber *next = list->items[i - AHEAD];
            __builtin_prefetch(next, 1);
            __builtin_prefetch(&next->parcel, 1);
        }
        beat(hub, list->items[i]);
    }
}
