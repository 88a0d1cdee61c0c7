// SPDX-License-Identifier: MIT
// A request that publishes.
#include "api/upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/repair.h"
#include "base/utf8.h"

// What 503 asks a client to wait.
#define RETRY_AFTER_S 1

static const struct submission_ops upload_ops;

struct upload *upload_new(struct exchange *exchange, struct str topic) {
    struct upload *upload = calloc(1, sizeof *upload + topic.len);
    if (!upload) return NULL;
    memcpy(upload + 1, topic.ptr, topic.len);
    upload->topic = (struct str){(const char *)(upload + 1), topic.len};
    upload->exchange = exchange;
    exchange->state = upload;
    return upload;
}

size_t upload_event_bytes_max(const struct upload *upload) {
    return upload->submission.api->site->config->event_bytes_max;
}

void upload_open(struct upload *upload, uint32_t owner) {
    struct api *api = api_of(upload->exchange);
    submission_init(&upload->submission, &upload_ops, api, upload->lines_mode);
    upload->submission.owner = owner;
    size_t most = upload_event_bytes_max(upload);
    buf_init(&upload->body, most);
    buf_init(&upload->rest, 4 * HTTP_READ_BYTES);
    // A cut line is longer by its mark.
    if (!upload->strict && most > LIMIT_DATA_BYTES - LINES_MARK_BYTES)
        most = LIMIT_DATA_BYTES - LINES_MARK_BYTES;
    lines_init(&upload->lines, most, upload->strict ? LINES_REFUSE : LINES_CUT);
}

static struct account *account_of(const struct upload *upload) {
    return &upload->submission.api->http.account;
}

static void upload_free(struct upload *upload) {
    account_release(account_of(upload), &upload->counted);
    submission_fini(&upload->submission);
    buf_fini(&upload->body);
    lines_fini(&upload->lines);
    buf_fini(&upload->rest);
    free(upload->type);
    free(upload->key);
    free(upload->detail);
    free(upload);
}

// --- failures ------------------------------------------------------------------------------------

void upload_fail(struct upload *upload, int status, const char *detail) {
    if (upload->status) return;
    upload->status = status;
    upload->detail = str_dup(str_from(detail));
}

void upload_fail_for_now(struct upload *upload, const char *detail) {
    if (upload->status) return;
    upload_fail(upload, 503, detail);
    upload->retry_after_s = RETRY_AFTER_S;
}

void upload_fail_no_memory(struct upload *upload) { upload_fail_for_now(upload, "out of memory"); }

