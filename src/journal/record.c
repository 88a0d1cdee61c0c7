// SPDX-License-Identifier: MIT
// The journal's rows on disk.
#include "journal/record.h"

#include "base/limits.h"
#include "sys/hash.h"

static const char magic[8] = {'t', 'a', 'i', 'l', 'r', 'a', 'c', 'e'};

// LMDB's numbers for its 4096-byte pages: the largest node that may share a page, the page header,
// and what a node adds to its data (8 header, 8 key, 2 pointer).
#define PAGE_BYTES 4096u
#define NODE_BYTES_MAX 2038u
#define PAGE_HEADER_BYTES 16u
#define NODE_OVERHEAD_BYTES 18u

// A finalizer of 64 bits (splitmix64).
static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

// What a row's checksums are mixed with: tells journals and rows apart.
static uint64_t salt(uint64_t key, uint64_t seed) { return mix(seed ^ mix(key)); }

// XXH3 without a seed of its own, which would make it slower.
static uint64_t sum(const void *bytes, size_t len, uint64_t key, uint64_t seed) {
    return hash_content(bytes, len) ^ salt(key, seed);
}

// Whether a type or a topic can stand in a field of a stream. Rows of format 1 had no checksum, and
// a checksum only says that a row is as it was written.
static bool is_one_line(struct str text) {
    return !text.len || (!memchr(text.ptr, '\n', text.len) && !memchr(text.ptr, '\r', text.len) &&
                         !memchr(text.ptr, '\0', text.len));
}

// --- events --------------------------------------------------------------------------------------

// Of an encoded header.
static uint32_t sum_head(const char *header, uint64_t salted) {
    const size_t skip = sizeof(uint32_t);
    return (uint32_t)(hash_content(header + skip, sizeof(struct record_header) - skip) ^ salted);
}

static uint32_t sum_body(const char *body, size_t len, uint64_t salted) {
    return (uint32_t)((hash_content(body, len) ^ salted) >> 32);
}

size_t record_size(const struct event *event) {
    return sizeof(struct record_header) + event_bytes_len(event) - event->topic_len;
}

// Where it stands in a page, at any address.
typedef struct record_header header_in_page __attribute__((aligned(1)));

void record_encode(char *to, const struct event *event, uint64_t jump, uint64_t seed) {
    const char *body = event->bytes + event->topic_len;
    size_t len = event_bytes_len(event) - event->topic_len;
    uint64_t salted = salt(event->seq, seed);
    header_in_page *header = (header_in_page *)to;
    *header = (header_in_page){
        .time_ms = event->time_ms,
        .prev = event->prev,
        .jump = jump,
        .ordinal = event->ordinal,
        .topic_no = event->topic_no,
        .version = RECORD_FORMAT_VERSION,
        .flags = event->flags,
        .type_len = event->type_len,
        .key_len = event->key_len,
    };
    // Between writing the header and reading it: a load of what is still being stored in other
    // pieces would wait.
    memcpy(to + sizeof *header, body, len);
    header->body_sum = sum_body(body, len, salted);
    header->head_sum = sum_head(to, salted);
}

int record_decode(struct str bytes, uint64_t seq, uint64_t seed, struct record_view *out) {
    struct record_header header;
    if (bytes.len < sizeof header) return ERR_CORRUPT;
    memcpy(&header, bytes.ptr, sizeof header);
    if (header.head_sum != sum_head(bytes.ptr, salt(seq, seed))) return ERR_CORRUPT;
    size_t rest = bytes.len - sizeof header, names = (size_t)header.type_len + header.key_len;
    size_t texts = names + event_between(header.flags);
    if (rest < texts || rest - texts > LIMIT_DATA_BYTES) return ERR_CORRUPT;
    if (header.prev >= seq || header.jump > header.prev) return ERR_CORRUPT;
    if (header.ordinal == 0 || (header.ordinal == 1) != (header.prev == 0)) return ERR_CORRUPT;
    const char *at = bytes.ptr + sizeof header;
    uint32_t expires_s = 0;
    if (texts > names) memcpy(&expires_s, at + names, sizeof expires_s);
    *out = (struct record_view){
        .record = {.seq = seq,
                   .prev = header.prev,
                   .ordinal = header.ordinal,
                   .time_ms = header.time_ms,
                   .topic_no = header.topic_no,
                   .flags = header.flags,
                   .expires_s = expires_s,
                   .type = {at, header.type_len},
                   .key = {at + header.type_len, header.key_len},
                   .data = {at + texts, rest - texts}},
        .jump = header.jump,
        .body_sum = header.body_sum,
    };
    return 0;
}

int record_check_body(const struct record_view *view, uint64_t seed) {
    const struct record *record = &view->record;
    size_t len = record_texts_len(record);
    if (!is_one_line(record->type)) return ERR_CORRUPT;
    uint64_t salted = salt(record->seq, seed);
    return view->body_sum == sum_body(record->type.ptr, len, salted) ? 0 : ERR_CORRUPT;
}

uint64_t record_cost(size_t size) {
    if (size + NODE_OVERHEAD_BYTES - 2 <= NODE_BYTES_MAX) return size + NODE_OVERHEAD_BYTES;
    uint64_t pages = (size + PAGE_HEADER_BYTES + PAGE_BYTES - 1) / PAGE_BYTES;
    return pages * PAGE_BYTES + NODE_OVERHEAD_BYTES + 8;
}

// --- rows that begin with a checksum of the rest ------------------------------------------------

static void seal(char *row, size_t len, uint64_t key, uint64_t seed) {
    uint64_t checksum = sum(row + sizeof checksum, len - sizeof checksum, key, seed);
    memcpy(row, &checksum, sizeof checksum);
}

