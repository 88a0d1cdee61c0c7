// SPDX-License-Identifier: MIT
// Topics as they are shown.
#include "hub/topics.h"

#include "base/units.h"
#include "hub/hub_priv.h"

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

bool topics_write_some(struct json *json, const struct directory *directory,
                       const struct selection *selection, const char *epoch, uint32_t *no) {
    size_t begun = json->out->len;
    for (int looks = 0; number_set_from(&selection->topics, no); ++*no) {
        if (json->out->len - begun >= TOPICS_PIECE || looks++ == TOPICS_LOOKS) return true;
        const struct topic *topic = directory_topic(directory, *no);
        if (!topics_shown(topic)) continue;
        struct hub_topic view = topics_view(topic);
        topics_write(json, &view, epoch, NULL);
    }
    return false;
}

// --- walks ---------------------------------------------------------------------------------------

// What one step of a walk takes, in matches of a pattern: about half a millisecond.
#define WALK_STEPS 8192

static bool is_wanted(const struct hub_walk *walk, const struct topic *topic) {
    return topics_shown(topic) &&
           pattern_match_any(walk->names, walk->names_count, topic_name(topic)) &&
           (!walk->grants_count ||
            pattern_match_any(walk->grants, walk->grants_count, topic_name(topic)));
}

// The first topic from walk->next on that may be wanted: any, or the first of those that are named.
static const struct topic *next_topic(const struct directory *directory,
                                      const struct hub_walk *walk) {
    const struct topic *first = NULL;
    for (uint32_t i = 0; i < walk->names_count; i++) {
        if (walk->names[i].kind != PATTERN_EXACT) return directory_from(directory, walk->next);
        const struct topic *topic = directory_find(directory, walk->names[i].text);
        if (topic && topic->no != TOPIC_UNNUMBERED && topic->no >= walk->next &&
            (!first || topic->no < first->no))
            first = topic;
    }
    return first;
}

bool hub_topics(struct hub *hub, struct hub_walk *walk,
                bool (*each)(void *context, const struct hub_topic *topic), void *context) {
    const struct directory *directory = &hub->directory;
    int64_t each_costs = walk->names_count + walk->grants_count;
    for (int64_t steps = WALK_STEPS; steps > 0;) {
        const struct topic *topic = next_topic(directory, walk);
        if (!topic) return false;
        walk->next = topic->no + 1;
        steps -= each_costs * (1 + topic->name_len / 128);
        if (!is_wanted(walk, topic)) continue;
        struct hub_topic view = topics_view(topic);
        if (!each(context, &view)) break;
    }
    return true;
}
