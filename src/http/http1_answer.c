// SPDX-License-Identifier: MIT
// Answers as HTTP/1.1 sends them.
#include <stdlib.h>

#include "base/limits.h"
#include "http/http1_conn_priv.h"

// The usual size of an answer, taken at once.
#define ANSWER_BYTES 512

void http1_append_out(struct http1_conn *conn, struct str bytes) {
    if (!conn->out) {
        conn->out = malloc(sizeof *conn->out);
        if (conn->out) buf_init(conn->out, LIMIT_TAIL_BYTES);
    }
    if (conn->out) buf_append_str(conn->out, bytes);
    // Half an answer is worse than none.
    if (!conn->out || buf_failed(conn->out)) conn->flags |= CONN_END | CONN_BROKEN;
}

bool http1_keeps_alive(const struct http1_exchange *exchange) {
    unsigned flags = exchange->base.flags;
    bool rest_is_read = flags & HTTP1_WHOLE || !(flags & HTTP1_LARGE);
    return flags & HTTP1_KEEP_ALIVE && rest_is_read && !(exchange->conn->flags & CONN_END) &&
           !exchange->base.http->draining;
}

// RFC 9110, 8.6: no Content-Length in a 204, and a 304 has no body.
static bool has_no_body(int status) { return status == 204 || status == 304; }

static void write_connection(struct buf *out, const struct http1_exchange *exchange,
                             bool keep_alive) {
    if (!keep_alive) {
        http1_write_text(out, "Connection", "close");
    } else if (exchange->base.flags & HTTP1_OLD) {
        http1_write_text(out, "Connection", "keep-alive");
    }
}

bool http1_write_answer(struct buf *out, const struct http1_exchange *exchange,
                        const struct answer *answer) {
    const struct exchange *base = &exchange->base;
    struct field common[EXCHANGE_COMMON_FIELDS_MAX];
    struct str origin = base->cors == CORS_ORIGIN ? str_from(exchange->origin) : STR("");
    unsigned count = exchange_common_fields(base, origin, common);
    bool chunked = base->framing == WIRE_CHUNKED;
    bool keep_alive = http1_keeps_alive(exchange);
    // The end of a body that is neither counted nor framed is the connection's.
    bool unframed = answer->length == ANSWER_ENDS && !chunked && !has_no_body(answer->status);
    if (answer->last || answer->length == ANSWER_ENDLESS || unframed) keep_alive = false;
    (void)buf_reserve(out, ANSWER_BYTES + answer->body.len);
    http1_write_status(out, answer->status, http_date(base->http));
    for (unsigned i = 0; i < count; i++)
        http1_write_field(out, common[i].name.ptr, common[i].value);
    write_connection(out, exchange, keep_alive);
    if (answer->type) http1_write_text(out, "Content-Type", answer->type);
    for (unsigned i = 0; i < answer->fields_count; i++)
        http1_write_field(out, answer->fields[i].name.ptr, answer->fields[i].value);
    if (answer->length != ANSWER_WHOLE) {
        if (chunked && !has_no_body(answer->status))
            http1_write_text(out, "Transfer-Encoding", "chunked");
    } else if (!has_no_body(answer->status)) {
        http1_write_u64(out, "Content-Length", answer->body.len);
    }
    http1_write_end(out);
    bool sends_body = answer->length == ANSWER_WHOLE && !has_no_body(answer->status) &&
                      !(base->flags & HTTP1_HEAD_ONLY);
    if (sends_body) buf_append_str(out, answer->body);
    return keep_alive;
}
