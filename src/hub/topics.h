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
// What is shown, without the number of its subscribers.
struct hub_topic topics_view(const struct topic *topic);
// As hub_topic_write.
void topics_write(struct json *json, const struct hub_topic *topic, const char *epoch,
                  const uint64_t *subscribers);
// Writes those of a selection with numbers from *no on, one after the other, until there are
// TOPICS_PIECE bytes or so many topics were looked at. True: there may be more, *no is where to go
// on.
#define TOPICS_PIECE ((size_t)64 * 1024)
#define TOPICS_LOOKS 1024
bool topics_write_some(struct json *json, const struct directory *directory,
                       const struct selection *selection, const char *epoch, uint32_t *no);

#endif
