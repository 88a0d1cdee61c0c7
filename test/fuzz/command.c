// SPDX-License-Identifier: MIT
// Fuzzing of journal/command: what comes from a shared log. Decoding never reads past the bytes and
// leaks nothing; what was decoded, encoded again, is the same bytes.
#include "journal/command.h"

#include <stdlib.h>

#include "base/container.h"
#include "sys/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Bytes that are right but for their checksum would never get further.
static void command_fuzz_seal(char *bytes, size_t size) {
    const size_t magic = 4, hub_at = 6;
    if (size < hub_at + 1) return;
    size_t sum_at = hub_at + 1 + (unsigned char)bytes[hub_at] + 32, rest_at = sum_at + 8;
    if (memcmp(bytes, "tlrc", magic) != 0 || rest_at > size) return;
    uint64_t sums[2] = {hash_content(bytes, sum_at), hash_content(bytes + rest_at, size - rest_at)};
    uint64_t sum = hash_content(sums, sizeof sums);
    for (size_t i = 0; i < 8; i++) bytes[sum_at + i] = (char)(sum >> 8 * i);
}

static void command_fuzz_again(const struct command_head *head, const struct command *command,
                               struct str bytes) {
    char hub[COMMAND_HUB_BYTES + 1];
    struct command again = *command;
    struct buf out;
    memcpy(hub, head->hub.ptr, head->hub.len);
    hub[head->hub.len] = '\0';
    // Marks of unknown topics were left out.
    if (command->kind == COMMAND_TRIM || command->kind == COMMAND_DROP ||
        strlen(hub) != head->hub.len)
        return;
    again.hub = hub;
    again.incarnation = head->incarnation;
    again.n = head->n;
    again.seen_position = head->seen_position;
    again.seen_chain = head->seen_chain;
    buf_init(&out, bytes.len + 64);
    again.record.encode(&again.record, &out);
    ASSERT(!buf_failed(&out) && str_equal(buf_str(&out), bytes));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct topic_rows topics = {0};
    struct command_head head;
    struct command command;
    char *copy = malloc(size + 1);
    if (!copy) return 0;
    memcpy(copy, data, size);
    command_fuzz_seal(copy, size);
    struct str bytes = {copy, size};
    if (command_decode_head(bytes, &head) == 0) {
        command_init(&command, head.kind);
        if (command_decode(&head, &topics, &command) == 0)
            command_fuzz_again(&head, &command, bytes);
        command_free_publishes(command.publishes);
        command_fini(&command);
    }
    free(copy);
    return 0;
}
