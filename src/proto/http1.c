// SPDX-License-Identifier: MIT
// HTTP/1.1 requests over llhttp: see http1.h. The only file that knows llhttp, which is compiled in
// its strict mode.
//
// While a head comes in, its raw bytes are kept in one buffer and llhttp's callbacks note offsets
// into it, since the buffer may move; when the head is complete the offsets become slices, and the
// rules that llhttp leaves open are checked.
#include "proto/http1.h"

#include <llhttp/llhttp.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/limits.h"

struct span {
    uint32_t at;
    uint32_t len;
};

struct field_span {
    struct span name;
    struct span value;
    bool in_value;
};

enum state { STATE_IDLE, STATE_HEAD, STATE_BODY, STATE_COMPLETE, STATE_FAILED };

struct http1_parser {
    llhttp_t llhttp;
    http1_body_fn *on_body;
    void *context;
    enum state state;
    int status; // of the failure; 0: none yet
    const char *detail;
    const char *fed; // what llhttp reads now; it stands behind head.len
    struct buf head;
    struct span target;
    bool target_done;
    char first_byte; // of the request
    bool has_head;
    size_t extra_bytes; // of trailers and chunk extensions, which are read and forgotten
    struct field_span *spans;
    size_t spans_count;
    size_t spans_cap;
    struct field *fields;
    struct http1_head request_head;
};

// A parser that is used again keeps the memory of a head up to this size: that of nearly all.
#define KEPT_HEAD_BYTES 4096

// The first byte of a TLS client's hello (RFC 8446, 5.1); no method begins with it.
#define TLS_HANDSHAKE 0x16

static enum http1_step fail(struct http1_parser *parser, int status, const char *detail) {
    parser->state = STATE_FAILED;
    parser->status = status;
    parser->detail = detail;
    return HTTP1_FAILED;
}

// For callbacks: the failure is found again when llhttp returns.
static int fail_inside(struct http1_parser *parser, int status, const char *detail) {
    parser->status = status;
    parser->detail = detail;
    return HPE_USER;
}

static void span_extend(const struct http1_parser *parser, struct span *span, const char *at,
                        size_t len) {
    if (span->len == 0) span->at = (uint32_t)(parser->head.len + (size_t)(at - parser->fed));
    span->len += (uint32_t)len;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1_parser *parser = llhttp->data;
    span_extend(parser, &parser->target, at, len);
    return 0;
}

static int on_url_complete(llhttp_t *llhttp) {
    struct http1_parser *parser = llhttp->data;
    parser->target_done = true;
    return 0;
}

static int count_extra(struct http1_parser *parser, size_t len) {
    parser->extra_bytes += len;
    if (parser->extra_bytes <= parser->head.max) return 0;
    return fail_inside(parser, 431, "The trailers or chunk extensions are too large.");
}

static struct field_span *last_field(struct http1_parser *parser) {
    return parser->spans_count ? &parser->spans[parser->spans_count - 1] : NULL;
}

static struct field_span *add_field(struct http1_parser *parser) {
    if (!array_reserve(parser->spans, parser->spans_cap, parser->spans_count + 1)) return NULL;
    parser->spans[parser->spans_count] = (struct field_span){0};
    return &parser->spans[parser->spans_count++];
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1_parser *parser = llhttp->data;
    if (parser->state == STATE_BODY) return count_extra(parser, len);
    struct field_span *last = last_field(parser);
    if (!last || last->in_value) {
        if (parser->spans_count == LIMIT_HEADER_FIELDS) {
            return fail_inside(parser, 431, "The request has too many header fields.");
        }
        last = add_field(parser);
        if (!last) return fail_inside(parser, 503, "The hub is out of memory.");
    }
    span_extend(parser, &last->name, at, len);
    return 0;
}

