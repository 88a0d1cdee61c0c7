// SPDX-License-Identifier: MIT
// From a member to the struct in which it is embedded.
#ifndef TAILRACE_BASE_CONTAINER_H
#define TAILRACE_BASE_CONTAINER_H

#include <stddef.h>

// The `type` whose `member` the pointer points at.
#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
