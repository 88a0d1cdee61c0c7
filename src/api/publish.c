// SPDX-License-Identifier: MIT
// Publishing over HTTP.
#include "api/publish.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/access.h"
#include "api/submission.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/utf8.h"

// What 503 asks a client to wait.
#define RETRY_AFTER_S 1

// A request that publishes, from its head until its last event is committed; it may outlive its
// connection.
struct upload {
    struct submission submission;
    struct exchange *exchange; // NULL: the connection is gone, nobody waits for the answer
    bool lines_mode, close, forgets;
    bool ended; // no more of the body comes
    char *type, *key;
    struct buf body;    // one event's data
    struct lines lines; // or the lines
    uint64_t line_no;
    int status; // of a failure, 0: none
    unsigned retry_after_s;
    char *detail;     // NULL: there was no memory for it
    struct str topic; // its bytes are behind the upload
};

static void upload_free(struct upload *upload) {
    submission_fini(&upload->submission);
    buf_fini(&upload->body);
    lines_fini(&upload->lines);
    free(upload->type);
    free(upload->key);
    free(upload->detail);
    free(upload);
}

// The first failure is the one that is told.
static void fail(struct upload *upload, int status, const char *detail) {
    if (upload->status) return;
    upload->status = status;
    upload->detail = str_dup(str_from(detail));
}

static void fail_no_memory(struct upload *upload) { fail(upload, 503, "out of memory"); }

// What the journal has refused.
static void fail_for(struct upload *upload, int err) {
    switch (err) {
        case ERR_CLOSED:
            fail(upload, 409, "the topic is closed; DELETE it to start it again");
            return;
        case ERR_NOT_FOUND: fail(upload, 404, "there is no such topic"); return;
        case ERR_LIMIT:
            fail(upload, 503,
                 "the hub, or this key, has as many topics as it may (limits.topics, "
                 "limits.topics_per_key)");
            break;
        case ERR_BUSY: fail(upload, 503, "the commit queue is full; try again"); break;
        case ERR_FULL:
            fail(upload, 503, "the journal has no space left; publishing goes on when there is");
            break;
        default: fail(upload, 503, "the journal cannot write at present; see /readyz"); break;
    }
    upload->retry_after_s = RETRY_AFTER_S;
}

// --- the answer ----------------------------------------------------------------------------------

static void write_answer(struct buf *body, const struct upload *upload) {
    const struct submission *done = &upload->submission;
    const char *epoch = api_epoch(done->api);
    struct json json = JSON(body);
    json_object(&json, NULL);
    if (!upload->lines_mode) {
        json_id(&json, "id", epoch, done->first);
        if (done->duplicates) json_bool(&json, "duplicate", true);
    } else {
        if (done->count) {
            json_id(&json, "first", epoch, done->first);
            json_id(&json, "last", epoch, done->last);
        }
        // What closes the topic is no line.
        json_u64(&json, "count", done->count - upload->close);
        if (upload->key) json_u64(&json, "duplicates", done->duplicates);
    }
    json_end(&json);
    buf_append_char(body, '\n');
}

static void answer_ok(struct upload *upload) {
    struct buf body;
    if (upload->forgets) {
        exchange_answer(upload->exchange, &(struct answer){.status = 204});
        return;
    }
    buf_init(&body, 1024);
    write_answer(&body, upload);
    exchange_answer_now(upload->exchange, "application/json", buf_str(&body));
    buf_fini(&body);
}

// All is settled: the upload is over. Its exchange, if there is one, still has to go.
static void answer(struct upload *upload) {
    if (!upload->exchange) {
        upload_free(upload);
    } else if (upload->status) {
        exchange_problem(upload->exchange,
                         &(struct problem){
                             .status = upload->status,
                             .detail = upload->detail ? upload->detail : "out of memory",
                             .retry_after_s = upload->retry_after_s,
                         });
    } else {
        answer_ok(upload);
    }
}

// Answers when nothing is left to wait for. A failure ends the upload before its body has ended:
// what is left of it is not read.
static void advance(struct upload *upload) {
    if (upload->submission.err) fail_for(upload, upload->submission.err);
    bool over = upload->ended || upload->status;
    if (!upload->ended && upload->status && upload->exchange) exchange_hold(upload->exchange, true);
    if (over && submission_is_idle(&upload->submission)) {
        upload->ended = true;
        answer(upload);
    }
}

static struct upload *of(struct submission *submission) {
    return container_of(submission, struct upload, submission);
}

static void hold(struct submission *submission, bool on) {
    const struct upload *upload = of(submission);
    if (upload->exchange && !upload->ended && !upload->status) exchange_hold(upload->exchange, on);
}

static void settled(struct submission *submission) { advance(of(submission)); }

static const struct submission_ops upload_ops = {.hold = hold, .settled = settled};

// --- the body ------------------------------------------------------------------------------------

// Most requests have neither type nor key.
static struct str optional(const char *text) { return text ? str_from(text) : STR(""); }

static void add_event(struct upload *upload, struct str data, struct str key, uint8_t flags) {
    struct event *event = event_new(upload->topic, optional(upload->type), key, data, flags);
    if (!event || submission_add(&upload->submission, event)) fail_no_memory(upload);
}

