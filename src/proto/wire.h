// SPDX-License-Identifier: MIT
// How a body goes out: its coding (what the bytes are) and its framing (how they are cut for the
// connection). The one place that knows the syntax of either. Sans-I/O.
//
// A body is written in pieces. What is appended to a buffer becomes a piece by wire_close; pieces
// follow each other without anything between them, and wire_end comes after the last. A closed
// piece depends on nothing that was written before, so it can be made once and be sent to many.
#ifndef TAILRACE_PROTO_WIRE_H
#define TAILRACE_PROTO_WIRE_H

#include "base/buf.h"

enum wire_framing {
    WIRE_RAW,     // the bytes as they are; the end of the connection is the end of the body
    WIRE_CHUNKED, // HTTP/1.1 chunks (RFC 9112, section 7.1), one for each piece
    WIRE_FRAMINGS
};

enum wire_coding {
    WIRE_IDENTITY, // not coded
    WIRE_CODINGS
};

struct wire {
    enum wire_framing framing;
    enum wire_coding coding;
};

// Wires are numbered from 0 to WIRE_KINDS - 1, for tables of what is prepared for each.
#define WIRE_KINDS (WIRE_FRAMINGS * WIRE_CODINGS)
static inline unsigned wire_kind(struct wire wire) {
    return (unsigned)wire.framing * WIRE_CODINGS + (unsigned)wire.coding;
}
static inline struct wire wire_of_kind(unsigned kind) {
    return (struct wire){(enum wire_framing)(kind / WIRE_CODINGS),
                         (enum wire_coding)(kind % WIRE_CODINGS)};
}

// The name of a coding (RFC 9110, 8.4.1), NULL for none. Static storage.
const char *wire_coding_name(enum wire_coding coding);

// Bytes that wire_close may add to a piece, whatever the wire.
#define WIRE_OVERHEAD 20

// Codes and frames what was appended to `out` since it had `start` bytes. Does nothing when that
// is nothing: an empty chunk would be the end. The buffer fails when it runs over its maximum.
void wire_close(struct wire wire, struct buf *out, size_t start);
// Appends the end of the body; nothing where the end of the connection says it.
void wire_end(struct wire wire, struct buf *out);

#endif
