// SPDX-License-Identifier: MIT
// Publishing over HTTP.
#include "api/publish.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/lines.h"
#include "base/topic.h"
#include "base/utf8.h"
#include "server/server_priv.h"

// Commits of one request that may be under way before its body is read on: keeps the journal busy, and bounded.
#define BATCHES_MAX 4
// When the journal has no room, how soon a request of lines tries again.
#define RETRY_MS 20
// What 503 tells a client to wait.
#define RETRY_AFTER_S 1

struct publishing {
    struct exchange exchange; // first: the connection releases it
    struct worker *worker;
    bool lines_mode, close, ended, forgetting, done;
    bool
        refused; // by the journal: what has not been handed over is not published any more, or order would be lost
    char *type, *key;
    struct buf body;    // one event's data
    struct lines lines; // or the lines
    struct batch_out *waiting,
        *filling; // what has not been handed to the journal, oldest first; the last one is being filled
    unsigned under_way;
    struct loop_timer retry;
    uint64_t line_no;
    int status; // of a failure
    unsigned retry_after_s;
    char *detail; // NULL: there was no memory for it
    uint64_t first, last, count, duplicates;
    struct str topic; // behind it
};

// Events handed to the journal together.
struct batch_out {
    struct publish publish;
    struct batch_out *next;
    struct publishing *owner;
    size_t bytes;
    uint32_t cap;
    struct event *events[];
};

static void answer(struct publishing *publishing);
static void submit(struct publishing *publishing);
static bool idle(const struct publishing *publishing);
static void retry_fire(struct loop_timer *timer);

static void batch_free(struct batch_out *batch) {
    if (!batch) return;
    for (uint32_t i = 0; i < batch->publish.count; i++) event_free(batch->events[i]);
    free(batch);
}

static void drop_waiting(struct publishing *publishing) {
    while (publishing->waiting) {
        struct batch_out *next = publishing->waiting->next;
        batch_free(publishing->waiting);
        publishing->waiting = next;
    }
    publishing->filling = NULL;
}

static void publishing_free(struct publishing *publishing) {
    drop_waiting(publishing);
    buf_fini(&publishing->body);
    lines_fini(&publishing->lines);
    buf_fini(&publishing->exchange.response);
    reply_fini(&publishing->exchange.reply);
    free(publishing->type);
    free(publishing->key);
    free(publishing->detail);
    free(publishing);
}

static void release_exchange(struct exchange *exchange) {
    publishing_free((struct publishing *)(void *)exchange);
}

void publish_fail(struct publishing *publishing, int status, const char *detail) {
    if (publishing->status) return;
    publishing->status = status;
    publishing->exchange.reply.keep_alive =
        publishing->exchange.reply.keep_alive && publishing->ended;
    publishing->detail = str_dup(str_from(detail));
}

bool publish_failed(const struct publishing *publishing) { return publishing->status != 0; }

static void fail_for(struct publishing *publishing, int err) {
    publishing->refused = true;
    publishing->retry_after_s = 0;
    switch (err) {
        case ERR_CLOSED:
            publish_fail(publishing, 409, "the topic is closed; DELETE it to begin anew");
            return;
        case ERR_NOT_FOUND: publish_fail(publishing, 404, "there is no such topic"); return;
        case ERR_LIMIT:
            publish_fail(publishing, 503, "the hub has as many topics as it may (limits.topics)");
            break;
        case ERR_BUSY:
            publish_fail(publishing, 503, "too much waits to be committed; try again");
            break;
        case ERR_FULL:
            publish_fail(publishing, 503,
                         "the journal has no space left; publishing goes on when there is");
            break;
        default:
            publish_fail(publishing, 503, "the journal cannot write at present; see /readyz");
            break;
    }
    publishing->retry_after_s = RETRY_AFTER_S;
}

// --- committed ------------------------------------------------------------------------------------------------------

static void settle(struct publishing *publishing, const struct publish *publish) {
    publishing->under_way--;
    if (publish->result) {
        fail_for(publishing, publish->result);
        return;
    }
    if (!publishing->first) publishing->first = publish->first;
    publishing->last = publish->last;
    publishing->count += publish->count;
    publishing->duplicates += publish->duplicates;
    publishing->worker->counts.published_total += publish->count - publish->duplicates;
    publishing->worker->counts.duplicates_total += publish->duplicates;
}

