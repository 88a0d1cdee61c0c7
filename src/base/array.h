// SPDX-License-Identifier: MIT
// Growing arrays. The owner keeps a pointer to the items and the capacity.
#ifndef TAILRACE_BASE_ARRAY_H
#define TAILRACE_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

// Makes room for `need` items of `size` bytes. *cap is the capacity; it at least doubles. Returns
// the items, which may have moved. NULL when out of memory: the old items are unchanged.
void *array_grow(void *items, size_t *cap, size_t need, size_t size);

// Makes room for `need` items in `items`, whose capacity is `cap`. Both are lvalues; `cap` is of
// any unsigned type. `need` is evaluated once. False when out of memory: nothing has changed.
#define array_reserve(items, cap, need)                                                            \
    ({                                                                                             \
        size_t array_cap_ = (cap), array_need_ = (need);                                           \
        bool array_fits_ = array_need_ <= array_cap_;                                              \
        if (!array_fits_) {                                                                        \
            void *array_items_ = array_grow((items), &array_cap_, array_need_, sizeof *(items));   \
            if (array_items_) {                                                                    \
                (items) = array_items_;                                                            \
                (cap) = (__typeof__(cap))array_cap_;                                               \
                array_fits_ = true;                                                                \
            }                                                                                      \
        }                                                                                          \
        array_fits_;                                                                               \
    })

#endif