// What the journal has refused.
static void fail_for(struct upload *upload, int err) {
    switch (err) {
        case ERR_CLOSED:
            upload_fail(upload, 409,
                        "the topic is finished (?close=1) and takes no more events; DELETE it to "
                        "start it again, or publish to another topic");
            return;
        case ERR_NOT_FOUND: upload_fail(upload, 404, "there is no such topic"); return;
        case ERR_LIMIT:
            upload_fail_for_now(
                upload, "the hub, or this key, has as many topics as it may (limits.topics, "
                        "limits.topics_per_key)");
            return;
        case ERR_BUSY:
            upload_fail_for_now(upload, "too many events wait for the disk (limits.queue_events, "
                                        "limits.queue_bytes); try again");
            return;
        case ERR_FULL:
            upload_fail_for_now(upload,
                                "the journal has no space left; publishing goes on when there is");
            return;
        default:
            upload_fail_for_now(upload, "the journal cannot write at present; see /readyz");
            return;
    }
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

// --- the body ------------------------------------------------------------------------------------

// Most requests have neither type nor key.
static struct str optional(const char *text) { return text ? str_from(text) : STR(""); }

static void add_event(struct upload *upload, struct str data, struct str key, uint8_t flags) {
    uint32_t expires_s = flags & EVENT_MARKER ? 0 : upload->expires_s;
    struct event *event =
        event_new_expiring(upload->topic, optional(upload->type), key, data, flags, expires_s);
    if (!event || submission_add(&upload->submission, event)) upload_fail_no_memory(upload);
}

// A line that can be stored. In lines mode the key of each ends with its number.
static void add_text(struct upload *upload, struct str line) {
    char key[LIMIT_KEY_BYTES + 1];
    struct str key_text = {NULL, 0};
    if (upload->key) {
        snprintf(key, sizeof key, "%s/%llu", upload->key, (unsigned long long)upload->line_no);
        key_text = str_from(key);
    }
    add_event(upload, line, key_text, 0);
}

static void add_repaired(struct upload *upload, struct str line) {
    struct buf repaired;
    buf_init(&repaired, line.len * 3 + LINES_MARK_BYTES);
    repair_line(&repaired, line, upload->lines.line_max, upload->lines.length);
    if (buf_failed(&repaired)) {
        upload_fail_no_memory(upload);
    } else {
        add_text(upload, buf_str(&repaired));
    }
    buf_fini(&repaired);
}

static void add_line(struct upload *upload, struct str line) {
    bool valid = utf8_valid(line);
    upload->line_no++;
    if (upload->strict && !valid) {
        char detail[160];
        snprintf(detail, sizeof detail,
                 "line %llu is not valid UTF-8; the lines before it were published",
                 (unsigned long long)upload->line_no);
        upload_fail(upload, 400, detail);
    } else if (valid && (upload->strict || !line.len || !memchr(line.ptr, 0, line.len))) {
        add_text(upload, line);
    } else {
        add_repaired(upload, line);
    }
}

static void fail_too_long(struct upload *upload) {
    char detail[200];
    snprintf(detail, sizeof detail,
             "line %llu is longer than %zu bytes (limits.event_bytes); the lines before it were "
             "published",
             (unsigned long long)upload->line_no + 1, upload_event_bytes_max(upload));
    upload_fail(upload, 413, detail);
}

// Takes lines from the front of *bytes, as long as there is room for their events.
static void take_lines(struct upload *upload, struct str *bytes) {
    struct submission *submission = &upload->submission;
    while (!upload->status) {
        if (submission_is_full(submission)) {
            submission_send(submission);
            if (submission->err || submission_is_full(submission)) return;
        }
        struct str line;
        int got = lines_next(&upload->lines, bytes, &line);
        if (!got) return;
        if (got > 0) {
            add_line(upload, line);
        } else if (got == ERR_TOO_LONG) {
            fail_too_long(upload);
        } else {
            upload_fail_no_memory(upload);
        }
    }
}

static bool has_rest(const struct upload *upload) { return upload->rest.len > upload->rest_at; }

static void take_rest(struct upload *upload) {
    struct buf *rest = &upload->rest;
    struct str bytes = {rest->data + upload->rest_at, rest->len - upload->rest_at};
    take_lines(upload, &bytes);
    upload->rest_at = rest->len - bytes.len;
    if (bytes.len) return;
    buf_fini(rest);
    upload->rest_at = 0;
}

static void take_data(struct upload *upload, struct str bytes) {
    buf_append_str(&upload->body, bytes);
    if (!buf_failed(&upload->body)) return;
    char detail[120];
    snprintf(detail, sizeof detail, "an event may have at most %zu bytes (limits.event_bytes)",
             upload_event_bytes_max(upload));
    upload_fail(upload, 413, detail);
}

void upload_body(struct exchange *exchange, struct str bytes) {
    struct upload *upload = exchange->state;
    if (upload->status || upload->submission.err) return;
    if (!upload->lines_mode) {
        take_data(upload, bytes);
        return;
    }
    if (!has_rest(upload)) take_lines(upload, &bytes);
    if (upload->status || upload->submission.err) return;
    buf_append_str(&upload->rest, bytes);
    if (buf_failed(&upload->rest)) upload_fail_no_memory(upload);
}

// What has come so far is published at once. Lines that came before a bad one are, too.
void upload_pause(struct exchange *exchange) {
    struct upload *upload = exchange->state;
    // Lines may take their time. Whoever holds much of an unfinished one has to go on with it.
    bool slow = upload->lines_mode && lines_pending(&upload->lines) <= ACCOUNT_FREE_BYTES;
    if (slow) {
        exchange->flags |= EXCHANGE_SLOW_BODY;
    } else {
        exchange->flags &= (uint16_t)~EXCHANGE_SLOW_BODY;
    }
    upload_advance(upload);
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
        upload_fail(upload, 400, detail);
        return;
    }
    uint8_t flags = 0;
    if (upload->close) flags = data.len ? EVENT_CLOSE : EVENT_CLOSE | EVENT_MARKER;
    add_event(upload, data, optional(upload->key), flags);
}

