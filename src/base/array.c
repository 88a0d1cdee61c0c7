// SPDX-License-Identifier: MIT
// Growing arrays.
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

void *array_grow(void *items, size_t *cap, size_t need, size_t size) {
    // Some callers count their capacity in 32 bits.
    if (need > UINT32_MAX / 2 || need > SIZE_MAX / 2 / size) return NULL;
    size_t more = *cap < 4 ? 4 : *cap * 2;
    if (more < need) more = need;
    void *bigger = realloc(items, more * size);
    if (bigger) *cap = more;
    return bigger;
}
