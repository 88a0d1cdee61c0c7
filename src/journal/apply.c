// SPDX-License-Identifier: MIT
// Applying the log.
#include "journal/apply.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/container.h"
#include "journal/journal_priv.h"
#include "sys/hash.h"

// So many entries are applied in one transaction at most.
#define ENTRIES_MAX 16

// One entry of a transaction.
struct use {
    const struct command *command; // NULL: void
    struct command decoded;        // initialised when the command is this one
};

static bool is_decoded(const struct use *use) { return use->command == &use->decoded; }

static int stage_all(struct journal *journal, const struct command *command) {
    for (struct inbox_message *at = command->publishes; at; at = at->next) {
        int err = stage_publish(journal, container_of(at, struct publish, message));
        if (err) return err;
    }
    return 0;
}

static int apply_command(struct journal *journal, const struct command *command) {
    switch (command->kind) {
        case COMMAND_START: break;
        case COMMAND_COMMIT: return stage_all(journal, command);
        case COMMAND_TRIM: return trim_apply(journal, command);
        case COMMAND_DROP: return drop_apply(journal, command);
    }
    return 0;
}

// --- a shared log --------------------------------------------------------------------------------

static uint64_t sum_of(const struct log_entry *entry) {
    uint64_t parts[] = {entry->position, entry->seq, entry->time_ms,
                        hash_content(entry->bytes.ptr, entry->bytes.len)};
    return hash_content(parts, sizeof parts);
}

static int not_understood(struct journal *journal, const struct log_entry *entry, int err) {
    const char *why = err == ERR_VERSION ? "was written by a newer tailrace" : "is damaged";
    writer_diverged(journal, "entry %" PRIu64 " of the log %s", entry->position, why);
    return ERR_CORRUPT;
}

// Whether the sender had applied the same log. A log that was cut back and has grown again shows
// itself here: commands in it know entries that are not before them.
static bool agrees(struct journal *journal, const struct log_entry *entry,
                   const struct command_head *head) {
    const struct log_chain *chain = &journal->chains[head->seen_position % CHAINS_COUNT];
    bool differs = chain->position == head->seen_position && chain->chain != head->seen_chain;
    if (head->seen_position < entry->position && !differs) return true;
    writer_diverged(journal,
                    "hub %.*s has applied another log up to entry %" PRIu64
                    " (as it says in entry %" PRIu64 ")",
                    (int)head->hub.len, head->hub.ptr, head->seen_position, entry->position);
    return false;
}

// The command of the entry, if it is the one that its hub has next.
static int understand(struct journal *journal, const struct log_entry *entry, struct use *use) {
    struct command_head head;
    struct hub_place *hub;
    int err = command_decode_head(entry->bytes, &head);
    if (err) return not_understood(journal, entry, err);
    if (!agrees(journal, entry, &head)) return ERR_CORRUPT;
    err = hubs_find(&journal->hubs, head.hub, &hub);
    if (err) return err;
    if (!hubs_take(hub, &head)) {
        journal->voids++;
        return 0;
    }
    bool own = str_equal(head.hub, str_from(journal->config.hub));
    // A commit that is the publishers' own objects is not decoded: they wait for its outcome.
    if (own) use->command = sender_match(journal, &head);
    if (use->command && use->command->kind == COMMAND_COMMIT) return 0;
    command_init(&use->decoded, head.kind);
    use->command = &use->decoded;
    err = command_decode(&head, &journal->topics, &use->decoded);
    if (own && head.kind == COMMAND_START)
        sender_saw_start(&journal->sender, head.incarnation, use->decoded.nonce);
    return err == ERR_CORRUPT ? not_understood(journal, entry, err) : err;
}

static void follow(struct journal *journal, const struct log_entry *entry) {
    struct log_place *place = &journal->work.place;
    place->sum = sum_of(entry);
    uint64_t chain[] = {place->chain, place->sum};
    place->chain = hash_content(chain, sizeof chain);
    journal->chains[entry->position % CHAINS_COUNT] =
        (struct log_chain){entry->position, place->chain};
    // Also of entries that are void, or memory would decide what time the next one has.
    journal->time_ms = journal->work.now_ms;
    journal->work.wrote = true;
}

static bool is_next(struct journal *journal, const struct log_entry *entry) {
    uint64_t expected = journal->work.place.position + 1;
    if (entry->position == expected) return true;
    writer_diverged(journal, "the log has entry %" PRIu64 " where entry %" PRIu64 " is due",
                    entry->position, expected);
    return false;
}