static int on_header_field_complete(llhttp_t *llhttp) {
    struct http1_parser *parser = llhttp->data;
    if (parser->state == STATE_BODY) return 0;
    struct field_span *last = last_field(parser);
    if (!last || last->in_value) return fail_inside(parser, 400, "A header field has no name.");
    last->in_value = true;
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1_parser *parser = llhttp->data;
    if (parser->state == STATE_BODY) return count_extra(parser, len);
    if (len) span_extend(parser, &last_field(parser)->value, at, len);
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp) {
    (void)llhttp;
    return HPE_PAUSED;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t len) {
    (void)at;
    return count_extra(llhttp->data, len);
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len) {
    struct http1_parser *parser = llhttp->data;
    if (len) parser->on_body(parser->context, (struct str){at, len});
    return 0;
}

static int on_message_complete(llhttp_t *llhttp) {
    (void)llhttp;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

struct http1_parser *http1_parser_new(size_t header_bytes_max, http1_body_fn *body, void *context) {
    ASSERT(header_bytes_max > 0 && header_bytes_max <= UINT32_MAX);
    struct http1_parser *parser = calloc(1, sizeof *parser);
    if (!parser) return NULL;
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
    parser->on_body = body;
    parser->context = context;
    buf_init(&parser->head, header_bytes_max);
    return parser;
}

void http1_parser_free(struct http1_parser *parser) {
    if (!parser) return;
    buf_fini(&parser->head);
    free(parser->spans);
    free(parser->fields);
    free(parser);
}

size_t http1_parser_bytes(const struct http1_parser *parser) {
    return sizeof *parser + parser->head.cap + parser->spans_cap * sizeof *parser->spans +
           parser->spans_count * sizeof *parser->fields;
}

void http1_parser_renew(struct http1_parser *parser, size_t header_bytes_max, void *context) {
    ASSERT(header_bytes_max > 0 && header_bytes_max <= UINT32_MAX);
    parser->context = context;
    parser->state = STATE_IDLE;
    parser->status = 0;
    parser->has_head = false;
    if (parser->head.cap > KEPT_HEAD_BYTES) buf_fini(&parser->head);
    parser->head.max = header_bytes_max;
}

// What llhttp found wrong, unless a callback of ours has found it first.
static enum http1_step fail_llhttp(struct http1_parser *parser, llhttp_errno_t err) {
    static const struct {
        llhttp_errno_t err;
        int status;
        const char *detail;
    } table[] = {
        {HPE_INVALID_URL, 400,
         "The request target holds a character that must be percent-encoded, or is malformed."},
        {HPE_INVALID_VERSION, 505, "The hub speaks HTTP/1.1 and HTTP/1.0."},
        {HPE_PAUSED_H2_UPGRADE, 505, "This is HTTP/2; here the hub speaks HTTP/1.1 and HTTP/1.0."},
        {HPE_INVALID_CONSTANT, 400, "The request line does not end in HTTP/1.1 and CRLF."},
        {HPE_INVALID_HEADER_TOKEN, 400,
         "A header field has a character that is not allowed, or its line end is not CRLF."},
        {HPE_UNEXPECTED_SPACE, 400, "There is a space where none may be in the request's head."},
        {HPE_UNEXPECTED_CONTENT_LENGTH, 400,
         "Content-Length is given twice or together with Transfer-Encoding."},
        {HPE_INVALID_CONTENT_LENGTH, 400, "Content-Length is not a decimal number."},
        {HPE_INVALID_TRANSFER_ENCODING, 400,
         "Transfer-Encoding does not end in chunked, so the end of the body is unknown."},
        {HPE_INVALID_CHUNK_SIZE, 400, "The size of a chunk is not a hexadecimal number."},
        {HPE_STRICT, 400, "A line or a chunk does not end in CRLF."},
        {HPE_CR_EXPECTED, 400, "A line does not end in CRLF."},
        {HPE_LF_EXPECTED, 400, "A line does not end in CRLF."},
    };
    if (parser->status) return fail(parser, parser->status, parser->detail);
    // The version was fine, but something stands behind it.
    if (err == HPE_INVALID_VERSION && parser->llhttp.http_major == 1 &&
        parser->llhttp.http_minor <= 1) {
        err = HPE_INVALID_CONSTANT;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].err == err) return fail(parser, table[i].status, table[i].detail);
    }
    if (parser->first_byte == TLS_HANDSHAKE) {
        return fail(parser, 400, "This looks like TLS; this port speaks plain HTTP.");
    }
    if (parser->state == STATE_HEAD && !parser->target_done) {
        return fail(parser, 400, "The request does not begin with a known method and a target.");
    }
    return fail(parser, 400, "The request is malformed.");
}

