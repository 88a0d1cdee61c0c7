// SPDX-License-Identifier: MIT
// Framing and coding of bodies.
#include "proto/wire.h"

const char *wire_coding_name(enum wire_coding coding) {
    switch (coding) {
        case WIRE_IDENTITY:
        case WIRE_CODINGS: break;
    }
    return NULL;
}

static void close_chunk(struct buf *out, size_t start) {
    static const char hex[] = "0123456789abcdef", tail[] = {'\r', '\n'};
    char head[WIRE_OVERHEAD - sizeof tail];
    size_t payload = out->len - start, at = sizeof head;
    head[--at] = '\n';
    head[--at] = '\r';
    for (size_t rest = payload; rest; rest >>= 4) head[--at] = hex[rest & 15];
    size_t head_len = sizeof head - at;
    if (!buf_reserve(out, head_len + sizeof tail)) return;
    memmove(out->data + start + head_len, out->data + start, payload);
    memcpy(out->data + start, head + at, head_len);
    out->len += head_len;
    buf_append(out, tail, sizeof tail);
}

void wire_close(struct wire wire, struct buf *out, size_t start) {
    if (out->failed || out->len == start) return;
    if (wire.framing == WIRE_CHUNKED) close_chunk(out, start);
}

void wire_end(struct wire wire, struct buf *out) {
    if (wire.framing == WIRE_CHUNKED) buf_append_str(out, STR("0\r\n\r\n"));
}
