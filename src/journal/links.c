// SPDX-License-Identifier: MIT
// Walking a topic along the links between its records.
//
// The ordinal of a link's target follows from the record's own: prev has n - 1, jump has n & (n -
// 1). Going back from n to k by jump while that does not pass k, and by prev otherwise, takes O(log
// n) runs of O(log n) steps.
#include "journal/links.h"

#include "journal/store.h"

int links_read(struct links *links, uint64_t seq, struct record_view *out) {
    MDB_val key = {sizeof seq, &seq}, data;
    links->reads++;
    int rc = mdb_get(links->txn, links->events, &key, &data);
    if (rc) return store_error(rc);
    return record_decode((struct str){data.mv_data, data.mv_size}, seq, links->seed, out);
}

// To the event before `view`, which has the ordinal that the link promises.
static int follow(struct links *links, uint64_t seq, uint64_t ordinal, struct record_view *view) {
    if (seq <= links->floor) return ERR_NOT_FOUND;
    uint32_t topic_no = view->record.topic_no;
    int err = links_read(links, seq, view);
    if (err) return err;
    return view->record.ordinal == ordinal && view->record.topic_no == topic_no ? 0 : ERR_CORRUPT;
}

// The view must be of an event at or after `ordinal`.
static int back_to(struct links *links, uint64_t ordinal, struct record_view *view) {
    while (view->record.ordinal > ordinal) {
        uint64_t n = view->record.ordinal, target = n & (n - 1);
        bool jump = target >= ordinal && view->jump > links->floor;
        int err = jump ? follow(links, view->jump, target, view)
                       : follow(links, view->record.prev, n - 1, view);
        if (err) return err;
    }
    return 0;
}

int links_at(struct links *links, uint64_t tail, uint64_t ordinal, struct record_view *out) {
    if (tail <= links->floor || ordinal == 0) return ERR_NOT_FOUND;
    int err = links_read(links, tail, out);
    if (err) return err;
    if (out->record.ordinal < ordinal) return ERR_NOT_FOUND;
    return back_to(links, ordinal, out);
}

int links_before(struct links *links, uint64_t tail, uint64_t before, uint64_t *seq) {
    struct record_view view;
    *seq = tail;
    if (tail > links->floor && tail < before) return 0;
    int err = tail > links->floor ? links_read(links, tail, &view) : ERR_NOT_FOUND;
    while (!err) {
        uint64_t n = view.record.ordinal;
        *seq = view.record.prev;
        if (*seq <= links->floor) return ERR_NOT_FOUND;
        if (*seq < before) return 0;
        bool jump = view.jump >= before && view.jump > links->floor;
        err =
            jump ? follow(links, view.jump, n & (n - 1), &view) : follow(links, *seq, n - 1, &view);
    }
    return err;
}

// From `view` back to the oldest event above `after` that is stored.
static int back_above(struct links *links, uint64_t after, struct record_view *view, bool *lost) {
    uint64_t bound = after > links->floor ? after : links->floor;
    for (;;) {
        uint64_t n = view->record.ordinal;
        struct record_view next = *view;
        int err = ERR_NOT_FOUND;
        if (view->jump > bound) err = follow(links, view->jump, n & (n - 1), &next);
        if (err == ERR_NOT_FOUND) {
            next = *view;
            if (view->record.prev > bound) err = follow(links, view->record.prev, n - 1, &next);
        }
        if (err == ERR_NOT_FOUND) {
            *lost = view->record.prev > after;
            return 0;
        }
        if (err) return err;
        *view = next;
    }
}

int links_after(struct links *links, uint64_t tail, uint64_t after, uint64_t *seqs, size_t max,
                size_t *count, bool *lost) {
    struct record_view newest, first;
    *count = 0;
    *lost = false;
    if (tail <= after || max == 0) return 0;
    int err = tail <= links->floor ? ERR_NOT_FOUND : links_read(links, tail, &newest);
    if (err == ERR_NOT_FOUND) {
        *lost = true;
        return 0;
    }
    if (err) return err;
    first = newest;
    err = back_above(links, after, &first, lost);
    if (err) return err;

    uint64_t low = first.record.ordinal, left = newest.record.ordinal - low + 1;
    size_t take = left < max ? (size_t)left : max;
    struct record_view at = newest;
    err = back_to(links, low + take - 1, &at);
    for (size_t i = take; !err && i-- > 0;) {
        seqs[i] = at.record.seq;
        if (i > 0) err = follow(links, at.record.prev, at.record.ordinal - 1, &at);
    }
    // Between first and tail nothing can be missing: a topic loses its oldest first.
    if (err) return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
    *count = take;
    return 0;
}

int links_stack(struct links *links, struct topic_row *topic) {
    int err = topic_row_stack_reset(topic, topic->now.last_ordinal);
    uint64_t ordinal = topic->now.last_ordinal, seq = topic->now.last_seq;
    for (unsigned i = topic->stack_depth; !err && i-- > 0; ordinal &= ordinal - 1) {
        topic->stack[i] = seq;
        struct record_view view;
        err = seq <= links->floor ? ERR_NOT_FOUND : links_read(links, seq, &view);
        if (!err && (view.record.ordinal != ordinal || view.record.topic_no != topic->no))
            err = ERR_CORRUPT;
        seq = err ? 0 : view.jump;
    }
    if (err == ERR_NOT_FOUND) err = 0;
    topic->stack_known = !err;
    return err;
}