static struct str span_str(const struct http1_parser *parser, struct span span) {
    return (struct str){parser->head.data + span.at, span.len};
}

// Lines end in CRLF and are not folded: RFC 9112 lets servers be lenient in both, and two that
// differ can be played against each other.
static const char *check_lines(struct str head) {
    for (size_t i = 0; i < head.len; i++) {
        char c = head.ptr[i];
        char next = i + 1 < head.len ? head.ptr[i + 1] : 0;
        if (c == '\r' && next != '\n') return "A carriage return stands alone in the head.";
        if (c != '\n') continue;
        if (i == 0 || head.ptr[i - 1] != '\r') return "A line of the head does not end in CRLF.";
        if (next == ' ' || next == '\t') return "A header field is folded over several lines.";
    }
    return NULL;
}

static const char *make_fields(struct http1_parser *parser) {
    struct request *request = &parser->request_head.request;
    if (parser->spans_count == 0) return NULL;
    struct field *fields =
        reallocarray(parser->fields, parser->spans_count, sizeof *parser->fields);
    if (!fields) return "The hub is out of memory.";
    parser->fields = fields;
    for (size_t i = 0; i < parser->spans_count; i++) {
        fields[i] = (struct field){span_str(parser, parser->spans[i].name),
                                   str_trim(span_str(parser, parser->spans[i].value))};
    }
    request->fields = fields;
    request->fields_count = parser->spans_count;
    return NULL;
}

static enum method method_of(const llhttp_t *llhttp) {
    switch (llhttp->method) {
        case HTTP_GET: return METHOD_GET;
        case HTTP_HEAD: return METHOD_HEAD;
        case HTTP_POST: return METHOD_POST;
        case HTTP_DELETE: return METHOD_DELETE;
        case HTTP_OPTIONS: return METHOD_OPTIONS;
        default: return METHOD_OTHER;
    }
}

// `*`, `/path?query` or `http://authority/path?query` (RFC 9112, 3.2).
static const char *split_target(struct request *request) {
    struct str rest = request->target;
    if (memchr(rest.ptr, '#', rest.len)) return "The request target has a fragment (#).";
    if (str_equal(rest, STR("*"))) {
        if (request->method != METHOD_OPTIONS) return "The target * goes with OPTIONS only.";
        request->path = rest;
        return NULL;
    }
    if (rest.ptr[0] != '/') {
        const char *colon = memmem(rest.ptr, rest.len, "://", 3);
        struct str scheme = {rest.ptr, colon ? (size_t)(colon - rest.ptr) : 0};
        if (!str_equal_nocase(scheme, STR("http")) && !str_equal_nocase(scheme, STR("https"))) {
            return "The request target is neither a path nor an http URL.";
        }
        const char *end = rest.ptr + rest.len;
        const char *host = colon + 3;
        const char *path = host;
        while (path < end && *path != '/' && *path != '?') path++;
        request->authority = (struct str){host, (size_t)(path - host)};
        if (request->authority.len == 0) return "The request target names no host.";
        rest = (struct str){path, (size_t)(end - path)};
    }
    request->query = rest;
    request->path = str_cut(&request->query, '?');
    if (request->path.len == 0) request->path = STR("/");
    return NULL;
}

static bool is_host(struct str host) {
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (!c || !strchr("-._~!$&'()*+,;=%:[]", c))) return false;
    }
    return true;
}

static const char *check_names(const struct request *request) {
    for (size_t i = 0; i < request->fields_count; i++) {
        if (!str_is_token(request->fields[i].name)) return "A header field's name is malformed.";
    }
    return NULL;
}

static size_t count_fields(const struct request *request, const char *name) {
    size_t index = 0;
    size_t count = 0;
    struct str value;
    while (request_field_next(request, name, &index, &value)) count++;
    return count;
}

