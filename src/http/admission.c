// SPDX-License-Identifier: MIT
// Admission of connections.
#include "http/admission.h"

#include <pthread.h>
#include <stdlib.h>

#include "sys/hash.h"

// Connections over the bound that are still answered, so that a client learns why, and when to come
// back.
#define POLITE_MAX 256

struct visitor {
    UT_hash_handle hh;
    struct net_address address;
    uint32_t connections;
};

struct admission {
    pthread_mutex_t lock;
    struct visitor *visitors;
    uint64_t count;
};

int admission_new(struct admission **out) {
    struct admission *admission = calloc(1, sizeof *admission);
    if (!admission) return ERR_NOMEM;
    pthread_mutex_init(&admission->lock, NULL);
    *out = admission;
    return 0;
}

void admission_free(struct admission *admission) {
    if (!admission) return;
    struct visitor *visitor, *next;
    HASH_ITER(hh, admission->visitors, visitor, next) {
        HASH_DEL(admission->visitors, visitor);
        free(visitor);
    }
    pthread_mutex_destroy(&admission->lock);
    free(admission);
}

enum admission_answer admission_enter(struct admission *admission,
                                      const struct net_address *address, uint32_t connections_max,
                                      uint32_t per_address_max, struct visitor **out) {
    enum admission_answer answer = ADMIT;
    struct visitor *visitor;
    pthread_mutex_lock(&admission->lock);
    HASH_FIND(hh, admission->visitors, address, sizeof *address, visitor);
    if (!visitor) {
        visitor = calloc(1, sizeof *visitor);
        if (!visitor) {
            answer = ADMIT_REFUSE;
            goto out;
        }
        visitor->address = *address;
        HASH_ADD(hh, admission->visitors, address, sizeof visitor->address, visitor);
    }
    if (connections_max && admission->count >= connections_max) answer = ADMIT_FULL;
    if (per_address_max && visitor->connections >= per_address_max) answer = ADMIT_FULL_ADDRESS;
    bool far_over =
        (connections_max && admission->count >= (uint64_t)connections_max + POLITE_MAX) ||
        (per_address_max && visitor->connections >= (uint64_t)per_address_max + POLITE_MAX);
    if (far_over) {
        answer = ADMIT_REFUSE;
        // A refused connection leaves no trace: addresses are many.
        if (!visitor->connections) {
            HASH_DEL(admission->visitors, visitor);
            free(visitor);
        }
        goto out;
    }
    visitor->connections++;
    admission->count++;
    *out = visitor;
out:
    pthread_mutex_unlock(&admission->lock);
    return answer;
}

const char *admission_problem(enum admission_answer answer, int *status) {
    switch (answer) {
        case ADMIT: return NULL;
        case ADMIT_FULL_ADDRESS:
            *status = 429;
            return "too many connections from your address (limits.connections_per_address)";
        default:
            *status = 503;
            return "the hub has as many connections as it may (limits.connections)";
    }
}

const struct net_address *visitor_address(const struct visitor *visitor) {
    return &visitor->address;
}

void admission_leave(struct admission *admission, struct visitor *visitor) {
    pthread_mutex_lock(&admission->lock);
    ASSERT(visitor->connections && admission->count);
    admission->count--;
    if (--visitor->connections == 0) {
        HASH_DEL(admission->visitors, visitor);
        free(visitor);
    }
    pthread_mutex_unlock(&admission->lock);
}

uint64_t admission_count(struct admission *admission) {
    pthread_mutex_lock(&admission->lock);
    uint64_t count = admission->count;
    pthread_mutex_unlock(&admission->lock);
    return count;
}