// On the worker's thread.
static void committed(struct inbox_message *message, void *receiver) {
    (void)receiver;
    struct batch_out *batch =
        (struct batch_out *)(void *)((char *)message - offsetof(struct batch_out, publish.message));
    struct publishing *publishing = batch->owner;
    settle(publishing, &batch->publish);
    free(batch);
    submit(publishing);
    if (publishing->ended) {
        if (idle(publishing)) answer(publishing);
    } else if (publishing->status && publishing->exchange.conn) {
        conn_defer(publishing->exchange.conn, 0);
    }
}

// On the journal's thread.
static void done(struct publish *publish) {
    struct batch_out *batch =
        (struct batch_out *)(void *)((char *)publish - offsetof(struct batch_out, publish));
    publish->message.run = committed;
    loop_send(batch->owner->worker->loop, &publish->message);
}

// --- to the journal -------------------------------------------------------------------------------------------------

static bool later(struct publishing *publishing) {
    struct loop *loop = publishing->worker->loop;
    return loop_timer_set(loop, &publishing->retry, loop_now(loop) + RETRY_MS) == 0;
}

static bool idle(const struct publishing *publishing) {
    return !publishing->under_way && !publishing->waiting;
}

// The sender waits, or goes on.
static void hold(struct publishing *publishing, bool on) {
    if (publishing->exchange.conn && !publishing->ended)
        conn_hold_body(publishing->exchange.conn, on);
}

// Hands over what has gathered. A single event is refused when there is no room; lines wait, and hold their sender.
static void submit(struct publishing *publishing) {
    if (publishing->retry.slot) return;
    while (!publishing->refused && publishing->waiting && publishing->under_way < BATCHES_MAX) {
        struct batch_out *batch = publishing->waiting;
        batch->owner = publishing;
        batch->publish.events = batch->events;
        batch->publish.done = done;
        int err = worker_publish(publishing->worker, &batch->publish);
        if (err == ERR_BUSY && publishing->lines_mode && later(publishing)) break;
        if (err) {
            fail_for(publishing, err == ERR_CLOSED ? ERR_IO : err);
            break;
        }
        publishing->waiting = batch->next;
        if (!publishing->waiting) publishing->filling = NULL;
        publishing->under_way++;
    }
    if (publishing->refused) drop_waiting(publishing);
    hold(publishing, publishing->waiting != NULL);
}

static void retry_fire(struct loop_timer *timer) {
    struct publishing *publishing =
        (struct publishing *)(void *)((char *)timer - offsetof(struct publishing, retry));
    submit(publishing);
    if (publishing->ended && idle(publishing)) answer(publishing);
}

static bool is_full(const struct batch_out *batch, size_t bytes) {
    return batch->publish.count == LIMIT_PUBLISH_EVENTS ||
           (batch->publish.count && batch->bytes + bytes > LIMIT_PUBLISH_BYTES);
}

// A new batch at the end of what waits.
static struct batch_out *new_batch(struct publishing *publishing, size_t bytes) {
    uint32_t cap = !publishing->lines_mode            ? 1
                   : bytes > LIMIT_PUBLISH_BYTES / 64 ? 64
                                                      : LIMIT_PUBLISH_EVENTS / 4;
    struct batch_out *batch = calloc(1, sizeof *batch + cap * sizeof(struct event *));
    if (!batch) return NULL;
    batch->cap = cap;
    if (publishing->filling) {
        publishing->filling->next = batch;
    } else {
        publishing->waiting = batch;
    }
    publishing->filling = batch;
    return batch;
}

// A batch with room for one more event of `bytes`. How much may wait is bounded by what one read brings: reading stops then.
static struct batch_out *room_for(struct publishing *publishing, size_t bytes) {
    struct batch_out *batch = publishing->filling;
    if (!batch || batch->publish.count == batch->cap || is_full(batch, bytes))
        batch = new_batch(publishing, bytes);
    if (!batch) publish_fail(publishing, 503, "out of memory");
    return batch;
}

