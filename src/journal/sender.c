// SPDX-License-Identifier: MIT
// Sending to a shared log.
#include "journal/sender.h"

#include <stdlib.h>
#include <sys/random.h>

#include "journal/journal_priv.h"

// As many under way gather the next: group commit over the log's delay.
#define WINDOW 8
// Without anything coming back for so long, all is sent again.
#define GO_BACK_MS 2000

void sender_init(struct sender *sender) {
    *sender = (struct sender){0};
    sender->end = &sender->first;
}

void sender_drop(struct sender *sender) {
    while (sender->first) {
        struct command *command = sender->first;
        sender->first = command->next;
        command_fini(command);
        free(command);
    }
    sender->end = &sender->first;
    sender->count = 0;
}

bool sender_has_room(const struct sender *sender) {
    return sender->state == SENDER_ACTIVE && sender->count < WINDOW;
}

bool sender_is_idle(const struct sender *sender) {
    return sender->state == SENDER_ACTIVE && sender->count == 0;
}

int sender_send(struct journal *journal, const struct command *from) {
    struct sender *sender = &journal->sender;
    ASSERT(sender->state == SENDER_ACTIVE);
    struct command *command = malloc(sizeof *command);
    if (!command) return ERR_NOMEM;
    *command = *from;
    command->next = NULL;
    command->hub = journal->config.hub;
    command->incarnation = sender->incarnation;
    command->n = ++sender->n;
    command->seen_position = journal->place.position;
    command->seen_chain = journal->place.chain;
    if (command->marks_count > 0 && command_encode_marks(command)) {
        free(command);
        sender->n--;
        return ERR_NOMEM;
    }
    if (sender->count == 0) sender->progress_at_ms = journal->config.mono_ms();
    *sender->end = command;
    sender->end = &command->next;
    sender->count++;
    (void)!log_append(journal->log, &command->record);
    return 0;
}

static void start(struct journal *journal) {
    struct sender *sender = &journal->sender;
    struct hub_place *hub;
    if (hubs_find(&journal->hubs, str_from(journal->config.hub), &hub)) return;
    struct command command;
    command_init(&command, COMMAND_START);
    if (getrandom(&sender->nonce, sizeof sender->nonce, 0) != sizeof sender->nonce) return;
    command.hub = journal->config.hub;
    command.nonce = sender->nonce;
    command.seen_position = journal->place.position;
    command.seen_chain = journal->place.chain;
    command.incarnation = sender->incarnation = hub->incarnation + 1;
    (void)!log_append(journal->log, &command.record);
}

void sender_tick(struct journal *journal) {
    struct sender *sender = &journal->sender;
    uint64_t now_ms = journal->config.mono_ms();
    if (sender->state == SENDER_SUPERSEDED) return;
    if (sender->progress_at_ms && now_ms < sender->progress_at_ms + GO_BACK_MS) return;
    if (sender->state == SENDER_STARTING) start(journal);
    for (const struct command *command = sender->first; command; command = command->next)
        (void)!log_append(journal->log, &command->record);
    sender->progress_at_ms = now_ms;
}

const struct command *sender_match(struct journal *journal, const struct command_head *head) {
    struct sender *sender = &journal->sender;
    if (sender->state != SENDER_ACTIVE || head->incarnation != sender->incarnation) return NULL;
    const struct command *command = sender->first;
    for (size_t i = 0; command && i < sender->applied; i++) command = command->next;
    if (!command || command->n != head->n) return NULL;
    sender->applied++;
    return command;
}

void sender_saw_start(struct sender *sender, uint64_t incarnation, uint64_t nonce) {
    sender->seen_incarnation = incarnation;
    sender->seen_nonce = nonce;
}

void sender_undo(struct sender *sender) {
    sender->applied = 0;
    sender->seen_incarnation = 0;
}

// A start that is not the expected one may be what a process before this one had on its way: then
// this one starts once more. One that comes later is another living process.
static void settle_start(struct sender *sender) {
    if (!sender->seen_incarnation) return;
    bool own =
        sender->seen_incarnation == sender->incarnation && sender->seen_nonce == sender->nonce;
    if (sender->state == SENDER_STARTING) {
        if (own) {
            sender->state = SENDER_ACTIVE;
            sender->n = 0;
        }
        sender->progress_at_ms = 0;
    } else if (!own) {
        sender->state = SENDER_SUPERSEDED;
    }
    sender->seen_incarnation = 0;
}

struct command *sender_settle(struct journal *journal) {
    struct sender *sender = &journal->sender;
    struct command *list = NULL, **end = &list;
    for (; sender->applied > 0; sender->applied--) {
        *end = sender->first;
        end = &sender->first->next;
        sender->first = sender->first->next;
        sender->count--;
        sender->progress_at_ms = journal->config.mono_ms();
    }
    *end = NULL;
    if (!sender->first) sender->end = &sender->first;
    settle_start(sender);
    return list;
}
