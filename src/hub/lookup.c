// SPDX-License-Identifier: MIT
// One event by its seq.
#include "hub/lookup.h"

#include "hub/hub_priv.h"

struct record lookup_record(const struct event *event) {
    return (struct record){.seq = event->seq,
                           .prev = event->prev,
                           .ordinal = event->ordinal,
                           .time_ms = event->time_ms,
                           .topic_no = event->topic_no,
                           .flags = event->flags,
                           .expires_s = event_expires_s(event),
                           .type = event_type(event),
                           .key = event_key(event),
                           .data = event_data(event)};
}

int lookup_event(struct hub *hub, uint64_t seq, struct lookup *out) {
    out->event = ring_at(&hub->ring, seq);
    if (out->event) {
        // What was forgotten (DELETE) is not given out of memory either.
        const struct topic *topic = directory_topic(&hub->directory, out->event->topic_no);
        if (!topic || seq <= topic->trimmed_seq) return ERR_NOT_FOUND;
        out->record = lookup_record(out->event);
        return 0;
    }
    if (seq > hub->ring.floor) return ERR_NOT_FOUND;
    int err = reading_begin(&hub->reading);
    return err ? err : store_reader_read(hub->reading.store, seq, &out->record);
}

int lookup_target(struct hub *hub, struct str data, struct lookup *out) {
    int err = lookup_event(hub, event_target(data), out);
    return !err && out->record.flags & EVENT_ALIAS ? ERR_NOT_FOUND : err;
}
