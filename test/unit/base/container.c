// SPDX-License-Identifier: MIT
// From a member to its struct.
#include "base/container.h"

#include <criterion/criterion.h>

struct inner {
    int x;
};
struct outer {
    char first;
    struct inner inner;
    struct {
        struct inner deep;
    } nested;
};

Test(container, every_member_leads_back_to_its_struct) {
    struct outer outer;
    cr_assert_eq(container_of(&outer.first, struct outer, first), &outer);
    cr_assert_eq(container_of(&outer.inner, struct outer, inner), &outer);
    cr_assert_eq(container_of(&outer.nested.deep, struct outer, nested.deep), &outer);
}
