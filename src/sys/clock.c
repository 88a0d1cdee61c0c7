// SPDX-License-Identifier: MIT
// The clocks.
#include "sys/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_mono_ms(void) { return read_us(CLOCK_MONOTONIC) / 1000; }

uint64_t clock_mono_us(void) { return read_us(CLOCK_MONOTONIC); }

uint64_t clock_thread_us(void) { return read_us(CLOCK_THREAD_CPUTIME_ID); }

uint64_t clock_boot_ms(void) { return read_us(CLOCK_BOOTTIME) / 1000; }

uint64_t clock_unix_ms(void) { return read_us(CLOCK_REALTIME) / 1000; }
