// SPDX-License-Identifier: MIT
// How many cores this process may use.
#ifndef TAILRACE_SYS_CPU_H
#define TAILRACE_SYS_CPU_H

// The cores of the affinity mask, or the cgroup's CPU quota rounded up when that is less (cgroup v2 cpu.max and v1
// cpu.cfs_quota_us, of this process's group and those above). At least 1.
unsigned cpu_usable(void);

#endif
