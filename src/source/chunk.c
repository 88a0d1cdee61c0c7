// SPDX-License-Identifier: MIT
// A chunk: the lines of one publish.
#include "source/chunk.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/repair.h"

// Bytes of text in one chunk, which is one commit. With lines of some hundred bytes this bound and
// LIMIT_PUBLISH_EVENTS are reached at about the same time.
#define CHUNK_BYTES (1024u * 1024)
_Static_assert(CHUNK_BYTES <= LIMIT_PUBLISH_BYTES, "a chunk is one publish");

struct chunk *chunk_new(void) {
    struct chunk *chunk = calloc(1, sizeof *chunk);
    // Text just short of the bound may get one more line. Repairing makes one byte three.
    if (chunk) buf_init(&chunk->text, CHUNK_BYTES + 4 * (size_t)LIMIT_DATA_BYTES);
    return chunk;
}

static void free_events(struct chunk *chunk) {
    if (!chunk->publish.events) return;
    for (uint32_t i = 0; i < chunk->publish.count; i++) event_free(chunk->publish.events[i]);
    free(chunk->publish.events);
    chunk->publish.events = NULL;
}

void chunk_free(struct chunk *chunk) {
    if (!chunk) return;
    free_events(chunk);
    buf_fini(&chunk->text);
    free(chunk->lines);
    free(chunk);
}

bool chunk_full(const struct chunk *chunk) {
    return chunk->count >= LIMIT_PUBLISH_EVENTS || chunk->text.len >= CHUNK_BYTES;
}

void chunk_cut(struct chunk *chunk, uint32_t count) {
    ASSERT(count <= chunk->count);
    chunk->count = count;
    chunk->text.len = count ? chunk->lines[count - 1].end : 0;
}

int chunk_add(struct chunk *chunk, struct str line, size_t line_max, uint64_t length,
              uint8_t flags) {
    if (!array_reserve(chunk->lines, chunk->cap, chunk->count + 1)) return ERR_NOMEM;
    size_t start = chunk->text.len;
    repair_line(&chunk->text, line, line_max, length);
    if (buf_failed(&chunk->text)) {
        chunk->text.len = start;
        chunk->text.failed = false;
        return ERR_NOMEM;
    }
    chunk->lines[chunk->count++] = (struct chunk_line){(uint32_t)chunk->text.len, flags};
    return 0;
}

int chunk_make_events(struct chunk *chunk, struct str topic, struct str type) {
    struct publish *publish = &chunk->publish;
    publish->count = 0;
    if (chunk->count == 0) return 0;
    publish->events = malloc(chunk->count * sizeof *publish->events);
    if (!publish->events) return ERR_NOMEM;
    uint32_t start = 0;
    for (uint32_t i = 0; i < chunk->count; i++) {
        const struct chunk_line *line = &chunk->lines[i];
        struct str data = {chunk->text.data + start, line->end - start};
        start = line->end;
        publish->events[i] = event_new_expiring(topic, type, (struct str){NULL, 0}, data,
                                                line->flags, chunk->expires_s);
        if (!publish->events[i]) {
            free_events(chunk);
            return ERR_NOMEM;
        }
        publish->count++;
    }
    return 0;
}
