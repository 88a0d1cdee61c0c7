// SPDX-License-Identifier: MIT
// Admission: how many connections there are, in all and from each address, over all workers. Asked
// when a connection comes and when it goes, never on the way of an event.
#ifndef TAILRACE_HTTP_ADMISSION_H
#define TAILRACE_HTTP_ADMISSION_H

#include "base/err.h"
#include "sys/net.h"

struct admission;

int admission_new(struct admission **out) MUST_CHECK;
void admission_free(struct admission *admission);

enum admission_answer {
    ADMIT,
    ADMIT_FULL,         // over the bound in all: its requests are answered with the reason
    ADMIT_FULL_ADDRESS, // over the bound of its address: the same
    ADMIT_REFUSE,       // far over: it is closed at once, and not counted
};

// Any thread. 0 means no bound. Unless refused, *visitor stands for the address until
// admission_leave, which must follow.
struct visitor;
enum admission_answer admission_enter(struct admission *admission,
                                      const struct net_address *address, uint32_t connections_max,
                                      uint32_t per_address_max, struct visitor **visitor);
void admission_leave(struct admission *admission, struct visitor *visitor);
const struct net_address *visitor_address(const struct visitor *visitor);
// What a request is answered whose connection is over a bound, with the status; NULL for ADMIT.
const char *admission_problem(enum admission_answer answer, int *status);
uint64_t admission_count(struct admission *admission);

#endif