// Most requests have neither type nor key.
static struct str optional(const char *text) { return text ? str_from(text) : STR(""); }

static void add_event(struct publishing *publishing, struct str data, struct str key,
                      uint8_t flags) {
    struct batch_out *batch = room_for(publishing, data.len);
    if (!batch) return;
    struct event *event =
        event_new(publishing->topic, optional(publishing->type), key, data, flags);
    if (!event) {
        publish_fail(publishing, 503, "out of memory");
        return;
    }
    batch->events[batch->publish.count++] = event;
    batch->bytes += data.len;
}

// --- the body -------------------------------------------------------------------------------------------------------

static void add_line(struct publishing *publishing, struct str line) {
    char key[LIMIT_KEY_BYTES + 1];
    struct str key_text = {NULL, 0};
    publishing->line_no++;
    if (!utf8_valid(line)) {
        char detail[160];
        snprintf(detail, sizeof detail,
                 "line %llu is not valid UTF-8; the lines before it were published",
                 (unsigned long long)publishing->line_no);
        publish_fail(publishing, 400, detail);
        return;
    }
    if (publishing->key) {
        snprintf(key, sizeof key, "%s/%llu", publishing->key,
                 (unsigned long long)publishing->line_no);
        key_text = str_from(key);
    }
    add_event(publishing, line, key_text, 0);
}

void publish_body(struct publishing *publishing, struct str bytes) {
    if (publishing->status) return;
    size_t event_max = publishing->worker->site->config->event_bytes_max;
    if (!publishing->lines_mode) {
        buf_append_str(&publishing->body, bytes);
        if (!buf_failed(&publishing->body)) return;
        char detail[120];
        snprintf(detail, sizeof detail, "an event may have at most %zu bytes (limits.event_bytes)",
                 event_max);
        publish_fail(publishing, 413, detail);
        return;
    }
    struct str line;
    int got;
    while (!publishing->status && (got = lines_next(&publishing->lines, &bytes, &line)) != 0) {
        if (got > 0) {
            add_line(publishing, line);
        } else if (got == ERR_TOO_LONG) {
            char detail[200];
            snprintf(detail, sizeof detail,
                     "line %llu is longer than %zu bytes (limits.event_bytes); the lines before it "
                     "were published",
                     (unsigned long long)publishing->line_no + 1, event_max);
            publish_fail(publishing, 413, detail);
        } else {
            publish_fail(publishing, 503, "out of memory");
        }
    }
}

void publish_pause(struct publishing *publishing) {
    if (publishing->lines_mode) submit(publishing);
}

// The last of it.
static void finish_body(struct publishing *publishing) {
    if (publishing->lines_mode) {
        struct str line;
        if (lines_end(&publishing->lines, &line) > 0) add_line(publishing, line);
        if (publishing->close && !publishing->status)
            add_event(publishing, STR(""), STR(""), EVENT_CLOSE | EVENT_MARKER);
        return;
    }
    struct str data = buf_str(&publishing->body);
    size_t good = utf8_valid_prefix(data);
    if (good < data.len) {
        char detail[120];
        snprintf(detail, sizeof detail, "the data is not valid UTF-8 at byte %zu", good);
        publish_fail(publishing, 400, detail);
        return;
    }
    uint8_t flags = 0;
    if (publishing->close) flags = data.len ? EVENT_CLOSE : EVENT_CLOSE | EVENT_MARKER;
    add_event(publishing, data, optional(publishing->key), flags);
}

void publish_end(struct publishing *publishing) {
    publishing->ended = true;
    if (!publishing->status) finish_body(publishing);
    // Lines that came before a bad one are published all the same.
    submit(publishing);
    if (idle(publishing)) answer(publishing);
}

void publish_abandon(struct publishing *publishing) {
    publishing->ended = true;
    publish_fail(publishing, 400, "the connection was lost");
    // No timer fires any more when the worker stops.
    if (publishing->worker->stopping)
        loop_timer_clear(publishing->worker->loop, &publishing->retry);
    submit(publishing);
    if (idle(publishing)) answer(publishing);
}

