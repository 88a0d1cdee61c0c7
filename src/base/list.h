// SPDX-License-Identifier: MIT
// Linked lists: the adapter of utlist. Items have `prev` and `next`, or other names with the macros
// that end in 2. A list is a pointer to its first item, NULL when it is empty. A removed item keeps
// its pointers: the owner must know whether it is in a list.
#ifndef TAILRACE_BASE_LIST_H
#define TAILRACE_BASE_LIST_H

#include <utlist.h>

#endif
