// SPDX-License-Identifier: MIT
// The HTTP/1.1 parser and the writing of heads: requests, bodies, failures, bounds.
#include "proto/http1.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/limits.h"

#define BOUND 4096

// What a parser reported about a stream: "GET /x 1.1 keep;" for a head, "<body>" for bytes, "." for
// a complete message, "!400" for a failure, "~" for the end of input inside a message.
struct script {
    struct buf said;
    struct buf body;
};

static void on_body(void *context, struct str bytes) {
    struct script *script = context;
    cr_assert(bytes.len > 0);
    buf_append_str(&script->body, bytes);
}

static void say_head(struct buf *said, const struct http1_head *head) {
    const struct request *request = &head->request;
    buf_printf(said, "%.*s %.*s", STR_ARG(request->method_text), STR_ARG(request->path));
    if (request->query.ptr) buf_printf(said, "?%.*s", STR_ARG(request->query));
    if (request->authority.len) buf_printf(said, " @%.*s", STR_ARG(request->authority));
    if (head->minor != 1) buf_printf(said, " 1.%u", head->minor);
    if (!head->keep_alive) buf_append_str(said, STR(" close"));
    if (!head->request.length_known) buf_append_str(said, STR(" chunked"));
    if (request->content_length) buf_printf(said, " %lu", request->content_length);
    if (head->expect_continue) buf_append_str(said, STR(" continue"));
    buf_append_char(said, ';');
}

// One step's worth of what the parser has to say; false when it will say no more.
static bool say_step(struct script *script, struct http1_parser *parser, enum http1_step step) {
    const char *detail;
    switch (step) {
        case HTTP1_HEADERS: say_head(&script->said, http1_parser_head(parser)); return true;
        case HTTP1_COMPLETE:
        case HTTP1_FAILED:
            if (script->body.len) {
                buf_printf(&script->said, "<%.*s>", STR_ARG(buf_str(&script->body)));
            }
            buf_clear(&script->body);
            if (step == HTTP1_COMPLETE) {
                buf_append_char(&script->said, '.');
                return true;
            }
            buf_printf(&script->said, "!%d", http1_parser_error(parser, &detail));
            cr_assert(strlen(detail) > 10);
            return false;
        case HTTP1_MORE: return false;
    }
    return false;
}

// Feeds a piece to its end, as a server does. False after a failure.
static bool feed_all(struct script *script, struct http1_parser *parser, struct str piece) {
    for (;;) {
        // A copy of its own, so that a slice kept into what was fed is found by the sanitizer.
        char *copy = malloc(piece.len + 1);
        cr_assert(copy);
        memcpy(copy, piece.ptr, piece.len);
        size_t consumed = 0;
        enum http1_step step = http1_parser_feed(parser, copy, piece.len, &consumed);
        free(copy);
        cr_assert(consumed <= piece.len);
        piece = (struct str){piece.ptr + consumed, piece.len - consumed};
        bool more = say_step(script, parser, step);
        if (step == HTTP1_FAILED) return false;
        if (step == HTTP1_MORE) cr_assert_eq(piece.len, 0, "took less than all and wants more");
        if (!more || (step == HTTP1_COMPLETE && piece.len == 0)) return true;
    }
}

static void run_pieces(struct str stream, size_t bound, size_t first, size_t rest,
                       const char *expected) {
    struct script script;
    buf_init(&script.said, 100000);
    buf_init(&script.body, 100000);
    struct http1_parser *parser = http1_parser_new(bound, on_body, &script);
    cr_assert(parser);
    size_t at = 0;
    bool going = true;
    for (size_t size = first; going && at < stream.len; size = rest) {
        if (size > stream.len - at) size = stream.len - at;
        going = feed_all(&script, parser, (struct str){stream.ptr + at, size});
        at += size;
    }
    if (going && http1_parser_in_message(parser)) buf_append_char(&script.said, '~');
    cr_assert_str_eq(buf_cstr(&script.said), expected, "pieces of %zu then %zu: %s of [%.*s]",
                     first, rest, buf_cstr(&script.said), STR_ARG(stream));
    http1_parser_free(parser);
    buf_fini(&script.said);
    buf_fini(&script.body);
}

static void check_bound(struct str stream, size_t bound, const char *expected) {
    for (size_t cut = 1; cut <= stream.len; cut++) {
        run_pieces(stream, bound, cut, stream.len, expected);
    }
    run_pieces(stream, bound, 1, 1, expected);
}

static void check_str(struct str stream, const char *expected) {
    check_bound(stream, BOUND, expected);
}

static void check(const char *stream, const char *expected) {
    check_str(str_from(stream), expected);
}