static const char *check_single_fields(const struct request *request) {
    static const struct {
        const char *name;
        const char *detail;
    } table[] = {
        {"Host", "The field Host is given more than once."},
        {"Content-Length", "The field Content-Length is given more than once."},
        {"Transfer-Encoding", "The field Transfer-Encoding is given more than once."},
        {"Authorization", "The field Authorization is given more than once."},
        {"X-Api-Key", "The field X-Api-Key is given more than once."},
        {"X-Functions-Key", "The field X-Functions-Key is given more than once."},
        {"Content-Type", "The field Content-Type is given more than once."},
        {"Origin", "The field Origin is given more than once."},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (count_fields(request, table[i].name) > 1) return table[i].detail;
    }
    return NULL;
}

static const char *check_host(struct http1_head *head) {
    struct request *request = &head->request;
    struct str host = request_field(request, "Host");
    if (!host.ptr && head->minor > 0) return "An HTTP/1.1 request must have the field Host.";
    if (request->authority.len == 0) request->authority = host.ptr ? host : STR("");
    // A proxy may have looked at either of the two, so both have to be right.
    if (!is_host(host) || !is_host(request->authority)) return "The host is malformed.";
    return NULL;
}

// How long the body is: the rules of RFC 9112, 6.3, and nothing that two readers might understand
// differently.
static enum http1_step check_framing(struct http1_parser *parser) {
    struct http1_head *head = &parser->request_head;
    struct request *request = &head->request;
    struct str coding = request_field(request, "Transfer-Encoding");
    struct str length = request_field(request, "Content-Length");
    if (coding.ptr) {
        if (length.ptr) {
            return fail(parser, 400, "Content-Length is given together with Transfer-Encoding.");
        }
        if (head->minor == 0) return fail(parser, 400, "Transfer-Encoding is not for HTTP/1.0.");
        if (!str_equal_nocase(coding, STR("chunked"))) {
            return fail(parser, 501, "The only Transfer-Encoding the hub takes is chunked.");
        }
    } else if (length.ptr) {
        request->content_length = parser->llhttp.content_length;
    }
    request->length_known = !coding.ptr;
    request->has_body = coding.ptr || request->content_length > 0;
    size_t index = 0;
    struct str expect;
    while (request_field_next(request, "Expect", &index, &expect)) {
        if (!str_equal_nocase(expect, STR("100-continue"))) {
            return fail(parser, 417, "The only expectation the hub meets is 100-continue.");
        }
        head->expect_continue = request->has_body && head->minor > 0;
    }
    return HTTP1_HEADERS;
}

static enum http1_step finish_head(struct http1_parser *parser) {
    const llhttp_t *llhttp = &parser->llhttp;
    parser->request_head = (struct http1_head){
        .request = {.method = method_of(llhttp),
                    .method_text = str_from(llhttp_method_name((llhttp_method_t)llhttp->method)),
                    .target = span_str(parser, parser->target)},
        .minor = llhttp->http_minor,
        .keep_alive = llhttp_should_keep_alive(llhttp) && !(llhttp->flags & F_CONNECTION_CLOSE),
    };
    struct request *request = &parser->request_head.request;
    // llhttp knows RTSP and ICE as well.
    struct str rest = {request->target.ptr + request->target.len,
                       parser->head.len - parser->target.at - parser->target.len};
    if (!str_starts(rest, STR(" HTTP/")) && llhttp->http_major > 0) {
        return fail(parser, 400, "The request line does not end in HTTP/1.1 and CRLF.");
    }
    // RFC 9112, 3: single spaces. Whoever takes several may understand another target.
    if (buf_str(&parser->head).ptr[parser->target.at - 2] == ' ')
        return fail(parser, 400, "There are two spaces in the request line.");
    if (llhttp->http_major != 1 || llhttp->http_minor > 1) {
        return fail(parser, 505, "The hub speaks HTTP/1.1 and HTTP/1.0.");
    }
    if (llhttp->method == HTTP_CONNECT) return fail(parser, 501, "The hub is not a proxy.");
    const char *wrong = check_lines(buf_str(&parser->head));
    if (wrong) return fail(parser, 400, wrong);
    wrong = make_fields(parser);
    if (wrong) return fail(parser, 503, wrong);
    wrong = split_target(request);
    if (!wrong) wrong = check_names(request);
    if (!wrong) wrong = check_single_fields(request);
    if (!wrong) wrong = check_host(&parser->request_head);
    if (wrong) return fail(parser, 400, wrong);
    if (check_framing(parser) == HTTP1_FAILED) return HTTP1_FAILED;
    parser->state = STATE_BODY;
    parser->has_head = true;
    return HTTP1_HEADERS;
}

