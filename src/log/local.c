// SPDX-License-Identifier: MIT
// The log of a single journal.
#include "log/local.h"

#include "base/container.h"

static struct log_local *local_of(struct log *log) {
    return container_of(log, struct log_local, log);
}

static int local_append(struct log *log, const struct log_record *record) {
    local_of(log)->waits = record;
    return 0;
}

static int local_read(struct log *log, uint64_t after, struct log_entry *entries, size_t max,
                      size_t *count) {
    struct log_local *local = local_of(log);
    *count = max > 0 && local->waits;
    if (*count == 0) return 0;
    entries[0] = (struct log_entry){
        .position = after + 1, .time_ms = local->now_ms(local->context), .own = local->waits};
    local->waits = NULL;
    return 0;
}

static void local_state(struct log *log, struct log_state *out) {
    (void)log;
    *out = (struct log_state){0};
}

void log_local_init(struct log_local *local, uint64_t (*now_ms)(void *context), void *context) {
    static const struct log_ops ops = {local_append, local_read, local_state};
    *local = (struct log_local){.log = {.ops = &ops}, .now_ms = now_ms, .context = context};
}