// All that came has been taken.
static void finish(struct upload *upload) {
    upload->ended = true;
    if (!upload->status && !upload->broken_off) {
        if (upload->lines_mode) {
            finish_lines(upload);
        } else {
            finish_data(upload);
        }
    }
    buf_fini(&upload->body);
    lines_fini(&upload->lines);
    buf_fini(&upload->rest);
    upload->rest_at = 0;
}

void upload_end(struct exchange *exchange, const struct problem *cut) {
    struct upload *upload = exchange->state;
    upload->whole = true;
    if (cut) {
        upload_fail(upload, cut->status, cut->detail);
        upload->retry_after_s = cut->retry_after_s;
    }
    upload_advance(upload);
}

// The connection is gone. What came as whole lines is still published.
void upload_gone(struct exchange *exchange) {
    struct upload *upload = exchange->state;
    if (!upload) return;
    upload->exchange = NULL;
    if (!upload->whole) upload->whole = upload->broken_off = true;
    if (exchange->http->stopping) {
        submission_stop(&upload->submission);
        buf_fini(&upload->rest);
        upload->rest_at = 0;
    }
    upload_advance(upload);
}

// --- going on ------------------------------------------------------------------------------------

static struct upload *of(struct submission *submission) {
    return container_of(submission, struct upload, submission);
}

static void hold(struct submission *submission, bool on) {
    const struct upload *upload = of(submission);
    if (upload->exchange && !upload->ended && !upload->status)
        exchange_hold(upload->exchange, on || has_rest(upload));
}

static void settled(struct submission *submission) { upload_advance(of(submission)); }

static const struct submission_ops upload_ops = {.hold = hold, .settled = settled};

// Counts what it holds until the next turn.
static void count(struct upload *upload) {
    size_t bytes = sizeof *upload + upload->body.cap + upload->lines.kept.cap + upload->rest.cap +
                   upload->submission.waiting_bytes;
    if (account_hold(account_of(upload), &upload->counted, bytes)) return;
    upload->submission.api->http.counts.refused_total++;
    upload_fail_for_now(upload, upload->lines_mode ? UPLOAD_FULL "; the lines before were published"
                                                   : UPLOAD_FULL);
    buf_fini(&upload->body);
    lines_fini(&upload->lines);
    buf_fini(&upload->rest);
    upload->rest_at = 0;
}

void upload_advance(struct upload *upload) {
    struct submission *submission = &upload->submission;
    if (submission->err) fail_for(upload, submission->err);
    if (!upload->status && has_rest(upload)) take_rest(upload);
    if (upload->whole && !upload->ended && (upload->status || !has_rest(upload))) finish(upload);
    submission_send(submission);
    if (submission->err) fail_for(upload, submission->err);
    if (!upload->ended && !upload->status) count(upload);
    // A failure ends the upload before its body has ended: what is left of it is not read.
    if (!upload->ended && upload->status && upload->exchange) exchange_hold(upload->exchange, true);
    if ((upload->ended || upload->status) && submission_is_idle(submission)) {
        upload->ended = true;
        answer(upload);
    }
}