// --- the answer -----------------------------------------------------------------------------------------------------

static void answer_ok(struct publishing *publishing) {
    struct buf body;
    const char *epoch = journal_epoch(publishing->worker->server->journal);
    buf_init(&body, 1024);
    // The answer's usual size, taken once.
    (void)buf_reserve(&publishing->exchange.response, 256);
    if (publishing->lines_mode) {
        buf_append_char(&body, '{');
        if (publishing->count) {
            buf_append_str(&body, STR("\"first\":\""));
            document_id(&body, epoch, publishing->first);
            buf_append_str(&body, STR("\",\"last\":\""));
            document_id(&body, epoch, publishing->last);
            buf_append_str(&body, STR("\","));
        }
        buf_append_str(&body, STR("\"count\":"));
        // What closes the topic is no line.
        buf_append_u64(&body, publishing->count - publishing->close);
        if (publishing->key) {
            buf_append_str(&body, STR(",\"duplicates\":"));
            buf_append_u64(&body, publishing->duplicates);
        }
        buf_append_str(&body, STR("}\n"));
    } else {
        buf_append_str(&body, STR("{\"id\":\""));
        document_id(&body, epoch, publishing->first);
        buf_append_str(&body,
                       publishing->duplicates ? STR("\",\"duplicate\":true}\n") : STR("\"}\n"));
    }
    reply_body(&publishing->exchange.response, publishing->worker, &publishing->exchange.reply, 200,
               "application/json", STR("Cache-Control: no-store\r\n"), buf_str(&body));
    buf_fini(&body);
}

static void answer(struct publishing *publishing) {
    struct buf *response = &publishing->exchange.response;
    if (publishing->done) return;
    publishing->done = true;
    if (publishing->status) {
        reply_problem(response, publishing->worker, &publishing->exchange.reply, publishing->status,
                      publishing->detail ? publishing->detail : "out of memory",
                      publishing->retry_after_s, STR(""));
    } else if (publishing->forgetting) {
        reply_empty(response, publishing->worker, &publishing->exchange.reply, 204, STR(""));
    } else {
        answer_ok(publishing);
    }
    conn_exchange_done(&publishing->exchange);
}

// --- the beginning --------------------------------------------------------------------------------------------------

static struct publishing *publishing_new(struct conn *conn, const struct http1_request *request,
                                         struct str topic) {
    struct publishing *publishing = calloc(1, sizeof *publishing + topic.len);
    if (!publishing) return NULL;
    memcpy(publishing + 1, topic.ptr, topic.len);
    publishing->topic = (struct str){(const char *)(publishing + 1), topic.len};
    size_t event_max = conn->worker->site->config->event_bytes_max;
    publishing->worker = conn->worker;
    publishing->exchange.release = release_exchange;
    publishing->retry.fire = retry_fire;
    buf_init(&publishing->exchange.response, 16384);
    buf_init(&publishing->body, event_max);
    lines_init(&publishing->lines, event_max, LINES_REFUSE);
    if (reply_init(&publishing->exchange.reply, conn->worker, request)) {
        publishing_free(publishing);
        return NULL;
    }
    return publishing;
}

// A text parameter: NULL when it is not there. On an error the answer is set.
static int text_param(struct publishing *publishing, struct params *params, const char *name,
                      char **out) {
    char detail[100];
    struct str value = STR("");
    int err = params_get(params, name, &value);
    if (err == ERR_NOT_FOUND) return 0;
    if (err) {
        snprintf(detail, sizeof detail, "`%s` is not well percent-encoded", name);
        publish_fail(publishing, 400, detail);
        return err;
    }
    if (value.len == 0) {
        snprintf(detail, sizeof detail, "`%s` is empty", name);
        publish_fail(publishing, 400, detail);
        return ERR_INVALID;
    }
    *out = str_dup(value);
    if (!*out) publish_fail(publishing, 503, "out of memory");
    return *out ? 0 : ERR_NOMEM;
}

static bool has_controls(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) return true;
    }
    return false;
}

