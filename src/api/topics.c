// SPDX-License-Identifier: MIT
// GET /topics, in pieces, as its reader takes them: a walk over the hub's topics, and for each
// piece a survey of how many subscribers they have in all workers. What an answer holds is one
// piece, and none takes a worker's time for long.
#include <stdlib.h>

#include "api/access.h"
#include "api/resource.h"
#include "api/survey.h"
#include "base/json.h"

// A piece ends with so many topics, or bytes of their names.
#define PIECE_TOPICS 256
#define PIECE_NAMES ((size_t)32 * 1024)
// Its last name may be as long as one can be. In JSON each byte takes up to six, and what is said
// of a topic some hundred more.
#define PIECE_BYTES_MAX ((PIECE_NAMES + LIMIT_TOPIC_BYTES) * 6 + PIECE_TOPICS * 512 + 8192)

struct count_survey {
    struct survey survey;
    struct topics_stream *stream;
    size_t count;
    struct {
        uint32_t no;
        _Atomic(uint64_t) subscribers;
    } topics[PIECE_TOPICS];
};

struct topics_stream {
    struct exchange *exchange;
    struct grant *grant;
    char *texts; // of the patterns
    struct pattern names[LIMIT_SELECTOR_TOPICS];
    struct hub_walk walk;
    bool more;
    bool filled; // some topic has been written
    struct loop_timer turn;
    struct loop_retired retired;
    struct count_survey *counts; // that is under way, NULL: none
    struct hub_topic piece[PIECE_TOPICS];
    size_t count;
    struct buf piece_names; // of the piece
    struct buf out;         // framed, not sent yet
    size_t counted;         // in the worker's account
};

static struct loop *loop_of(const struct topics_stream *stream) {
    return stream->exchange->http->loop;
}

// --- sending -------------------------------------------------------------------------------------

static void go_on_later(struct topics_stream *stream) {
    if (loop_timer_set(loop_of(stream), &stream->turn, loop_now(loop_of(stream))))
        exchange_abort(stream->exchange);
}

static void wait_for_client(struct topics_stream *stream, bool on) {
    struct exchange *exchange = stream->exchange;
    uint64_t patience = exchange->http->settings->write_timeout_ms;
    exchange_want_writable(exchange, on);
    exchange_wait_until(exchange, on && patience ? loop_now(loop_of(stream)) + patience : 0);
}

// Counts what it holds while its client takes it. False: there is no room.
static bool count(struct topics_stream *stream) {
    return account_hold(&stream->exchange->http->account, &stream->counted,
                        sizeof *stream + stream->out.cap + stream->piece_names.cap);
}

static void send_out(struct topics_stream *stream) {
    struct exchange *exchange = stream->exchange;
    ssize_t sent = -1;
    if (!buf_failed(&stream->out))
        sent = exchange->ops->write(exchange->ops->handle(exchange), stream->out.data,
                                    stream->out.len);
    if (sent < 0) {
        exchange_abort(exchange);
        return;
    }
    buf_consume(&stream->out, (size_t)sent);
    if (!count(stream)) {
        exchange_abort(exchange);
        return;
    }
    wait_for_client(stream, stream->out.len > 0);
    if (stream->out.len) return;
    if (stream->more) {
        go_on_later(stream);
    } else {
        exchange_finish(exchange);
    }
}

// --- a piece -------------------------------------------------------------------------------------

static void write_piece(struct topics_stream *stream, const struct count_survey *counts) {
    struct buf *out = &stream->out;
    const char *epoch = api_epoch(api_of(stream->exchange));
    size_t start = out->len, name_at = 0;
    struct json json = {
        .out = out, .depth = 1, .arrays = 1u << 1, .filled = stream->filled ? 1u << 1 : 0};
    if (!stream->filled) buf_append_char(out, '[');
    for (size_t i = 0; i < stream->count; i++) {
        struct hub_topic *topic = &stream->piece[i];
        uint64_t subscribers =
            atomic_load_explicit(&counts->topics[i].subscribers, memory_order_relaxed);
        topic->name.ptr = stream->piece_names.data + name_at;
        name_at += topic->name.len;
        hub_topic_write(&json, topic, epoch, &subscribers);
        stream->filled = true;
    }
    if (!stream->more) buf_append_str(out, STR("]\n"));
    wire_close(exchange_wire(stream->exchange), out, start);
    if (!stream->more) wire_end(exchange_wire(stream->exchange), out);
    buf_clear(&stream->piece_names);
    stream->count = 0;
    send_out(stream);
}

