// SPDX-License-Identifier: MIT
// Admission: how many connections there are, in all and from each address, over all workers. Asked when a connection comes and when
// it goes, never on the way of an event.
#ifndef TAILRACE_HTTP_ADMISSION_H
#define TAILRACE_HTTP_ADMISSION_H

#include "base/err.h"
#include "sys/net.h"

struct admission;

int admission_new(struct admission **out) MUST_CHECK;
void admission_free(struct admission *admission);

enum admission_answer {
    ADMIT,
    ADMIT_FULL,         // over the bound in all: may be told so, and goes
    ADMIT_FULL_ADDRESS, // over the bound of its address
    ADMIT_REFUSE,       // far over: to be closed without a word, and not counted
};

// Any thread. 0 means no bound. Unless refused, admission_leave must follow.
enum admission_answer admission_enter(struct admission *admission,
                                      const struct net_address *address, uint32_t connections_max,
                                      uint32_t per_address_max);
// What a request of one that is over a bound is told, with the status; NULL for ADMIT.
const char *admission_problem(enum admission_answer answer, int *status);
void admission_leave(struct admission *admission, const struct net_address *address);
uint64_t admission_count(struct admission *admission);

#endif
