// SPDX-License-Identifier: MIT
// Fuzzing of proto/http1. However a stream is cut, it gives the same requests and the same failure;
// slices point to valid memory; memory stays bounded. The first byte decides where to cut.
#include "proto/http1.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HTTP1_FUZZ_BOUND 512

static void http1_fuzz_add(uint64_t *sum, struct str s) {
    for (size_t i = 0; i < s.len; i++) *sum = (*sum ^ (unsigned char)s.ptr[i]) * 1099511628211u;
}

static void http1_fuzz_body(void *context, struct str bytes) {
    ASSERT(bytes.len > 0);
    http1_fuzz_add(context, bytes);
}

static void http1_fuzz_head(uint64_t *sum, const struct http1_head *head) {
    const struct request *request = &head->request;
    ASSERT(request->path.len > 0 && (request->path.ptr[0] == '/' || request->path.ptr[0] == '*'));
    ASSERT(head->minor <= 1);
    http1_fuzz_add(sum, request->method_text);
    http1_fuzz_add(sum, request->path);
    http1_fuzz_add(sum, request->query);
    http1_fuzz_add(sum, request->authority);
    for (size_t i = 0; i < request->fields_count; i++) {
        ASSERT(request->fields[i].name.len > 0);
        http1_fuzz_add(sum, request->fields[i].name);
        http1_fuzz_add(sum, request->fields[i].value);
    }
    *sum += request->content_length + head->keep_alive * 3u + !request->length_known * 5u;
}

// Feeds one piece, from a copy that ends where the piece ends. False after a failure.
static bool http1_fuzz_piece(struct http1_parser *parser, const char *bytes, size_t len,
                             uint64_t *sum) {
    char *copy = malloc(len + 1);
    ASSERT(copy);
    memcpy(copy, bytes, len);
    enum http1_step step = HTTP1_HEADERS;
    size_t at = 0;
    while (step == HTTP1_HEADERS || (step == HTTP1_COMPLETE && at < len)) {
        size_t consumed = 0;
        step = http1_parser_feed(parser, copy + at, len - at, &consumed);
        ASSERT(consumed <= len - at);
        at += consumed;
        if (step == HTTP1_HEADERS) http1_fuzz_head(sum, http1_parser_head(parser));
        if (step == HTTP1_COMPLETE) *sum *= 31;
    }
    ASSERT(step == HTTP1_FAILED || at == len);
    free(copy);
    return step != HTTP1_FAILED;
}

static uint64_t http1_fuzz_parse(struct str stream, size_t piece) {
    uint64_t sum = 14695981039346656037u;
    struct http1_parser *parser = http1_parser_new(HTTP1_FUZZ_BOUND, http1_fuzz_body, &sum);
    ASSERT(parser);
    bool going = true;
    for (size_t at = 0; going && at < stream.len; at += piece) {
        size_t len = stream.len - at < piece ? stream.len - at : piece;
        going = http1_fuzz_piece(parser, stream.ptr + at, len, &sum);
    }
    const char *detail;
    if (!going) sum += (uint64_t)http1_parser_error(parser, &detail);
    sum = sum * 2 + http1_parser_in_message(parser);
    http1_parser_free(parser);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct str stream = {(const char *)data + 1, size - 1};
    uint64_t whole = http1_fuzz_parse(stream, stream.len + 1);
    ASSERT(http1_fuzz_parse(stream, data[0] + 1u) == whole);
    ASSERT(http1_fuzz_parse(stream, 1) == whole);
    return 0;
}
