// SPDX-License-Identifier: MIT
// The oldest events of a topic.
#include "journal/oldest.h"

#include "journal/journal_priv.h"

// Rows that one call looks at.
#define SCAN_ROWS 65536

static int scan(struct journal *journal, MDB_txn *txn, struct topic_row *topic, uint64_t after,
                uint64_t *seqs, size_t max, size_t *count, bool *more) {
    uint64_t seq = (after > topic->scanned_seq ? after : topic->scanned_seq) + 1;
    MDB_cursor *cursor;
    MDB_val key = {sizeof seq, &seq}, data;
    int rc = mdb_cursor_open(txn, journal->store.events, &cursor);
    if (rc) return work_error(journal, rc, "look for a topic's events");
    size_t rows = 0;
    for (rc = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
         !rc && rows < SCAN_ROWS && *count < max;
         rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT), rows++) {
        struct record_view view;
        if (key.mv_size != sizeof seq) continue;
        memcpy(&seq, key.mv_data, sizeof seq);
        if (seq > topic->now.last_seq) break;
        // A header that is damaged could be anybody's.
        if (record_decode((struct str){data.mv_data, data.mv_size}, seq, journal->seed, &view))
            continue;
        if (view.record.topic_no == topic->no) seqs[(*count)++] = seq;
    }
    mdb_cursor_close(cursor);
    if (rc && rc != MDB_NOTFOUND) return work_error(journal, rc, "look for a topic's events");
    *more = !rc && *count == 0 && seq <= topic->now.last_seq;
    topic->scanned_seq = *count ? seqs[0] - 1 : *more ? seq : topic->now.last_seq;
    return 0;
}

int oldest_seqs(struct journal *journal, MDB_txn *txn, struct topic_row *topic, uint64_t after,
                uint64_t *seqs, size_t max, size_t *count, bool *more) {
    struct links links = {.txn = txn,
                          .events = journal->store.events,
                          .seed = journal->seed,
                          .floor = topic->now.gone_seq};
    bool lost = false;
    *more = false;
    int err = links_after(&links, topic->now.last_seq, after, seqs, max, count, &lost);
    if (!err && !lost) return 0;
    if (err && err != ERR_CORRUPT && err != ERR_NOT_FOUND) return err;
    *count = 0;
    return scan(journal, txn, topic, after, seqs, max, count, more);
}
