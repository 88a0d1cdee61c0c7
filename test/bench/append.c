// SPDX-License-Identifier: MIT
// The cost of LMDB itself. `append DIR EVENTS BYTES BATCH` appends records in rising order, BATCH
// in each transaction, and syncs every transaction. Also measures one fdatasync after a small
// append on the same disk. Prints one JSON object.
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "histogram.h"
#include "usage.h"

#define MAP_BYTES ((size_t)16 << 30)
#define SYNCS 400

static void check(int err, const char *what) {
    if (!err) return;
    fprintf(stderr, "append: %s: %s\n", what, mdb_strerror(err));
    exit(EX_IOERR);
}

static void append_batch(MDB_env *env, MDB_dbi dbi, uint64_t first, uint64_t count, char *bytes,
                         size_t len) {
    MDB_txn *txn;
    check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = first + i;
        MDB_val key = {sizeof number, &number}, value = {len, bytes};
        check(mdb_put(txn, dbi, &key, &value, MDB_APPEND), "put");
    }
    check(mdb_txn_commit(txn), "commit");
}

// The median time of a small append to a plain file with a sync.
static double sync_us(const char *dir) {
    static struct histogram histogram;
    char path[4096], bytes[512] = {0};
    snprintf(path, sizeof path, "%s/sync", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (int i = 0; fd >= 0 && i < SYNCS; i++) {
        uint64_t start = usage_now_ns();
        if (write(fd, bytes, sizeof bytes) < 0 || fdatasync(fd)) check(EIO, "fdatasync");
        histogram_add(&histogram, usage_now_ns() - start);
    }
    if (fd < 0) check(EIO, path);
    close(fd);
    unlink(path);
    return histogram_quantile_us(&histogram, 0.5);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: append DIR EVENTS BYTES BATCH\n");
        return EX_USAGE;
    }
    uint64_t events = strtoull(argv[2], NULL, 10), batch = strtoull(argv[4], NULL, 10);
    size_t len = strtoul(argv[3], NULL, 10);
    char *bytes = calloc(1, len + 1);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    if (!bytes || !batch) return EX_USAGE;
    double sync = sync_us(argv[1]);
    check(mdb_env_create(&env), "create");
    check(mdb_env_set_mapsize(env, MAP_BYTES), "map size");
    check(mdb_env_open(env, argv[1], 0, 0600), argv[1]);
    check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    check(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi), "open");
    check(mdb_txn_commit(txn), "commit");
    uint64_t cpu = usage_cpu_ns(getpid()), start = usage_now_ns();
    for (uint64_t at = 0; at < events; at += batch)
        append_batch(env, dbi, at, events - at < batch ? events - at : batch, bytes, len);
    double wall_s = (double)(usage_now_ns() - start) / 1e9;
    double cpu_us = (double)(usage_cpu_ns(getpid()) - cpu) / 1e3;
    mdb_env_close(env);
    free(bytes);
    printf("{\"events_per_s\":%.0f,\"cpu_us_per_event\":%.4f,\"batch\":%llu,\"sync_us\":%.1f}\n",
           (double)events / wall_s, cpu_us / (double)events, (unsigned long long)batch, sync);
    return 0;
}
