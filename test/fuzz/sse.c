// SPDX-License-Identifier: MIT
// Fuzzing of proto/sse. However a stream is cut, it gives the same events; memory stays bounded;
// data comes back as it was. The first byte decides where to cut.
#include "proto/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SSE_FUZZ_BOUND 256

// Adds to a running sum over everything that a parser returns.
static void sse_fuzz_add(uint64_t *sum, struct str s) {
    for (size_t i = 0; i < s.len; i++) *sum = (*sum ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    *sum = (*sum ^ s.len) * 1099511628211u;
}

static int sse_fuzz_event(void *context, const struct sse_event *event) {
    ASSERT(event->data.len <= SSE_FUZZ_BOUND && event->type.len > 0);
    sse_fuzz_add(context, event->id);
    sse_fuzz_add(context, event->type);
    sse_fuzz_add(context, event->topic);
    sse_fuzz_add(context, event->time);
    sse_fuzz_add(context, event->data);
    return 0;
}

static uint64_t sse_fuzz_parse(struct str stream, size_t piece) {
    uint64_t sum = 14695981039346656037u;
    struct sse_parser parser;
    int err = 0;
    sse_parser_init(&parser, SSE_FUZZ_BOUND, sse_fuzz_event, &sum);
    for (size_t at = 0; at < stream.len && err == 0; at += piece) {
        size_t len = stream.len - at < piece ? stream.len - at : piece;
        err = sse_parser_feed(&parser, (struct str){stream.ptr + at, len});
    }
    ASSERT(err == 0 || err == ERR_TOO_LONG);
    sse_fuzz_add(&sum, buf_str(&parser.last_id));
    sse_parser_fini(&parser);
    return (sum ^ parser.retry_ms) + (uint64_t)(err != 0);
}

static int sse_fuzz_compare(void *context, const struct sse_event *event) {
    struct str *expected = context;
    ASSERT(str_equal(event->data, *expected));
    expected->ptr = NULL;
    return 0;
}

// Writes the data as an event, reads it again, and compares it with what the standard prescribes.
static void sse_fuzz_round(struct str data) {
    struct buf plain;
    struct buf wire;
    buf_init(&plain, data.len + 1);
    buf_init(&wire, data.len * 8 + 100);
    for (size_t i = 0; i < data.len; i++) {
        char c = data.ptr[i];
        if (c == '\n' && i > 0 && data.ptr[i - 1] == '\r') continue;
        buf_append_char(&plain, c == '\r' ? '\n' : c);
    }
    sse_data(&wire, data);
    sse_end(&wire);
    struct str expected = {buf_cstr(&plain), plain.len};
    struct sse_parser parser;
    sse_parser_init(&parser, data.len + 100, sse_fuzz_compare, &expected);
    ASSERT(sse_parser_feed(&parser, buf_str(&wire)) == 0);
    ASSERT(!expected.ptr);
    sse_parser_fini(&parser);
    buf_fini(&plain);
    buf_fini(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct str stream = {(const char *)data + 1, size - 1};
    uint64_t whole = sse_fuzz_parse(stream, stream.len + 1);
    ASSERT(sse_fuzz_parse(stream, data[0] + 1u) == whole);
    ASSERT(sse_fuzz_parse(stream, 1) == whole);
    sse_fuzz_round(stream);
    return 0;
}
