// SPDX-License-Identifier: MIT
// The fixed bounds of tailrace in one place, each with its reason. Bounds that an operator may
// change are options with a default (config/schema.c).
#ifndef TAILRACE_BASE_LIMITS_H
#define TAILRACE_BASE_LIMITS_H

// Bytes of a topic's name: long enough for any IRI in use, short enough for one index page (API.md
// section 1).
#define LIMIT_TOPIC_BYTES 1000
// Segments of a topic or a pattern. The cost of matching depends on it.
#define LIMIT_TOPIC_SEGMENTS 128
// Topics and patterns of one subscription (API.md section 3).
#define LIMIT_SELECTOR_TOPICS 100
// Patterns of one worker's subscriptions that begin alike, up to their first `*` or `**`. Each new
// topic whose name begins so is matched with all of them.
#define LIMIT_PREFIX_PATTERNS 16384
// Bytes of an SSE event type: it is a name, not a payload.
#define LIMIT_TYPE_BYTES 255
// Bytes of a publisher's idempotency key. Together with a topic number it must fit into LMDB's keys
// of 511 bytes.
#define LIMIT_KEY_BYTES 255
// Data of one event: the most that a browser's EventSource takes in one piece without stalling the
// page.
#define LIMIT_DATA_BYTES (16u * 1024 * 1024)
// Events of one page of history. The page is listed before it is sent (8 bytes each), and its
// reader is a person or the scroll bar of a viewer.
#define LIMIT_PAGE_EVENTS 10000
// Topics whose chains a backward walk follows one by one, at 16 bytes each. For more topics it
// reads the whole journal.
#define LIMIT_LOOKBACK_TOPICS 16384
// Bytes of a subscription's filter. A longer text is a program, not a filter.
#define LIMIT_FILTER_BYTES 1024
// Distinct topics a hub keeps; each costs about 300 bytes in each worker.
#define LIMIT_TOPICS 1000000
// Events in one publish, and their bytes. Both bound the time of a commit.
#define LIMIT_PUBLISH_EVENTS 4096
#define LIMIT_PUBLISH_BYTES (4u * 1024 * 1024)
// Bytes that wait to be sent on a stream and are not events: the head, the topics of a snapshot,
// control events.
#define LIMIT_TAIL_BYTES (64u * 1024 * 1024)
// Bytes of events of which slow subscribers of one worker have got a part, each event counted once:
// room for 16 of the largest. A subscriber that would need more is disconnected, and continues with
// its last id.
#define LIMIT_PINNED_BYTES ((size_t)256 * 1024 * 1024)
// Bytes of memory of the places that replays over several topics keep from turn to turn, of one
// worker. At this bound newcomers wait for others to finish, and half of it is left to those that
// can go on: a subscriber whose connection is full gives its own up, and finds the places again.
#define LIMIT_MERGE_BYTES ((size_t)64 * 1024 * 1024)
// Bytes of committed events that workers have not taken yet, of all workers together. One that has
// its share before it is not given more: it learns later what it has missed (hub/missed.h).
#define LIMIT_LAG_BYTES ((size_t)256 * 1024 * 1024)
// A source's name and its committed position, which may have a path in it.
#define LIMIT_SOURCE_NAME_BYTES 400
#define LIMIT_SOURCE_POSITION_BYTES 5120
// Fields of a request's head: browsers behind two proxies send about forty.
#define LIMIT_HEADER_FIELDS 100
// Files that all sources of a hub follow at once. Each costs an open descriptor and a few hundred
// bytes.
#define LIMIT_SOURCE_FILES 10000
// Bytes of lines that were read from sources and are not committed yet, of all sources together.
// Bounds memory while the journal is slow or full.
#define LIMIT_SOURCE_HELD_BYTES (32u * 1024 * 1024)
// Worker threads: each has its own copy of the directory of topics, and every batch goes to each of
// them. Machines with more cores spend them better on what runs beside the hub.
#define LIMIT_WORKERS 64
// Bytes of a configuration file, and the keys, routes, sources, rules or origins in it: as many as
// a person can still oversee. Every request looks through the keys.
#define LIMIT_CONFIG_BYTES (1024 * 1024)
#define LIMIT_CONFIG_ENTRIES 1000
// Bytes of a file that holds a secret.
#define LIMIT_SECRET_BYTES 4096
// Bytes of a line of the hub's own log. Longer lines are cut.
#define LIMIT_LOG_LINE_BYTES 4096

#endif
