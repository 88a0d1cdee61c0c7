// SPDX-License-Identifier: MIT
// The account of memory.
#include "base/account.h"

#include <criterion/criterion.h>

Test(account, takes_up_to_its_bound_and_no_further) {
    struct account account = {.most = 100};
    cr_assert(account_take(&account, 60));
    cr_assert(!account_take(&account, 41));
    cr_assert_eq(account.held, 60, "nothing has changed");
    cr_assert(account_take(&account, 40));
    account_give(&account, 100);
    cr_assert_eq(account.held, 0);
}

Test(account, a_bound_below_what_is_held_refuses_and_lets_give) {
    struct account account = {.most = 100};
    cr_assert(account_take(&account, 80));
    account.most = 50;
    cr_assert(!account_has_room(&account, 0));
    cr_assert(!account_take(&account, 1));
    account_give(&account, 80);
    cr_assert(account_take(&account, 50));
}

Test(account, what_is_small_is_free_also_when_the_account_is_full) {
    struct account account = {.most = 1000};
    size_t one = 0, other = 0, small = 0;
    cr_assert(account_hold(&account, &one, ACCOUNT_FREE_BYTES + 1000));
    cr_assert_eq(account.held, 1000);
    cr_assert(account_hold(&account, &small, ACCOUNT_FREE_BYTES));
    cr_assert(!account_hold(&account, &other, ACCOUNT_FREE_BYTES + 1));
    cr_assert_eq(other, 0);
    cr_assert(account_hold(&account, &one, ACCOUNT_FREE_BYTES + 999), "less always fits");
    cr_assert(account_hold(&account, &other, ACCOUNT_FREE_BYTES + 1));
    cr_assert(account_hold(&account, &one, 0));
    account_release(&account, &other);
    account_release(&account, &other);
    cr_assert_eq(account.held, 0);
}

static size_t cached;

static void give_cached(void *context, size_t bytes) {
    struct account *account = context;
    for (; cached && !account_has_room(account, bytes); cached -= 10) account_give(account, 10);
}

Test(account, what_can_be_made_again_gives_way) {
    struct account account = {.most = 100, .yield = give_cached};
    account.context = &account;
    cached = 50;
    cr_assert(account_take(&account, cached));
    cr_assert(account_take(&account, 65));
    cr_assert_eq(cached, 30, "no more than was needed");
    cr_assert(!account_take(&account, 40));
    cr_assert_eq(cached, 0);
    cr_assert_eq(account.held, 65);
}
