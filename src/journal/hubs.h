// SPDX-License-Identifier: MIT
// The hubs that have appended to a shared log, and how far each has been applied. A hub begins an
// incarnation with each start and numbers its commands from 1. Only the next number of the present
// incarnation is applied, so that what was lost, doubled or overtaken on its way does no harm.
// For the journal thread.
#ifndef TAILRACE_JOURNAL_HUBS_H
#define TAILRACE_JOURNAL_HUBS_H

#include "journal/command.h"

struct hub_place {
    char name[COMMAND_HUB_BYTES + 1];
    uint64_t incarnation, n;
    bool changed; // the transaction under way writes it
};

struct hubs {
    struct hub_place *list;
    size_t count, cap;
    struct hub_place *saved; // the list when the transaction began
    size_t saved_count, saved_cap;
};

void hubs_fini(struct hubs *hubs);
// Adds it when it is new. ERR_NOMEM.
int hubs_find(struct hubs *hubs, struct str name, struct hub_place **out) MUST_CHECK;
// Whether the command is the one that is due; the hub is then at it. Otherwise the command is void.
bool hubs_take(struct hub_place *hub, const struct command_head *head);
// For a transaction that may fail.
int hubs_save(struct hubs *hubs) MUST_CHECK;
void hubs_restore(struct hubs *hubs);

#endif
