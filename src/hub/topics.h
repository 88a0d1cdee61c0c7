// SPDX-License-Identifier: MIT
// Topics as they are shown: in a snapshot's opening, and by /topics.
#ifndef TAILRACE_HUB_TOPICS_H
#define TAILRACE_HUB_TOPICS_H

#include "hub/directory.h"
#include "hub/hub.h"

// Whether a topic is shown: it is closed, or has events. Nothing is left of others (they were
// forgotten, or trimmed to the end).
static inline bool topics_shown(const struct topic *topic) {
    return topic->closed || topic_events(topic);
}
// How many subscribers it has.
uint64_t topics_subscribers(const struct topic *topic);
// What is shown, without the number of its subscribers.
struct hub_topic topics_view(const struct topic *topic);
// As hub_topic_write.
void topics_write(struct json *json, const struct hub_topic *topic, const char *epoch,
                  const uint64_t *subscribers);
// Those of a selector, one after the other.
void topics_write_all(struct json *json, const struct directory *directory,
                      const struct selector *selector, const char *epoch);

#endif
