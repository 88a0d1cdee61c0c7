// SPDX-License-Identifier: MIT
// Framing of bodies.
#include "proto/wire.h"

#include <criterion/criterion.h>

static const struct wire raw = {WIRE_RAW, WIRE_IDENTITY}, chunked = {WIRE_CHUNKED, WIRE_IDENTITY};

Test(wire, raw_bytes_stay_as_they_are) {
    struct buf out;
    buf_init(&out, 100);
    buf_append_str(&out, STR("abc"));
    wire_close(raw, &out, 1);
    wire_end(raw, &out);
    cr_assert_str_eq(buf_cstr(&out), "abc");
    buf_fini(&out);
}

Test(wire, a_chunk_says_its_size) {
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_append_str(&out, STR("before"));
    for (int i = 0; i < 0x1a34; i++) buf_append_char(&out, 'x');
    wire_close(chunked, &out, 6);
    cr_assert_eq(memcmp(out.data, "before1a34\r\nxxx", 15), 0);
    cr_assert_eq(memcmp(out.data + out.len - 3, "x\r\n", 3), 0);
    cr_assert_eq(out.len, 6 + 6 + 0x1a34 + 2);
    buf_clear(&out);
    buf_append_str(&out, STR("0123456789abcdef"));
    wire_close(chunked, &out, 0);
    size_t second = out.len;
    buf_append_char(&out, '\n');
    wire_close(chunked, &out, second);
    wire_end(chunked, &out);
    cr_assert_str_eq(buf_cstr(&out), "10\r\n0123456789abcdef\r\n1\r\n\n\r\n0\r\n\r\n");
    buf_fini(&out);
}

// A chunk of nothing would be the end of the body.
Test(wire, nothing_is_no_piece) {
    struct buf out;
    buf_init(&out, 100);
    buf_append_str(&out, STR("abc"));
    wire_close(chunked, &out, 3);
    cr_assert_str_eq(buf_cstr(&out), "abc");
    buf_fini(&out);
}

Test(wire, a_full_buffer_fails_and_is_not_written_over) {
    for (size_t max = 20; max < 28; max++) {
        struct buf out;
        buf_init(&out, max);
        buf_append_str(&out, STR("01234567890123456789"));
        wire_close(chunked, &out, 0);
        cr_assert_eq(buf_failed(&out), max < 26);
        cr_assert(out.len <= max);
        buf_fini(&out);
    }
}

Test(wire, the_overhead_is_enough_for_the_largest_piece) {
    struct buf out;
    buf_init(&out, (size_t)64 << 20);
    char *to = buf_reserve(&out, (size_t)16 << 20);
    cr_assert(to);
    memset(to, 'x', (size_t)16 << 20);
    out.len = (size_t)16 << 20;
    wire_close(chunked, &out, 0);
    cr_assert_leq(out.len, ((size_t)16 << 20) + WIRE_OVERHEAD);
    buf_fini(&out);
}

Test(wire, kinds_number_all_wires) {
    for (unsigned kind = 0; kind < WIRE_KINDS; kind++)
        cr_assert_eq(wire_kind(wire_of_kind(kind)), kind);
    cr_assert_neq(wire_kind(raw), wire_kind(chunked));
}