static const char *bad_type(const char *type) {
    if (strlen(type) > LIMIT_TYPE_BYTES) return "`type` is longer than 255 bytes";
    if (has_controls(type) || !utf8_valid(str_from(type))) {
        return "`type` has a line end, a control character, or is not valid UTF-8";
    }
    if (strncmp(type, "tailrace.", 9) == 0)
        return "types that begin with `tailrace.` belong to the hub";
    return NULL;
}

static const char *bad_key(const char *key, bool lines) {
    // In lines mode "/" and a line number follow.
    if (strlen(key) > LIMIT_KEY_BYTES - (lines ? 21 : 0))
        return "`id` is too long: at most 255 bytes, 234 with split=lines";
    if (has_controls(key) || !utf8_valid(str_from(key)))
        return "`id` has a control character or is not valid UTF-8";
    return NULL;
}

static int read_params(struct publishing *publishing, const struct http1_request *request,
                       struct params *params) {
    struct str split;
    if (text_param(publishing, params, "type", &publishing->type) ||
        text_param(publishing, params, "id", &publishing->key)) {
        return ERR_INVALID;
    }
    int err = params_get(params, "split", &split);
    if (!err && !str_equal(split, STR("lines"))) {
        publish_fail(publishing, 400, "`split` can only be `lines`");
        return ERR_INVALID;
    }
    struct str type = http1_header(request, "Content-Type");
    struct str media = str_trim(str_cut(&type, ';'));
    publishing->lines_mode = !err || str_equal_nocase(media, STR("application/x-ndjson"));
    if (params_flag(params, "close", &publishing->close)) {
        publish_fail(publishing, 400, "`close` must be 1 or 0");
        return ERR_INVALID;
    }
    const char *bad = publishing->type ? bad_type(publishing->type) : NULL;
    if (!bad && publishing->key) bad = bad_key(publishing->key, publishing->lines_mode);
    if (bad) publish_fail(publishing, 400, bad);
    return bad ? ERR_INVALID : 0;
}

// What is stored is what subscribers get: text, not a coding of it.
static void refuse_coded(struct publishing *publishing, const struct http1_request *request) {
    struct str coding = http1_header(request, "Content-Encoding");
    if (!coding.len || str_equal_nocase(coding, STR("identity"))) return;
    publish_fail(publishing, 415, "a body with a Content-Encoding is not taken; send it as it is");
}

static void refuse_large(struct publishing *publishing, const struct http1_request *request) {
    const struct config *config = publishing->worker->site->config;
    char detail[160];
    if (publishing->lines_mode || publishing->status ||
        request->content_length <= config->event_bytes_max)
        return;
    snprintf(detail, sizeof detail,
             "the body has %llu bytes, an event may have at most %llu (limits.event_bytes)",
             (unsigned long long)request->content_length,
             (unsigned long long)config->event_bytes_max);
    publish_fail(publishing, 413, detail);
}

void publish_begin(struct conn *conn, const struct http1_request *request, struct params *params,
                   struct str topic, struct publishing **out) {
    *out = NULL;
    struct publishing *publishing = publishing_new(conn, request, topic);
    if (!publishing) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    conn_exchange_add(conn, &publishing->exchange);
    (void)read_params(publishing, request, params);
    refuse_coded(publishing, request);
    refuse_large(publishing, request);
    if (conn->worker->draining) {
        publishing->retry_after_s = RETRY_AFTER_S;
        publish_fail(publishing, 503, "the hub is shutting down");
    }
    if (publishing->lines_mode) conn->flags |= CONN_UNTIMED_BODY;
    // A failure is answered by the connection, which looks after each step.
    *out = publishing;
}

void publish_forget(struct conn *conn, const struct http1_request *request, struct str topic) {
    struct publishing *publishing = publishing_new(conn, request, topic);
    if (!publishing) {
        conn_defer(conn, CONN_BROKEN);
        return;
    }
    conn_exchange_add(conn, &publishing->exchange);
    publishing->forgetting = publishing->ended = true;
    add_event(publishing, STR(""), STR(""), 0);
    if (publishing->filling) publishing->filling->publish.op = PUBLISH_FORGET;
    submit(publishing);
    if (idle(publishing)) answer(publishing);
}
