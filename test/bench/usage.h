// SPDX-License-Identifier: MIT
// What processes and the kernel use, from /proc: CPU time in nanoseconds (schedstat), memory,
// sockets, cores.
#ifndef TAILRACE_BENCH_USAGE_H
#define TAILRACE_BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

#define USAGE_CORES_MAX 64

uint64_t usage_now_ns(void); // monotonic

// CPU time of a process, all its threads and all its descendants. 0 for pid 0.
uint64_t usage_cpu_ns(pid_t pid);

struct usage_memory {
    uint64_t rss_bytes, pss_bytes, peak_bytes;
};
// The sum over the process and its descendants.
struct usage_memory usage_memory(pid_t pid);
// Restarts peak_bytes.
void usage_reset_peak(pid_t pid);

struct usage_kernel {
    uint64_t slab_bytes, tcp_pages, tcp_sockets;
};
struct usage_kernel usage_kernel(void);

// Busy time of each core since boot, softirq included.
struct usage_cores {
    uint32_t count;
    double busy_s[USAGE_CORES_MAX];
    double steal_s;
};
void usage_cores(struct usage_cores *out);

#endif