static llhttp_errno_t run(struct http1_parser *parser, const char *bytes, size_t len,
                          size_t *consumed) {
    parser->fed = bytes;
    llhttp_resume(&parser->llhttp);
    llhttp_errno_t err = llhttp_execute(&parser->llhttp, bytes, len);
    parser->fed = NULL;
    const char *stopped = err == HPE_OK ? NULL : llhttp_get_error_pos(&parser->llhttp);
    *consumed = stopped ? (size_t)(stopped - bytes) : len;
    return err;
}

static enum http1_step feed_head(struct http1_parser *parser, const char *bytes, size_t len,
                                 size_t *consumed) {
    size_t room = parser->head.max - parser->head.len;
    llhttp_errno_t err = run(parser, bytes, len < room ? len : room, consumed);
    buf_append(&parser->head, bytes, *consumed);
    if (buf_failed(&parser->head)) return fail(parser, 503, "The hub is out of memory.");
    if (err == HPE_PAUSED) return finish_head(parser);
    if (err != HPE_OK) return fail_llhttp(parser, err);
    if (parser->head.len < parser->head.max) return HTTP1_MORE;
    if (!parser->target_done) return fail(parser, 414, "The request target is too long.");
    return fail(parser, 431, "The request's header fields are too large.");
}

static enum http1_step feed_body(struct http1_parser *parser, const char *bytes, size_t len,
                                 size_t *consumed) {
    llhttp_errno_t err = run(parser, bytes, len, consumed);
    if (err == HPE_OK) return HTTP1_MORE;
    if (err != HPE_PAUSED) return fail_llhttp(parser, err);
    parser->state = STATE_COMPLETE;
    return HTTP1_COMPLETE;
}

static void begin_request(struct http1_parser *parser, char first_byte) {
    // Also what makes an upgrade an ordinary request: llhttp never gets to hand the rest to another
    // protocol.
    llhttp_reset(&parser->llhttp);
    buf_clear(&parser->head);
    parser->first_byte = first_byte;
    parser->target = (struct span){0, 0};
    parser->target_done = false;
    parser->has_head = false;
    parser->extra_bytes = 0;
    parser->spans_count = 0;
    parser->state = STATE_HEAD;
}

enum http1_step http1_parser_feed(struct http1_parser *parser, const char *bytes, size_t len,
                                  size_t *consumed) {
    ASSERT(bytes);
    *consumed = 0;
    switch (parser->state) {
        case STATE_FAILED: return HTTP1_FAILED;
        case STATE_BODY: return feed_body(parser, bytes, len, consumed);
        case STATE_HEAD: break;
        case STATE_IDLE:
        case STATE_COMPLETE:
            if (len > 0) begin_request(parser, bytes[0]);
            break;
    }
    return len > 0 ? feed_head(parser, bytes, len, consumed) : HTTP1_MORE;
}

struct http1_head *http1_parser_head(struct http1_parser *parser) {
    return parser->has_head ? &parser->request_head : NULL;
}

bool http1_parser_in_head(const struct http1_parser *parser) { return parser->state == STATE_HEAD; }

bool http1_parser_in_message(const struct http1_parser *parser) {
    return parser->state == STATE_HEAD || parser->state == STATE_BODY;
}

int http1_parser_error(const struct http1_parser *parser, const char **detail) {
    ASSERT(parser->state == STATE_FAILED);
    *detail = parser->detail;
    return parser->status;
}
