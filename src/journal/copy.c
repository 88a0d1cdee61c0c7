// SPDX-License-Identifier: MIT
// A copy of the journal while it is in use.
//
//   writer thread: LMDB ──▶ pipe ──▶ this thread ──▶ pipe ──▶ the caller
//
// LMDB writes to a blocking descriptor and cannot be stopped but by closing the other end of it.
// The thread between the two pipes does that, whatever the caller does and however slow it is.
#include "journal/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "journal/copy_priv.h"
#include "journal/journal_priv.h"
#include "journal/lmdb_check.h"
#include "sys/clock.h"

#define PIECE_BYTES 65536

struct copy {
    _Atomic(unsigned) refs; // the caller's and the store's
    struct store *store;
    uint64_t since_ms;
    pthread_t thread;
    _Atomic(bool) stop;  // it is given up
    int wake_fd;         // an eventfd, readable then
    int fd;              // the caller reads
    int sink_fd;         // the thread writes
    int source_fd;       // the thread reads
    int lmdb_fd;         // LMDB writes
    _Atomic(bool) ended; // the thread has nothing more to do; the result is there
    int result;          // the thread's, then anybody's
    struct report why;
};

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void put(struct copy *copy) {
    if (atomic_fetch_sub(&copy->refs, 1) != 1) return;
    close_fd(&copy->wake_fd);
    close_fd(&copy->fd);
    close_fd(&copy->sink_fd);
    close_fd(&copy->source_fd);
    close_fd(&copy->lmdb_fd);
    free(copy);
}

static void stop(struct copy *copy) {
    atomic_store(&copy->stop, true);
    (void)!eventfd_write(copy->wake_fd, 1);
}

// --- the writer thread ---------------------------------------------------------------------------

// The file is checked before: LMDB walks over all of it, and trusts it. The snapshot keeps the
// pages that are looked at from being written to meanwhile.
static int check(struct copy *copy) {
    char path[4096];
    snprintf(path, sizeof path, "%s/" STORE_DATA_FILE, copy->store->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return report_errno(&copy->why, ERR_IO, "cannot open %s", path);
    int err = lmdb_check_file(fd, NULL, 0, UINT64_MAX, 0, &copy->stop, &copy->why);
    close(fd);
    return err;
}

static int copy_out(struct copy *copy) {
    MDB_env *env = copy->store->env;
    MDB_txn *txn;
    int rc = env ? mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) : MDB_PANIC;
    if (rc) return report_set(&copy->why, store_error(rc), "%s", mdb_strerror(rc));
    int err = check(copy);
    if (!err) rc = mdb_env_copyfd2(env, copy->lmdb_fd, MDB_CP_COMPACT);
    if (rc) err = report_set(&copy->why, store_error(rc), "%s", mdb_strerror(rc));
    mdb_txn_abort(txn);
    return err;
}

static void *write_copy(void *context) {
    struct copy *copy = context;
    pthread_rwlock_rdlock(&copy->store->gate);
    copy->result = copy_out(copy);
    pthread_rwlock_unlock(&copy->store->gate);
    close_fd(&copy->lmdb_fd);
    return NULL;
}

// --- the thread between --------------------------------------------------------------------------

// False: it is given up, or the caller has closed its end.
static bool wait_for(const struct copy *copy, int fd, short events) {
    struct pollfd io[2] = {{.fd = fd, .events = events}, {.fd = copy->wake_fd, .events = POLLIN}};
    while (poll(io, 2, -1) < 0)
        if (errno != EINTR) return false;
    return !io[1].revents && !(io[0].revents & POLLERR);
}

// Whether all has gone through.
static bool pump(const struct copy *copy) {
    while (wait_for(copy, copy->source_fd, POLLIN) && wait_for(copy, copy->sink_fd, POLLOUT)) {
        ssize_t moved = splice(copy->source_fd, NULL, copy->sink_fd, NULL, PIECE_BYTES,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved == 0) return true;
        if (moved < 0 && errno != EAGAIN && errno != EINTR) return false;
    }
    return false;
}

