// SPDX-License-Identifier: MIT
// How many cores this process may use.
#ifndef TAILRACE_SYS_CPU_H
#define TAILRACE_SYS_CPU_H

// The number of cores in the affinity mask, or the CPU quota of the cgroup rounded up when that is
// less. The quota is the smallest one of this process's group and its parents (cgroup v2 cpu.max,
// v1 cpu.cfs_quota_us). At least 1.
unsigned cpu_usable(void);

#endif
