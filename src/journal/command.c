// SPDX-License-Identifier: MIT
// Commands and their bytes.
//
//  magic  rules kind hub         incarnation n   seen position, chain checksum rest
//  "tlrc" u8    u8   u8 + bytes  u64         u64 u64, u64             u64      by kind
//
//  start   nonce u64
//  commit  count u32, of each publish: op u8, owner u32, source u16 + bytes, position u16 + bytes,
//          count u32, of each event: topic u16, type u8, key u8, flags u8, data u32, their bytes
//  trim, drop  head u64, count u32, of each: topic u16 + bytes, from u64, seq u64, ordinal u64,
//          bytes u64
//
// The checksum (XXH3) covers what is before it and after it.
#include "journal/command.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/container.h"
#include "base/limits.h"
#include "base/topic.h"
#include "sys/hash.h"

static const char magic[4] = {'t', 'l', 'r', 'c'};

// --- writing -------------------------------------------------------------------------------------

static void put(struct buf *to, uint64_t value, size_t bytes) {
    char out[8];
    for (size_t i = 0; i < bytes; i++) out[i] = (char)(value >> 8 * i);
    buf_append(to, out, bytes);
}

static void put_text(struct buf *to, struct str text, size_t len_bytes) {
    put(to, text.len, len_bytes);
    buf_append_str(to, text);
}

static void put_publish(struct buf *to, const struct publish *publish) {
    put(to, publish->op, 1);
    put(to, publish->owner, 4);
    put_text(to, publish->source_name, 2);
    put_text(to, publish->source_position, 2);
    put(to, publish->count, 4);
    for (uint32_t i = 0; i < publish->count; i++) {
        const struct event *event = publish->events[i];
        put(to, event->topic_len, 2);
        put(to, event->type_len, 1);
        put(to, event->key_len, 1);
        put(to, event->flags, 1);
        put(to, event->data_len, 4);
        buf_append(to, event->bytes, event_bytes_len(event));
    }
}

static void put_commit(struct buf *to, const struct command *command) {
    uint32_t count = 0;
    for (struct inbox_message *at = command->publishes; at; at = at->next) count++;
    put(to, count, 4);
    for (struct inbox_message *at = command->publishes; at; at = at->next)
        put_publish(to, container_of(at, struct publish, message));
}

static void put_marks(struct buf *to, const struct command *command) {
    put(to, command->head, 8);
    put(to, command->marks_count, 4);
    for (size_t i = 0; i < command->marks_count; i++) {
        const struct command_mark *mark = &command->marks[i];
        put_text(to, topic_row_name(mark->topic), 2);
        put(to, mark->from, 8);
        put(to, mark->seq, 8);
        put(to, mark->ordinal, 8);
        put(to, mark->bytes, 8);
    }
}

static uint64_t checksum(struct str before, struct str after) {
    uint64_t sums[2] = {hash_content(before.ptr, before.len), hash_content(after.ptr, after.len)};
    return hash_content(sums, sizeof sums);
}

static void encode(const struct log_record *record, struct buf *to) {
    const struct command *command = container_of(record, const struct command, record);
    size_t start = to->len;
    if (command->encoded.len > 0) {
        buf_append_str(to, buf_str(&command->encoded));
        return;
    }
    buf_append(to, magic, sizeof magic);
    put(to, COMMAND_RULES, 1);
    put(to, command->kind, 1);
    put_text(to, str_from(command->hub), 1);
    put(to, command->incarnation, 8);
    put(to, command->n, 8);
    put(to, command->seen_position, 8);
    put(to, command->seen_chain, 8);
    size_t sum_at = to->len;
    put(to, 0, 8);
    switch (command->kind) {
        case COMMAND_START: put(to, command->nonce, 8); break;
        case COMMAND_COMMIT: put_commit(to, command); break;
        case COMMAND_TRIM:
        case COMMAND_DROP: put_marks(to, command); break;
    }
    if (buf_failed(to)) return;
    size_t rest_at = sum_at + 8;
    uint64_t sum = checksum((struct str){to->data + start, sum_at - start},
                            (struct str){to->data + rest_at, to->len - rest_at});
    for (size_t i = 0; i < 8; i++) to->data[sum_at + i] = (char)(sum >> 8 * i);
}