static void ask(struct survey *base, struct api *api) {
    struct count_survey *counts = container_of(base, struct count_survey, survey);
    for (size_t i = 0; i < counts->count; i++) {
        atomic_fetch_add_explicit(&counts->topics[i].subscribers,
                                  hub_topic_subscribers(api->hub, counts->topics[i].no),
                                  memory_order_relaxed);
    }
}

static void done(struct survey *base, bool all) {
    struct count_survey *counts = container_of(base, struct count_survey, survey);
    (void)all;
    counts->stream->counts = NULL;
    write_piece(counts->stream, counts);
}

static void free_counts(struct survey *base) {
    free(container_of(base, struct count_survey, survey));
}

static const struct survey_ops count_ops = {.ask = ask, .done = done, .free = free_counts};

static void count_subscribers(struct topics_stream *stream) {
    struct count_survey *counts = calloc(1, sizeof *counts);
    if (!counts) {
        exchange_abort(stream->exchange);
        return;
    }
    counts->survey.ops = &count_ops;
    counts->stream = stream;
    counts->count = stream->count;
    for (size_t i = 0; i < stream->count; i++) counts->topics[i].no = stream->piece[i].no;
    stream->counts = counts;
    if (survey_start(&counts->survey, api_of(stream->exchange))) {
        stream->counts = NULL;
        free(counts);
        exchange_abort(stream->exchange);
    }
}

static bool take(void *context, const struct hub_topic *topic) {
    struct topics_stream *stream = context;
    stream->piece[stream->count++] = *topic;
    buf_append_str(&stream->piece_names, topic->name);
    return stream->count < PIECE_TOPICS && stream->piece_names.len < PIECE_NAMES;
}

// One step of the walk.
static void go_on(struct topics_stream *stream) {
    stream->more = hub_topics(api_of(stream->exchange)->hub, &stream->walk, take, stream);
    bool full = stream->count == PIECE_TOPICS || stream->piece_names.len >= PIECE_NAMES;
    if (buf_failed(&stream->piece_names)) {
        exchange_abort(stream->exchange);
    } else if (stream->more && !full) {
        go_on_later(stream);
    } else {
        count_subscribers(stream);
    }
}

static void turn_fire(struct loop_timer *timer) {
    go_on(container_of(timer, struct topics_stream, turn));
}

// --- the exchange --------------------------------------------------------------------------------

static void writable(struct exchange *exchange) { send_out(exchange->state); }

// The client takes nothing.
static void give_up(struct exchange *exchange) { exchange_abort(exchange); }

static void stream_free(struct topics_stream *stream) {
    grant_put(stream->grant);
    free(stream->texts);
    buf_fini(&stream->piece_names);
    buf_fini(&stream->out);
    free(stream);
}

static void release(struct loop_retired *retired) {
    stream_free(container_of(retired, struct topics_stream, retired));
}

static void gone(struct exchange *exchange) {
    struct topics_stream *stream = exchange->state;
    if (!stream) return;
    if (stream->counts) survey_leave(&stream->counts->survey);
    account_release(&exchange->http->account, &stream->counted);
    loop_timer_clear(loop_of(stream), &stream->turn);
    loop_retire(loop_of(stream), &stream->retired, release);
}

// --- what is asked for ---------------------------------------------------------------------------