static bool is_sealed(struct str row, uint64_t key, uint64_t seed) {
    uint64_t checksum;
    if (row.len < sizeof checksum) return false;
    memcpy(&checksum, row.ptr, sizeof checksum);
    return checksum == sum(row.ptr + sizeof checksum, row.len - sizeof checksum, key, seed);
}

#define SEAL_BYTES sizeof(uint64_t)

size_t record_topic_size(struct str name) {
    return SEAL_BYTES + sizeof(struct topic_now) + name.len;
}

void record_encode_topic(char *to, uint32_t no, const struct topic_now *now, struct str name,
                         uint64_t seed) {
    memcpy(to + SEAL_BYTES, now, sizeof *now);
    memcpy(to + SEAL_BYTES + sizeof *now, name.ptr, name.len);
    seal(to, record_topic_size(name), no, seed);
}

int record_decode_topic(struct str bytes, uint32_t no, uint64_t seed, struct topic_now *now,
                        struct str *name) {
    const size_t fixed = SEAL_BYTES + sizeof *now;
    if (bytes.len <= fixed || bytes.len > fixed + LIMIT_TOPIC_BYTES) return ERR_CORRUPT;
    if (!is_sealed(bytes, no, seed)) return ERR_CORRUPT;
    memcpy(now, bytes.ptr + SEAL_BYTES, sizeof *now);
    *name = (struct str){bytes.ptr + fixed, bytes.len - fixed};
    bool sound = now->trimmed_ordinal <= now->last_ordinal && now->trimmed_seq <= now->last_seq &&
                 now->gone_ordinal <= now->trimmed_ordinal && now->gone_seq <= now->trimmed_seq &&
                 now->closed <= 1 && now->marker <= 1 && is_one_line(*name);
    return sound ? 0 : ERR_CORRUPT;
}

static uint64_t source_key(struct str name) { return hash_content(name.ptr, name.len); }

size_t record_source_size(struct str position) { return SEAL_BYTES + position.len; }

void record_encode_source(char *to, struct str name, struct str position, uint64_t seed) {
    memcpy(to + SEAL_BYTES, position.ptr, position.len);
    seal(to, record_source_size(position), source_key(name), seed);
}

int record_decode_source(struct str bytes, struct str name, uint64_t seed, struct str *position) {
    if (!is_sealed(bytes, source_key(name), seed)) return ERR_CORRUPT;
    *position = (struct str){bytes.ptr + SEAL_BYTES, bytes.len - SEAL_BYTES};
    return position->len <= LIMIT_SOURCE_POSITION_BYTES ? 0 : ERR_CORRUPT;
}

// --- meta ----------------------------------------------------------------------------------------

// The rows end with their checksum.
#define FORMAT_SUMMED (sizeof(struct record_format) - sizeof(uint64_t))
#define STATE_SUMMED (sizeof(struct record_state) - sizeof(uint64_t))

static uint64_t sum_format(const struct record_format *format) {
    return sum(format, FORMAT_SUMMED, 0, format->seed);
}

void record_format_init(struct record_format *out, const char *epoch, uint64_t seed) {
    *out = (struct record_format){.version = RECORD_FORMAT_VERSION, .seed = seed};
    memcpy(out->magic, magic, sizeof magic);
    memcpy(out->epoch, epoch, strnlen(epoch, sizeof out->epoch - 1));
    out->checksum = sum_format(out);
}

int record_decode_format(struct str bytes, struct record_format *out, uint32_t *version) {
    const size_t least = sizeof out->magic + sizeof out->version;
    *out = (struct record_format){0};
    *version = 0;
    if (bytes.len < least) return ERR_CORRUPT;
    memcpy(out, bytes.ptr, bytes.len < sizeof *out ? bytes.len : sizeof *out);
    if (memcmp(out->magic, magic, sizeof magic) != 0 || out->version == 0) return ERR_CORRUPT;
    *version = out->version;
    if (*version != RECORD_FORMAT_VERSION) return ERR_VERSION;
    if (bytes.len != sizeof *out || out->checksum != sum_format(out)) return ERR_CORRUPT;
    return out->epoch[0] && !out->epoch[sizeof out->epoch - 1] ? 0 : ERR_CORRUPT;
}

#define HUB_SUMMED (sizeof(struct record_hub) - sizeof(uint64_t))

static uint64_t sum_hub(const struct record_hub *hub, struct str name, uint64_t seed) {
    return sum(hub, HUB_SUMMED, hash_content(name.ptr, name.len), seed);
}

void record_seal_hub(struct record_hub *hub, struct str name, uint64_t seed) {
    hub->checksum = sum_hub(hub, name, seed);
}

int record_decode_hub(struct str bytes, struct str name, uint64_t seed, struct record_hub *out) {
    if (bytes.len != sizeof *out) return ERR_CORRUPT;
    memcpy(out, bytes.ptr, sizeof *out);
    return out->checksum == sum_hub(out, name, seed) ? 0 : ERR_CORRUPT;
}

void record_seal_state(struct record_state *state, uint64_t seed) {
    state->checksum = sum(state, STATE_SUMMED, 0, seed);
}

int record_decode_state(struct str bytes, uint64_t seed, struct record_state *out) {
    if (bytes.len != sizeof *out) return ERR_CORRUPT;
    memcpy(out, bytes.ptr, sizeof *out);
    if (out->checksum != sum(out, STATE_SUMMED, 0, seed)) return ERR_CORRUPT;
    return out->checkpoint_seq <= out->last_seq && out->topic_next > 0 ? 0 : ERR_CORRUPT;
}