void command_init(struct command *command, enum command_kind kind) {
    *command = (struct command){.record = {encode}, .kind = kind};
}

static void free_marks(struct command *command) {
    free(command->marks);
    command->marks = NULL;
    command->marks_count = command->marks_cap = 0;
}

void command_fini(struct command *command) {
    free_marks(command);
    buf_fini(&command->encoded);
}

int command_encode_marks(struct command *command) {
    struct buf bytes;
    buf_init(&bytes, SIZE_MAX / 2);
    encode(&command->record, &bytes);
    if (buf_failed(&bytes)) {
        buf_fini(&bytes);
        return ERR_NOMEM;
    }
    command->encoded = bytes;
    free_marks(command);
    return 0;
}

int command_add_mark(struct command *command, struct topic_row *topic) {
    size_t count = command->marks_count;
    if (!array_reserve(command->marks, command->marks_cap, count + 1)) return ERR_NOMEM;
    command->marks[command->marks_count++] = (struct command_mark){.topic = topic};
    return 0;
}

// --- reading -------------------------------------------------------------------------------------

// Errors stick: afterwards everything read is 0 or empty.
struct command_input {
    struct str left;
    bool failed;
};

static struct str take_bytes(struct command_input *input, size_t len) {
    if (input->failed || len > input->left.len) {
        input->failed = true;
        return (struct str){"", 0};
    }
    struct str taken = {input->left.ptr, len};
    input->left = (struct str){input->left.ptr + len, input->left.len - len};
    return taken;
}

static uint64_t take(struct command_input *input, size_t bytes) {
    struct str taken = take_bytes(input, bytes);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.len; i++) value |= (uint64_t)(uint8_t)taken.ptr[i] << 8 * i;
    return value;
}

static struct str take_text(struct command_input *input, size_t len_bytes) {
    return take_bytes(input, take(input, len_bytes));
}

int command_decode_head(struct str bytes, struct command_head *out) {
    struct command_input input = {bytes, false};
    struct str mark = take_bytes(&input, sizeof magic);
    if (input.failed || memcmp(mark.ptr, magic, sizeof magic) != 0) return ERR_CORRUPT;
    // Before anything else is read, which other rules may have in another place.
    uint64_t rules = take(&input, 1);
    if (!input.failed && rules != COMMAND_RULES) return ERR_VERSION;
    out->kind = (uint8_t)take(&input, 1);
    out->hub = take_text(&input, 1);
    out->incarnation = take(&input, 8);
    out->n = take(&input, 8);
    out->seen_position = take(&input, 8);
    out->seen_chain = take(&input, 8);
    struct str before = {bytes.ptr, bytes.len - input.left.len};
    uint64_t sum = take(&input, 8);
    out->rest = input.left;
    if (input.failed || sum != checksum(before, out->rest)) return ERR_CORRUPT;
    bool known = out->kind >= COMMAND_START && out->kind <= COMMAND_DROP;
    bool named = out->hub.len > 0 && out->hub.len <= COMMAND_HUB_BYTES;
    return known && named && out->incarnation > 0 ? 0 : ERR_CORRUPT;
}

