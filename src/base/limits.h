// SPDX-License-Identifier: MIT
// Every bound of tailrace in one place, each with its reason. Bounds that an operator may change are
// defaults of the configuration (config/schema.c) and named there; what stands here is fixed.
#ifndef TAILRACE_BASE_LIMITS_H
#define TAILRACE_BASE_LIMITS_H

// A topic's name: long enough for any IRI in use, short enough for one index page (API.md section 1).
#define LIMIT_TOPIC_BYTES 1000
// Segments of a topic or a pattern: matching recursion and memo size follow it.
#define LIMIT_TOPIC_SEGMENTS 128
// Topics and patterns of one subscription (API.md section 3).
#define LIMIT_SELECTOR_TOPICS 100
// An SSE event type; a name, not a payload.
#define LIMIT_TYPE_BYTES 255
// A publisher's idempotency key; with a topic number it must fit LMDB's 511-byte keys.
#define LIMIT_KEY_BYTES 255
// Data of one event: what a browser's EventSource still takes in one piece without stalling the page.
#define LIMIT_DATA_BYTES (16u * 1024 * 1024)
// Events of one page of history: a page is listed before it is given (8 bytes each) and read by a person or a viewer's scroll bar.
#define LIMIT_PAGE_EVENTS 10000
// Topics whose own chains a walk backwards follows, 16 bytes each while it lasts; over more of them it reads the whole journal.
#define LIMIT_LOOKBACK_TOPICS 16384
// Filter text of a subscription; a longer one is a program, not a filter.
#define LIMIT_FILTER_BYTES 1024
// Distinct topics a hub keeps; each costs about 300 bytes in each worker.
#define LIMIT_TOPICS 1000000
// Events in one publish (one commit's share of one publisher) and their bytes: bounds the time of a commit.
#define LIMIT_PUBLISH_EVENTS 4096
#define LIMIT_PUBLISH_BYTES (4u * 1024 * 1024)
// What a stream is to be told besides events (head, topics of a snapshot, control events) and has not taken yet.
#define LIMIT_TAIL_BYTES (64u * 1024 * 1024)
// Committed events that workers have not taken yet, counted once for each worker. Beyond it the journal waits: a worker that is long over one
// fan-out slows publishing, it does not gather memory.
#define LIMIT_LAG_BYTES ((size_t)256 * 1024 * 1024)
// A source's name and its committed position.
#define LIMIT_SOURCE_NAME_BYTES 400
#define LIMIT_SOURCE_POSITION_BYTES 512
// Fields of a request's head: browsers behind two proxies send about forty.
#define LIMIT_HEADER_FIELDS 100
// Files that the sources of a hub follow at once: each keeps a descriptor open and a few hundred bytes.
#define LIMIT_SOURCE_FILES 10000
// Lines read from sources and not committed yet, of all sources together: bounds memory while the journal is slow or full.
#define LIMIT_SOURCE_HELD_BYTES (32u * 1024 * 1024)
// Worker threads: each has its own copy of the directory of topics, and every batch goes to each of
// them. Machines with more cores spend them better on what runs beside the hub.
#define LIMIT_WORKERS 64
// A configuration file, and the keys, routes, sources, rules or origins in it: what a person can still oversee; every
// request looks through the keys.
#define LIMIT_CONFIG_BYTES (1024 * 1024)
#define LIMIT_CONFIG_ENTRIES 1000
// A file that holds a secret.
#define LIMIT_SECRET_BYTES 4096
// A log line of ours; longer ones are cut.
#define LIMIT_LOG_LINE_BYTES 4096

#endif
