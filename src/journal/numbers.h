// SPDX-License-Identifier: MIT
// Numbers of dropped topics, to be given to new ones: readers of events keep arrays by number. A
// number is free again when no batch is left that has an event of the dropped topic. For the
// journal thread.
#ifndef TAILRACE_JOURNAL_NUMBERS_H
#define TAILRACE_JOURNAL_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct free_number {
    uint32_t no;
    uint64_t seq; // no batch with events up to here may be left
};

struct numbers {
    struct free_number *list; // by rising seq; those before `head` are taken
    size_t head, count, cap;
};

void numbers_fini(struct numbers *numbers);
// `seq` must not fall from one call to the next. ERR_NOMEM: the number is lost until the next
// start.
int numbers_give(struct numbers *numbers, uint32_t no, uint64_t seq) MUST_CHECK;
// False when none is free.
bool numbers_take(struct numbers *numbers, uint64_t floor_seq, uint32_t *no);
// Undoes the last take, before any give.
void numbers_untake(struct numbers *numbers);

#endif
