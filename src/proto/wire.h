// SPDX-License-Identifier: MIT
#ifndef TAILRACE_PROTO_WIRE_H
#define TAILRACE_PROTO_WIRE_H
enum wire_framing { WIRE_RAW, WIRE_CHUNKED };
enum wire_coding { WIRE_IDENTITY };
struct wire {
    enum wire_framing framing;
    enum wire_coding coding;
};
#endif
