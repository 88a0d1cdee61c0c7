// SPDX-License-Identifier: MIT
// How the descriptors that the process may have are shared out.
#include "sys/descriptors.h"

#include <sys/resource.h>

#define FILES_MIN 8

size_t descriptors_for_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < 2 * FILES_MIN) return FILES_MIN;
    return limit.rlim_cur / 2;
}
