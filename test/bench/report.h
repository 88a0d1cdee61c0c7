// SPDX-License-Identifier: MIT
// The results of a run of the load generator, printed as one JSON object. Names carry their units.
#ifndef TAILRACE_BENCH_REPORT_H
#define TAILRACE_BENCH_REPORT_H

#include "ledger.h"
#include "publishers.h"
#include "usage.h"

struct report {
    struct usage_memory empty, full, peak;
    struct usage_kernel kernel_empty, kernel_full;
    double connect_s, idle_cpu_share;
    // Of the measured part:
    uint64_t begin_ns, end_ns, cpu_begin_ns, cpu_end_ns, client_begin_ns, client_end_ns;
    uint64_t deliveries_begin, deliveries_end, bytes_begin, bytes_end, receives_begin, receives_end;
    uint64_t events_begin, events_end;
    struct usage_cores cores_begin, cores_end;
};

// The sum of one counter over all processes; `field` is its offset in struct share.
uint64_t ledger_sum(struct ledger *ledger, size_t field);

void report_empty(struct report *report, struct ledger *ledger);
void report_full(struct report *report, struct ledger *ledger);
void report_begin(struct report *report, struct ledger *ledger);
void report_finish(struct report *report, struct ledger *ledger);
// Call it after all processes have ended.
void report_print(const struct report *report, struct ledger *ledger,
                  const struct publishers *publishers);

#endif
