// SPDX-License-Identifier: MIT
// Fuzzing of base/lines. However the input is cut, it gives the same lines; short lines without NUL
// are the text between line ends; long ones stay within their bound. The first byte decides where
// to cut.
#include "base/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_FUZZ_MAX 64

struct lines_fuzz {
    struct str rest; // of the whole input; the next line is at its beginning
    uint64_t sum;
};

// Compares a line with the next one of the input.
static void lines_fuzz_check(struct lines_fuzz *fuzz, struct str line) {
    struct str expected = str_cut(&fuzz->rest, '\n');
    // At the end of input too: a CR may be half of an ending whose LF never came.
    if (expected.len && expected.ptr[expected.len - 1] == '\r') expected.len--;
    bool has_nul = expected.len && memchr(expected.ptr, '\0', expected.len);
    if (expected.len <= LINES_FUZZ_MAX && !has_nul) ASSERT(str_equal(line, expected));
    ASSERT(line.len <= LINES_FUZZ_MAX + LINES_MARK_BYTES);
    for (size_t i = 0; i < line.len; i++) {
        fuzz->sum = (fuzz->sum ^ (unsigned char)line.ptr[i]) * 1099511628211u;
    }
    fuzz->sum = (fuzz->sum ^ line.len) * 1099511628211u;
}

static uint64_t lines_fuzz_split(struct str input, size_t piece) {
    struct lines_fuzz fuzz = {input, 14695981039346656037u};
    struct lines lines;
    struct str line;
    int got;
    lines_init(&lines, LINES_FUZZ_MAX, LINES_CUT);
    for (size_t at = 0; at < input.len; at += piece) {
        struct str part = {input.ptr + at, input.len - at < piece ? input.len - at : piece};
        while ((got = lines_next(&lines, &part, &line)) == 1) lines_fuzz_check(&fuzz, line);
        ASSERT(got == 0 && part.len == 0);
        ASSERT(lines.kept.cap <= LINES_FUZZ_MAX + 2 * LINES_MARK_BYTES);
    }
    got = lines_end(&lines, &line);
    ASSERT(got >= 0);
    if (got == 1) lines_fuzz_check(&fuzz, line);
    ASSERT(fuzz.rest.len == 0);
    lines_fini(&lines);
    return fuzz.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct str input = {(const char *)data + 1, size - 1};
    uint64_t whole = lines_fuzz_split(input, input.len + 1);
    ASSERT(lines_fuzz_split(input, data[0] + 1u) == whole);
    ASSERT(lines_fuzz_split(input, 1) == whole);
    return 0;
}
