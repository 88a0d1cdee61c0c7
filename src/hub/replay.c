// SPDX-License-Identifier: MIT
// Starts that are more than a cursor.
#include "hub/replay.h"

#include <stdlib.h>

#include "hub/hub_priv.h"
#include "hub/lookback.h"

bool replay_make(struct subscriber *subscriber, enum replay_kind kind) {
    struct replay *replay = subscriber->replay;
    if (replay) {
        ASSERT(kind == REPLAY_LIST && replay->kind != REPLAY_PAST);
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
        case REPLAY_LIST:
        case REPLAY_LIMIT: break;
    }
    free(replay->list.seqs);
    free(replay);
    subscriber->replay = NULL;
}

void replay_end_list(struct hub *hub, struct subscriber *subscriber) {
    struct replay *replay = subscriber->replay;
    free(replay->list.seqs);
    replay->list.seqs = NULL;
    if (replay->kind == REPLAY_LIST) replay_free(hub, subscriber);
}
