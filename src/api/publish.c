// SPDX-License-Identifier: MIT
// Publishing over HTTP.
#include "api/publish.h"

#include <stdio.h>

#include "api/access.h"
#include "api/upload.h"
#include "base/limits.h"
#include "base/option.h"
#include "base/type.h"
#include "base/units.h"
#include "base/utf8.h"

#define EXPIRES_MAX (36500 * DAY)

// A text parameter: NULL when it is not there.
static bool read_text(struct upload *upload, struct params *params, const char *name, char **out) {
    char detail[100];
    struct str value = STR("");
    int err = params_get(params, name, &value);
    if (err == ERR_NOT_FOUND) return true;
    if (err) {
        snprintf(detail, sizeof detail, "`%s` is not valid percent-encoding", name);
        upload_fail(upload, 400, detail);
    } else if (value.len == 0) {
        snprintf(detail, sizeof detail, "`%s` is empty", name);
        upload_fail(upload, 400, detail);
    } else {
        *out = str_dup(value);
        if (!*out) upload_fail_no_memory(upload);
    }
    return *out != NULL;
}

static bool has_controls(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) return true;
    }
    return false;
}

static const char *check_key(const char *key, bool lines) {
    // In lines mode "/" and a line number follow.
    if (strlen(key) > LIMIT_KEY_BYTES - (lines ? 21 : 0))
        return "`id` is too long: at most 255 bytes, 234 with split=lines";
    if (has_controls(key) || !utf8_valid(str_from(key)))
        return "`id` has a control character or is not valid UTF-8";
    return NULL;
}

// How long what is published is worth something: what the request says (0: nothing), or else the
// rule of the topic.
static void read_expires(struct upload *upload, struct params *params) {
    struct str text;
    uint64_t ms;
    int err = params_get(params, "expires", &text);
    if (err == ERR_NOT_FOUND) {
        struct journal *journal = api_of(upload->exchange)->common->journal;
        upload->expires_s = journal_expires_s(journal, upload->topic);
    } else if (err || units_parse_duration(text, &ms) || (ms && ms < SECOND) || ms > EXPIRES_MAX) {
        upload_fail(upload, 400,
                    "`expires` must be a duration from 1s to 36500d, such as 26h, or 0");
    } else {
        upload->expires_s = (uint32_t)(ms / SECOND);
    }
}

static void read_params(struct upload *upload, const struct request *request,
                        struct params *params) {
    struct str split;
    if (!read_text(upload, params, "type", &upload->type)) return;
    if (!read_text(upload, params, "id", &upload->key)) return;
    int err = params_get(params, "split", &split);
    if (!err && !str_equal(split, STR("lines"))) {
        upload_fail(upload, 400, "`split` can only be `lines`");
        return;
    }
    struct str type = request_field(request, "Content-Type");
    struct str media = str_trim(str_cut(&type, ';'));
    upload->lines_mode = !err || str_equal_nocase(media, STR("application/x-ndjson"));
    read_expires(upload, params);
    if (params_flag(params, "close", &upload->close)) {
        upload_fail(upload, 400, "`close` must be 1 or 0");
        return;
    }
    if (params_flag(params, "strict", &upload->strict)) {
        upload_fail(upload, 400, "`strict` must be 1 or 0");
        return;
    }
    struct report report = {0};
    if (upload->type && type_check(str_from(upload->type), &report))
        upload_fail(upload, 400, report.text);
    const char *wrong = upload->key ? check_key(upload->key, upload->lines_mode) : NULL;
    if (wrong) upload_fail(upload, 400, wrong);
}

// A body that is to be held over several turns is not begun without room for it.
static void refuse_unheld(struct upload *upload, const struct exchange *exchange,
                          const struct request *request) {
    struct http *http = exchange->http;
    if (upload->lines_mode || upload->status || request->content_length <= HTTP_READ_BYTES) return;
    if (account_fits(&http->account, request->content_length)) return;
    http->counts.refused_total++;
    upload_fail_for_now(upload, UPLOAD_FULL);
}

// What is stored is what subscribers get: text, not a coding of it.
static void refuse_coded(struct upload *upload, const struct request *request) {
    struct str list;
    size_t index = 0;
    while (request_field_next(request, "Content-Encoding", &index, &list)) {
        while (list.ptr) {
            struct str coding = str_trim(str_cut(&list, ','));
            if (coding.len && !str_equal_nocase(coding, STR("identity")))
                upload_fail(upload, 415, "the body has a Content-Encoding; send it without one");
        }
    }
}

static void refuse_large(struct upload *upload, const struct request *request) {
    size_t most = upload_event_bytes_max(upload);
    char detail[160];
    if (upload->lines_mode || upload->status || request->content_length <= most) return;
    snprintf(detail, sizeof detail,
             "the body has %llu bytes, an event may have at most %zu (limits.event_bytes)",
             (unsigned long long)request->content_length, most);
    upload_fail(upload, 413, detail);
}

static void start(struct exchange *exchange, struct params *params,
                  const struct access_write *access) {
    const struct request *request = exchange_request(exchange);
    struct upload *upload = upload_new(exchange, access->topic);
    if (!upload) {
        exchange_abort(exchange);
        return;
    }
    read_params(upload, request, params);
    upload_open(upload, access->owner);
    refuse_coded(upload, request);
    refuse_large(upload, request);
    refuse_unheld(upload, exchange, request);
    if (exchange->http->draining) upload_fail_for_now(upload, "the hub is shutting down");
    if (upload->lines_mode) exchange->flags |= EXCHANGE_SLOW_BODY;
    if (upload->status) upload_advance(upload);
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
    upload_open(upload, 0);
    upload->forgets = upload->whole = upload->ended = true;
    struct event *event = event_new(access.topic, STR(""), STR(""), STR(""), 0);
    if (!event || submission_forget(&upload->submission, event)) upload_fail_no_memory(upload);
    upload_advance(upload);
}

const struct handler publish_handler = {.alongside = true,
                                        .begin = begin_publish,
                                        .body = upload_body,
                                        .pause = upload_pause,
                                        .end = upload_end,
                                        .gone = upload_gone};
const struct handler forget_handler = {.begin = begin_forget, .gone = upload_gone};