static void *run(void *context) {
    struct copy *copy = context;
    pthread_t writer;
    int rc = pthread_create(&writer, NULL, write_copy, copy);
    bool all = !rc && pump(copy);
    // Ends LMDB's writing, unless it has ended.
    close_fd(&copy->source_fd);
    if (!rc) pthread_join(writer, NULL);
    if (rc) {
        copy->result = report_set(&copy->why, ERR_SYSTEM, "cannot start a thread");
    } else if (!all) {
        copy->result =
            report_set(&copy->why, ERR_CLOSED,
                       "it was given up: it took too long, there was no space, or the hub stops");
    }
    atomic_store(&copy->ended, true);
    close_fd(&copy->sink_fd);
    return NULL;
}

// --- the caller ----------------------------------------------------------------------------------

static int make_pipes(struct copy *copy) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) return ERR_SYSTEM;
    copy->source_fd = fds[0];
    copy->lmdb_fd = fds[1];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) return ERR_SYSTEM;
    copy->fd = fds[0];
    copy->sink_fd = fds[1];
    copy->wake_fd = eventfd(0, EFD_CLOEXEC);
    return copy->wake_fd < 0 ? ERR_SYSTEM : 0;
}

// Waits for a thread that has ended, or was told to.
static void reap(struct store *store) {
    struct copy *copy = store->copy;
    pthread_join(copy->thread, NULL);
    store->copy = NULL;
    put(copy);
}

// No signal goes to the thread: a closed pipe is an error to it.
static int start_thread(struct copy *copy) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&copy->thread, NULL, run, copy);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc ? ERR_SYSTEM : 0;
}

int copy_start(struct journal *journal, struct copy **out) {
    struct store *store = &journal->store;
    // Never waited for: the store may be about to be reopened, and wait for what the caller reads.
    if (pthread_mutex_trylock(&store->copy_lock)) return ERR_BUSY;
    if (store->copy && atomic_load(&store->copy->ended)) reap(store);
    int err = store->copy ? ERR_BUSY : 0;
    struct copy *copy = err ? NULL : calloc(1, sizeof *copy);
    if (!err && !copy) err = ERR_NOMEM;
    if (!err) {
        *copy = (struct copy){.store = store, .since_ms = clock_mono_ms()};
        copy->fd = copy->sink_fd = copy->source_fd = copy->lmdb_fd = copy->wake_fd = -1;
        atomic_init(&copy->refs, 1);
        err = make_pipes(copy);
        if (!err) err = start_thread(copy);
        if (err) put(copy);
    }
    if (!err) {
        atomic_fetch_add(&copy->refs, 1);
        store->copy = *out = copy;
    }
    pthread_mutex_unlock(&store->copy_lock);
    return err;
}

int copy_fd(const struct copy *copy) { return copy->fd; }

int copy_result(const struct copy *copy, char *text, size_t size) {
    ASSERT(atomic_load(&copy->ended));
    snprintf(text, size, "%s", copy->why.text);
    return copy->result;
}

void copy_close(struct copy *copy) {
    stop(copy);
    close_fd(&copy->fd);
    put(copy);
}

// --- the store -----------------------------------------------------------------------------------

bool copy_give_up(struct store *store, uint64_t age_ms) {
    pthread_mutex_lock(&store->copy_lock);
    struct copy *copy = store->copy;
    bool gives = copy && !atomic_load(&copy->ended) && !atomic_load(&copy->stop) &&
                 clock_mono_ms() - copy->since_ms >= age_ms;
    if (gives) stop(copy);
    pthread_mutex_unlock(&store->copy_lock);
    return gives;
}

void copy_end(struct store *store) {
    if (!store->copy) return;
    stop(store->copy);
    reap(store);
}
