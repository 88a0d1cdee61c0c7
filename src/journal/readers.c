// SPDX-License-Identifier: MIT
// Who reads the store.
#include "journal/readers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/copy_priv.h"
#include "sys/clock.h"

// One row of LMDB's table of readers. The table has one in each 64 bytes.
struct slot_view {
    _Atomic(uint64_t) txn_id;
    int pid;
    uint64_t thread;
};
#define SLOT_BYTES 64
#define SLOT_IDLE UINT64_MAX

struct snapshot {
    int pid;
    uint64_t thread, txn_id;
};

struct listing {
    struct snapshot oldest;  // of any process; pid 0: none
    struct snapshot foreign; // the oldest of another process
};

// Called by mdb_reader_list for its headline, then for each row: pid, thread (hex), transaction or
// -.
static int read_row(const char *text, void *context) {
    struct listing *listing = context;
    struct snapshot row;
    char *end;
    row.pid = (int)strtol(text, &end, 10);
    if (row.pid <= 0) return 0;
    row.thread = strtoull(end, &end, 16);
    while (*end == ' ') end++;
    if (*end < '0' || *end > '9') return 0;
    row.txn_id = strtoull(end, &end, 10);
    if (!listing->oldest.pid || row.txn_id < listing->oldest.txn_id) listing->oldest = row;
    if (row.pid != (int)getpid() && (!listing->foreign.pid || row.txn_id < listing->foreign.txn_id))
        listing->foreign = row;
    return 0;
}

static struct listing list(struct store *store) {
    struct listing listing = {0};
    (void)mdb_reader_list(store->env, read_row, &listing);
    return listing;
}

// LMDB has no call for it: the slot is found in lock.mdb by its content, which no other row has.
static bool give_up(struct store *store, const struct snapshot *snapshot) {
    struct stat status;
    void *table = MAP_FAILED;
    if (fstat(store->table_fd, &status) == 0 && status.st_size >= SLOT_BYTES)
        table = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                     store->table_fd, 0);
    if (table == MAP_FAILED) return false;
    bool found = false;
    for (size_t at = 0; !found && at + SLOT_BYTES <= (size_t)status.st_size; at += SLOT_BYTES) {
        struct slot_view *slot = (struct slot_view *)(void *)((char *)table + at);
        uint64_t txn_id = snapshot->txn_id;
        found = slot->pid == snapshot->pid && slot->thread == snapshot->thread &&
                atomic_compare_exchange_strong(&slot->txn_id, &txn_id, SLOT_IDLE);
    }
    (void)munmap(table, (size_t)status.st_size);
    return found;
}

void readers_check(struct readers *readers, struct store *store, bool pressed) {
    int dead = 0;
    if (!store->env) return;
    if (mdb_reader_check(store->env, &dead) == 0) readers->cleared_total += (uint64_t)dead;
    if (copy_give_up(store, pressed ? 0 : readers->age_max_ms)) readers->cleared_total++;
    struct listing listing = list(store);
    const struct snapshot *foreign = &listing.foreign;
    uint64_t now_ms = clock_mono_ms();
    if (foreign->pid != readers->pid || foreign->txn_id != readers->txn_id)
        readers->since_ms = now_ms;
    readers->pid = foreign->pid;
    readers->txn_id = foreign->txn_id;
    if (foreign->pid && (pressed || now_ms - readers->since_ms >= readers->age_max_ms) &&
        give_up(store, foreign)) {
        readers->cleared_total++;
        listing = list(store);
    }
    readers->lag = listing.oldest.pid ? store->txn_id - listing.oldest.txn_id : 0;
}
