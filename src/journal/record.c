// SPDX-License-Identifier: MIT
// How the journal's rows look on disk.
#include "journal/record.h"

#include "base/limits.h"

const char record_magic[8] = {'t', 'a', 'i', 'l', 'r', 'a', 'c', 'e'};

// LMDB's numbers for its 4096-byte pages: the largest node that may share a page, the page header,
// and what a node adds to its data (8 header, 8 key, 2 pointer).
#define PAGE_BYTES 4096u
#define NODE_BYTES_MAX 2038u
#define PAGE_HEADER_BYTES 16u
#define NODE_OVERHEAD_BYTES 18u

size_t record_size(const struct event *event) {
    return sizeof(struct record_header) + event->type_len + event->key_len + event->data_len;
}

void record_encode(char *to, const struct event *event, uint64_t jump) {
    const struct record_header header = {
        .time_ms = event->time_ms,
        .prev = event->prev,
        .jump = jump,
        .ordinal = event->ordinal,
        .topic_no = event->topic_no,
        .data_len = event->data_len,
        .flags = event->flags,
        .type_len = event->type_len,
        .key_len = event->key_len,
    };
    memcpy(to, &header, sizeof header);
    memcpy(to + sizeof header, event->bytes + event->topic_len,
           (size_t)event->type_len + event->key_len + event->data_len);
}

int record_decode(struct str bytes, uint64_t seq, struct record_view *out) {
    struct record_header header;
    if (bytes.len < sizeof header) return ERR_CORRUPT;
    memcpy(&header, bytes.ptr, sizeof header);
    size_t rest = bytes.len - sizeof header;
    if (header.data_len > LIMIT_DATA_BYTES) return ERR_CORRUPT;
    if (rest != (size_t)header.type_len + header.key_len + header.data_len) return ERR_CORRUPT;
    if (header.prev >= seq || header.jump > header.prev) return ERR_CORRUPT;
    if (header.ordinal == 0 || (header.ordinal == 1) != (header.prev == 0)) return ERR_CORRUPT;
    const char *at = bytes.ptr + sizeof header;
    *out = (struct record_view){
        .record = {.seq = seq,
                   .prev = header.prev,
                   .ordinal = header.ordinal,
                   .time_ms = header.time_ms,
                   .topic_no = header.topic_no,
                   .flags = header.flags,
                   .type = {at, header.type_len},
                   .key = {at + header.type_len, header.key_len},
                   .data = {at + header.type_len + header.key_len, header.data_len}},
        .jump = header.jump,
    };
    return 0;
}

uint64_t record_cost(size_t size) {
    if (size + NODE_OVERHEAD_BYTES - 2 <= NODE_BYTES_MAX) return size + NODE_OVERHEAD_BYTES;
    uint64_t pages = (size + PAGE_HEADER_BYTES + PAGE_BYTES - 1) / PAGE_BYTES;
    return pages * PAGE_BYTES + NODE_OVERHEAD_BYTES + 8;
}

int record_decode_topic(struct str bytes, struct topic_now *now, struct str *name) {
    if (bytes.len <= sizeof *now || bytes.len > sizeof *now + LIMIT_TOPIC_BYTES) return ERR_CORRUPT;
    memcpy(now, bytes.ptr, sizeof *now);
    *name = (struct str){bytes.ptr + sizeof *now, bytes.len - sizeof *now};
    bool sound = now->trimmed_ordinal <= now->last_ordinal && now->trimmed_seq <= now->last_seq &&
                 now->gone_ordinal <= now->trimmed_ordinal && now->gone_seq <= now->trimmed_seq &&
                 now->closed <= 1 && now->marker <= 1;
    return sound ? 0 : ERR_CORRUPT;
}
