// SPDX-License-Identifier: MIT
// Rounds.
#include "hub/round.h"

#include <stdlib.h>

#include "base/array.h"

// Memory that a few large events took is not kept for all that follow.
#define KEEP_BYTES ((size_t)4 * 1024 * 1024)

void round_init(struct round *round, size_t bytes_max) {
    *round = (struct round){0};
    buf_init(&round->bytes, bytes_max);
}

void round_fini(struct round *round) {
    ASSERT(!round->parcelled);
    buf_fini(&round->bytes);
    free(round->pieces);
    *round = (struct round){0};
}

void round_clear(struct round *round) {
    ASSERT(!round->parcelled);
    if (round->bytes.cap > KEEP_BYTES) buf_fini(&round->bytes);
    buf_clear(&round->bytes);
    round->shared = (struct str){0};
    round->count = 0;
}

static bool add(struct round *round, uint64_t seq, size_t end) {
    if (!array_reserve(round->pieces, round->cap, round->count + 1)) return false;
    round->pieces[round->count++] = (struct piece){seq, end, NULL};
    return true;
}

bool round_add(struct round *round, uint64_t seq) {
    return !buf_failed(&round->bytes) && add(round, seq, round->bytes.len);
}

bool round_share(struct round *round, struct str bytes, uint64_t seq) {
    ASSERT(!round->count);
    round->shared = bytes;
    return add(round, seq, bytes.len);
}

static size_t start_of(const struct round *round, size_t piece) {
    return piece ? round->pieces[piece - 1].end : 0;
}

struct round_cut round_cut(const struct round *round, size_t taken) {
    struct round_cut cut = {0};
    while (cut.whole < round->count && round->pieces[cut.whole].end <= taken) cut.whole++;
    cut.offset = taken - start_of(round, cut.whole);
    cut.begun = cut.offset ? 1 : 0;
    return cut;
}

int round_parcel(struct round *round, size_t at, struct parcel_account *account,
                 struct parcel **out) {
    struct piece *piece = &round->pieces[at];
    if (!piece->parcel) {
        size_t start = start_of(round, at);
        struct str bytes = {round_bytes(round).ptr + start, piece->end - start};
        int err = parcel_new(&piece->parcel, account, bytes);
        if (err) return err;
        round->parcelled = true;
    }
    *out = parcel_get(piece->parcel);
    return 0;
}

void round_release(struct round *round, struct parcel_account *account) {
    if (!round->parcelled) return;
    for (size_t i = 0; i < round->count; i++) {
        parcel_put(account, round->pieces[i].parcel);
        round->pieces[i].parcel = NULL;
    }
    round->parcelled = false;
}
