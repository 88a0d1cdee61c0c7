// SPDX-License-Identifier: MIT
// How the descriptors that the process may have are shared out.
#ifndef TAILRACE_SYS_DESCRIPTORS_H
#define TAILRACE_SYS_DESCRIPTORS_H

#include <stddef.h>

// Followed files may take this many: half of the limit (RLIMIT_NOFILE), so that the other half is
// left for clients, the journal and everything else, however many files there are. At least 8.
size_t descriptors_for_files(void);

#endif