// The patterns asked for; all topics when there is none. False: answered.
static bool read_patterns(struct exchange *exchange, struct params *params, struct pattern *names,
                          uint32_t *count) {
    struct report report = {0};
    struct params_cursor cursor = {0};
    struct str name;
    int err;
    while ((err = params_next(params, "topic", &cursor, &name)) == 0) {
        if (*count == LIMIT_SELECTOR_TOPICS) {
            err = report_set(&report, ERR_LIMIT, "at most %d patterns may be asked for at once",
                             LIMIT_SELECTOR_TOPICS);
            break;
        }
        err = pattern_read(&names[*count], name, &report);
        if (err) break;
        ++*count;
    }
    if (err != ERR_NOT_FOUND) {
        exchange_refuse(exchange, 400,
                        report.text[0] ? report.text : "`topic` is not valid percent-encoding");
        return false;
    }
    if (!*count) names[(*count)++] = (struct pattern){PATTERN_ANY, STR("**")};
    return true;
}

// Copies the patterns: they are needed for longer than the request is there.
static bool keep_names(struct topics_stream *stream, const struct pattern *names, uint32_t count) {
    size_t len = 1;
    for (uint32_t i = 0; i < count; i++) len += names[i].text.len;
    char *at = stream->texts = malloc(len);
    for (uint32_t i = 0; at && i < count; i++) {
        size_t text_len = names[i].text.len;
        stream->names[i] = (struct pattern){names[i].kind, {at, text_len}};
        memcpy(at, names[i].text.ptr, text_len);
        at += text_len;
    }
    return stream->texts;
}

static void start(struct exchange *exchange, const struct pattern *names, uint32_t names_count,
                  struct grant *grant) {
    bool all = true;
    for (uint32_t i = 0; i < names_count; i++) all = all && grant_may_subscribe(grant, &names[i]);
    if (!all && (!grant_subscribes_some(grant) || grant->subscribe_count > LIMIT_SELECTOR_TOPICS)) {
        access_forbid(exchange, grant, "see topics");
        return;
    }
    if (exchange_request(exchange)->method == METHOD_HEAD) {
        exchange_answer_now(exchange, "application/json", STR(""));
        return;
    }
    // Its client may not read it.
    if (!account_fits(&exchange->http->account, sizeof(struct topics_stream) + 2 * PIECE_NAMES)) {
        exchange->http->counts.refused_total++;
        exchange_problem(exchange, &(struct problem){503,
                                                     "the hub holds as many answers as it may "
                                                     "(limits.held_bytes); try again",
                                                     .retry_after_s = 1});
        return;
    }
    struct topics_stream *stream = calloc(1, sizeof *stream);
    if (!stream || !keep_names(stream, names, names_count)) {
        free(stream);
        exchange_refuse_no_memory(exchange);
        return;
    }
    stream->exchange = exchange;
    stream->grant = grant_get(grant);
    stream->walk = (struct hub_walk){.names = stream->names,
                                     .names_count = names_count,
                                     .grants = all ? NULL : grant->subscribe,
                                     .grants_count = all ? 0 : (uint32_t)grant->subscribe_count};
    stream->turn.fire = turn_fire;
    buf_init(&stream->piece_names, PIECE_NAMES + LIMIT_TOPIC_BYTES);
    buf_init(&stream->out, PIECE_BYTES_MAX);
    exchange->state = stream;
    struct answer answer = {.status = 200, .type = "application/json", .length = ANSWER_ENDS};
    answer_text(&answer, "Cache-Control", "no-store");
    exchange_stream(exchange, &answer, &stream->out);
    go_on(stream);
}

static void answer_topics(struct exchange *exchange) {
    struct pattern names[LIMIT_SELECTOR_TOPICS];
    uint32_t names_count = 0;
    struct params params;
    if (!access_params(exchange, &params)) return;
    struct grant *grant = access_check(exchange, &params);
    if (grant && read_patterns(exchange, &params, names, &names_count))
        start(exchange, names, names_count, grant);
    grant_put(grant);
    params_fini(&params);
}

static const struct handler topics_handler = {
    .begin = answer_topics, .writable = writable, .timer = give_up, .gone = gone};
const struct resource topics_resource = {.get = &topics_handler};
