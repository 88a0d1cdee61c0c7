// SPDX-License-Identifier: MIT
// Admission of connections.
#include "http/admission.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <pthread.h>

// The sanitizers' allocator counts for itself.
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_bytes(void) {
    if (__sanitizer_get_current_allocated_bytes) return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

static struct net_address address(uint32_t no) {
    struct net_address out = {.bytes = {[10] = 0xFF, [11] = 0xFF}};
    memcpy(out.bytes + 12, &no, sizeof no);
    return out;
}

Test(admission, counts_in_all_and_for_each_address) {
    struct admission *admission;
    struct net_address one = address(1), two = address(2);
    struct visitor *visitor, *first;
    cr_assert_eq(admission_new(&admission), 0);
    cr_assert_eq(admission_enter(admission, &one, 3, 2, &first), ADMIT);
    cr_assert_eq(admission_enter(admission, &one, 3, 2, &visitor), ADMIT);
    cr_assert_eq(visitor, first);
    cr_assert_eq(admission_enter(admission, &one, 3, 2, &visitor), ADMIT_FULL_ADDRESS);
    cr_assert_eq(admission_enter(admission, &two, 3, 2, &visitor), ADMIT_FULL,
                 "those that are told so count too");
    cr_assert_eq(admission_count(admission), 4);
    for (int i = 0; i < 3; i++) admission_leave(admission, first);
    admission_leave(admission, visitor);
    cr_assert_eq(admission_count(admission), 0);
    cr_assert_eq(admission_enter(admission, &one, 1, 1, &visitor), ADMIT);
    admission_leave(admission, visitor);
    admission_free(admission);
}

Test(admission, no_bound_is_no_bound) {
    struct admission *admission;
    struct net_address one = address(1);
    struct visitor *visitor;
    cr_assert_eq(admission_new(&admission), 0);
    for (int i = 0; i < 5000; i++)
        cr_assert_eq(admission_enter(admission, &one, 0, 0, &visitor), ADMIT);
    for (int i = 0; i < 5000; i++) admission_leave(admission, visitor);
    admission_free(admission);
}

Test(admission, who_is_far_over_is_refused_and_not_remembered) {
    struct admission *admission;
    uint32_t entered = 0;
    struct visitor *visitor, *visitors[1000];
    cr_assert_eq(admission_new(&admission), 0);
    for (;; entered++) {
        struct net_address next = address(entered);
        if (admission_enter(admission, &next, 10, 0, &visitors[entered]) == ADMIT_REFUSE) break;
    }
    cr_assert_gt(entered, 10);
    cr_assert_eq(admission_count(admission), entered);
    size_t before = heap_bytes();
    for (uint32_t no = 1000; no < 101000; no++) {
        struct net_address next = address(no);
        cr_assert_eq(admission_enter(admission, &next, 10, 0, &visitor), ADMIT_REFUSE);
    }
    cr_assert_lt(heap_bytes(), before + 100000, "refused addresses take memory");
    for (uint32_t no = 0; no < entered; no++) admission_leave(admission, visitors[no]);
    cr_assert_eq(admission_count(admission), 0);
    admission_free(admission);
}

static void *come_and_go(void *context) {
    for (uint32_t i = 0; i < 20000; i++) {
        struct net_address next = address(i % 50);
        struct visitor *visitor;
        if (admission_enter(context, &next, 100, 10, &visitor) != ADMIT_REFUSE)
            admission_leave(context, visitor);
    }
    return NULL;
}

Test(admission, workers_share_it) {
    struct admission *admission;
    pthread_t threads[4];
    cr_assert_eq(admission_new(&admission), 0);
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, come_and_go, admission);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    cr_assert_eq(admission_count(admission), 0);
    admission_free(admission);
}
