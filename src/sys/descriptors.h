// SPDX-License-Identifier: MIT
// Who may hold how many of the process's descriptors, so that neither visitors nor followed files
// leave none for the journal, for each other, or for reading keys at a reload.
//
//     the limit = the hub's own + followed files + clients
//
// Files may take half of what is not the hub's own; what they do not take is the clients', but for
// a small part that is kept for files that come later. Any thread; before descriptors_init there is
// no bound.
#ifndef TAILRACE_SYS_DESCRIPTORS_H
#define TAILRACE_SYS_DESCRIPTORS_H

#include <stdint.h>

// Raises the limit as far as the system lets (getrlimit, RLIMIT_NOFILE), and keeps back what the
// hub needs for itself with so many workers: listeners, loops, the journal, a backup, configuration
// and keys at a reload. Once, before any other thread.
void descriptors_init(unsigned workers);

// What is kept back.
uint64_t descriptors_own(void);
// How many followed files may be open at once.
uint64_t descriptors_for_files(void);
// The sources say how many they have open now, whenever that changes.
void descriptors_set_files(uint64_t open);
// How many clients may be connected at present.
uint64_t descriptors_for_clients(void);

#endif
