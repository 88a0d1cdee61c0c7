// SPDX-License-Identifier: MIT
// The buffer: growing, its maximum, errors that stick.
#include "base/buf.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(buf, appends_what_is_given) {
    struct buf buf;
    buf_init(&buf, 1000);
    buf_append(&buf, NULL, 0);
    cr_assert_str_eq(buf_cstr(&buf), "");
    buf_append_str(&buf, STR("ab"));
    buf_append_char(&buf, 'c');
    buf_append_u64(&buf, 0);
    buf_append_u64(&buf, UINT64_MAX);
    buf_printf(&buf, "<%d%s>", 5, "x");
    cr_assert_str_eq(buf_cstr(&buf), "abc018446744073709551615<5x>");
    cr_assert_eq(buf.len, strlen(buf_cstr(&buf)));
    buf_fini(&buf);
    cr_assert_eq(buf.len, 0);
    buf_append_char(&buf, 'x');
    cr_assert_str_eq(buf_cstr(&buf), "x", "usable again");
    buf_fini(&buf);
}

Test(buf, holds_exactly_its_maximum_and_then_fails_for_good) {
    struct buf buf;
    buf_init(&buf, 100);
    for (int i = 0; i < 100; i++) buf_append_char(&buf, 'a');
    cr_assert(!buf_failed(&buf));
    cr_assert_eq(buf.len, 100);
    buf_append_char(&buf, 'b');
    cr_assert(buf_failed(&buf));
    cr_assert_null(buf_reserve(&buf, 0));
    buf_append_str(&buf, STR(""));
    cr_assert_eq(buf.len, 100);
    cr_assert_str_eq(buf_cstr(&buf), "");
    buf_clear(&buf);
    cr_assert(!buf_failed(&buf));
    buf_append_str(&buf, STR("again"));
    cr_assert_str_eq(buf_cstr(&buf), "again");
    buf_fini(&buf);
}

Test(buf, an_append_that_does_not_fit_leaves_nothing) {
    struct buf buf;
    buf_init(&buf, 10);
    buf_append_str(&buf, STR("12345"));
    buf_append_str(&buf, STR("123456"));
    cr_assert(buf_failed(&buf));
    cr_assert_eq(buf.len, 5);
    buf_fini(&buf);
    buf_init(&buf, 10);
    cr_assert_null(buf_reserve(&buf, SIZE_MAX));
    buf_fini(&buf);
}

Test(buf, a_full_buffer_is_still_a_string) {
    struct buf buf;
    buf_init(&buf, 128);
    for (int i = 0; i < 128; i++) buf_append_char(&buf, 'a');
    cr_assert_eq(strlen(buf_cstr(&buf)), 128);
    cr_assert(!buf_failed(&buf), "asking for the string does not break the buffer");
    buf_fini(&buf);
}

Test(buf, printf_fills_to_the_last_byte) {
    struct buf buf;
    buf_init(&buf, 8);
    buf_printf(&buf, "%s", "12345678");
    cr_assert(!buf_failed(&buf));
    cr_assert_str_eq(buf_cstr(&buf), "12345678");
    buf_printf(&buf, "%s", "");
    cr_assert(!buf_failed(&buf));
    buf_printf(&buf, "%d", 1);
    cr_assert(buf_failed(&buf));
    buf_fini(&buf);
}

Test(buf, reserve_gives_room_behind_the_content) {
    struct buf buf;
    buf_init(&buf, 5000);
    buf_append_str(&buf, STR("head"));
    char *room = buf_reserve(&buf, 3000);
    cr_assert_not_null(room);
    memset(room, 'x', 3000);
    buf.len += 3000;
    cr_assert_eq(memcmp(buf.data, "headxx", 6), 0);
    buf_fini(&buf);
}

Test(buf, consume_takes_from_the_front) {
    struct buf buf;
    buf_init(&buf, 100);
    buf_consume(&buf, 0);
    buf_append_str(&buf, STR("abcdef"));
    buf_consume(&buf, 2);
    cr_assert_str_eq(buf_cstr(&buf), "cdef");
    buf_consume(&buf, 4);
    cr_assert_eq(buf.len, 0);
    buf_fini(&buf);
}

Test(buf, consuming_more_than_there_is_is_our_bug, .signal = SIGABRT) {
    struct buf buf;
    buf_init(&buf, 100);
    buf_consume(&buf, 1);
}
