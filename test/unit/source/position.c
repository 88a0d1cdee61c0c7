// SPDX-License-Identifier: MIT
// Positions as text.
#include "source/position.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(position, survives_encoding) {
    struct position in = {
        .now = {{UINT64_MAX, 2}, INT64_MAX, 1024, 256, UINT64_MAX, 5},
        .before = {{3, UINT64_MAX}, 9, 9, 9, 8, 7},
        .mtime_ns = -1,
        .generation = UINT64_MAX,
        .trail = {.marks = {[0] = {256, 1}, [TRAIL_MARKS - 1] = {INT64_MAX, UINT64_MAX}}},
        .place = STR("/var/log/a b\nc.log"),
    };
    struct position out;
    char text[LIMIT_SOURCE_POSITION_BYTES];
    struct str encoded = {text, position_encode(&in, text)};
    cr_assert_eq(position_decode(&out, encoded), 0);
    cr_assert_eq(out.now.id.dev, UINT64_MAX);
    cr_assert_eq(out.now.offset, INT64_MAX);
    cr_assert_eq(out.now.head_hash, UINT64_MAX);
    cr_assert_eq(out.before.id.ino, UINT64_MAX);
    cr_assert_eq(out.before.tail_hash, 7);
    cr_assert_eq(out.mtime_ns, -1);
    cr_assert_eq(out.generation, UINT64_MAX);
    cr_assert_eq(out.trail.marks[0].offset, 256);
    cr_assert_eq(out.trail.marks[1].offset, 0);
    cr_assert_eq(out.trail.marks[TRAIL_MARKS - 1].hash, UINT64_MAX);
    cr_assert(str_equal(out.place, in.place));
    for (size_t len = 0; len < encoded.len; len++) {
        char *cut = malloc(len + 1);
        memcpy(cut, text, len);
        (void)!position_decode(&out, (struct str){cut, len});
        free(cut);
    }
}

Test(position, of_the_version_before_is_read) {
    struct position out;
    struct str text = STR("1 3 ff 10 20 500 400 abc 100 def 10 21 9 9 8 9 7");
    cr_assert_eq(position_decode(&out, text), 0);
    cr_assert_eq(out.generation, 3);
    cr_assert_eq(out.now.offset, 0x500);
    cr_assert_eq(out.before.id.ino, 0x21);
    cr_assert_eq(out.place.len, 0);
    cr_assert_eq(out.trail.marks[0].offset, 0);
}

Test(position, of_another_form_is_corrupt) {
    static const char *const texts[] = {"",
                                        "1",
                                        "2 0 0",
                                        "1 0 0 0",
                                        "x",
                                        "1 0 0 1 2 3 4 5 6 7",
                                        "1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 /x",
                                        "2 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 2",
                                        "2 0 0 0 0 999 0 0 0 0 0 0 0 0 0 0 0 11 200 0"};
    struct position out;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(position_decode(&out, str_from(texts[i])), ERR_CORRUPT, "%s", texts[i]);
}