static void add_line(struct upload *upload, struct str line) {
    char key[LIMIT_KEY_BYTES + 1];
    struct str key_text = {NULL, 0};
    upload->line_no++;
    if (!utf8_valid(line)) {
        char detail[160];
        snprintf(detail, sizeof detail,
                 "line %llu is not valid UTF-8; the lines before it were published",
                 (unsigned long long)upload->line_no);
        fail(upload, 400, detail);
        return;
    }
    if (upload->key) {
        snprintf(key, sizeof key, "%s/%llu", upload->key, (unsigned long long)upload->line_no);
        key_text = str_from(key);
    }
    add_event(upload, line, key_text, 0);
}

static size_t event_bytes_max(const struct upload *upload) {
    return upload->submission.api->site->config->event_bytes_max;
}

static void take_data(struct upload *upload, struct str bytes) {
    buf_append_str(&upload->body, bytes);
    if (!buf_failed(&upload->body)) return;
    char detail[120];
    snprintf(detail, sizeof detail, "an event may have at most %zu bytes (limits.event_bytes)",
             event_bytes_max(upload));
    fail(upload, 413, detail);
}

static void take_lines(struct upload *upload, struct str bytes) {
    struct str line;
    int got;
    while (!upload->status && (got = lines_next(&upload->lines, &bytes, &line)) != 0) {
        if (got > 0) {
            add_line(upload, line);
        } else if (got == ERR_TOO_LONG) {
            char detail[200];
            snprintf(detail, sizeof detail,
                     "line %llu is longer than %zu bytes (limits.event_bytes); the lines before it "
                     "were published",
                     (unsigned long long)upload->line_no + 1, event_bytes_max(upload));
            fail(upload, 413, detail);
        } else {
            fail_no_memory(upload);
        }
    }
}

static void take_body(struct exchange *exchange, struct str bytes) {
    struct upload *upload = exchange->state;
    if (upload->status) return;
    if (upload->lines_mode) {
        take_lines(upload, bytes);
    } else {
        take_data(upload, bytes);
    }
}

// What has come so far is published at once. Lines that came before a bad one are, too.
static void pause_body(struct exchange *exchange) {
    struct upload *upload = exchange->state;
    if (upload->lines_mode) submission_send(&upload->submission);
    if (upload->status) advance(upload);
}

static void finish_lines(struct upload *upload) {
    struct str line;
    if (lines_end(&upload->lines, &line) > 0) add_line(upload, line);
    if (upload->close && !upload->status)
        add_event(upload, STR(""), STR(""), EVENT_CLOSE | EVENT_MARKER);
}

static void finish_data(struct upload *upload) {
    struct str data = buf_str(&upload->body);
    size_t good = utf8_valid_prefix(data);
    if (good < data.len) {
        char detail[120];
        snprintf(detail, sizeof detail, "the data is not valid UTF-8 at byte %zu", good);
        fail(upload, 400, detail);
        return;
    }
    uint8_t flags = 0;
    if (upload->close) flags = data.len ? EVENT_CLOSE : EVENT_CLOSE | EVENT_MARKER;
    add_event(upload, data, optional(upload->key), flags);
}

static void end(struct exchange *exchange, const struct problem *cut) {
    struct upload *upload = exchange->state;
    if (cut) fail(upload, cut->status, cut->detail);
    upload->ended = true;
    if (!upload->status && upload->lines_mode) finish_lines(upload);
    if (!upload->status && !upload->lines_mode) finish_data(upload);
    submission_send(&upload->submission);
    advance(upload);
}

// The connection is gone. What came as whole lines is still published.
static void gone(struct exchange *exchange) {
    struct upload *upload = exchange->state;
    if (!upload) return;
    upload->exchange = NULL;
    upload->ended = true;
    if (exchange->http->stopping) submission_stop(&upload->submission);
    submission_send(&upload->submission);
    if (submission_is_idle(&upload->submission)) upload_free(upload);
}

// --- the head ------------------------------------------------------------------------------------

static struct upload *upload_new(struct exchange *exchange, struct str topic) {
    struct upload *upload = calloc(1, sizeof *upload + topic.len);
    if (!upload) return NULL;
    memcpy(upload + 1, topic.ptr, topic.len);
    upload->topic = (struct str){(const char *)(upload + 1), topic.len};
    upload->exchange = exchange;
    exchange->state = upload;
    return upload;
}

// A text parameter: NULL when it is not there.
static bool read_text(struct upload *upload, struct params *params, const char *name, char **out) {
    char detail[100];
    struct str value = STR("");
    int err = params_get(params, name, &value);
    if (err == ERR_NOT_FOUND) return true;
    if (err) {
        snprintf(detail, sizeof detail, "`%s` is not valid percent-encoding", name);
        fail(upload, 400, detail);
    } else if (value.len == 0) {
        snprintf(detail, sizeof detail, "`%s` is empty", name);
        fail(upload, 400, detail);
    } else {
        *out = str_dup(value);
        if (!*out) fail_no_memory(upload);
    }
    return *out != NULL;
}

