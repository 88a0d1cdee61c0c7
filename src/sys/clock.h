// SPDX-License-Identifier: MIT
// The clocks. Layers below src/sys, and src/hub, get the time from their callers.
#ifndef TAILRACE_SYS_CLOCK_H
#define TAILRACE_SYS_CLOCK_H

#include <stdint.h>

// Milliseconds of a clock that never goes back; only differences mean something. Any thread.
uint64_t clock_mono_ms(void);
// The same in microseconds.
uint64_t clock_mono_us(void);
// Microseconds of processor time that the calling thread has used. A system call.
uint64_t clock_thread_us(void);
// Milliseconds of a clock that never goes back and counts a suspended machine's sleep. Any thread.
uint64_t clock_boot_ms(void);
// Milliseconds since 1970 UTC. Any thread.
uint64_t clock_unix_ms(void);

#endif