void apply_verify(struct journal *journal) {
    struct log_state state;
    struct log_entry entry;
    uint64_t applied = journal->place.position;
    size_t count;
    log_state(journal->log, &state);
    if (state.failed || applied == 0) return;
    if (state.last < applied) {
        writer_diverged(
            journal, "the log ends at entry %" PRIu64 ", but entries up to %" PRIu64 " were shown",
            state.last, applied);
    } else if (state.first > applied + 1) {
        writer_diverged(journal,
                        "the log begins at entry %" PRIu64 ", entries from %" PRIu64 " are missing",
                        state.first, applied + 1);
    } else if (state.first <= applied) {
        if (log_read(journal->log, applied - 1, &entry, 1, &count) || count == 0) return;
        if (entry.position != applied || sum_of(&entry) != journal->place.sum)
            writer_diverged(journal, "entry %" PRIu64 " of the log is another than was applied",
                            applied);
    }
}

// Whether the entry deletes events. Those of its own transaction are not in the store yet: such an
// entry goes into the next one.
static bool deletes(const struct log_entry *entry) {
    struct command_head head;
    if (entry->own || command_decode_head(entry->bytes, &head)) return false;
    return head.kind == COMMAND_TRIM || head.kind == COMMAND_DROP;
}

// --- a transaction -------------------------------------------------------------------------------

static int apply_entry(struct journal *journal, const struct log_entry *entry, struct use *use) {
    struct work *work = &journal->work;
    bool shared = log_is_shared(journal->log);
    work->now_ms = entry->time_ms > journal->time_ms ? entry->time_ms : journal->time_ms;
    work->next_seq = entry->seq;
    if (shared && !is_next(journal, entry)) return ERR_CORRUPT;
    int err = 0;
    if (shared)
        err = understand(journal, entry, use);
    else
        use->command = container_of(entry->own, const struct command, record);
    if (!err && use->command) err = apply_command(journal, use->command);
    work->place.position = entry->position;
    if (!err && shared) follow(journal, entry);
    return err;
}

static void forget(struct use *uses, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!is_decoded(&uses[i])) continue;
        command_free_publishes(uses[i].decoded.publishes);
        command_fini(&uses[i].decoded);
    }
}

static void undo(struct journal *journal, struct use *uses, size_t count) {
    if (log_is_shared(journal->log)) {
        hubs_restore(&journal->hubs);
        sender_undo(&journal->sender);
    }
    forget(uses, count);
}

// Hands on what became visible and answers publishers.
static void announce(struct journal *journal, struct use *uses, size_t count, struct batch *batch) {
    // Before the batch is handed on: afterwards its events may be freed at any time.
    for (size_t i = 0; i < count; i++)
        if (uses[i].command && !is_decoded(&uses[i])) writer_free_rest(uses[i].command->publishes);
    forget(uses, count);
    writer_stats(journal);
    work_deliver(journal, batch);
    if (!log_is_shared(journal->log)) {
        for (size_t i = 0; i < count; i++) writer_finish(journal, uses[i].command->publishes);
        return;
    }
    struct command *own = sender_settle(journal);
    while (own) {
        struct command *command = own;
        own = own->next;
        writer_finish(journal, command->publishes);
        command_fini(command);
        free(command);
    }
}

static int begin(struct journal *journal, bool in_memory) {
    if (in_memory) {
        work_begin_memory(journal);
        return 0;
    }
    int err = log_is_shared(journal->log) ? hubs_save(&journal->hubs) : 0;
    return err ? err : work_begin(journal);
}

int apply_log(struct journal *journal, bool in_memory, bool *more) {
    struct log_entry entries[ENTRIES_MAX];
    struct use uses[ENTRIES_MAX];
    size_t count, done = 0;
    bool commits = false, last = false;
    *more = false;
    // What cannot be read now will be later.
    if (log_read(journal->log, journal->place.position, entries, ENTRIES_MAX, &count)) return 0;
    if (count == 0) return 0;
    int err = begin(journal, in_memory);
    if (err) return err;
    while (done < count && !err && !last) {
        if (journal->work.events_count > 0 && deletes(&entries[done])) break;
        struct use *use = &uses[done];
        use->command = NULL;
        err = apply_entry(journal, &entries[done++], use);
        if (!use->command) continue;
        commits |= use->command->kind == COMMAND_COMMIT;
        // A dropped topic is there until the transaction ends.
        last = use->command->kind == COMMAND_DROP;
    }
    struct batch *batch;
    if (err)
        work_abort(journal);
    else
        err = work_commit(journal, commits && !in_memory && writer_checkpoint_due(journal), &batch);
    if (err) {
        undo(journal, uses, done);
        return err;
    }
    *more = log_is_shared(journal->log);
    announce(journal, uses, done, batch);
    return 0;
}
