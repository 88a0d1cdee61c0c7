// SPDX-License-Identifier: MIT
// Numbers of dropped topics.
#include "journal/numbers.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void numbers_fini(struct numbers *numbers) {
    free(numbers->list);
    *numbers = (struct numbers){0};
}

int numbers_give(struct numbers *numbers, uint32_t no, uint64_t seq) {
    if (numbers->head > numbers->count / 2) {
        numbers->count -= numbers->head;
        memmove(numbers->list, numbers->list + numbers->head,
                numbers->count * sizeof *numbers->list);
        numbers->head = 0;
    }
    if (!array_reserve(numbers->list, numbers->cap, numbers->count + 1)) return ERR_NOMEM;
    numbers->list[numbers->count++] = (struct free_number){no, seq};
    return 0;
}

bool numbers_take(struct numbers *numbers, uint64_t floor_seq, uint32_t *no) {
    if (numbers->head == numbers->count) return false;
    const struct free_number *first = &numbers->list[numbers->head];
    if (first->seq > floor_seq) return false;
    *no = first->no;
    numbers->head++;
    return true;
}

void numbers_untake(struct numbers *numbers) {
    ASSERT(numbers->head > 0);
    numbers->head--;
}
