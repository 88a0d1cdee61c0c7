// SPDX-License-Identifier: MIT
// Rounds and their parcels.
#include "hub/round.h"

#include <criterion/criterion.h>

static void add(struct round *round, uint64_t seq, struct str bytes) {
    buf_append_str(&round->bytes, bytes);
    cr_assert(round_add(round, seq));
}

static void expect_cut(const struct round *round, size_t taken, size_t whole, size_t offset) {
    struct round_cut cut = round_cut(round, taken);
    cr_assert_eq(cut.whole, whole, "after %zu bytes: %zu", taken, cut.whole);
    cr_assert_eq(cut.offset, offset, "after %zu bytes: %zu", taken, cut.offset);
    cr_assert_eq(cut.begun, offset ? 1 : 0);
}

Test(round, is_cut_between_or_within_its_pieces) {
    struct round round;
    round_init(&round, 1000);
    add(&round, 3, STR("aaa"));
    add(&round, 7, STR("b"));
    add(&round, 8, STR("cc"));
    expect_cut(&round, 0, 0, 0);
    expect_cut(&round, 2, 0, 2);
    expect_cut(&round, 3, 1, 0);
    expect_cut(&round, 4, 2, 0);
    expect_cut(&round, 5, 2, 1);
    expect_cut(&round, 6, 3, 0);
    round_clear(&round);
    expect_cut(&round, 0, 0, 0);
    round_fini(&round);
}

Test(round, a_failed_buffer_makes_no_piece) {
    struct round round;
    round_init(&round, 4);
    add(&round, 1, STR("aaa"));
    buf_append_str(&round.bytes, STR("bb"));
    cr_assert(!round_add(&round, 2));
    cr_assert_eq(round.count, 1);
    round_fini(&round);
}

Test(round, a_piece_has_one_parcel_for_all_who_stop_in_it) {
    struct round round;
    struct parcel_account account = {.bytes_max = 10000};
    struct parcel *first, *same, *other;
    round_init(&round, 1000);
    add(&round, 3, STR("aaa"));
    add(&round, 7, STR("bb"));
    cr_assert_eq(round_parcel(&round, 1, &account, &first), 0);
    cr_assert_eq(round_parcel(&round, 1, &account, &same), 0);
    cr_assert_eq(round_parcel(&round, 0, &account, &other), 0);
    cr_assert_eq(first, same);
    cr_assert_neq(first, other);
    cr_assert(str_equal((struct str){first->bytes, first->len}, STR("bb")));
    cr_assert(str_equal((struct str){other->bytes, other->len}, STR("aaa")));
    cr_assert_eq(account.parcels, 2);
    cr_assert_eq(account.bytes, 2 * sizeof(struct parcel) + 5, "each once");
    round_release(&round, &account);
    round_clear(&round);
    add(&round, 9, STR("zzz"));
    cr_assert(str_equal((struct str){first->bytes, first->len}, STR("bb")), "it does not change");
    parcel_put(&account, first);
    cr_assert_eq(account.parcels, 2);
    parcel_put(&account, same);
    parcel_put(&account, other);
    parcel_put(&account, NULL);
    cr_assert_eq(account.parcels, 0);
    cr_assert_eq(account.bytes, 0);
    round_fini(&round);
}

Test(round, shared_bytes_are_copied_only_into_a_parcel) {
    struct round round;
    struct parcel_account account = {.bytes_max = 1000};
    struct parcel *parcel;
    char bytes[] = "frame";
    round_init(&round, 1000);
    cr_assert(round_share(&round, (struct str){bytes, 5}, 4));
    cr_assert_eq(round_bytes(&round).ptr, bytes);
    expect_cut(&round, 2, 0, 2);
    cr_assert_eq(round_parcel(&round, 0, &account, &parcel), 0);
    memset(bytes, '!', 5);
    cr_assert(str_equal((struct str){parcel->bytes, parcel->len}, STR("frame")));
    round_release(&round, &account);
    round_clear(&round);
    cr_assert_eq(round_bytes(&round).len, 0);
    parcel_put(&account, parcel);
    round_fini(&round);
}

Test(round, a_full_account_refuses_a_new_parcel_and_shares_the_old) {
    struct round round;
    struct parcel_account account = {.bytes_max = sizeof(struct parcel) + 3};
    struct parcel *first, *same, *other = NULL;
    round_init(&round, 1000);
    add(&round, 1, STR("aaa"));
    add(&round, 2, STR("b"));
    cr_assert_eq(round_parcel(&round, 0, &account, &first), 0);
    cr_assert_eq(round_parcel(&round, 1, &account, &other), ERR_LIMIT);
    cr_assert_null(other);
    cr_assert_eq(round_parcel(&round, 0, &account, &same), 0);
    round_release(&round, &account);
    parcel_put(&account, first);
    parcel_put(&account, same);
    cr_assert_eq(account.bytes, 0);
    round_fini(&round);
}