static bool has_controls(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) return true;
    }
    return false;
}

static const char *check_type(const char *type) {
    if (strlen(type) > LIMIT_TYPE_BYTES) return "`type` is longer than 255 bytes";
    if (has_controls(type) || !utf8_valid(str_from(type)))
        return "`type` has a line end, a control character, or is not valid UTF-8";
    if (strncmp(type, "tailrace.", 9) == 0)
        return "types that begin with `tailrace.` belong to the hub";
    return NULL;
}

static const char *check_key(const char *key, bool lines) {
    // In lines mode "/" and a line number follow.
    if (strlen(key) > LIMIT_KEY_BYTES - (lines ? 21 : 0))
        return "`id` is too long: at most 255 bytes, 234 with split=lines";
    if (has_controls(key) || !utf8_valid(str_from(key)))
        return "`id` has a control character or is not valid UTF-8";
    return NULL;
}

static void read_params(struct upload *upload, const struct request *request,
                        struct params *params) {
    struct str split;
    if (!read_text(upload, params, "type", &upload->type)) return;
    if (!read_text(upload, params, "id", &upload->key)) return;
    int err = params_get(params, "split", &split);
    if (!err && !str_equal(split, STR("lines"))) {
        fail(upload, 400, "`split` can only be `lines`");
        return;
    }
    struct str type = request_field(request, "Content-Type");
    struct str media = str_trim(str_cut(&type, ';'));
    upload->lines_mode = !err || str_equal_nocase(media, STR("application/x-ndjson"));
    if (params_flag(params, "close", &upload->close)) {
        fail(upload, 400, "`close` must be 1 or 0");
        return;
    }
    const char *wrong = upload->type ? check_type(upload->type) : NULL;
    if (!wrong && upload->key) wrong = check_key(upload->key, upload->lines_mode);
    if (wrong) fail(upload, 400, wrong);
}

// What is stored is what subscribers get: text, not a coding of it.
static void refuse_coded(struct upload *upload, const struct request *request) {
    struct str coding = request_field(request, "Content-Encoding");
    if (!coding.len || str_equal_nocase(coding, STR("identity"))) return;
    fail(upload, 415, "the body has a Content-Encoding; send it without one");
}

static void refuse_large(struct upload *upload, const struct request *request) {
    size_t most = event_bytes_max(upload);
    char detail[160];
    if (upload->lines_mode || upload->status || request->content_length <= most) return;
    snprintf(detail, sizeof detail,
             "the body has %llu bytes, an event may have at most %zu (limits.event_bytes)",
             (unsigned long long)request->content_length, most);
    fail(upload, 413, detail);
}

static void start(struct exchange *exchange, struct params *params,
                  const struct access_write *access) {
    struct api *api = api_of(exchange);
    const struct request *request = exchange_request(exchange);
    struct upload *upload = upload_new(exchange, access->topic);
    if (!upload) {
        exchange_abort(exchange);
        return;
    }
    upload->submission.api = api;
    read_params(upload, request, params);
    submission_init(&upload->submission, &upload_ops, api, upload->lines_mode);
    upload->submission.owner = access->owner;
    buf_init(&upload->body, event_bytes_max(upload));
    lines_init(&upload->lines, event_bytes_max(upload), LINES_REFUSE);
    refuse_coded(upload, request);
    refuse_large(upload, request);
    if (exchange->http->draining) {
        upload->retry_after_s = RETRY_AFTER_S;
        fail(upload, 503, "the hub is shutting down");
    }
    if (upload->lines_mode) exchange->flags |= EXCHANGE_SLOW_BODY;
    if (upload->status) advance(upload);
}

// The exchange's parameters and the topic that it may write to. False: it was answered.
static bool open_topic(struct exchange *exchange, struct params *params,
                       struct access_write *access) {
    if (!access_params(exchange, params)) return false;
    if (access_check_write(exchange, params, access)) return true;
    params_fini(params);
    return false;
}

static void begin_publish(struct exchange *exchange) {
    struct params params;
    struct access_write access;
    if (!open_topic(exchange, &params, &access)) return;
    start(exchange, &params, &access);
    params_fini(&params);
}

static void begin_forget(struct exchange *exchange) {
    struct params params;
    struct access_write access;
    if (!open_topic(exchange, &params, &access)) return;
    params_fini(&params);
    struct upload *upload = upload_new(exchange, access.topic);
    if (!upload) {
        exchange_abort(exchange);
        return;
    }
    submission_init(&upload->submission, &upload_ops, api_of(exchange), false);
    upload->forgets = upload->ended = true;
    struct event *event = event_new(access.topic, STR(""), STR(""), STR(""), 0);
    if (!event || submission_forget(&upload->submission, event)) fail_no_memory(upload);
    submission_send(&upload->submission);
    advance(upload);
}

const struct handler publish_handler = {.alongside = true,
                                        .begin = begin_publish,
                                        .body = take_body,
                                        .pause = pause_body,
                                        .end = end,
                                        .gone = gone};
const struct handler forget_handler = {.begin = begin_forget, .gone = gone};
