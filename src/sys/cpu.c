// SPDX-License-Identifier: MIT
// How many cores this process may use.
#include "sys/cpu.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// The quota in one file, in cores rounded up; 0: none.
static unsigned quota_of(const char *dir, const char *group) {
    char path[4096];
    long long quota = 0, period = 0;
    snprintf(path, sizeof path, "%s%s/cpu.max", dir, group);
    FILE *file = fopen(path, "re");
    if (file) {
        // "max 100000" leaves the quota at 0.
        if (fscanf(file, "%lld %lld", &quota, &period) != 2) quota = 0;
        fclose(file);
    } else {
        snprintf(path, sizeof path, "%s%s/cpu.cfs_quota_us", dir, group);
        file = fopen(path, "re");
        if (!file) return 0;
        if (fscanf(file, "%lld", &quota) != 1) quota = 0;
        fclose(file);
        snprintf(path, sizeof path, "%s%s/cpu.cfs_period_us", dir, group);
        file = fopen(path, "re");
        if (!file) return 0;
        if (fscanf(file, "%lld", &period) != 1) period = 0;
        fclose(file);
    }
    if (quota <= 0 || period <= 0) return 0;
    return (unsigned)((quota + period - 1) / period);
}

// The least quota on the way from the process's group up to the root.
static unsigned quota_least(const char *dir, char *group) {
    unsigned least = 0;
    for (;;) {
        unsigned quota = quota_of(dir, group);
        if (quota && (!least || quota < least)) least = quota;
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

static unsigned cgroup_cores(void) {
    char line[4096];
    unsigned least = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *names = strchr(line, ':');
        char *group = names ? strchr(names + 1, ':') : NULL;
        if (!group) continue;
        *group++ = '\0';
        names++;
        const char *dir = !names[0]              ? "/sys/fs/cgroup"
                          : strstr(names, "cpu") ? "/sys/fs/cgroup/cpu"
                                                 : NULL;
        if (!dir) continue;
        if (strcmp(group, "/") == 0) group[0] = '\0';
        unsigned quota = quota_least(dir, group);
        if (quota && (!least || quota < least)) least = quota;
    }
    fclose(file);
    return least;
}

unsigned cpu_usable(void) {
    cpu_set_t set;
    unsigned cores = 1;
    if (!sched_getaffinity(0, sizeof set, &set) && CPU_COUNT(&set) > 0)
        cores = (unsigned)CPU_COUNT(&set);
    unsigned quota = cgroup_cores();
    return quota && quota < cores ? quota : cores;
}
