// SPDX-License-Identifier: MIT
// Hashing: the seed of tables, and hashes that are stored.
#include "sys/hash.h"

#include <criterion/criterion.h>

Test(hash, of_content_never_changes) {
    // The journal stores such hashes: these numbers are part of its format.
    uint64_t wide[2];
    cr_assert_eq(hash_content("tailrace", 8), UINT64_C(0xa4cae4cb9cf477d9));
    hash_content_wide("tailrace", 8, wide);
    cr_assert_eq(wide[0], UINT64_C(0x1e9c90fd6e8f5daf));
    cr_assert_eq(wide[1], UINT64_C(0x8e83b3370aefc2e3));
}

Test(hash, of_tables_has_a_seed) {
    cr_assert_eq(hash_bytes("tailrace", 8), hash_bytes("tailrace", 8));
    cr_assert_neq(hash_bytes("tailrace", 8), hash_bytes("tailracf", 8));
    cr_assert_neq(hash_bytes("tailrace", 8), hash_content("tailrace", 8));
}
