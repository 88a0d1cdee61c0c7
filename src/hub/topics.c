// SPDX-License-Identifier: MIT
// Topics as they are shown.
#include "hub/topics.h"

#include "base/units.h"

uint64_t topics_subscribers(const struct topic *topic) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < topic->selectors_count; i++) count += topic->selectors[i]->refs;
    return count;
}

struct hub_topic topics_view(const struct topic *topic) {
    return (struct hub_topic){
        .name = topic_name(topic),
        .no = topic->no,
        .last_seq = topic->last_seq,
        .last_time_ms = topic->last_time_ms,
        .events = topic_events(topic),
        .bytes = topic->bytes,
        .closed = topic->closed,
    };
}

void topics_write(struct json *json, const struct hub_topic *topic, const char *epoch,
                  const uint64_t *subscribers) {
    char time[32];
    json_object(json, NULL);
    json_str(json, "topic", topic->name);
    json_id(json, "last_id", epoch, topic->last_seq);
    json_str(json, "last_time", str_from(units_format_time(topic->last_time_ms, time)));
    json_u64(json, "events", topic->events);
    json_u64(json, "bytes", topic->bytes);
    if (subscribers) json_u64(json, "subscribers", *subscribers);
    json_bool(json, "closed", topic->closed);
    json_end(json);
}

void topics_write_all(struct json *json, const struct directory *directory,
                      const struct selector *selector, const char *epoch) {
    for (uint32_t i = 0; i < selector->topics_count; i++) {
        const struct topic *topic = directory_topic(directory, selector->topics[i]);
        if (!topics_shown(topic)) continue;
        struct hub_topic view = topics_view(topic);
        topics_write(json, &view, epoch, NULL);
    }
}
