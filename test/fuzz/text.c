// SPDX-License-Identifier: MIT
// Fuzzing of source/text: bytes that may be UTF-16. However they are cut, the text is the same. It
// is valid UTF-8, and leads back to as many bytes as were decoded. The first byte decides the order
// of bytes and where to cut.
#include "source/text.h"

#include <stdlib.h>

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Decodes `input` in pieces, with what a piece has left in front of the next one.
static struct str text_fuzz_decode(enum text_encoding encoding, struct str input, size_t piece,
                                   char *out, size_t *taken) {
    size_t len = 0, end = 0;
    *taken = 0;
    while (end < input.len) {
        end = input.len - end < piece ? input.len : end + piece;
        size_t now;
        struct str part = {input.ptr + *taken, end - *taken};
        struct str text = text_decode(encoding, part, out + len, &now);
        ASSERT(text.len <= part.len / 2 * 3 && part.len - now < 4);
        ASSERT(text_bytes(encoding, text) == now);
        len += text.len;
        *taken += now;
    }
    return (struct str){out, len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct str input = {(const char *)data + 1, size - 1};
    enum text_encoding encoding = data[0] & 1 ? TEXT_UTF16LE : TEXT_UTF16BE;
    char *whole = malloc(size * 2), *pieces = malloc(size * 2);
    size_t taken, taken_in_pieces;
    unsigned mark;
    struct str a = text_fuzz_decode(encoding, input, input.len + 1, whole, &taken);
    struct str b = text_fuzz_decode(encoding, input, data[0] / 2 + 1, pieces, &taken_in_pieces);
    ASSERT(str_equal(a, b) && taken == taken_in_pieces && utf8_valid(a));
    (void)text_detect(input, encoding, &mark);
    ASSERT(mark <= input.len);
    free(whole);
    free(pieces);
    return 0;
}
