// SPDX-License-Identifier: MIT
// UTF-8: checking, repairing and cutting, compared with a decoder from the standard.
#include "base/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

// The UTF-8 decoder of the WHATWG Encoding standard, section 8.1.1, with error mode "replacement",
// written as it is there.
struct decoder {
    unsigned seen, needed;
    unsigned char low, high;
    size_t start; // of the current character
};

static void decode(const unsigned char *in, size_t len, struct buf *out) {
    struct decoder d = {.low = 0x80, .high = 0xBF};
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = in[i];
        if (d.needed && (byte < d.low || byte > d.high)) {
            buf_append_str(out, STR("\uFFFD"));
            d = (struct decoder){.low = 0x80, .high = 0xBF};
        } else if (d.needed) {
            d.low = 0x80;
            d.high = 0xBF;
            if (++d.seen < d.needed) continue;
            buf_append(out, in + d.start, d.needed + 1);
            d = (struct decoder){.low = 0x80, .high = 0xBF};
            continue;
        }
        d.start = i;
        if (byte <= 0x7F) {
            buf_append(out, &byte, 1);
        } else if (byte >= 0xC2 && byte <= 0xDF) {
            d.needed = 1;
        } else if (byte >= 0xE0 && byte <= 0xEF) {
            if (byte == 0xE0) d.low = 0xA0;
            if (byte == 0xED) d.high = 0x9F;
            d.needed = 2;
        } else if (byte >= 0xF0 && byte <= 0xF4) {
            if (byte == 0xF0) d.low = 0x90;
            if (byte == 0xF4) d.high = 0x8F;
            d.needed = 3;
        } else {
            buf_append_str(out, STR("\uFFFD"));
        }
    }
    if (d.needed) buf_append_str(out, STR("\uFFFD"));
}

static void check(const unsigned char *in, size_t len) {
    struct str text = {(const char *)in, len};
    struct buf ours, theirs;
    buf_init(&ours, 1000);
    buf_init(&theirs, 1000);
    utf8_repair(&ours, text);
    decode(in, len, &theirs);
    cr_assert(str_equal(buf_str(&ours), buf_str(&theirs)), "%02x %02x %02x %02x", in[0], in[1],
              in[2], in[3]);
    bool valid = str_equal(buf_str(&theirs), text);
    cr_assert_eq(utf8_valid(text), valid);
    size_t prefix = utf8_valid_prefix(text);
    cr_assert(utf8_valid((struct str){text.ptr, prefix}));
    cr_assert(valid == (prefix == len));
    buf_fini(&ours);
    buf_fini(&theirs);
}

Test(utf8, repairs_every_short_sequence_as_browsers_do) {
    static const unsigned char edges[] = {0x00, 'a',  0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                          0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                          0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    size_t kinds = sizeof edges;
    for (size_t n = 0; n < kinds * kinds * kinds * kinds; n++) {
        unsigned char in[4] = {edges[n % kinds], edges[n / kinds % kinds],
                               edges[n / kinds / kinds % kinds], edges[n / kinds / kinds / kinds]};
        check(in, n % 7 ? 4 : 3);
    }
}

Test(utf8, long_texts_are_checked_at_every_place) {
    // As many lengths as there are ways to divide a text into wide steps and a rest.
    unsigned char text[80];
    for (size_t len = 1; len <= sizeof text; len++) {
        struct str whole = {(char *)text, len};
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', len);
            cr_assert(utf8_valid(whole));
            text[at] = 0xFF;
            cr_assert_eq(utf8_valid_prefix(whole), at);
            text[at] = 0xC3;
            cr_assert_eq(utf8_valid_prefix(whole), at);
            if (at + 1 == len) continue;
            text[at + 1] = 0xA9;
            cr_assert(utf8_valid(whole));
            // Behind a character that is not ASCII.
            text[len - 1] = 0xFF;
            cr_assert_eq(utf8_valid_prefix(whole), at + 2 == len ? at : len - 1);
        }
    }
    cr_assert(utf8_valid((struct str){NULL, 0}));
}

Test(utf8, cut_leaves_whole_characters) {
    struct str text = STR("a\u00e9\u20ac\U0001F600");
    for (size_t max = 0; max <= text.len + 2; max++) {
        struct str cut = utf8_cut(text, max);
        cr_assert(cut.len <= max);
        cr_assert(utf8_valid(cut), "%zu", max);
        cr_assert(cut.len + 4 > max || cut.len == text.len, "%zu: only %zu", max, cut.len);
    }
    cr_assert_eq(utf8_cut(text, 3).len, 3);
    cr_assert_eq(utf8_cut(text, 2).len, 1);
}