// A GET of / with these fields.
static void check_fields(const char *fields, const char *expected) {
    struct buf stream;
    buf_init(&stream, BOUND * 2);
    buf_printf(&stream, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);
    check(buf_cstr(&stream), expected);
    buf_fini(&stream);
}

Test(http1, a_plain_request) {
    check("GET / HTTP/1.1\r\nHost: example.com:80\r\n\r\n", "GET / @example.com:80;.");
    check("GET /t/a%20b?last=1&x HTTP/1.1\r\nHost:h\r\nAccept: */*\r\n\r\n",
          "GET /t/a%20b?last=1&x @h;.");
    check("HEAD /? HTTP/1.1\r\nHost:\r\n\r\n", "HEAD /?;.");
}

Test(http1, methods) {
    check("DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n", "DELETE /x @h;.");
    check("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * @h;.");
    check("PROPFIND /x HTTP/1.1\r\nHost: h\r\n\r\n", "PROPFIND /x @h;.");
    check("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\nGET", "!501");
    check("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("get / HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET * HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
}

Test(http1, header_lookup) {
    static const char stream[] =
        "POST /x HTTP/1.1\r\nHost: h\r\nEmpty:\r\nx-lots: \t a  b\t \r\n"
        "Accept: text/html;q=0.5, text/event-stream\r\nACCEPT: a/b\r\n\r\n";
    struct script script = {0};
    struct http1_parser *parser = http1_parser_new(BOUND, on_body, &script);
    size_t consumed;
    cr_assert_null(http1_parser_head(parser));
    cr_assert_not(http1_parser_in_message(parser));
    cr_assert_eq(http1_parser_feed(parser, stream, 10, &consumed), HTTP1_MORE);
    cr_assert(http1_parser_in_head(parser) && http1_parser_in_message(parser));
    cr_assert_eq(http1_parser_feed(parser, stream + 10, sizeof stream - 11, &consumed),
                 HTTP1_HEADERS);
    cr_assert(!http1_parser_in_head(parser) && http1_parser_in_message(parser));
    const struct request *request = &http1_parser_head(parser)->request;
    cr_assert_eq(request->fields_count, 5);
    cr_assert_eq(request->method, METHOD_POST);
    cr_assert(str_equal(request_field(request, "empty"), STR("")));
    cr_assert(request_field(request, "empty").ptr);
    cr_assert(str_equal(request_field(request, "X-LOTS"), STR("a  b")));
    cr_assert_null(request_field(request, "X-Lot").ptr);
    size_t index = 0;
    struct str value;
    cr_assert(request_field_next(request, "accept", &index, &value));
    cr_assert(request_field_next(request, "accept", &index, &value));
    cr_assert(str_equal(value, STR("a/b")));
    cr_assert_not(request_field_next(request, "accept", &index, &value));
    cr_assert_eq(http1_parser_feed(parser, "", 0, &consumed), HTTP1_COMPLETE);
    cr_assert_not(http1_parser_in_message(parser));
    cr_assert_eq(http1_parser_feed(parser, "", 0, &consumed), HTTP1_MORE);
    cr_assert(http1_parser_head(parser), "the head lives until the next request begins");
    cr_assert_eq(http1_parser_feed(parser, "G", 1, &consumed), HTTP1_MORE);
    cr_assert_null(http1_parser_head(parser));
    http1_parser_free(parser);
}

Test(http1, bodies_by_length) {
    check("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "POST /x @h 5;<hello>.");
    check("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "POST /x @h;.");
    check("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", "POST /x @h 5;~");
    check("GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", "GET /x @h 2;<ab>.");
}

Test(http1, bodies_by_chunks) {
    check("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\nhello\r\n00A\r\n, my world\r\n0\r\n\r\n",
          "POST /x @h chunked;<hello, my world>.");
    check("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
          "POST /x @h chunked;.");
    check("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "1;a=b\r\nx\r\n1;c=\"d;e\"\r\ny\r\n0;f\r\nHost: other\r\nTrailer: y\r\n\r\nGET / "
          "HTTP/1.1\r\nHost: "
          "h\r\n\r\n",
          "POST /x @h chunked;<xy>.GET / @h;.");
}

Test(http1, bad_chunks_are_refused) {
#define POST_CHUNKED "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    check(POST_CHUNKED "x\r\n", "POST /x @h chunked;!400");
    check(POST_CHUNKED "-1\r\n", "POST /x @h chunked;!400");
    check(POST_CHUNKED "0x1\r\na\r\n", "POST /x @h chunked;!400");
    check(POST_CHUNKED "1 \r\na\r\n0\r\n\r\n", "POST /x @h chunked;!400");
    check(POST_CHUNKED "fffffffffffffffff\r\n", "POST /x @h chunked;!400");
    check(POST_CHUNKED "1\na\r\n0\r\n\r\n", "POST /x @h chunked;!400");
    check(POST_CHUNKED "1\rXa\r\n0\r\n\r\n", "POST /x @h chunked;!400");
    check(POST_CHUNKED "1\r\na\n0\r\n\r\n", "POST /x @h chunked;<a>!400");
    check(POST_CHUNKED "1\r\nab\r\n0\r\n\r\n", "POST /x @h chunked;<a>!400");
    check(POST_CHUNKED "1\r\naX\n0\r\n\r\n", "POST /x @h chunked;<a>!400");
    check(POST_CHUNKED "0\r\nX", "POST /x @h chunked;~");
    check(POST_CHUNKED "0\r\n\rX", "POST /x @h chunked;!400");
}

Test(http1, keep_alive) {
    check_fields("Connection: close\r\n", "GET / @h close;.");
    check_fields("Connection: foo, Close\r\n", "GET / @h close;.");
    check_fields("Connection: close\r\nConnection: keep-alive\r\n", "GET / @h close;.");
    check("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close;.");
    check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / 1.0;.");
    check("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET / 1.0 close;.");
}

Test(http1, pipelined_requests_come_one_by_one) {
    check("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
          "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
          "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
          "\r\nGET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
          "GET /5 HTTP/1.1\r\nHost: h\r\n\r\n",
          "GET /1 @h;.POST /2 @h 3;<abc>.POST /3 @h chunked;<x>.GET /4 @h close;.GET /5 @h;.");
}

Test(http1, upgrades_are_ordinary_requests) {
    check("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
          "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
          "GET /1 @h;.GET /2 @h;.");
    check("POST /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
          "HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 2\r\n\r\nab"
          "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
          "POST /1 @h 2;<ab>.GET /2 @h;.");
}

Test(http1, targets) {
    check("GET http://example.com:81/t/x?y HTTP/1.1\r\nHost: other\r\n\r\n",
          "GET /t/x?y @example.com:81;.");
    check("GET HTTPS://example.com?y HTTP/1.1\r\nHost: example.com\r\n\r\n",
          "GET /?y @example.com;.");
    check("GET http://[::1]:8080/ HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET / @[::1]:8080;.");
    check("GET ftp://example.com/ HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET x HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET /\xC3\xA9 HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check_str(STR("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"), "!400");
    check("GET  HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
    check("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / @h;.");
    check("GET ? HTTP/1.1\r\nHost: h\r\n\r\n", "!400");
}

Test(http1, versions) {
    check("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "!505");
    check("GET / HTTP/0.9\r\nHost: h\r\n\r\n", "!505");
    check("GET / HTTP/1.2\r\nHost: h\r\n\r\n", "!505");
    check("GET / HTTP/3.0\r\nHost: h\r\n\r\n", "!505");
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!505");
    check("GET /\r\n\r\n", "!505");
    check("GET / HTTX/1.1\r\n", "!400");
    check("GET / RTSP/1.0\r\n\r\n", "!400");
    check("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "!400");
}

Test(http1, tls_on_a_plain_port_is_named) {
    struct script script = {0};
    struct http1_parser *parser = http1_parser_new(BOUND, on_body, &script);
    size_t consumed;
    const char *detail;
    cr_assert_eq(http1_parser_feed(parser, "\x16\x03\x01\x02\x00", 5, &consumed), HTTP1_FAILED);
    cr_assert_eq(http1_parser_error(parser, &detail), 400);
    cr_assert(strstr(detail, "TLS"), "%s", detail);
    cr_assert_eq(http1_parser_feed(parser, "GET", 3, &consumed), HTTP1_FAILED);
    cr_assert_eq(consumed, 0);
    http1_parser_free(parser);
}

Test(http1, host_rules) {
    check("GET / HTTP/1.1\r\n\r\n", "!400");
    check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "!400");
    check("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "!400");
    check("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "!400");
    check("GET / HTTP/1.1\r\nHost: me@a\r\n\r\n", "!400");
    check("GET http://me:x@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "!400");
    check("GET / HTTP/1.0\r\nHost: h\r\n\r\n", "GET / @h 1.0 close;.");
}

Test(http1, fields_that_may_not_be_repeated) {
    check_fields("Authorization: Bearer a\r\nauthorization: Bearer a\r\n", "!400");
    check_fields("X-Api-Key: a\r\nX-API-KEY: b\r\n", "!400");
    check_fields("Content-Length: 0\r\nContent-Length: 0\r\n", "!400");
    check_fields("Cookie: a\r\nCookie: b\r\n", "GET / @h;.");
    check_fields("Last-Event-ID: 1-1\r\nLast-Event-ID: 1-2\r\n", "GET / @h;.");
}

Test(http1, ambiguous_framing_is_refused) {
    check_fields("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "!400");
    check_fields("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "!400");
    check_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "!400");
    check_fields("Transfer-Encoding: chunked, identity\r\n", "!400");
    check_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "!400");
    check_fields("Transfer-Encoding: xchunked\r\n", "!501");
    check_fields("Transfer-Encoding: gzip, chunked\r\n", "!501");
    check_fields("Transfer-Encoding: \"chunked\"\r\n", "!501");
    check_fields("Transfer-Encoding:\r\n", "!501");
    check_fields("Transfer-Encoding : chunked\r\n", "!400");
    check_fields("Transfer-Encoding\t: chunked\r\n", "!400");
    check_fields("Transfer-Encoding:\x0b"
                 "chunked\r\n",
                 "!400");
    check_fields("Content-Length : 3\r\n", "!400");
    check_fields("Content-Length: 3, 3\r\n", "!400");
    check_fields("Content-Length: 3 3\r\n", "!400");
    check_fields("Content-Length: +3\r\n", "!400");
    check_fields("Content-Length: -3\r\n", "!400");
    check_fields("Content-Length: 0x3\r\n", "!400");
    check_fields("Content-Length:\r\n", "!400");
    check_fields("Content-Length: 99999999999999999999\r\n", "!400");
    check("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "!400");
}

Test(http1, ambiguous_lines_are_refused) {
    check_fields("A: b\r\n c\r\n", "!400");
    check_fields("A: b\r\n\tc\r\n", "!400");
    check_fields("A:\r\n c\r\n", "!400");
    check_fields(" A: b\r\n", "!400");
    check_fields("A: b\rC: d\r\n", "!400");
    check_fields("A: b\nC: d\r\n", "!400");
    check_fields("A: b\r\r\n", "!400");
    check_fields("A\r\n", "!400");
    check_fields(": b\r\n", "!400");
    check_fields("A b: c\r\n", "!400");
    check_fields("A: \x01\r\n", "!400");
    check_fields("A: \x7f\r\n", "!400");
    check_str(STR("GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"), "!400");
    check("GET / HTTP/1.1\nHost: h\n\n", "!400");
    check("GET / HTTP/1.1\r\nHost: h\r\n\n", "!400");
    check("GET / HTTP/1.1\r\nHost: h\r\n\rX", "!400");
    check("GET / HTTP/1.1\rHost: h\r\n\r\n", "!400");
}

Test(http1, expectations) {
#define POST_EXPECT(e) "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: " e "\r\n\r\nx"
    check(POST_EXPECT("100-Continue"), "POST / @h 1 continue;<x>.");
    check(POST_EXPECT("more"), "!417");
    check(POST_EXPECT("100-continue, more"), "!417");
    check_fields("Expect: 100-continue\r\n", "GET / @h;.");
    check("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
          "POST / 1.0 close 1;<x>.");
}

Test(http1, the_head_has_a_bound) {
    static const char stream[] = "GET /0123456789 HTTP/1.1\r\nHost: h\r\n\r\n";
    size_t size = sizeof stream - 1;
    check_bound(str_from(stream), size, "GET /0123456789 @h;.");
    check_bound(str_from(stream), size - 1, "!431");
    check_bound(str_from(stream), 17, "!431");
    check_bound(str_from(stream), 14, "!414");
    check_bound(str_from(stream), 1, "!414");
    check_bound(STR("\r\n\r\n\r\n\r\n\r\n"), 8, "!414");
    check_bound(STR("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 27,
                "GET / @h;.GET / @h;.");
}

Test(http1, a_body_is_not_part_of_the_bound) {
    check_bound(STR("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n01234567"), 50,
                "POST /x @h 8;<01234567>.");
}

static void check_many_fields(size_t count, const char *expected) {
    struct buf stream;
    buf_init(&stream, BOUND);
    buf_append_str(&stream, STR("GET / HTTP/1.1\r\nHost: h\r\n"));
    for (size_t i = 1; i < count; i++) buf_printf(&stream, "A%zu: %zu\r\n", i, i);
    buf_append_str(&stream, STR("\r\n"));
    run_pieces(buf_str(&stream), BOUND, stream.len, 1, expected);
    run_pieces(buf_str(&stream), BOUND, 1, 1, expected);
    buf_fini(&stream);
}

Test(http1, fields_have_a_bound) {
    check_many_fields(LIMIT_HEADER_FIELDS, "GET / @h;.");
    check_many_fields(LIMIT_HEADER_FIELDS + 1, "!431");
}

Test(http1, trailers_and_extensions_have_a_bound) {
    struct buf stream;
    buf_init(&stream, BOUND * 4);
    buf_append_str(&stream, STR(POST_CHUNKED "1\r\nx\r\n0\r\n"));
    for (size_t i = 0; i < 300; i++) buf_append_str(&stream, STR("Trailer: some-text\r\n"));
    run_pieces(buf_str(&stream), BOUND, stream.len, 1, "POST /x @h chunked;<x>!431");
    run_pieces(buf_str(&stream), BOUND, 1, 1, "POST /x @h chunked;<x>!431");
    buf_clear(&stream);
    buf_append_str(&stream, STR(POST_CHUNKED));
    for (size_t i = 0; i < 300; i++) buf_append_str(&stream, STR("1;extension=large\r\nx\r\n"));
    struct script script;
    buf_init(&script.said, BOUND);
    buf_init(&script.body, BOUND);
    struct http1_parser *parser = http1_parser_new(BOUND, on_body, &script);
    cr_assert_not(feed_all(&script, parser, buf_str(&stream)));
    const char *detail;
    cr_assert_eq(http1_parser_error(parser, &detail), 431);
    http1_parser_free(parser);
    buf_fini(&script.said);
    buf_fini(&script.body);
    buf_fini(&stream);
}

Test(http1, writes_heads) {
    struct buf out;
    char date[32];
    buf_init(&out, BOUND);
    cr_assert_str_eq(http1_date(1795341600123, date), "Sun, 22 Nov 2026 10:00:00 GMT");
    cr_assert_str_eq(http1_date(0, (char[32]){0}), "Thu, 01 Jan 1970 00:00:00 GMT");
    http1_write_status(&out, 200, str_from(date));
    http1_write_text(&out, "Content-Type", "text/plain");
    http1_write_u64(&out, "Content-Length", 18446744073709551615u);
    http1_write_end(&out);
    cr_assert_str_eq(buf_cstr(&out), "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
                                     "Content-Type: text/plain\r\n"
                                     "Content-Length: 18446744073709551615\r\n\r\n");
    buf_clear(&out);
    http1_write_status(&out, 299, STR(""));
    cr_assert_str_eq(buf_cstr(&out), "HTTP/1.1 299 Unknown\r\n");
    cr_assert_str_eq(http1_reason(429), "Too Many Requests");
    buf_fini(&out);
}

static const char *const before_renewal[] = {
    "POST /before?old HTTP/1.1\r\nHost: old\r\nContent-Length: 5\r\nConnection: close\r\n\r\n12345",
    "POST /b HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: "
    "y\r\n\r\n",
    "GET /b HTTP/1.1\r\nHost: o\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\nwrong",
    "get / HTTP/1.1\r\nHost: h\r\n\r\n",
    "\x16\x03\x01",
};

// Wherever the former connection was lost, and whatever was wrong with its request. When another
// bound is given, the smaller one counts.
Test(http1, a_renewed_parser_is_as_good_as_new) {
    struct str after = STR("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok");
    for (size_t i = 0; i < sizeof before_renewal / sizeof before_renewal[0]; i++) {
        struct str before = str_from(before_renewal[i]);
        for (size_t cut = 1; cut <= before.len; cut++) {
            struct script lost, script;
            buf_init(&lost.said, 100000);
            buf_init(&lost.body, 100000);
            buf_init(&script.said, 100000);
            buf_init(&script.body, 100000);
            struct http1_parser *parser = http1_parser_new(BOUND, on_body, &lost);
            cr_assert(parser);
            (void)feed_all(&lost, parser, (struct str){before.ptr, cut});
            http1_parser_renew(parser, after.len, &script);
            cr_assert(!http1_parser_in_message(parser) && !http1_parser_head(parser));
            cr_assert(feed_all(&script, parser, after));
            cr_assert_str_eq(buf_cstr(&script.said), "POST /x @h 2;<ok>.");
            http1_parser_renew(parser, 20, &script);
            cr_assert_not(feed_all(&script, parser, after));
            cr_assert_str_eq(buf_cstr(&script.said), "POST /x @h 2;<ok>.!431");
            http1_parser_free(parser);
            buf_fini(&lost.said), buf_fini(&lost.body);
            buf_fini(&script.said), buf_fini(&script.body);
        }
    }
}
