// SPDX-License-Identifier: MIT
// What processes and the kernel use.
#include "usage.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 4096
#define FAMILY_MAX 256

uint64_t usage_now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static pid_t parent_of(pid_t pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = 0;
    // The name in parentheses may contain anything.
    char *after = strrchr(text, ')');
    int parent = -1;
    if (after) sscanf(after + 2, "%*c %d", &parent);
    return parent;
}

static size_t family(pid_t root, pid_t *out) {
    static pid_t pids[PROCESSES_MAX], parents[PROCESSES_MAX];
    size_t all = 0, count = 0;
    if (root <= 0) return 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; dir && (entry = readdir(dir)) && all < PROCESSES_MAX;) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        pids[all] = atoi(entry->d_name);
        parents[all] = parent_of(pids[all]);
        all++;
    }
    if (dir) closedir(dir);
    out[count++] = root;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < all && count < FAMILY_MAX; k++) {
            if (parents[k] == out[i]) out[count++] = pids[k];
        }
    }
    return count;
}

static uint64_t threads_cpu_ns(pid_t pid) {
    char path[320];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)pid, entry->d_name);
        FILE *file = fopen(path, "r");
        uint64_t ns;
        if (file && fscanf(file, "%" SCNu64, &ns) == 1) sum += ns;
        if (file) fclose(file);
    }
    if (dir) closedir(dir);
    return sum;
}

uint64_t usage_cpu_ns(pid_t pid) {
    pid_t pids[FAMILY_MAX];
    size_t count = family(pid, pids);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += threads_cpu_ns(pids[i]);
    return sum;
}

// Adds the value of `name: N kB` in a file of /proc.
static void add_kilobytes(const char *path, const char *name, uint64_t *sum) {
    FILE *file = fopen(path, "r");
    char line[256];
    size_t len = strlen(name);
    while (file && fgets(line, sizeof line, file)) {
        if (!strncmp(line, name, len) && line[len] == ':')
            *sum += strtoull(line + len + 1, NULL, 10) * 1024;
    }
    if (file) fclose(file);
}

struct usage_memory usage_memory(pid_t pid) {
    struct usage_memory memory = {0};
    pid_t pids[FAMILY_MAX];
    char path[64];
    size_t count = family(pid, pids);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pids[i]);
        add_kilobytes(path, "Rss", &memory.rss_bytes);
        add_kilobytes(path, "Pss", &memory.pss_bytes);
        snprintf(path, sizeof path, "/proc/%d/status", (int)pids[i]);
        add_kilobytes(path, "VmHWM", &memory.peak_bytes);
    }
    return memory;
}

void usage_reset_peak(pid_t pid) {
    pid_t pids[FAMILY_MAX];
    char path[64];
    size_t count = family(pid, pids);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pids[i]);
        FILE *file = fopen(path, "w");
        if (!file) continue;
        fputs("5", file);
        fclose(file);
    }
}

struct usage_kernel usage_kernel(void) {
    struct usage_kernel kernel = {0};
    char line[256];
    add_kilobytes("/proc/meminfo", "Slab", &kernel.slab_bytes);
    FILE *file = fopen("/proc/net/sockstat", "r");
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "TCP: inuse %" SCNu64 " orphan %*d tw %*d alloc %*d mem %" SCNu64,
               &kernel.tcp_sockets, &kernel.tcp_pages);
    }
    if (file) fclose(file);
    return kernel;
}

void usage_cores(struct usage_cores *out) {
    char line[512];
    double hz = (double)sysconf(_SC_CLK_TCK), v[8];
    uint32_t core;
    memset(out, 0, sizeof *out);
    FILE *file = fopen("/proc/stat", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "cpu%u %lf %lf %lf %lf %lf %lf %lf %lf", &core, &v[0], &v[1], &v[2], &v[3],
                   &v[4], &v[5], &v[6], &v[7]) != 9 ||
            core >= USAGE_CORES_MAX)
            continue;
        out->busy_s[core] = (v[0] + v[1] + v[2] + v[5] + v[6]) / hz;
        out->steal_s += v[7] / hz;
        if (core >= out->count) out->count = core + 1;
    }
    if (file) fclose(file);
}
