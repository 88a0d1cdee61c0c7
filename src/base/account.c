// SPDX-License-Identifier: MIT
// An account of memory.
#include "base/account.h"

bool account_fits(struct account *account, size_t bytes) {
    if (!account_has_room(account, bytes) && account->yield)
        account->yield(account->context, bytes);
    return account_has_room(account, bytes);
}

bool account_take(struct account *account, size_t bytes) {
    if (!account_fits(account, bytes)) return false;
    account->held += bytes;
    return true;
}

void account_give(struct account *account, size_t bytes) {
    ASSERT(bytes <= account->held);
    account->held -= bytes;
}

bool account_change(struct account *account, size_t *counted, size_t bytes) {
    size_t counts = bytes > ACCOUNT_FREE_BYTES ? bytes - ACCOUNT_FREE_BYTES : 0;
    if (counts > *counted && !account_take(account, counts - *counted)) return false;
    if (counts < *counted) account_give(account, *counted - counts);
    *counted = counts;
    return true;
}