static int decode_event(struct command_input *input, struct event **out) {
    size_t topic_len = take(input, 2), type_len = take(input, 1), key_len = take(input, 1);
    uint8_t flags = (uint8_t)take(input, 1);
    size_t data_len = take(input, 4);
    struct str topic = take_bytes(input, topic_len), type = take_bytes(input, type_len);
    struct str key = take_bytes(input, key_len);
    struct str seconds = take_bytes(input, event_between(flags));
    struct str data = take_bytes(input, data_len);
    uint32_t expires_s = 0;
    bool alias = flags & EVENT_ALIAS;
    if (input->failed || topic_check(topic, NULL) || type.len > LIMIT_TYPE_BYTES ||
        key.len > LIMIT_KEY_BYTES || data.len > LIMIT_DATA_BYTES ||
        (alias && (data.len != sizeof(uint64_t) || key.len || type.len)))
        return ERR_CORRUPT;
    if (seconds.len) memcpy(&expires_s, seconds.ptr, sizeof expires_s);
    if (seconds.len && !expires_s) return ERR_CORRUPT;
    *out = event_new_expiring(topic, type, key, data, flags, expires_s);
    return *out ? 0 : ERR_NOMEM;
}

static int decode_publish(struct command_input *input, struct inbox_message **out) {
    uint8_t op = (uint8_t)take(input, 1);
    uint32_t owner = (uint32_t)take(input, 4);
    struct str source = take_text(input, 2), position = take_text(input, 2);
    size_t count = take(input, 4);
    bool sound = !input->failed && op <= PUBLISH_FORGET && count <= LIMIT_PUBLISH_EVENTS &&
                 source.len <= LIMIT_SOURCE_NAME_BYTES &&
                 position.len <= LIMIT_SOURCE_POSITION_BYTES && (count > 0 || source.len > 0) &&
                 (op == PUBLISH_EVENTS || count == 1);
    if (!sound) return ERR_CORRUPT;
    struct publish *publish = calloc(1, sizeof *publish + count * sizeof(struct event *));
    if (!publish) return ERR_NOMEM;
    publish->op = op;
    publish->owner = owner;
    publish->events = (struct event **)(publish + 1);
    if (source.len) publish->source_name = source;
    publish->source_position = position;
    *out = &publish->message;
    for (; publish->count < count; publish->count++) {
        int err = decode_event(input, &publish->events[publish->count]);
        if (err) return err;
    }
    return 0;
}

static int decode_commit(struct command_input *input, struct command *out) {
    struct inbox_message **end = &out->publishes;
    size_t count = take(input, 4);
    int err = 0;
    for (size_t i = 0; i < count && !err; i++) {
        err = decode_publish(input, end);
        if (*end) end = &(*end)->next;
    }
    return err;
}

static int decode_marks(struct command_input *input, const struct topic_rows *topics,
                        struct command *out) {
    out->head = take(input, 8);
    size_t count = take(input, 4);
    for (size_t i = 0; i < count && !input->failed; i++) {
        struct topic_row *topic = topic_rows_find(topics, take_text(input, 2));
        struct command_mark mark = {.topic = topic};
        mark.from = take(input, 8);
        mark.seq = take(input, 8);
        mark.ordinal = take(input, 8);
        mark.bytes = take(input, 8);
        if (input->failed || !topic) continue;
        int err = command_add_mark(out, topic);
        if (err) return err;
        out->marks[out->marks_count - 1] = mark;
    }
    return 0;
}

int command_decode(const struct command_head *head, const struct topic_rows *topics,
                   struct command *out) {
    struct command_input input = {head->rest, false};
    int err = 0;
    switch (out->kind) {
        case COMMAND_START: out->nonce = take(&input, 8); break;
        case COMMAND_COMMIT: err = decode_commit(&input, out); break;
        case COMMAND_TRIM:
        case COMMAND_DROP: err = decode_marks(&input, topics, out); break;
    }
    return err ? err : input.failed || input.left.len ? ERR_CORRUPT : 0;
}

void command_free_publishes(struct inbox_message *list) {
    while (list) {
        struct publish *publish = container_of(list, struct publish, message);
        list = list->next;
        for (uint32_t i = 0; i < publish->count; i++)
            if (publish->events[i]->seq == 0) event_free(publish->events[i]);
        free(publish);
    }
}
