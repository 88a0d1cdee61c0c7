// SPDX-License-Identifier: MIT
// What a subscriber that is behind keeps.
#include "hub/replay.h"

#include <stdlib.h>

#include "base/limits.h"
#include "hub/hub_priv.h"
#include "hub/lookback.h"
#include "hub/merge.h"

bool replay_make(struct subscriber *subscriber, enum replay_kind kind) {
    struct replay *replay = subscriber->replay;
    if (replay) {
        ASSERT(kind == REPLAY_PLAIN && replay->kind != REPLAY_PAST);
        return true;
    }
    replay = calloc(1, sizeof *replay);
    if (!replay) return false;
    replay->kind = kind;
    if (kind == REPLAY_PACED) replay->pace.due.subscriber = subscriber;
    subscriber->replay = replay;
    return true;
}

bool replay_make_past(struct hub *hub, struct subscriber *subscriber, size_t room) {
    struct replay_past *past = calloc(1, sizeof *past + room * sizeof *past->seqs);
    if (!past || !replay_make(subscriber, REPLAY_PAST)) {
        free(past);
        return false;
    }
    subscriber->replay->past = past;
    hub->counts.searches++;
    return true;
}

void replay_free(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    if (!replay) return;
    switch (replay->kind) {
        case REPLAY_PACED: ready_remove_due(&hub->ready, &replay->pace.due); break;
        case REPLAY_PAST:
            lookback_free(replay->past->walk);
            free(replay->past);
            hub->counts.searches--;
            break;
        case REPLAY_PLAIN:
        case REPLAY_LIMIT: break;
    }
    merge_free(hub, replay->merge);
    if (replay->listing.held) buf_fini(replay->listing.held);
    free(replay->listing.held);
    free(replay);
    subscriber->replay = NULL;
}

static void free_merge(struct hub *hub, struct replay *replay) {
    merge_free(hub, replay->merge);
    replay->merge = NULL;
}

static void free_empty(struct hub *hub, struct subscriber *subscriber) {
    const struct replay *replay = subscriber->replay;
    if (replay->kind == REPLAY_PLAIN && !replay->merge && !replay->window.newest &&
        !replay->scans && !replay->listing.on)
        replay_free(hub, subscriber);
}

void replay_pass(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    if (!replay) return;
    if (subscriber->cursor >= hub->ring.floor) replay->scans = false;
    if (replay->merge && subscriber->cursor >= merge_limit(replay->merge)) free_merge(hub, replay);
    if (replay->window.newest && subscriber->cursor >= replay->window.then)
        replay->window = (struct replay_window){0};
    free_empty(hub, subscriber);
}

void replay_rest(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    if (!replay || !replay->merge) return;
    if (merge_is_large(replay->merge) && hub->counts.merge_bytes <= LIMIT_MERGE_BYTES / 2) return;
    free_merge(hub, replay);
    free_empty(hub, subscriber);
}
