// SPDX-License-Identifier: MIT
// The publishers: POSTs over pipelined keep-alive connections, lines of one endless request, or
// lines appended to a file.
#ifndef TAILRACE_BENCH_PUBLISHERS_H
#define TAILRACE_BENCH_PUBLISHERS_H

#include "ledger.h"

struct publishers;

struct publishers *publishers_new(struct ledger *ledger, int epoll);
bool publishers_own(const struct publishers *publishers, const void *ptr);
void publishers_ready(struct publishers *publishers, void *ptr, uint32_t events);
// Publishes up to `count` events now, as far as there is room. Returns how many.
uint32_t publishers_publish(struct publishers *publishers, uint32_t count);
void publishers_end(struct publishers *publishers);

struct publishers_counts {
    uint64_t answered, refused, reconnects;
    char problem[160];
};
void publishers_counts(const struct publishers *publishers, struct publishers_counts *out);

#endif
