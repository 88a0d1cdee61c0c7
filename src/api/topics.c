// SPDX-License-Identifier: MIT
// GET /topics, in pieces, as its reader takes them: a walk over the hub's topics, and for each piece
// a survey of how many subscribers they have in all workers. What an answer holds is one piece, and
// none takes a worker's time for long.
#include <stdlib.h>

#include "api/access.h"
#include "api/resource.h"
#include "api/survey.h"
#include "base/json.h"

// A piece ends with so many topics, or bytes of their names.
#define PIECE_TOPICS 256
#define PIECE_NAMES ((size_t)32 * 1024)
// Its last name may be as long as one can be. In JSON each byte takes up to six, and what is said of
// a topic some hundred more.
#define PIECE_BYTES_MAX ((PIECE_NAMES + LIMIT_TOPIC_BYTES) * 6 + PIECE_TOPICS * 512 + 8192)

struct count_survey {
    struct survey survey;
    struct listing *listing;
    size_t count;
    struct {
        uint32_t no;
        _Atomic(uint64_t) subscribers;
    } topics[PIECE_TOPICS];
};

struct listing {
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
};

static struct loop *loop_of(const struct listing *listing) { return listing->exchange->http->loop; }

// --- sending -------------------------------------------------------------------------------------

static void go_on_later(struct listing *listing) {
    if (loop_timer_set(loop_of(listing), &listing->turn, loop_now(loop_of(listing))))
        exchange_abort(listing->exchange);
}

static void wait_for_client(struct listing *listing, bool on) {
    struct exchange *exchange = listing->exchange;
    uint64_t patience = exchange->http->settings->write_timeout_ms;
    exchange_want_writable(exchange, on);
    exchange_wait_until(exchange, on && patience ? loop_now(loop_of(listing)) + patience : 0);
}

static void send_out(struct listing *listing) {
    struct exchange *exchange = listing->exchange;
    ssize_t sent = -1;
    if (!buf_failed(&listing->out))
        sent = exchange->ops->write(exchange->ops->handle(exchange), listing->out.data,
                                    listing->out.len);
    if (sent < 0) {
        exchange_abort(exchange);
        return;
    }
    buf_consume(&listing->out, (size_t)sent);
    wait_for_client(listing, listing->out.len > 0);
    if (listing->out.len) return;
    if (listing->more) {
        go_on_later(listing);
    } else {
        exchange_finish(exchange);
    }
}

// --- a piece -------------------------------------------------------------------------------------

static void write_piece(struct listing *listing, const struct count_survey *counts) {
    struct buf *out = &listing->out;
    const char *epoch = api_epoch(api_of(listing->exchange));
    size_t start = out->len, name_at = 0;
    struct json json = {
        .out = out, .depth = 1, .arrays = 1u << 1, .filled = listing->filled ? 1u << 1 : 0};
    if (!listing->filled) buf_append_char(out, '[');
    for (size_t i = 0; i < listing->count; i++) {
        struct hub_topic *topic = &listing->piece[i];
        uint64_t subscribers =
            atomic_load_explicit(&counts->topics[i].subscribers, memory_order_relaxed);
        topic->name.ptr = listing->piece_names.data + name_at;
        name_at += topic->name.len;
        hub_topic_write(&json, topic, epoch, &subscribers);
        listing->filled = true;
    }
    if (!listing->more) buf_append_str(out, STR("]\n"));
    wire_close(exchange_wire(listing->exchange), out, start);
    if (!listing->more) wire_end(exchange_wire(listing->exchange), out);
    buf_clear(&listing->piece_names);
    listing->count = 0;
    send_out(listing);
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
    counts->listing->counts = NULL;
    write_piece(counts->listing, counts);
}

static void free_counts(struct survey *base) {
    free(container_of(base, struct count_survey, survey));
}

static const struct survey_ops count_ops = {.ask = ask, .done = done, .free = free_counts};

static void count_subscribers(struct listing *listing) {
    struct count_survey *counts = calloc(1, sizeof *counts);
    if (!counts) {
        exchange_abort(listing->exchange);
        return;
    }
    counts->survey.ops = &count_ops;
    counts->listing = listing;
    counts->count = listing->count;
    for (size_t i = 0; i < listing->count; i++) counts->topics[i].no = listing->piece[i].no;
    listing->counts = counts;
    if (survey_start(&counts->survey, api_of(listing->exchange))) {
        listing->counts = NULL;
        free(counts);
        exchange_abort(listing->exchange);
    }
}

static bool take(void *context, const struct hub_topic *topic) {
    struct listing *listing = context;
    listing->piece[listing->count++] = *topic;
    buf_append_str(&listing->piece_names, topic->name);
    return listing->count < PIECE_TOPICS && listing->piece_names.len < PIECE_NAMES;
}

// One step of the walk.
static void go_on(struct listing *listing) {
    listing->more = hub_topics(api_of(listing->exchange)->hub, &listing->walk, take, listing);
    bool full = listing->count == PIECE_TOPICS || listing->piece_names.len >= PIECE_NAMES;
    if (buf_failed(&listing->piece_names)) {
        exchange_abort(listing->exchange);
    } else if (listing->more && !full) {
        go_on_later(listing);
    } else {
        count_subscribers(listing);
    }
}

static void turn_fire(struct loop_timer *timer) {
    go_on(container_of(timer, struct listing, turn));
}

// --- the exchange --------------------------------------------------------------------------------

static void writable(struct exchange *exchange) { send_out(exchange->state); }

// The client takes nothing.
static void give_up(struct exchange *exchange) { exchange_abort(exchange); }

static void listing_free(struct listing *listing) {
    grant_put(listing->grant);
    free(listing->texts);
    buf_fini(&listing->piece_names);
    buf_fini(&listing->out);
    free(listing);
}

static void release(struct loop_retired *retired) {
    listing_free(container_of(retired, struct listing, retired));
}

static void gone(struct exchange *exchange) {
    struct listing *listing = exchange->state;
    if (!listing) return;
    if (listing->counts) survey_leave(&listing->counts->survey);
    loop_timer_clear(loop_of(listing), &listing->turn);
    loop_retire(loop_of(listing), &listing->retired, release);
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
static bool keep_names(struct listing *listing, const struct pattern *names, uint32_t count) {
    size_t len = 1;
    for (uint32_t i = 0; i < count; i++) len += names[i].text.len;
    char *at = listing->texts = malloc(len);
    for (uint32_t i = 0; at && i < count; i++) {
        size_t text_len = names[i].text.len;
        listing->names[i] = (struct pattern){names[i].kind, {at, text_len}};
        memcpy(at, names[i].text.ptr, text_len);
        at += text_len;
    }
    return listing->texts;
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
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing || !keep_names(listing, names, names_count)) {
        free(listing);
        exchange_refuse_no_memory(exchange);
        return;
    }
    listing->exchange = exchange;
    listing->grant = grant_get(grant);
    listing->walk = (struct hub_walk){.names = listing->names,
                                      .names_count = names_count,
                                      .grants = all ? NULL : grant->subscribe,
                                      .grants_count = all ? 0 : (uint32_t)grant->subscribe_count};
    listing->turn.fire = turn_fire;
    buf_init(&listing->piece_names, PIECE_NAMES + LIMIT_TOPIC_BYTES);
    buf_init(&listing->out, PIECE_BYTES_MAX);
    exchange->state = listing;
    struct answer answer = {.status = 200, .type = "application/json", .length = ANSWER_ENDS};
    answer_text(&answer, "Cache-Control", "no-store");
    exchange_stream(exchange, &answer, &listing->out);
    go_on(listing);
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
