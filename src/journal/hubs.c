// SPDX-License-Identifier: MIT
// The hubs of a shared log.
#include "journal/hubs.h"

#include <stdlib.h>

#include "base/array.h"

void hubs_fini(struct hubs *hubs) {
    free(hubs->list);
    free(hubs->saved);
    *hubs = (struct hubs){0};
}

int hubs_find(struct hubs *hubs, struct str name, struct hub_place **out) {
    for (size_t i = 0; i < hubs->count; i++) {
        *out = &hubs->list[i];
        if (str_equal(str_from((*out)->name), name)) return 0;
    }
    if (!array_reserve(hubs->list, hubs->cap, hubs->count + 1)) return ERR_NOMEM;
    *out = &hubs->list[hubs->count++];
    **out = (struct hub_place){0};
    memcpy((*out)->name, name.ptr, name.len);
    return 0;
}

bool hubs_take(struct hub_place *hub, const struct command_head *head) {
    if (head->kind == COMMAND_START) {
        if (head->incarnation != hub->incarnation + 1) return false;
        hub->incarnation = head->incarnation;
        hub->n = 0;
    } else {
        if (head->incarnation != hub->incarnation || head->n != hub->n + 1) return false;
        hub->n = head->n;
    }
    hub->changed = true;
    return true;
}

int hubs_save(struct hubs *hubs) {
    if (!array_reserve(hubs->saved, hubs->saved_cap, hubs->count)) return ERR_NOMEM;
    if (hubs->count) memcpy(hubs->saved, hubs->list, hubs->count * sizeof *hubs->list);
    hubs->saved_count = hubs->count;
    return 0;
}

void hubs_restore(struct hubs *hubs) {
    if (hubs->saved_count) memcpy(hubs->list, hubs->saved, hubs->saved_count * sizeof *hubs->list);
    hubs->count = hubs->saved_count;
}
